//! Agents on their way in.

use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::lifecycle::Lifecycle;
use crate::ports::{
    AgentQuery, AgentSizes, DueQuery, Kept, LogQuery, MemoryQuery, SearchQuery, SnapshotQuery,
    WorldsOf,
};
use crate::records::Embedding;
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, agent, created, id, memory, participant, remembered, room, running, trigger,
    trigger_set, world,
};
use super::snapshot::taken;
use super::{goals, logs, people};

/// Who comes in.
const EVE: AgentId = AgentId(uuid::Uuid::from_u128(0xE7E));

fn begun() -> Fact {
    Fact::ImportBegun { agent_id: EVE, at: UnixMillis(50) }
}

fn finished() -> Fact {
    Fact::ImportFinished { agent_id: EVE }
}

fn abandoned() -> Fact {
    Fact::ImportAbandoned { agent_id: EVE }
}

fn exists() -> StoreError {
    StoreError::Exists { what: "agent", id: EVE.0 }
}

fn missing() -> StoreError {
    StoreError::Missing { what: "import", id: EVE.0 }
}

/// Rows of every kind that an import may bring.
fn rows() -> Vec<Fact> {
    let embedded = Embedding { embedder: "test-2".into(), vector: vec![0.6, 0.8] };
    vec![
        Fact::WorldSet(Box::new(world(EVE, 1, 10))),
        Fact::RoomSet(Box::new(room(EVE, 1, 10))),
        Fact::EntitySet(Box::new(people::entity(EVE, 2, 10))),
        Fact::Joined(participant(EVE, 1, EVE.0.as_u128(), 10)),
        Fact::ComponentSet(Box::new(people::component(EVE, 1, 2, 10))),
        remembered(&memory(EVE, 1, 10, "teapots are round")),
        remembered(&memory(EVE, 2, 11, "teapots are brown")),
        Fact::Embedded { agent_id: EVE, memory_id: id(1), embedding: embedded },
        Fact::RelationshipSet(Box::new(people::relationship(EVE, 1, 2, 3, 10))),
        Fact::TaskSet(Box::new(people::task(EVE, 1, 10))),
        trigger_set(&trigger(EVE, 1, 10)),
        Fact::GoalSet(Box::new(goals::goal(EVE, 1, 10))),
        Fact::Logged(Box::new(logs::entry(EVE, 1, 10))),
    ]
}

/// How often each question that names no agent sees it.
async fn sightings(on: &Subject) -> [usize; 10] {
    let everybody = AgentQuery { limit: 99, ..AgentQuery::default() };
    let due = DueQuery { now: UnixMillis(120), is_late: false, limit: 9 };
    let unembedded = |memories: Vec<crate::records::Memory>| {
        memories.iter().filter(|memory| memory.agent_id == EVE).count()
    };
    let total = on.census().await.unwrap().total();
    [
        usize::try_from(total).unwrap() - 2,
        on.agents(everybody).await.unwrap().len() - 2,
        on.seeds(None, 99).await.unwrap().len() - 2,
        on.agent_by_handle("eve").await.unwrap().iter().count(),
        on.worlds_of(WorldsOf::All).await.unwrap().len() - 1,
        on.rooms_of_world(id(1), None).await.unwrap().len() - 1,
        unembedded(on.unembedded("test-2", 99).await.unwrap()),
        // By another embedder, even those that have one are without.
        unembedded(on.unembedded("test-3", 99).await.unwrap()),
        on.due_triggers(due).await.unwrap().len(),
        on.next_due().await.unwrap().iter().count(),
    ]
}

/// How many rows of each kind there are of it.
async fn belongings(on: &Subject) -> [usize; 12] {
    let words = SearchQuery {
        agent_id: EVE,
        kind: None,
        room_id: None,
        text: "teapots".into(),
        embedding: None,
        limit: 9,
    };
    [
        on.worlds_of(WorldsOf::Agent(EVE)).await.unwrap().len(),
        on.rooms_of_world(id(1), Some(EVE)).await.unwrap().len(),
        on.entities(EVE).await.unwrap().len(),
        on.participants(EVE, id(1)).await.unwrap().len(),
        on.components(EVE, None).await.unwrap().len(),
        on.memories(MemoryQuery::of(EVE, 9)).await.unwrap().len(),
        on.search(words).await.unwrap().len(),
        on.relationships(EVE).await.unwrap().len(),
        on.tasks(EVE).await.unwrap().len(),
        on.triggers(EVE).await.unwrap().len(),
        on.goals(EVE).await.unwrap().len(),
        on.logs(LogQuery::of(EVE, 9)).await.unwrap().len(),
    ]
}

const EVERYTHING: [usize; 12] = [1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1];

/// Abandons it until there is nothing left to remove.
async fn removed(on: &Subject) {
    let mut commits = 0;
    while on.affected(abandoned()).await > 0 {
        commits += 1;
        assert!(commits < 1_000, "it comes to an end");
    }
    assert_eq!(belongings(on).await, [0; 12]);
    assert_eq!(on.left_imports(9).await.unwrap(), []);
}

async fn with_others(on: Subject) -> Subject {
    let on = on.with_agents().await;
    let (world, room) = (world(BOB, 1, 10), room(BOB, 1, 10));
    on.keep([Fact::WorldSet(Box::new(world)), Fact::RoomSet(Box::new(room))]).await;
    on
}

