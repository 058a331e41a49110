//! Facts on their way to the store: whose secrets may be in them, and where.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Mask, Masks};
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::time::UnixMillis;

/// The facts as they may be kept: without the secrets of any agent that they are about, and with what
/// has to be known of such secrets from now on.
pub(crate) fn masked(masks: &dyn Masks, mut facts: Vec<Fact>, now: UnixMillis) -> Vec<Fact> {
    let mut along = Vec::new();
    for fact in &facts {
        match fact {
            Fact::AgentCreated(record) => {
                along.extend(masks.met(record.id, &record.character, now))
            }
            Fact::AgentRevised { id, character, at, .. } => {
                along.extend(masks.met(*id, character, *at));
            }
            Fact::AgentRemoved { id, .. } => along.extend(masks.leaving(*id)),
            _ => {}
        }
    }
    if !masks.is_empty() {
        let mut agents = facts.iter().flat_map(agents_of).flatten().collect::<Vec<_>>();
        agents.sort_unstable();
        agents.dedup();
        for mask in agents.into_iter().filter_map(|agent| masks.of(agent)) {
            facts.iter_mut().for_each(|fact| hide(&mask, fact));
        }
    }
    // Behind the others: what a fact affected is found by its place.
    facts.extend(along);
    facts
}

/// The agents whose secrets may be in what a fact says. A batch is masked as a whole, so that a fact
/// which names none is masked for those of its neighbours.
fn agents_of(fact: &Fact) -> [Option<AgentId>; 2] {
    let one = match fact {
        Fact::LetterSent(letter) => return [Some(letter.to), letter.from_agent],
        // An agent speaks in a channel as the entity of its own id.
        Fact::MessageSet(message) => AgentId(message.author_id.0),
        Fact::Addressed(addressed) => addressed.agent_id,
        Fact::Happened(event) => event.agent_id,
        Fact::RunStarted(run) => run.agent_id,
        Fact::RunEnded(end) => end.agent_id,
        Fact::StepIntended(step) => step.agent_id,
        Fact::ApprovalAsked(approval) => approval.agent_id,
        Fact::Remembered(memory) => memory.agent_id,
        Fact::RoomSet(room) | Fact::RoomMet(room) => room.agent_id,
        Fact::WorldSet(world) | Fact::WorldMet(world) => world.agent_id,
        Fact::EntitySet(entity) | Fact::EntityMet(entity) => entity.agent_id,
        Fact::ComponentSet(component) => component.agent_id,
        Fact::RelationshipSet(relationship) => relationship.agent_id,
        Fact::TaskSet(task) => task.agent_id,
        Fact::GoalSet(goal) => goal.agent_id,
        Fact::Logged(entry) => entry.agent_id,
        Fact::LineWritten(line) => line.agent_id,
        Fact::TriggerSet { trigger, .. } => trigger.agent_id,
        Fact::TriggerFired(fired) => fired.agent_id,
        Fact::FiringSet(firing) => firing.agent_id,
        Fact::FiringSettled(end) => end.agent_id,
        Fact::SessionSet(session) => session.agent_id,
        Fact::JobSet(job) => job.agent_id,
        _ => return [None, None],
    };
    [Some(one), None]
}

