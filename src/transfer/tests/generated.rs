//! Agents with something of every kind, made up.

use greenroom_actors::character::{AgentRecord, Bio, Character};
use greenroom_actors::facts::Fact;
use greenroom_actors::goals::{Goal, GoalStatus};
use greenroom_actors::ids::{
    AgentId, ComponentId, EntityId, LogId, MemoryId, RelationshipId, RoomId, TaskId, WorldId,
};
use greenroom_actors::lifecycle::Lifecycle;
use greenroom_actors::ports::{Clock, SystemClock};
use greenroom_actors::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Misfire, NewTrigger, Overlap, Schedule, Trigger, Wake};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Home;

const AT: UnixMillis = UnixMillis(1_760_000_000_000);

const KINDS: [&str; 8] = [
    "messages",
    "facts",
    "documents",
    "fragments",
    "descriptions",
    "custom",
    "summaries",
    "anything else",
];

const TYPES: [Option<&str>; 7] = [
    None,
    Some("message"),
    Some("document"),
    Some("fragment"),
    Some("description"),
    Some("custom"),
    Some("other"),
];

/// Something that refers to others by their numbers. Beyond those that there are, nobody is meant that
/// is known; one number means the agent itself.
#[derive(Clone, Debug)]
struct One {
    text: String,
    entity: usize,
    other: usize,
    room: usize,
    world: usize,
    pick: usize,
    flag: bool,
}

/// An agent with all that is its own.
#[derive(Clone, Debug)]
pub(super) struct Generated {
    name: String,
    entities: Vec<One>,
    rooms: Vec<One>,
    worlds: Vec<One>,
    memories: Vec<One>,
    components: Vec<One>,
    participants: Vec<One>,
    relationships: Vec<One>,
    tasks: Vec<One>,
    triggers: Vec<One>,
    goals: Vec<One>,
    logs: Vec<One>,
    files: Vec<One>,
}

fn one() -> impl Strategy<Value = One> {
    let text = prop_oneof![any::<String>(), "[a-zé日🔒]{0,8}".prop_map(String::from)];
    (text, 0_usize..6, 0_usize..6, 0_usize..5, 0_usize..4, 0_usize..100, any::<bool>()).prop_map(
        |(text, entity, other, room, world, pick, flag)| One {
            text,
            entity,
            other,
            room,
            world,
            pick,
            flag,
        },
    )
}

/// Any agent.
pub(super) fn agent() -> impl Strategy<Value = Generated> {
    let few = |most| prop::collection::vec(one(), 0..most);
    let places = ("\\PC{1,12}", few(4), few(4), few(3), few(12), few(4));
    let rest = (few(8), few(4), few(3), few(4), few(3), few(4), few(3));
    (places, rest).prop_map(|(places, rest)| {
        let (name, entities, rooms, worlds, memories, components) = places;
        let (participants, relationships, tasks, triggers, goals, logs, files) = rest;
        Generated {
            name,
            entities,
            rooms,
            worlds,
            memories,
            components,
            participants,
            relationships,
            tasks,
            triggers,
            goals,
            logs,
            files,
        }
    })
}

/// The ids that numbers stand for.
struct Ids {
    agent: AgentId,
    entities: Vec<Uuid>,
    rooms: Vec<Uuid>,
    worlds: Vec<Uuid>,
    memories: Vec<Uuid>,
}

impl Ids {
    fn new(agent: AgentId) -> Self {
        let some = |count| (0..count).map(|_| Uuid::now_v7()).collect::<Vec<_>>();
        let mut ids =
            Self { agent, entities: some(6), rooms: some(5), worlds: some(4), memories: some(12) };
        ids.entities[0] = agent.0;
        ids.rooms[0] = agent.0;
        ids.worlds[3] = agent.0;
        ids
    }

    fn entity(&self, number: usize) -> EntityId {
        EntityId(self.entities[number])
    }

    fn room(&self, number: usize) -> RoomId {
        RoomId(self.rooms[number])
    }

    fn world(&self, number: usize) -> WorldId {
        WorldId(self.worlds[number])
    }

    /// Free data that names others.
    fn data(&self, label: &str, one: &One) -> Map<String, Value> {
        let said = json!({
            "label": label, "text": one.text, "inReplyTo": self.memories[one.pick % 12],
            "stranger": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "deep": [{"ids": [self.entities[one.entity]], "none": null, "part": 0.5}],
            "roles": {self.entities[one.other].to_string(): "OWNER"}
        });
        said.as_object().unwrap().clone()
    }
}