pub(super) async fn who_comes_in_is_seen_once_whole(on: Subject) {
    let on = with_others(on).await;
    on.keep([begun()]).await;
    for row in rows() {
        on.keep([row]).await;
    }
    assert_eq!(sightings(&on).await, [0; 10]);
    assert_eq!(on.agent(EVE).await.unwrap(), None);
    assert_eq!(on.seed(EVE).await.unwrap(), None);
    assert_eq!(on.sizes_of(EVE).await.unwrap(), AgentSizes::default());
    assert_eq!(on.left_imports(9).await.unwrap(), [], "somebody goes on with it");

    let whole = Lifecycle { autonomy: None, ..running() };
    let record = crate::character::AgentRecord { lifecycle: whole, ..agent(EVE, "Eve") };
    let committed = on.keep([finished(), Fact::AgentCreated(Box::new(record.clone()))]).await;
    assert_eq!(committed.affected, [1, 1]);
    assert_eq!(sightings(&on).await, [1, 1, 1, 1, 1, 1, 1, 2, 1, 1]);
    assert_eq!(belongings(&on).await, EVERYTHING);
    let snapshot = SnapshotQuery { agent: EVE, logs: true, embeddings: true };
    let kept = taken(&on, snapshot).await;
    assert_eq!(kept.first(), Some(&Kept::Agent(Box::new(record))));
    let seed = on.seed(EVE).await.unwrap().unwrap();
    assert!(seed.has_news && seed.has_goals);

    assert_eq!(on.affected(abandoned()).await, 0, "it is an agent as any other");
    assert_eq!(belongings(&on).await, EVERYTHING);
}

pub(super) async fn an_id_comes_in_once(on: Subject) {
    let on = on.with_agents().await;
    let of_ada = Fact::ImportBegun { agent_id: ADA, at: UnixMillis(1) };
    let there = StoreError::Exists { what: "agent", id: ADA.0 };
    assert_eq!(on.try_keep([of_ada.clone()]).await, Err(there.clone()));
    on.keep([remembered(&memory(ADA, 1, 10, "kept"))]).await;
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: true }]).await;
    assert_eq!(on.try_keep([of_ada]).await, Err(there), "what was kept of one is not mixed up");

    assert_eq!(on.try_keep([finished()]).await, Err(missing()));
    assert_eq!(on.affected(abandoned()).await, 0);
    assert_eq!(on.affected(begun()).await, 1);
    assert_eq!(on.try_keep([begun()]).await, Err(exists()));
    assert_eq!(on.try_keep([created(EVE, "Eve")]).await, Err(exists()));
    on.keep([finished(), created(EVE, "Eve")]).await;
    assert_eq!(on.try_keep([begun()]).await, Err(exists()));
    assert_eq!(on.try_keep([finished()]).await, Err(missing()));
}

pub(super) async fn a_failed_end_leaves_it_on_its_way(on: Subject) {
    let on = on.with_agents().await;
    on.keep([begun()]).await;
    on.keep(rows()).await;
    let world = Fact::WorldSet(Box::new(world(EVE, 5, 10)));
    let failed = on.try_keep([world, finished(), created(EVE, "Eve"), created(BOB, "Bob")]).await;
    assert_eq!(failed, Err(StoreError::Exists { what: "agent", id: BOB.0 }));
    assert_eq!(on.agent(EVE).await.unwrap(), None);
    assert_eq!(belongings(&on).await, EVERYTHING);
    on.keep([finished(), created(EVE, "Eve")]).await;
    assert!(on.agent(EVE).await.unwrap().is_some());
}

pub(super) async fn an_abandoned_import_is_removed_bit_by_bit(on: Subject) {
    let on = with_others(on).await;
    on.keep([remembered(&memory(BOB, 1, 10, "teapots are mine"))]).await;
    on.keep([begun()]).await;
    on.keep(rows()).await;
    for slice in 1..6 {
        let memories = (0..250).map(|number| memory(EVE, slice * 1_000 + number, 10, "teapots"));
        on.keep(memories.map(|memory| remembered(&memory)).collect::<Vec<_>>()).await;
    }
    assert!(on.affected(abandoned()).await > 0);
    assert_eq!(on.try_keep([finished(), created(EVE, "Eve")]).await, Err(missing()));
    removed(&on).await;
    assert_eq!(sightings(&on).await, [0; 10]);
    let count = on.count_memories(MemoryQuery::of(BOB, 0)).await.unwrap();
    assert_eq!((count, on.worlds_of(WorldsOf::Agent(BOB)).await.unwrap().len()), (1, 1));

    on.keep([begun()]).await;
    on.keep(rows()).await;
    on.keep([finished(), created(EVE, "Eve")]).await;
    assert_eq!(belongings(&on).await, EVERYTHING, "it may be tried again");
}

pub(super) async fn a_boot_leaves_what_is_open_to_be_removed(on: Subject) {
    let on = with_others(on).await;
    let other = id(8);
    on.keep([begun(), Fact::ImportBegun { agent_id: other, at: UnixMillis(51) }]).await;
    on.keep(rows()).await;
    on.keep([Fact::ImportFinished { agent_id: other }, created(other, "Other")]).await;
    let boot = on.boot(UnixMillis(100)).await.unwrap();
    assert_eq!(on.try_keep([abandoned()]).await, Err(StoreError::Fenced));

    let on = Subject { epoch: boot.epoch, ..on };
    assert_eq!(on.left_imports(9).await.unwrap(), [EVE]);
    assert_eq!(on.left_imports(0).await.unwrap(), []);
    assert_eq!(on.try_keep([finished(), created(EVE, "Eve")]).await, Err(missing()));
    assert_eq!(on.worlds_of(WorldsOf::All).await.unwrap().len(), 1, "nor is it seen meanwhile");
    removed(&on).await;
    assert!(on.agent(other).await.unwrap().is_some(), "one that is whole stays");
    on.keep([begun()]).await;
}
