//! The context of a run: what the model is told, within the tokens that it may read.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Map, Value};

pub(super) use super::condense::Outgrown;
use super::prompt;
use super::run::Occasion;
use crate::approvals::Approval;
use crate::character::{AgentRecord, Character};
use crate::error::{CoreError, StoreError};
use crate::facts::{Event, EventKind};
use crate::goals::Goal;
use crate::guardrails::Guardrails;
use crate::ids::RoomId;
use crate::letters::Letter;
use crate::ports::{
    ApprovalQuery, Bounds, MemoryQuery, Prompt, Purpose, Role, SearchQuery, Tool, Turn,
};
use crate::records::{Embedding, MESSAGES, Memory};
use crate::runtime::Runtime;
use crate::texts::cut;
use crate::triggers::Trigger;

/// How long the meaning of a text may take to be found; without it, words alone are looked for.
const EMBEDDING_DEADLINE: Duration = Duration::from_secs(5);

/// Bytes of a tool's answer that stay when the conversation grows beyond its bound.
const ELIDED_BYTES: usize = 200;

/// Events that are looked at for what happened lately, how many of them are told, and bytes of each.
const HAPPENINGS_SEEN: u64 = 64;
const HAPPENINGS_TOLD: usize = 12;
const HAPPENING_MAX_BYTES: usize = 240;

/// Calls that wait for a person's yes and are told.
const APPROVALS_TOLD: u32 = 16;

/// What a run is about, and whose.
pub(super) struct Scene<'a> {
    pub(super) runtime: &'a Arc<Runtime>,
    pub(super) record: &'a Arc<AgentRecord>,
    pub(super) occasion: &'a Occasion,
    pub(super) room_id: RoomId,
    pub(super) letter: Option<&'a Letter>,
    /// The trigger that fired.
    pub(super) trigger: Option<&'a Trigger>,
    /// The agent's open goals.
    pub(super) goals: &'a [Goal],
    pub(super) overrides: Option<&'a Map<String, Value>>,
}

/// What the model is told, and with what it may act.
pub(super) struct Context {
    pub(super) prompt: Prompt,
    pub(super) tools: Vec<Tool>,
    /// Tokens that the prompt may have.
    pub(super) tokens_max: u32,
    /// What the conversation has outgrown.
    pub(super) outgrown: Option<Outgrown>,
}

/// What a run begins with.
///
/// # Errors
/// [`CoreError::Store`].
pub(super) async fn of(scene: &Scene<'_>) -> Result<Context, CoreError> {
    let (runtime, character) = (scene.runtime, &scene.record.character);
    let purpose = scene.occasion.purpose();
    let model = scene.overrides.and_then(|settings| settings.get("model")?.as_str());
    let model = scene.trigger.and_then(|trigger| trigger.model.as_deref()).or(model);
    let terms = scene.letter.and_then(|letter| letter.terms.as_deref());
    let model = terms.and_then(|terms| terms.model.as_deref()).or(model);
    let model = model.or_else(|| character.model()).map(str::to_owned);
    let abilities = runtime.ports.model.abilities(model.as_deref(), purpose);
    let tokens_max = abilities.context_tokens.min(runtime.settings.context_tokens_max);
    let max_bytes = runtime.settings.context_memory_max_bytes;
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let may_ignore = scene.letter.is_some_and(|letter| letter.may_be_ignored);
    let mut system = prompt::system(character, purpose, may_ignore);
    if let Some(asked) = terms.and_then(|terms| terms.system.as_deref()) {
        system.push_str("\n\n");
        system.push_str(asked);
    }
    let mut outgrown = None;
    let turns = match scene.occasion {
        // Whatever it is to know, it is told.
        Occasion::Task { .. } => {
            scene.letter.map(|letter| Turn::new(Role::User, letter.text())).into_iter().collect()
        }
        Occasion::Title(wanted) => vec![prompt::talk(&wanted.talk, &character.name, max_bytes)],
        Occasion::Letter
        | Occasion::Firing { .. }
        | Occasion::Reflection
        | Occasion::Goals
        | Occasion::Parked => {
            prompt::goals(&mut system, scene.goals);
            if purpose != Purpose::Reply {
                prompt::happenings(&mut system, &scene.happenings().await?, HAPPENING_MAX_BYTES);
            }
            let mut lately = scene.lately().await?;
            if abilities.recalls && lately.len() >= size(runtime.settings.context_memories) {
                let history = scene.history(&lately).await?;
                if let Some(summary) = &history.summary {
                    prompt::earlier(&mut system, summary.text());
                }
                outgrown = scene.outgrown(&history, model.clone(), max_bytes);
                lately = history.told;
                let recalled = scene.recalled(&lately).await?;
                prompt::recalled(&mut system, &recalled, max_bytes);
            }
            // What is to be answered is told whole, as far as half of the prompt goes.
            let newest = match scene.letter {
                Some(_) => size(tokens_max).saturating_mul(2).max(max_bytes),
                None => max_bytes,
            };
            let mut turns = prompt::turns(&lately, scene.record.id.into(), newest, max_bytes);
            turns.extend(scene.trigger.map(|it| Turn::new(Role::User, it.instructions.as_str())));
            turns
        }
    };
    let mut tools = if purpose == Purpose::Title || !abilities.calls_tools {
        Vec::new()
    } else {
        runtime.offered(scene.record).await
    };
    let of_trigger = scene.trigger.and_then(|trigger| trigger.allowed_tools.as_ref());
    let of_letter = terms.and_then(|terms| terms.allowed_tools.as_ref());
    // Where both say it, only what both allow.
    let allowed = match (of_trigger, of_letter) {
        (Some(one), Some(other)) => {
            Some(one.iter().filter(|tool| other.contains(tool)).cloned().collect())
        }
        (one, other) => one.or(other).cloned(),
    };
    if let Some(allowed) = &allowed {
        tools.retain(|tool| allowed.contains(&tool.spec.name));
    }
    let is_beside = terms.is_some_and(|terms| terms.is_beside);
    let rounds_max = terms.and_then(|terms| terms.rounds_max);
    let rounds_max = rounds_max.or_else(|| Guardrails::of(character).turns(is_beside));
    if tools.iter().any(|tool| tool.asks_first) {
        prompt::waiting(&mut system, &scene.waiting().await?);
    }
    let mut prompt = Prompt {
        model,
        purpose,
        may_ignore,
        is_single_attempt: false,
        system,
        turns,
        tools: tools.iter().map(|tool| tool.spec.clone()).collect(),
        settings: scene.model_settings(purpose),
        // Its id also where the document gives none, so that a model can tell agents apart.
        character: Arc::new(Character { id: Some(scene.record.id), ..character.clone() }),
        tally: runtime.tallies.of(scene.record.id),
        bounds: Bounds { rounds_max, allowed_tools: allowed },
    };
    fit(&mut prompt, usize::MAX, tokens_max);
    Ok(Context { prompt, tools, tokens_max, outgrown })
}