fn at(number: usize) -> UnixMillis {
    UnixMillis(AT.0 + i64::try_from(number).unwrap() * 1_000)
}

impl Generated {
    /// Has the store keep it.
    pub(super) async fn keep(&self, home: &Home) -> AgentId {
        let ids = Ids::new(AgentId(Uuid::now_v7()));
        let import = home.registry.begin_import(ids.agent).await.unwrap();
        import.keep(self.people(&ids)).await.unwrap();
        import.keep(self.deeds(&ids)).await.unwrap();
        for (number, one) in self.files.iter().enumerate() {
            let path = format!("folder/{number} é.txt").parse().unwrap();
            let content = one.text.clone().into_bytes();
            home.workspaces.free(ids.agent).write(path, content).await.unwrap();
        }
        let mut character = Character::named(&self.name);
        character.bio = Bio::One("lives\u{2028}here".to_owned());
        character.topics = Some(vec!["tides".to_owned()]);
        character.lore = Some(vec!["was young".to_owned()]);
        character.settings =
            json!({"secrets": {"KEY": "value 🔐"}, "nested": {"a": null}}).as_object().cloned();
        character.extra.insert("custom".to_owned(), json!({"kept": [true]}));
        home.transfer.inner.secrets.seal_character(&mut character).unwrap();
        let record = AgentRecord {
            id: ids.agent,
            handle: String::new(),
            character,
            enabled: true,
            lifecycle: Lifecycle::default(),
            created_at: AT,
            updated_at: AT,
        };
        import.finish(record, Vec::new()).await.unwrap();
        ids.agent
    }

    fn people(&self, ids: &Ids) -> Vec<Fact> {
        let agent_id = ids.agent;
        let mut facts = Vec::new();
        for (number, one) in self.entities.iter().enumerate() {
            facts.push(Fact::EntitySet(Box::new(Entity {
                id: ids.entity(number),
                agent_id,
                names: vec![format!("e{number} {}", one.text), one.text.clone()],
                metadata: ids.data("entity", one),
                created_at: at(number),
            })));
        }
        for (number, one) in self.worlds.iter().enumerate() {
            facts.push(Fact::WorldSet(Box::new(World {
                id: ids.world(number),
                agent_id,
                name: format!("w{number} {}", one.text),
                message_server_id: one.flag.then(|| Uuid::from_u128(7)),
                metadata: one.flag.then(|| ids.data("world", one)),
                created_at: at(number),
            })));
        }
        for (number, one) in self.rooms.iter().enumerate() {
            facts.push(Fact::RoomSet(Box::new(Room {
                id: ids.room(number),
                agent_id,
                name: format!("r{number} {}", one.text),
                channel_id: one.flag.then(|| one.text.clone()),
                message_server_id: one.flag.then(|| Uuid::from_u128(7)),
                world_id: (one.world < 4 && one.flag).then(|| ids.world(one.world)),
                kind: "DM".to_owned(),
                source: "test".to_owned(),
                metadata: one.flag.then(|| ids.data("room", one)),
                created_at: at(number),
            })));
        }
        for one in &self.participants {
            facts.push(Fact::Joined(Participant {
                agent_id,
                room_id: ids.room(one.room),
                entity_id: ids.entity(one.entity),
                state: one.flag.then(|| "FOLLOWED".to_owned()),
                created_at: AT,
            }));
        }
        for (number, one) in self.components.iter().enumerate() {
            facts.push(Fact::ComponentSet(Box::new(Component {
                id: ComponentId(Uuid::now_v7()),
                agent_id,
                entity_id: ids.entity(one.entity),
                room_id: ids.room(one.room),
                world_id: one.flag.then(|| ids.world(one.world)),
                source_entity_id: one.flag.then(|| ids.entity(one.other)),
                kind: "profile".to_owned(),
                data: ids.data(&format!("c{number}"), one),
                created_at: at(number),
            })));
        }
        for (number, one) in self.relationships.iter().enumerate() {
            facts.push(Fact::RelationshipSet(Box::new(Relationship {
                id: RelationshipId(Uuid::now_v7()),
                agent_id,
                source_entity_id: ids.entity(one.entity),
                target_entity_id: ids.entity(one.other),
                tags: vec![format!("rel{number}"), one.text.clone()],
                metadata: ids.data("relationship", one),
                created_at: at(number),
            })));
        }
        facts
    }

