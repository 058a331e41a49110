//! What two that write to each other know of one another: who they are, the room they share, and the
//! reply that comes back.

use serde_json::{Map, json};

use super::journal::Journal;
use crate::facts::{EventKind, Fact};
use crate::ids::{self, AgentId, EntityId, LetterId, MemoryId, RoomId};
use crate::letters::{Letter, LetterStatus};
use crate::records::{Entity, Memory, Participant, Room};
use crate::time::UnixMillis;

/// That an agent meets somebody in a room; what it knows already stays as it is.
pub(super) fn meeting(
    agent: AgentId,
    other: EntityId,
    name: Option<&str>,
    room: Room,
    now: UnixMillis,
) -> Vec<Fact> {
    let room_id = room.id;
    let name = name.map_or_else(|| unknown_name(other), str::to_owned);
    let joined = |entity_id| {
        Fact::Joined(Participant {
            agent_id: agent,
            room_id,
            entity_id,
            state: None,
            created_at: now,
        })
    };
    vec![
        Fact::EntityMet(Box::new(Entity {
            id: other,
            agent_id: agent,
            names: vec![name],
            metadata: Map::new(),
            created_at: now,
        })),
        Fact::RoomMet(Box::new(room)),
        joined(other),
        joined(agent.into()),
    ]
}

/// What elizaOS calls somebody whose name it does not know.
fn unknown_name(entity: EntityId) -> String {
    format!("User-{}", entity.to_string().get(..8).unwrap_or_default())
}

/// The room that `agent` has for its letters with `other`.
pub(crate) fn shared_room(agent: AgentId, other: AgentId, now: UnixMillis) -> Room {
    let channel = ids::derived(&format!("letters:{}:{}", agent.min(other), agent.max(other)));
    Room {
        id: RoomId(ids::seen_by(agent, &channel.to_string())),
        agent_id: agent,
        name: format!("Letters with {other}"),
        channel_id: Some(channel.to_string()),
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "agent".to_owned(),
        metadata: None,
        created_at: now,
    }
}

/// The reply to an agent's letter, on its way back: filed with the asker in the same commit as it
/// is made, so that neither is ever without the other.
pub(super) fn answer(letter: &Letter, asker: AgentId, said: &Memory, now: UnixMillis) -> Vec<Fact> {
    let room = shared_room(asker, letter.to, now);
    let id = MemoryId::new();
    let memory = Memory {
        id,
        agent_id: asker,
        room_id: room.id,
        entity_id: letter.to.into(),
        ..said.clone()
    };
    let reply = Letter {
        id: LetterId(id.0),
        to: asker,
        from: letter.to.into(),
        from_agent: Some(letter.to),
        room_id: room.id,
        memory_id: id,
        content: said.content.clone(),
        expects_reply: false,
        may_be_ignored: false,
        heard: None,
        askers: Vec::new(),
        in_reply_to: Some(letter.id),
        status: LetterStatus::Answered,
        attempts: 0,
        sent_at: now,
        terms: None,
        settled: None,
    };
    let data = json!({
        "letterId": reply.id, "from": reply.from, "roomId": room.id, "inReplyTo": letter.id,
    });
    let event = Journal { agent: asker, now }.event(EventKind::LetterReceived, data);
    let mut facts = meeting(asker, letter.to.into(), None, room, now);
    facts.extend([Fact::LetterSent(Box::new(reply)), Fact::Remembered(Box::new(memory)), event]);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_agents_share_one_channel_and_have_a_room_each() {
        let (a, b) = (AgentId::new(), AgentId::new());
        let (ours, theirs) = (shared_room(a, b, UnixMillis(0)), shared_room(b, a, UnixMillis(0)));
        assert_eq!(ours.channel_id, theirs.channel_id);
        assert_ne!(ours.id, theirs.id);
    }

    #[test]
    fn nameless_people_are_called_as_elizaos_calls_them() {
        let id: EntityId = "aaaaaaaa-0021-4000-8000-000000000021".parse().unwrap();
        assert_eq!(unknown_name(id), "User-aaaaaaaa");
    }
}