impl Scene<'_> {
    /// Settings of the model: those of the start, else the character's.
    fn model_settings(&self, purpose: Purpose) -> Map<String, Value> {
        if purpose == Purpose::Title {
            return prompt::title_settings();
        }
        let mut settings = Map::new();
        for key in ["temperature", "maxTokens", "topP", "stop"] {
            let overridden = self.overrides.and_then(|settings| settings.get(key));
            if let Some(value) = overridden.or_else(|| self.record.character.setting(key)) {
                settings.insert(key.to_owned(), value.clone());
            }
        }
        settings
    }

    /// What was said in the room lately, newest first; the letter, if there is one, before all.
    async fn lately(&self) -> Result<Vec<Memory>, StoreError> {
        let (agent, store) = (self.record.id, &self.runtime.ports.store);
        let query = MemoryQuery {
            kind: Some(MESSAGES.to_owned()),
            room_id: Some(self.room_id),
            ..MemoryQuery::of(agent, self.runtime.settings.context_memories)
        };
        let mut memories = store.memories(query).await?;
        if let Some(letter) = self.letter {
            // Others may have been written since, or in the same millisecond: the last message must
            // be the one that is answered.
            let place = memories.iter().position(|memory| memory.id == letter.memory_id);
            let answered = match place {
                Some(place) => Some(memories.remove(place)),
                None => store.memory(agent, letter.memory_id).await?,
            };
            memories.splice(0..0, answered);
        }
        Ok(memories)
    }

    /// What happened to the agent lately that it may have to know, oldest first.
    async fn happenings(&self) -> Result<Vec<Event>, StoreError> {
        let (agent, store) = (self.record.id, &self.runtime.ports.store);
        let Some((_, newest)) = store.event_bounds(agent).await? else { return Ok(Vec::new()) };
        let after = newest.saturating_sub(HAPPENINGS_SEEN);
        let limit = u32::try_from(HAPPENINGS_SEEN).unwrap_or(u32::MAX);
        let mut events = store.events(agent, after, limit).await?;
        events.retain(|event| is_worth_telling(event.kind));
        let surplus = events.len().saturating_sub(HAPPENINGS_TOLD);
        Ok(events.split_off(surplus))
    }

    /// Calls of the agent that wait for a person's yes.
    async fn waiting(&self) -> Result<Vec<Approval>, StoreError> {
        let waiting = ApprovalQuery::waiting(Some(self.record.id), APPROVALS_TOLD);
        self.runtime.ports.store.approvals(waiting).await
    }

    /// What the agent remembers that is near to what is at hand, and not at hand itself; best first.
    async fn recalled(&self, lately: &[Memory]) -> Result<Vec<Memory>, StoreError> {
        let text = lately.first().map(Memory::text).unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let limit = self.runtime.settings.context_recalled;
        let query = SearchQuery {
            agent_id: self.record.id,
            kind: None,
            room_id: None,
            text: text.to_owned(),
            embedding: embedding(self.runtime, text).await,
            limit: limit.saturating_add(u32::try_from(lately.len()).unwrap_or(0)),
        };
        let found = self.runtime.ports.store.search(query).await?;
        let is_at_hand = |memory: &Memory| lately.iter().any(|other| other.id == memory.id);
        let memories = found.into_iter().map(|scored| scored.memory);
        Ok(memories.filter(|memory| !is_at_hand(memory)).take(size(limit)).collect())
    }
}

