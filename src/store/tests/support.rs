//! A store in a folder of its own, and facts to put into it.

use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::facts::{Batch, Epoch, EventKind, Fact, NewEvent};
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, RoomId};
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
    }
}

pub(super) fn remembered(memory: &Memory) -> Fact {
    Fact::Remembered(Box::new(memory.clone()))
}
