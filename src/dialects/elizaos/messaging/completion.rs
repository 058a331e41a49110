//! When a message is dealt with: once each agent that was told of it is done, or has failed.

use std::collections::VecDeque;

use greenroom_actors::channels::{ChannelEvent, ChannelEventKind};
use greenroom_actors::ids::{AgentId, ChannelMessageId};
use serde_json::Value;

/// Messages whose agents are kept in mind; of older ones the sequence is asked.
const OPEN_MAX: usize = 256;

/// How many events before an agent's end its message is looked for.
pub(super) const LOOK_BACK: u64 = 256;

/// Messages that agents are still busy with, and those agents.
#[derive(Debug, Default)]
pub(super) struct Open(VecDeque<(ChannelMessageId, Vec<AgentId>)>);

impl Open {
    /// A message was said, and these agents were told of it.
    pub(super) fn said(&mut self, id: ChannelMessageId, told: Vec<AgentId>) {
        if told.is_empty() {
            return;
        }
        if self.0.len() >= OPEN_MAX {
            self.0.pop_front();
        }
        self.0.push_back((id, told));
    }

    /// An agent is done with a message or has failed; whether it was the last one. Nothing if the
    /// message is not in mind.
    pub(super) fn ended(&mut self, id: ChannelMessageId, agent: AgentId) -> Option<bool> {
        let place = self.0.iter().position(|(open, _)| *open == id)?;
        let (_, agents) = self.0.get_mut(place)?;
        let was_waited_for = agents.contains(&agent);
        agents.retain(|other| *other != agent);
        let is_last = agents.is_empty();
        if is_last {
            self.0.remove(place);
        }
        Some(is_last && was_waited_for)
    }
}

/// The agents that were told of what was said.
pub(super) fn told(event: &ChannelEvent) -> Vec<AgentId> {
    let agents = event.data.get("agents").and_then(Value::as_array);
    agents.into_iter().flatten().filter_map(|agent| agent.as_str()?.parse().ok()).collect()
}

/// Whether an agent's end was the last one that a message waited for, by what had happened `before`.
/// An agent may end more than once: what failed is tried again.
pub(super) fn is_last(
    before: impl IntoIterator<Item = ChannelEvent>,
    id: ChannelMessageId,
    agent: AgentId,
) -> bool {
    // Where the message is too long ago, the agent counts as the only one.
    let mut waited_for = vec![agent];
    for event in before.into_iter().filter(|event| super::broadcast::message_of(event) == Some(id))
    {
        match event.kind {
            ChannelEventKind::Said => waited_for = told(&event),
            ChannelEventKind::Completed | ChannelEventKind::Failed => {
                let ended = event.data.get("agentId").and_then(Value::as_str);
                waited_for.retain(|agent| Some(agent.to_string().as_str()) != ended);
            }
            _ => {}
        }
    }
    waited_for == [agent]
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::ChannelId;
    use greenroom_actors::time::UnixMillis;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const ADA: AgentId = AgentId(Uuid::from_u128(1));
    const BOB: AgentId = AgentId(Uuid::from_u128(2));

    fn event(kind: ChannelEventKind, data: &Value) -> ChannelEvent {
        ChannelEvent {
            channel_id: ChannelId(Uuid::nil()),
            seq: 1,
            at: UnixMillis(0),
            kind,
            data: data.as_object().cloned().unwrap(),
        }
    }

    #[test]
    fn a_message_is_dealt_with_once_whoever_ends_how_often() {
        let message = ChannelMessageId(Uuid::from_u128(9));
        let said =
            event(ChannelEventKind::Said, &json!({"messageId": message, "agents": [ADA, BOB]}));
        let mut open = Open::default();
        open.said(message, told(&said));
        let mut before = vec![said];
        for (kind, agent, expected, in_mind) in [
            (ChannelEventKind::Failed, ADA, false, Some(false)),
            (ChannelEventKind::Failed, ADA, false, Some(false)),
            (ChannelEventKind::Completed, BOB, true, Some(true)),
            (ChannelEventKind::Completed, ADA, false, None),
        ] {
            assert_eq!(is_last(before.clone(), message, agent), expected);
            assert_eq!(open.ended(message, agent), in_mind);
            before.push(event(kind, &json!({"messageId": message, "agentId": agent})));
        }
        assert!(is_last([], message, ADA), "too long ago to tell");
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let mut open = Open::default();
        let ids: Vec<_> = (0..=OPEN_MAX).map(|_| ChannelMessageId::new()).collect();
        for id in &ids {
            open.said(*id, vec![ADA]);
        }
        assert_eq!(open.ended(ids[0], ADA), None);
        assert_eq!(open.ended(ids[1], ADA), Some(true));
    }
}
