//! A store in a folder of its own, and facts to put into it.

use greenroom_actors::channels::{Channel, ChannelMessage, MessageServer};
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::facts::{Batch, Epoch, EventKind, Fact, NewEvent};
use greenroom_actors::ids::{
    AgentId, ChannelId, ChannelMessageId, EntityId, MemoryId, RoomId, ServerId,
};
use greenroom_actors::lifecycle::Lifecycle;
use greenroom_actors::records::{MESSAGES, Memory};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, json};
use tempfile::TempDir;

use crate::store::{SqliteStore, StoreSettings};

pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) settings: StoreSettings,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::within(folder.path().join("data"));
        Self { folder, settings }
    }

    pub(super) fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.settings).unwrap()
    }
}

pub(super) fn batch(epoch: Epoch, facts: Vec<Fact>) -> Batch {
    Batch { epoch, facts }
}

pub(super) fn created(id: AgentId, name: &str) -> Fact {
    Fact::AgentCreated(Box::new(AgentRecord {
        id,
        handle: greenroom_actors::character::slug(name),
        character: Character::named(name),
        enabled: true,
        lifecycle: Lifecycle::default(),
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
    }))
}

pub(super) fn ticked(agent_id: AgentId, at: i64) -> Fact {
    Fact::Happened(NewEvent {
        agent_id,
        at: UnixMillis(at),
        kind: EventKind::Ticked,
        data: Map::new(),
    })
}

pub(super) fn memory(agent_id: AgentId, text: &str, at: i64) -> Memory {
    Memory {
        id: MemoryId::new(),
        agent_id,
        kind: MESSAGES.to_owned(),
        room_id: RoomId(agent_id.0),
        world_id: None,
        entity_id: EntityId::from(agent_id),
        content: json!({ "text": text }).as_object().unwrap().clone(),
        metadata: Map::new(),
        unique: false,
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at),
    }
}

pub(super) fn remembered(memory: &Memory) -> Fact {
    Fact::Remembered(Box::new(memory.clone()))
}

pub(super) fn server(id: ServerId) -> MessageServer {
    MessageServer {
        id,
        name: "Default Server".to_owned(),
        source_type: "eliza_default".to_owned(),
        source_id: None,
        metadata: None,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
    }
}

/// The default server, and a channel on it.
pub(super) fn opened(id: ChannelId) -> [Fact; 2] {
    let channel = Channel {
        id,
        server_id: MessageServer::DEFAULT,
        name: "Lobby".to_owned(),
        kind: "GROUP".to_owned(),
        source_type: None,
        source_id: None,
        topic: None,
        metadata: None,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
    };
    let server = server(MessageServer::DEFAULT);
    [Fact::ServerMet(Box::new(server)), Fact::ChannelMet(Box::new(channel))]
}

pub(super) fn message(channel_id: ChannelId, text: &str, at: i64) -> ChannelMessage {
    ChannelMessage {
        id: ChannelMessageId::new(),
        channel_id,
        author_id: EntityId(channel_id.0),
        content: text.to_owned(),
        raw_message: None,
        in_reply_to: None,
        source_type: None,
        source_id: None,
        metadata: None,
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at),
    }
}

pub(super) fn said(message: &ChannelMessage) -> Fact {
    Fact::MessageSet(Box::new(message.clone()))
}
