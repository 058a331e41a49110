//! Whole agents at one moment.

use futures::StreamExt;

use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::ports::{AgentSizes, Kept, SNAPSHOT_PAGE, SnapshotQuery};
use crate::records::{Component, Embedding, LogEntry, Memory, Participant};
use crate::triggers::FiringStatus;

use super::kit::{
    ADA, BOB, Subject, agent, firing, id, map, memory, participant, remembered, room, trigger,
    trigger_set, world,
};
use super::{goals, logs, people};

fn all(agent: AgentId) -> SnapshotQuery {
    SnapshotQuery { agent, logs: true, embeddings: true }
}

/// All of a snapshot; its pages are as they should be.
pub(super) async fn taken(on: &Subject, query: SnapshotQuery) -> Vec<Kept> {
    let pages: Vec<_> = on.snapshot(query).collect().await;
    let pages: Vec<_> = pages.into_iter().map(|page| page.expect("it is read")).collect();
    assert!(pages.iter().all(|page| (1..=SNAPSHOT_PAGE).contains(&page.len())));
    pages.concat()
}

fn embedding() -> Embedding {
    Embedding { embedder: "test-2".into(), vector: vec![0.6, 0.8] }
}

fn kept<T>(kind: fn(Box<T>) -> Kept, rows: impl IntoIterator<Item = T>) -> Vec<Kept> {
    rows.into_iter().map(|row| kind(Box::new(row))).collect()
}

/// Gives the agent two or three of each kind, the later first; what a snapshot of them holds, but for
/// the agent itself and for what is named and not there.
async fn furnish(on: &Subject, whose: AgentId) -> Vec<Vec<Kept>> {
    let later_first =
        |ids: [u128; 3]| ids.map(|number| (number, if number < 50 { 20 } else { 10 }));
    // By time, and by id where that is equal.
    let order = [(60, 10), (40, 20), (41, 20)];
    let mut facts = Vec::new();
    let base = whose.0.as_u128() * 1_000;
    for (number, at) in later_first([41, 40, 60]) {
        facts.extend([
            Fact::EntitySet(Box::new(people::entity(whose, number, at))),
            remembered(&memory(whose, number, at, "teapots are round")),
            Fact::ComponentSet(Box::new(people::component(whose, number, 40, at))),
            Fact::RoomSet(Box::new(room(whose, number, at))),
            Fact::Joined(participant(whose, 40, number, at)),
            Fact::RelationshipSet(Box::new(people::relationship(whose, number, 40, 41, at))),
            Fact::WorldSet(Box::new(world(whose, number, at))),
            Fact::TaskSet(Box::new(people::task(whose, number, at))),
            trigger_set(&trigger(whose, base + number, at)),
            Fact::GoalSet(Box::new(goals::goal(whose, number, at))),
            Fact::Logged(Box::new(logs::entry(whose, number, at))),
        ]);
    }
    facts.extend([
        Fact::Embedded { agent_id: whose, memory_id: id(40), embedding: embedding() },
        // No part of it.
        Fact::FiringSet(Box::new(firing(whose, base, 10, FiringStatus::Waiting, base + 40))),
    ]);
    on.keep(facts).await;
    let memories = order.map(|(number, at)| {
        let embedding = (number == 40).then(|| Box::new(embedding()));
        Kept::Memory(Box::new(memory(whose, number, at, "teapots are round")), embedding)
    });
    vec![
        kept(Kept::Entity, order.map(|(number, at)| people::entity(whose, number, at))),
        memories.into(),
        kept(Kept::Component, order.map(|(number, at)| people::component(whose, number, 40, at))),
        kept(Kept::Room, order.map(|(number, at)| room(whose, number, at))),
        order.map(|(number, at)| Kept::Participant(participant(whose, 40, number, at))).into(),
        kept(
            Kept::Relationship,
            order.map(|(number, at)| people::relationship(whose, number, 40, 41, at)),
        ),
        kept(Kept::World, order.map(|(number, at)| world(whose, number, at))),
        kept(Kept::Task, order.map(|(number, at)| people::task(whose, number, at))),
        kept(Kept::Trigger, order.map(|(number, at)| trigger(whose, base + number, at))),
        kept(Kept::Goal, order.map(|(number, at)| goals::goal(whose, number, at))),
        kept(Kept::Log, order.map(|(number, at)| logs::entry(whose, number, at))),
    ]
}

pub(super) async fn a_snapshot_holds_everything_in_order(on: Subject) {
    let on = on.with_agents().await;
    let known = furnish(&on, ADA).await;
    furnish(&on, BOB).await;
    // What the rows of the kit name: an entity as its own, another as the source of what is known.
    let first = vec![
        Kept::Agent(Box::new(agent(ADA, "Ada"))),
        Kept::MissingEntity(id(2)),
        Kept::MissingEntity(id(99)),
        Kept::MissingRoom(id(1)),
    ];
    let whole = [vec![first.clone()], known.clone()].concat().concat();
    assert_eq!(taken(&on, all(ADA)).await, whole);

    let without = taken(&on, SnapshotQuery { agent: ADA, logs: false, embeddings: false }).await;
    let stripped = whole.into_iter().filter(|kept| !matches!(kept, Kept::Log(_)));
    let stripped: Vec<_> = stripped
        .map(|kept| match kept {
            Kept::Memory(memory, _) => Kept::Memory(memory, None),
            kept => kept,
        })
        .collect();
    assert_eq!(without, stripped);
}

pub(super) async fn an_agent_with_nothing_is_all_there_is(on: Subject) {
    let on = on.with_agents().await;
    let whole = [Kept::Agent(Box::new(agent(ADA, "Ada")))];
    assert_eq!(taken(&on, all(ADA)).await, whole);
    let nobody: Vec<_> = on.snapshot(all(id(9))).collect().await;
    assert_eq!(nobody, [Err(StoreError::Missing { what: "agent", id: id(9) })]);
}

