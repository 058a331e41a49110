//! A whole agent at one moment.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::error::StoreError;
use crate::ids::{AgentId, EntityId, RoomId};
use crate::ports::{AgentSizes, Kept, SNAPSHOT_PAGE, SnapshotQuery};

use super::state::{Home, State};
use super::table::{Row, Table, count};

impl State {
    /// All that is kept of an agent, in pages; an error if there is none.
    pub(super) fn snapshot(&self, query: SnapshotQuery) -> Vec<Result<Vec<Kept>, StoreError>> {
        let Some(agent) = self.agents.get(&query.agent) else {
            return vec![Err(StoreError::Missing { what: "agent", id: query.agent.0 })];
        };
        let mut kept = vec![Kept::Agent(Box::new(agent.record.clone()))];
        if let Some(home) = self.home(query.agent) {
            home.keep_all(&mut kept, query);
        }
        kept.chunks(SNAPSHOT_PAGE).map(|page| Ok(page.to_vec())).collect()
    }

    pub(super) fn sizes_of(&self, agent: AgentId) -> AgentSizes {
        let Some(record) = self.agents.get(&agent).map(|agent| &agent.record) else {
            return AgentSizes::default();
        };
        let mut sizes = AgentSizes { text_bytes: json(&record.character), ..AgentSizes::default() };
        let Some(home) = self.home(agent) else { return sizes };
        sizes = AgentSizes {
            memories: count(home.memories.len()),
            entities: count(home.entities.len()),
            rooms: count(home.rooms.len()),
            worlds: count(home.worlds.len()),
            tasks: count(home.tasks.len() + home.triggers.len()),
            components: count(home.components.len()),
            participants: count(home.participants.len()),
            relationships: count(home.relationships.len()),
            text_bytes: sizes.text_bytes + home.text_bytes(),
        };
        sizes.text_bytes += sizes.rows() * AgentSizes::ROW_BYTES;
        sizes
    }
}

impl Home {
    fn keep_all(&self, kept: &mut Vec<Kept>, query: SnapshotQuery) {
        let (entities, rooms) = self.missing(query.logs);
        kept.extend(entities.into_iter().map(Kept::MissingEntity));
        kept.extend(rooms.into_iter().map(Kept::MissingRoom));
        kept.extend(boxed(&self.entities, Kept::Entity));
        kept.extend(self.memories.oldest_first().map(|known| {
            let embedding = known.embedding.clone().filter(|_| query.embeddings);
            Kept::Memory(Box::new(known.memory.clone()), embedding.map(Box::new))
        }));
        kept.extend(boxed(&self.components, Kept::Component));
        kept.extend(boxed(&self.rooms, Kept::Room));
        kept.extend(self.participants.oldest_first().cloned().map(Kept::Participant));
        kept.extend(boxed(&self.relationships, Kept::Relationship));
        kept.extend(boxed(&self.worlds, Kept::World));
        kept.extend(boxed(&self.tasks, Kept::Task));
        kept.extend(boxed(&self.triggers, Kept::Trigger));
        kept.extend(boxed(&self.goals, Kept::Goal));
        if query.logs {
            kept.extend(boxed(&self.logs, Kept::Log));
        }
    }

    /// The entities and rooms that are named and not there.
    fn missing(&self, with_logs: bool) -> (BTreeSet<EntityId>, BTreeSet<RoomId>) {
        let (mut entities, mut rooms) = (BTreeSet::new(), BTreeSet::new());
        for participant in self.participants.oldest_first() {
            entities.insert(participant.entity_id);
            rooms.insert(participant.room_id);
        }
        for component in self.components.oldest_first() {
            entities.insert(component.entity_id);
            entities.extend(component.source_entity_id);
            rooms.insert(component.room_id);
        }
        for known in self.memories.oldest_first() {
            entities.insert(known.memory.entity_id);
            rooms.insert(known.memory.room_id);
        }
        for relationship in self.relationships.oldest_first() {
            entities.insert(relationship.source_entity_id);
            entities.insert(relationship.target_entity_id);
        }
        for entry in self.logs.oldest_first().filter(|_| with_logs) {
            entities.insert(entry.entity_id);
            rooms.insert(entry.room_id);
        }
        entities.retain(|id| self.entities.get(*id).is_none());
        rooms.retain(|id| self.rooms.get(*id).is_none());
        (entities, rooms)
    }

    /// What the counted rows say, as JSON.
    fn text_bytes(&self) -> u64 {
        let memories = self.memories.oldest_first().map(|known| &known.memory);
        let entities = self.entities.oldest_first();
        let components = self.components.oldest_first();
        let relationships = self.relationships.oldest_first();
        let tasks = self.tasks.oldest_first();
        let rooms = self.rooms.oldest_first().filter_map(|room| room.metadata.as_ref());
        let worlds = self.worlds.oldest_first().filter_map(|world| world.metadata.as_ref());
        memories.map(|memory| json(&memory.content) + json(&memory.metadata)).sum::<u64>()
            + entities.map(|entity| json(&entity.names) + json(&entity.metadata)).sum::<u64>()
            + components.map(|component| json(&component.data)).sum::<u64>()
            + relationships.map(|known| json(&known.tags) + json(&known.metadata)).sum::<u64>()
            + tasks.map(|task| json(&task.tags) + json(&task.metadata)).sum::<u64>()
            + self.triggers.oldest_first().map(json).sum::<u64>()
            + rooms.chain(worlds).map(json).sum::<u64>()
    }
}

fn boxed<R: Row + Clone>(table: &Table<R>, kind: fn(Box<R>) -> Kept) -> impl Iterator<Item = Kept> {
    table.oldest_first().map(move |row| kind(Box::new(row.clone())))
}

/// The length of a value as JSON text.
fn json(value: &impl Serialize) -> u64 {
    serde_json::to_string(value).map_or(0, |text| count(text.len()))
}
