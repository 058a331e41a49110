//! What happened, in the form in which clients get it.

use std::sync::Arc;

use greenroom_actors::ids::{AgentId, RoomId};
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The version of the form.
const VERSION: u8 = 1;

/// What sort of envelope it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Sort {
    /// Something that happened.
    AgentEvent,
    /// How a tick went.
    HeartbeatEvent,
}

/// What an envelope is about; clients show some of them in a way of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Stream {
    Action,
    Assistant,
    Autonomy,
    Chat,
    Error,
    Evaluator,
    Game,
    Lifecycle,
    Memory,
    Message,
    NewViewer,
    Retake,
    /// What is broadcast live.
    #[serde(rename = "stream")]
    Broadcast,
    System,
    Terminal,
    Thought,
    Tool,
    ViewerStats,
}

impl Stream {
    /// Those that events of clients may be on.
    const OPEN: [(&'static str, Self); 13] = [
        ("chat", Self::Chat),
        ("terminal", Self::Terminal),
        ("game", Self::Game),
        ("autonomy", Self::Autonomy),
        ("retake", Self::Retake),
        ("stream", Self::Broadcast),
        ("system", Self::System),
        ("message", Self::Message),
        ("new_viewer", Self::NewViewer),
        ("assistant", Self::Assistant),
        ("thought", Self::Thought),
        ("action", Self::Action),
        ("viewer_stats", Self::ViewerStats),
    ];

    /// The stream of that name, if clients may put events on it.
    pub(super) fn open(name: &str) -> Option<Self> {
        Self::OPEN.into_iter().find_map(|(known, stream)| (known == name).then_some(stream))
    }

    /// The names of those, for whoever asked for another.
    pub(super) fn names() -> String {
        Self::OPEN.map(|(name, _)| name).join(", ")
    }

    /// Whether it tells what the agent thinks.
    fn is_thought(self) -> bool {
        matches!(self, Self::Assistant | Self::Evaluator)
    }
}

/// A place in a run: its numbers go from 1 without gaps over all streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) run: Uuid,
    pub(super) seq: u64,
}

/// Where an event took place: a room, or whatever a client calls one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(in super::super) enum Room {
    Known(RoomId),
    Named(String),
}

impl Room {
    /// Whether it is that room.
    pub(in super::super) fn is(&self, room: RoomId) -> bool {
        match self {
            Self::Known(id) => *id == room,
            Self::Named(name) => name.parse() == Ok(room),
        }
    }
}

/// An envelope before it has its number.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Draft {
    pub(in super::super) sort: Sort,
    pub(super) at: UnixMillis,
    pub(super) place: Option<Place>,
    pub(in super::super) stream: Option<Stream>,
    pub(super) agent: Option<AgentId>,
    pub(in super::super) room: Option<Room>,
    pub(in super::super) payload: Map<String, Value>,
}

/// An envelope as it is kept and sent.
#[derive(Debug)]
pub(in super::super) struct Envelope {
    pub(super) id: String,
    pub(super) place: Option<Place>,
    at: UnixMillis,
    is_thought: bool,
    /// The whole of it as JSON.
    pub(in super::super) text: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    r#type: Sort,
    version: u8,
    event_id: &'a str,
    ts: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Stream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<Room>,
    payload: Map<String, Value>,
}

impl Envelope {
    /// The envelope with that number.
    pub(super) fn new(number: u64, draft: Draft) -> Self {
        let Draft { sort, at, place, stream, agent, room, payload } = draft;
        let id = format!("evt-{number}");
        let is_thought = sort == Sort::AgentEvent && stream.is_some_and(Stream::is_thought);
        let view = View {
            r#type: sort,
            version: VERSION,
            event_id: &id,
            ts: at,
            run_id: place.map(|place| place.run),
            seq: place.map(|place| place.seq),
            stream,
            agent_id: agent,
            room_id: room,
            payload,
        };
        // Names and values of JSON alone, which cannot fail.
        let text = serde_json::to_string(&view).unwrap_or_default().into();
        Self { id, place, at, is_thought, text }
    }

    /// When it was, if it tells what the agent thinks.
    pub(super) fn thought_at(&self) -> Option<UnixMillis> {
        self.is_thought.then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_is_left_out() {
        let draft = Draft {
            sort: Sort::AgentEvent,
            at: UnixMillis(5),
            place: None,
            stream: Some(Stream::NewViewer),
            agent: None,
            room: None,
            payload: Map::new(),
        };
        let bare = Envelope::new(7, draft.clone());
        let expected = r#"{"type":"agent_event","version":1,"eventId":"evt-7","ts":5,"stream":"new_viewer","payload":{}}"#;
        assert_eq!(&*bare.text, expected);

        let run = Uuid::from_u128(1);
        let full = Envelope::new(
            8,
            Draft {
                sort: Sort::HeartbeatEvent,
                place: Some(Place { run, seq: 3 }),
                stream: None,
                agent: Some(AgentId(Uuid::from_u128(2))),
                room: Some(Room::Named("here".to_owned())),
                ..draft
            },
        );
        let told: Value = serde_json::from_str(&full.text).unwrap();
        assert_eq!(
            told,
            json!({
                "type": "heartbeat_event", "version": 1, "eventId": "evt-8", "ts": 5,
                "runId": run, "seq": 3, "agentId": Uuid::from_u128(2), "roomId": "here",
                "payload": {},
            })
        );
    }

    #[test]
    fn clients_may_put_events_on_the_streams_of_the_contract() {
        for (name, stream) in Stream::OPEN {
            assert_eq!(serde_json::to_value(stream).unwrap(), name);
            assert_eq!(Stream::open(name), Some(stream));
        }
        assert_eq!(Stream::open("lifecycle"), None);
        assert_eq!(Stream::open("Chat"), None);
    }
}