pub(super) async fn what_is_named_and_not_there_is_told_once(on: Subject) {
    let on = on.with_agents().await;
    let met = Memory { room_id: id(11), entity_id: id(21), ..memory(ADA, 1, 10, "tea") };
    let known = Component {
        entity_id: id(22),
        source_entity_id: Some(id(23)),
        room_id: id(12),
        ..people::component(ADA, 1, 22, 10)
    };
    let entry = LogEntry { room_id: id(14), entity_id: id(27), ..logs::entry(ADA, 1, 10) };
    on.keep([
        remembered(&met),
        remembered(&Memory { id: id(2), ..met }),
        Fact::ComponentSet(Box::new(known)),
        Fact::Joined(participant(ADA, 13, 24, 10)),
        Fact::Joined(Participant { entity_id: ADA.into(), ..participant(ADA, 11, 0, 10) }),
        Fact::RelationshipSet(Box::new(people::relationship(ADA, 1, 25, 26, 10))),
        Fact::Logged(Box::new(entry)),
        // These are there, of another agent's they are not.
        Fact::EntitySet(Box::new(people::entity(ADA, 24, 10))),
        Fact::EntitySet(Box::new(people::entity(BOB, 25, 10))),
        Fact::RoomSet(Box::new(room(ADA, 13, 10))),
        Fact::RoomSet(Box::new(room(BOB, 12, 10))),
        // Neither tasks nor worlds are looked at.
        Fact::TaskSet(Box::new(people::task(ADA, 1, 10))),
    ])
    .await;
    for logs in [true, false] {
        let missing = taken(&on, SnapshotQuery { logs, ..all(ADA) }).await;
        let missing: Vec<_> = missing
            .into_iter()
            .filter(|kept| matches!(kept, Kept::MissingEntity(_) | Kept::MissingRoom(_)))
            .collect();
        let mut entities: Vec<u128> = vec![21, 22, 23, 25, 26];
        let mut rooms: Vec<u128> = vec![11, 12];
        if logs {
            entities.push(27);
            rooms.push(14);
        }
        entities.push(ADA.0.as_u128());
        let entities = entities.into_iter().map(|number| Kept::MissingEntity(id(number)));
        let rooms = rooms.into_iter().map(|number| Kept::MissingRoom(id(number)));
        assert_eq!(missing, entities.chain(rooms).collect::<Vec<_>>());
    }
}

pub(super) async fn a_snapshot_shows_one_moment(on: Subject) {
    let on = on.with_agents().await;
    let many = 20 * SNAPSHOT_PAGE;
    let memories: Vec<_> = (0..many)
        .map(|number| {
            let (number, at) = (u128::try_from(number).unwrap(), i64::try_from(number).unwrap());
            memory(ADA, 1_000 + number, at, "teapots are round")
        })
        .collect();
    for slice in memories.chunks(1_000) {
        on.keep(slice.iter().map(remembered).collect::<Vec<_>>()).await;
    }
    let mut snapshot = on.snapshot(all(ADA));
    let mut seen = snapshot.next().await.unwrap().unwrap();
    on.keep([
        remembered(&memory(ADA, 1, i64::MAX, "too late")),
        Fact::Forgot { agent_id: ADA, memory_id: memories[many - 1].id },
        Fact::EntitySet(Box::new(people::entity(ADA, 2, 10))),
        Fact::GoalSet(Box::new(goals::goal(ADA, 1, 10))),
        Fact::AgentRemoved { id: BOB, keep_memories: false },
    ])
    .await;
    while let Some(page) = snapshot.next().await {
        seen.extend(page.unwrap());
    }
    let remembered: Vec<_> = seen
        .iter()
        .filter_map(|kept| match kept {
            Kept::Memory(memory, _) => Some(&**memory),
            _ => None,
        })
        .collect();
    assert!(remembered.into_iter().eq(&memories), "what came later is not seen");
    assert!(!seen.iter().any(|kept| matches!(kept, Kept::Goal(_) | Kept::Entity(_))));
    let after = taken(&on, all(ADA)).await;
    assert!(matches!(after.last(), Some(Kept::Goal(_))), "it is by the next");
}

pub(super) async fn an_agent_has_a_size(on: Subject) {
    let on = on.with_agents().await;
    let empty = on.sizes_of(ADA).await.unwrap();
    assert!((1..AgentSizes::ROW_BYTES).contains(&empty.text_bytes), "its character says its name");
    assert_eq!(empty, AgentSizes { text_bytes: empty.text_bytes, ..AgentSizes::default() });
    assert_eq!(on.sizes_of(id(9)).await.unwrap(), AgentSizes::default());

    furnish(&on, ADA).await;
    let sizes = on.sizes_of(ADA).await.unwrap();
    let counts = AgentSizes {
        memories: 3,
        entities: 3,
        rooms: 3,
        worlds: 3,
        tasks: 6,
        components: 3,
        participants: 3,
        relationships: 3,
        text_bytes: sizes.text_bytes,
    };
    assert_eq!(sizes, counts);
    assert_eq!(sizes.rows(), 27);

    let mut long = memory(ADA, 40, 20, "");
    long.content = map(serde_json::json!({"text": "é".repeat(5_000)}));
    let before = sizes.text_bytes;
    on.keep([remembered(&long)]).await;
    let grown = on.sizes_of(ADA).await.unwrap().text_bytes - before;
    assert!((9_000..10_100).contains(&grown), "bytes, not letters: {grown}");
    assert_eq!(on.sizes_of(BOB).await.unwrap().rows(), 0);
}