/// The meaning of a text, if it is found in time.
pub(crate) async fn embedding(runtime: &Runtime, text: &str) -> Option<Embedding> {
    let found = runtime.ports.model.embed(vec![text.to_owned()]);
    match select(found, runtime.sleep(EMBEDDING_DEADLINE)).await {
        Either::Left((found, _)) => found.ok()?.pop(),
        Either::Right(((), _)) => None,
    }
}

/// Shortens a conversation until the whole has at most so many tokens: first what tools answered
/// earlier in the run, then the oldest turns from before the run. The last turn of those, and what
/// the run itself said, always stay.
pub(super) fn fit(prompt: &mut Prompt, turns_before: usize, tokens_max: u32) {
    let most = u64::from(tokens_max).saturating_mul(BYTES_PER_TOKEN);
    let tools: u64 = prompt.tools.iter().map(|tool| bytes(&tool.description) + 100).sum();
    let fixed = bytes(&prompt.system) + tools;
    let mut total = fixed + prompt.turns.iter().map(weight).sum::<u64>();
    if total <= most {
        return;
    }
    let last = prompt.turns.len().saturating_sub(1);
    for turn in prompt.turns.iter_mut().take(last).filter(|turn| turn.role == Role::Tool) {
        if total <= most {
            return;
        }
        let before = weight(turn);
        if turn.text.len() > ELIDED_BYTES {
            turn.text = format!("{} […]", cut(&turn.text, ELIDED_BYTES));
        }
        total = total.saturating_sub(before).saturating_add(weight(turn));
    }
    let droppable = turns_before.min(prompt.turns.len()).saturating_sub(1);
    let mut dropped = 0_usize;
    for turn in prompt.turns.iter().take(droppable) {
        if total <= most {
            break;
        }
        total = total.saturating_sub(weight(turn));
        dropped += 1;
    }
    prompt.turns.drain(..dropped);
}

/// Bytes that make a token, as a rule of thumb for languages in Latin script; it errs towards more
/// tokens for prose, and towards fewer for code and other scripts.
const BYTES_PER_TOKEN: u64 = 4;

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn weight(turn: &Turn) -> u64 {
    let calls = turn.tool_calls.iter().map(|call| call.arguments.to_string().len() + 40);
    bytes(&turn.text) + u64::try_from(calls.sum::<usize>()).unwrap_or(u64::MAX) + 16
}

/// Adds what was said before what the conversation still holds.
pub(super) fn earlier(prompt: &mut Prompt, summary: &str) {
    prompt::earlier(&mut prompt.system, summary);
}

/// Whether something that happened is more than the agent's own rhythm, which it sees in its thoughts.
fn is_worth_telling(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Ticked
            | EventKind::RunStarted
            | EventKind::RunEnded
            | EventKind::LetterReceived
            | EventKind::Said
            | EventKind::Thought
    )
}

pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::character::Character;
    use crate::figures::Tally;

    fn prompt(turns: Vec<Turn>) -> Prompt {
        Prompt {
            model: None,
            purpose: Purpose::Reply,
            character: Arc::new(Character::named("Ada")),
            system: String::new(),
            may_ignore: false,
            is_single_attempt: false,
            turns,
            tools: Vec::new(),
            settings: Map::new(),
            tally: Tally::default(),
            bounds: Bounds::default(),
        }
    }

    #[test]
    fn a_long_conversation_loses_its_oldest_turns_and_keeps_the_last() {
        let turn = |index: usize| Turn::new(Role::User, format!("{index:0>400}"));
        let mut long = prompt((0..100).map(turn).collect());
        fit(&mut long, usize::MAX, 1_000);
        assert!((5..=10).contains(&long.turns.len()), "{}", long.turns.len());
        assert!(long.turns.last().unwrap().text.ends_with("99"));
        fit(&mut long, usize::MAX, 1);
        assert_eq!(long.turns.len(), 1);
    }

    #[test]
    fn what_tools_answered_earlier_is_shortened_before_anything_is_dropped() {
        let answer = |id: &str| Turn {
            answers: Some(id.to_owned()),
            ..Turn::new(Role::Tool, "x".repeat(10_000))
        };
        let mut long =
            prompt(vec![Turn::new(Role::User, "go"), answer("a"), answer("b"), answer("c")]);
        fit(&mut long, 1, 4_000);
        let lengths: Vec<_> = long.turns.iter().map(|turn| turn.text.len()).collect();
        assert_eq!(lengths.len(), 4);
        assert!(lengths[1] < 300 && lengths[3] == 10_000, "{lengths:?}");
    }
}