/// Hides secrets in what a fact says in words.
fn hide(mask: &Arc<Mask>, fact: &mut Fact) {
    let text = |text: &mut String| mask.hide(text);
    let maybe = |text: &mut Option<String>| {
        if let Some(text) = text {
            mask.hide(text);
        }
    };
    let map = |map: &mut Map<String, Value>| mask.hide_in_map(map);
    let maybe_map = |map: &mut Option<Map<String, Value>>| {
        if let Some(map) = map {
            mask.hide_in_map(map);
        }
    };
    match fact {
        Fact::Happened(event) => map(&mut event.data),
        Fact::RunStarted(run) => maybe(&mut run.error),
        Fact::RunEnded(end) => maybe(&mut end.error),
        Fact::StepIntended(step) => {
            mask.hide_in(&mut step.intent);
            if let Some(outcome) = &mut step.outcome {
                mask.hide_in(outcome);
            }
        }
        Fact::StepEnded(end) => mask.hide_in(&mut end.outcome),
        Fact::LetterSent(letter) => {
            map(&mut letter.content);
            if let Some(terms) = &mut letter.terms {
                maybe(&mut terms.system);
                map(&mut terms.labels);
            }
        }
        Fact::LetterSettled(end) => maybe(&mut end.settled.reason),
        Fact::LineWritten(line) => text(&mut line.text),
        Fact::ApprovalAsked(approval) => {
            mask.hide_in(&mut approval.arguments);
            maybe(&mut approval.comment);
        }
        Fact::ApprovalDecided(end) => maybe(&mut end.comment),
        Fact::Remembered(memory) => {
            map(&mut memory.content);
            map(&mut memory.metadata);
        }
        Fact::RoomSet(room) | Fact::RoomMet(room) => {
            text(&mut room.name);
            maybe_map(&mut room.metadata);
        }
        Fact::WorldSet(world) | Fact::WorldMet(world) => {
            text(&mut world.name);
            maybe_map(&mut world.metadata);
        }
        Fact::EntitySet(entity) | Fact::EntityMet(entity) => {
            entity.names.iter_mut().for_each(text);
            map(&mut entity.metadata);
        }
        Fact::ComponentSet(component) => map(&mut component.data),
        Fact::RelationshipSet(relationship) => {
            relationship.tags.iter_mut().for_each(text);
            map(&mut relationship.metadata);
        }
        Fact::TaskSet(task) => {
            text(&mut task.name);
            maybe(&mut task.description);
            task.tags.iter_mut().for_each(text);
            map(&mut task.metadata);
        }
        Fact::GoalSet(goal) => {
            text(&mut goal.text);
            maybe(&mut goal.outcome);
        }
        Fact::Logged(entry) => map(&mut entry.body),
        Fact::TriggerSet { trigger, .. } => {
            text(&mut trigger.name);
            text(&mut trigger.instructions);
            maybe(&mut trigger.last_error);
            map(&mut trigger.metadata);
        }
        Fact::TriggerFired(fired) => {
            fired.firings.iter_mut().for_each(|firing| maybe(&mut firing.reason));
        }
        Fact::FiringSet(firing) => maybe(&mut firing.reason),
        Fact::FiringSettled(end) => maybe(&mut end.reason),
        Fact::ServerSet(server) | Fact::ServerMet(server) => maybe_map(&mut server.metadata),
        Fact::ChannelSet(channel) | Fact::ChannelMet(channel) => {
            text(&mut channel.name);
            maybe(&mut channel.topic);
            maybe_map(&mut channel.metadata);
        }
        Fact::MessageSet(message) => {
            text(&mut message.content);
            if let Some(raw) = &mut message.raw_message {
                mask.hide_in(raw);
            }
            maybe_map(&mut message.metadata);
        }
        Fact::ChannelHappened(event) => map(&mut event.data),
        Fact::SessionSet(session) => map(&mut session.metadata),
        Fact::JobSet(job) => {
            text(&mut job.prompt);
            maybe(&mut job.error);
            map(&mut job.metadata);
        }
        // Who an agent is, its operator says; its secrets are sealed there. Documents are an API's own,
        // which masks what it takes from an agent: it tells of that too, beside the store.
        Fact::AgentCreated(_) | Fact::AgentRevised { .. } | Fact::DocumentSet(_) => {}
        // Without words, or with a name alone.
        Fact::LifecycleChanged { .. }
        | Fact::HandleClaimed { .. }
        | Fact::Reflected { .. }
        | Fact::AgentRemoved { .. }
        | Fact::ImportBegun { .. }
        | Fact::ImportFinished { .. }
        | Fact::ImportAbandoned { .. }
        | Fact::RunParked(_)
        | Fact::RunResumed { .. }
        | Fact::Reserved(_)
        | Fact::LetterTried(_)
        | Fact::LetterParked(_)
        | Fact::LetterUnparked(_)
        | Fact::LetterRequeued { .. }
        | Fact::Embedded { .. }
        | Fact::Forgot { .. }
        | Fact::ForgotAll { .. }
        | Fact::RoomRemoved { .. }
        | Fact::WorldRemoved { .. }
        | Fact::EntityRemoved { .. }
        | Fact::Joined(_)
        | Fact::Left { .. }
        | Fact::ComponentRemoved { .. }
        | Fact::RelationshipRemoved { .. }
        | Fact::TaskRemoved { .. }
        | Fact::GoalRemoved { .. }
        | Fact::LogRemoved { .. }
        | Fact::TriggerRemoved { .. }
        | Fact::FiringTried { .. }
        | Fact::FleetHalted(_)
        | Fact::ServerRemoved(_)
        | Fact::Enlisted { .. }
        | Fact::Delisted { .. }
        | Fact::ChannelRemoved(_)
        | Fact::ChannelJoined { .. }
        | Fact::ChannelLeft { .. }
        | Fact::Addressed(_)
        | Fact::Reached { .. }
        | Fact::MessageRemoved { .. }
        | Fact::ChannelCleared(_)
        | Fact::SessionRemoved(_)
        | Fact::JobRemoved(_)
        | Fact::DocumentRemoved { .. } => {}
    }
}