    fn deeds(&self, ids: &Ids) -> Vec<Fact> {
        let agent_id = ids.agent;
        let mut facts = Vec::new();
        for (number, one) in self.memories.iter().enumerate() {
            let id = MemoryId(ids.memories[number]);
            let mut metadata = ids.data("memory", one);
            if let Some(word) = TYPES[one.pick % TYPES.len()] {
                metadata.insert("type".to_owned(), word.into());
            }
            facts.push(Fact::Remembered(Box::new(Memory {
                id,
                agent_id,
                kind: KINDS[one.pick % KINDS.len()].to_owned(),
                room_id: ids.room(one.room),
                world_id: one.flag.then(|| ids.world(one.world)),
                entity_id: ids.entity(one.entity),
                content: ids.data(&format!("m{number}"), one),
                metadata,
                unique: one.flag,
                created_at: at(number),
                updated_at: at(number),
            })));
            if one.pick % 3 == 0 {
                let embedding = Embedding { embedder: "e-2".to_owned(), vector: vec![0.6, -0.8] };
                facts.push(Fact::Embedded { agent_id, memory_id: id, embedding });
            }
        }
        for (number, one) in self.tasks.iter().enumerate() {
            facts.push(Fact::TaskSet(Box::new(Task {
                id: TaskId(Uuid::now_v7()),
                agent_id,
                name: if one.flag { "TRIGGER_DISPATCH" } else { "sweep" }.to_owned(),
                description: Some(format!("task{number}")),
                room_id: one.flag.then(|| ids.room(one.room)),
                world_id: one.flag.then(|| ids.world(one.world)),
                entity_id: one.flag.then(|| ids.entity(one.entity)),
                tags: vec![one.text.clone()],
                metadata: ids.data("task", one),
                created_at: at(number),
                updated_at: at(number),
            })));
        }
        for (number, one) in self.triggers.iter().enumerate() {
            let trigger = Box::new(self.trigger(ids, number, one));
            facts.push(Fact::TriggerSet { trigger, is_retimed: true });
        }
        for (number, one) in self.goals.iter().enumerate() {
            let goal = Goal::new(agent_id, &format!("goal{number} x{}x", one.text), AT).unwrap();
            facts.push(Fact::GoalSet(Box::new(Goal {
                status: if one.flag { GoalStatus::Open } else { GoalStatus::Reached },
                outcome: (!one.flag).then(|| one.text.clone()),
                rests_until: one.flag.then_some(AT),
                ..goal
            })));
        }
        for (number, one) in self.logs.iter().enumerate() {
            facts.push(Fact::Logged(Box::new(LogEntry {
                id: LogId::new(),
                agent_id,
                entity_id: ids.entity(one.entity),
                room_id: ids.room(one.room),
                run_id: one.flag.then(|| Uuid::from_u128(9).into()),
                kind: "action".to_owned(),
                body: ids.data(&format!("log{number}"), one),
                created_at: at(number),
            })));
        }
        facts
    }

    fn trigger(&self, ids: &Ids, number: usize, one: &One) -> Trigger {
        let now = SystemClock.now();
        let schedule = match one.pick % 3 {
            0 => Schedule::Interval { every_ms: 90_000, anchor: AT },
            1 => Schedule::Once { at: UnixMillis(4_000_000_000_000) },
            _ => Schedule::Cron {
                expression: "0 9 * * 1-5".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
            },
        };
        let plain = NewTrigger::new(format!("trigger{number}"), "Do Ünique things", schedule);
        let wanted = NewTrigger {
            misfire: if one.flag { Misfire::RunAll { max: 3 } } else { Misfire::Skip },
            overlap: Overlap::QueueOne,
            wake: if one.flag { Wake::NextTick } else { Wake::Now },
            needs_autonomy: one.flag,
            is_enabled: !one.flag,
            max_runs: one.flag.then_some(9),
            timeout_s: one.flag.then_some(60),
            retries_max: if one.flag { 3 } else { 0 },
            retry_after_s: if one.flag { 5 } else { 60 },
            allowed_tools: one.flag.then(|| vec!["remember".to_owned()]),
            metadata: ids.data("trigger", one),
            ..plain
        };
        Trigger { created_at: AT, updated_at: AT, ..wanted.made(ids.agent, now).unwrap() }
    }
}
