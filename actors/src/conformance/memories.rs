//! Memories: kept in full, found by what they are, and their embeddings.

use crate::facts::Fact;
use crate::ids::MemoryId;
use crate::ports::MemoryQuery;
use crate::records::{Embedding, Memory};
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, content, id, map, memory, remembered};

fn numbers(memories: &[Memory]) -> Vec<u128> {
    memories.iter().map(|memory| memory.id.0.as_u128()).collect()
}

fn embedded(number: u128, embedder: &str) -> Fact {
    Fact::Embedded { agent_id: ADA, memory_id: id(number), embedding: embedding(embedder) }
}

fn embedding(embedder: &str) -> Embedding {
    Embedding { embedder: embedder.into(), vector: vec![0.6, -0.8, 0.0, 1.0e-30] }
}

pub(super) async fn a_memory_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    let long = "ünïcödé ".repeat(20_000);
    let full = Memory {
        kind: "documents".into(),
        world_id: Some(id(8)),
        metadata: content("from somewhere"),
        unique: false,
        ..memory(ADA, 1, 1_700_000_000_123, &long)
    };
    let bare = Memory {
        content: map(serde_json::json!({})),
        metadata: map(serde_json::json!({})),
        ..memory(ADA, 2, -5, "")
    };
    for memory in [&full, &bare] {
        assert_eq!(on.affected(remembered(memory)).await, 1);
        assert_eq!(on.memory(ADA, memory.id).await.unwrap().as_ref(), Some(memory));
        assert_eq!(on.memory(BOB, memory.id).await.unwrap(), None);
    }
    assert_eq!(on.memories(MemoryQuery::of(ADA, 9)).await.unwrap(), [full, bare]);
}

pub(super) async fn a_memory_is_replaced_as_a_whole(on: Subject) {
    let on = on.with_agents().await;
    let old = memory(ADA, 1, 10, "old");
    let new = Memory {
        kind: "facts".into(),
        room_id: id(7),
        world_id: Some(id(8)),
        entity_id: id(9),
        metadata: content("else"),
        unique: false,
        updated_at: crate::time::UnixMillis(120),
        ..memory(ADA, 1, 99, "new")
    };
    on.keep([remembered(&old), remembered(&memory(ADA, 2, 50, "between"))]).await;
    assert_eq!(on.affected(remembered(&new)).await, 1);
    assert_eq!(on.memory(ADA, id(1)).await.unwrap(), Some(new));
    let listed = on.memories(MemoryQuery::of(ADA, 9)).await.unwrap();
    assert_eq!(numbers(&listed), [1, 2], "it has its new place in time, and only that");
}

pub(super) async fn two_agents_may_have_memories_of_one_id(on: Subject) {
    let on = on.with_agents().await;
    let (of_ada, of_bob) = (memory(ADA, 1, 10, "Ada's"), memory(BOB, 1, 20, "Bob's"));
    on.keep([remembered(&of_ada), remembered(&of_bob), embedded(1, "test")]).await;
    assert_eq!(on.memory(ADA, id(1)).await.unwrap(), Some(of_ada));
    assert_eq!(on.memory(BOB, id(1)).await.unwrap(), Some(of_bob.clone()));
    assert_eq!(on.embeddings(BOB, vec![id(1)]).await.unwrap(), []);
    on.keep([Fact::Forgot { agent_id: ADA, memory_id: id(1) }]).await;
    assert_eq!(on.memory(BOB, id(1)).await.unwrap(), Some(of_bob));
}

pub(super) async fn memories_are_listed_newest_first_and_filtered(on: Subject) {
    let on = on.with_agents().await;
    for (number, at, kind, room, entity) in [
        (3, 20, "messages", 1, 1),
        (1, 10, "messages", 2, 2),
        (2, 20, "facts", 1, 2),
        (5, 5, "facts", 2, 1),
        (4, 30, "messages", 1, 2),
    ] {
        let memory = Memory {
            kind: kind.into(),
            room_id: id(room),
            entity_id: id(entity),
            ..memory(ADA, number, at, "text")
        };
        on.keep([remembered(&memory)]).await;
    }
    on.keep([remembered(&memory(BOB, 6, 20, "text"))]).await;

    let all = || MemoryQuery::of(ADA, u32::MAX);
    let kind = |kind: &str| Some(kind.to_owned());
    let at = |millis| Some(UnixMillis(millis));
    let table: Vec<(MemoryQuery, &[u128])> = vec![
        (all(), &[4, 3, 2, 1, 5]),
        (MemoryQuery { kind: kind("messages"), ..all() }, &[4, 3, 1]),
        (MemoryQuery { kind: kind("Messages"), ..all() }, &[]),
        (MemoryQuery { room_id: Some(id(1)), ..all() }, &[4, 3, 2]),
        (MemoryQuery { rooms: Some(vec![id(1)]), ..all() }, &[4, 3, 2]),
        (MemoryQuery { rooms: Some(vec![id(9), id(1), id(2)]), ..all() }, &[4, 3, 2, 1, 5]),
        (MemoryQuery { rooms: Some(Vec::new()), ..all() }, &[]),
        (MemoryQuery { entity_id: Some(id(1)), ..all() }, &[3, 5]),
        (MemoryQuery { before: at(20), ..all() }, &[1, 5]),
        (MemoryQuery { after: at(20), ..all() }, &[4]),
        (MemoryQuery { before: at(30), after: at(5), ..all() }, &[3, 2, 1]),
        (MemoryQuery { before: at(i64::MIN), ..all() }, &[]),
        (MemoryQuery { before: at(i64::MAX), after: at(i64::MIN), ..all() }, &[4, 3, 2, 1, 5]),
        (
            MemoryQuery {
                kind: kind("messages"),
                room_id: Some(id(1)),
                entity_id: Some(id(2)),
                ..all()
            },
            &[4],
        ),
        (MemoryQuery::of(BOB, 9), &[6]),
        (MemoryQuery::of(id(9), 9), &[]),
    ];
    for (query, expected) in table {
        assert_eq!(numbers(&on.memories(query.clone()).await.unwrap()), expected, "{query:?}");
        let elsewhere = MemoryQuery { offset: 3, limit: 0, ..query };
        let count = on.count_memories(elsewhere).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), expected.len());
    }
}

pub(super) async fn memories_come_in_pages(on: Subject) {
    let on = on.with_agents().await;
    on.keep((1..=7).map(|n| remembered(&memory(ADA, n, 10, "text"))).collect::<Vec<_>>()).await;
    for (offset, limit, expected) in [
        (0, 3, vec![7, 6, 5]),
        (3, 3, vec![4, 3, 2]),
        (6, 3, vec![1]),
        (7, 3, vec![]),
        (0, 0, vec![]),
        (u32::MAX, u32::MAX, vec![]),
    ] {
        let query = MemoryQuery { offset, ..MemoryQuery::of(ADA, limit) };
        assert_eq!(numbers(&on.memories(query).await.unwrap()), expected, "{limit} from {offset}");
    }
}

pub(super) async fn one_memory_is_forgotten(on: Subject) {
    let on = on.with_agents().await;
    on.keep([remembered(&memory(ADA, 1, 10, "one")), remembered(&memory(ADA, 2, 20, "two"))]).await;
    let forgot = |agent_id, number| Fact::Forgot { agent_id, memory_id: id(number) };
    let committed = on.keep([forgot(ADA, 1), forgot(ADA, 1), forgot(BOB, 2)]).await;
    assert_eq!(committed.affected, [1, 0, 0]);
    assert_eq!(on.memory(ADA, id(1)).await.unwrap(), None);
    assert_eq!(numbers(&on.memories(MemoryQuery::of(ADA, 9)).await.unwrap()), [2]);
}

pub(super) async fn many_memories_are_forgotten(on: Subject) {
    let on = on.with_agents().await;
    let facts = || Some("facts".to_owned());
    for (at, (kind, room_id, left)) in (10..).zip([
        (None, None, vec![]),
        (facts(), None, vec![4, 3]),
        (None, Some(id(1)), vec![4, 2]),
        (facts(), Some(id(1)), vec![4, 3, 2]),
        (Some("dreams".to_owned()), None, vec![4, 3, 2, 1]),
    ]) {
        for (number, kind, room) in
            [(1, "facts", 1), (2, "facts", 2), (3, "messages", 1), (4, "messages", 2)]
        {
            let memory =
                Memory { kind: kind.into(), room_id: id(room), ..memory(ADA, number, at, "text") };
            on.keep([remembered(&memory), remembered(&Memory { agent_id: BOB, ..memory })]).await;
        }
        let forgot = Fact::ForgotAll { agent_id: ADA, kind, room_id };
        let affected = on.affected(forgot.clone()).await;
        assert_eq!(affected, 4 - u64::try_from(left.len()).unwrap(), "{forgot:?}");
        assert_eq!(numbers(&on.memories(MemoryQuery::of(ADA, 9)).await.unwrap()), left);
        assert_eq!(on.count_memories(MemoryQuery::of(BOB, 0)).await.unwrap(), 4);
    }
}

pub(super) async fn an_embedding_belongs_to_its_memory(on: Subject) {
    let on = on.with_agents().await;
    for number in [1, 2, 3] {
        on.keep([remembered(&memory(ADA, number, 10, "text"))]).await;
    }
    assert_eq!(on.affected(embedded(1, "first")).await, 1);
    assert_eq!(on.affected(embedded(3, "first")).await, 1);
    assert_eq!(on.affected(embedded(9, "first")).await, 0, "there is no such memory");
    let of_nobody =
        Fact::Embedded { agent_id: BOB, memory_id: id(1), embedding: embedding("first") };
    assert_eq!(on.affected(of_nobody).await, 0);

    let wanted: Vec<MemoryId> = vec![id(1), id(2), id(3), id(9)];
    let mut found = on.embeddings(ADA, wanted.clone()).await.unwrap();
    found.sort_by_key(|(memory, _)| *memory);
    assert_eq!(found, [(id(1), embedding("first")), (id(3), embedding("first"))]);
    assert_eq!(on.embeddings(ADA, vec![id(2)]).await.unwrap(), []);
    assert_eq!(on.embeddings(ADA, Vec::new()).await.unwrap(), []);

    // A memory has one embedding; another embedder's takes its place. It goes with the memory.
    assert_eq!(on.affected(embedded(1, "second")).await, 1);
    assert_eq!(on.embeddings(ADA, vec![id(1)]).await.unwrap(), [(id(1), embedding("second"))]);
    on.keep([
        Fact::Forgot { agent_id: ADA, memory_id: id(1) },
        remembered(&memory(ADA, 1, 10, "text")),
    ])
    .await;
    assert_eq!(on.embeddings(ADA, vec![id(1)]).await.unwrap(), []);
}

pub(super) async fn an_embedding_outlives_all_but_a_new_text(on: Subject) {
    let on = on.with_agents().await;
    let first = memory(ADA, 1, 10, "the same");
    on.keep([remembered(&first), embedded(1, "test")]).await;
    let revised = Memory {
        metadata: content("else"),
        kind: "facts".into(),
        created_at: UnixMillis(20),
        ..first.clone()
    };
    on.keep([remembered(&revised)]).await;
    assert_eq!(on.embeddings(ADA, vec![id(1)]).await.unwrap(), [(id(1), embedding("test"))]);
    on.keep([remembered(&memory(ADA, 1, 20, "another"))]).await;
    assert_eq!(on.embeddings(ADA, vec![id(1)]).await.unwrap(), []);
    assert_eq!(numbers(&on.unembedded("test", 9).await.unwrap()), [1]);
}

pub(super) async fn what_lacks_an_embedding_comes_oldest_first(on: Subject) {
    let on = on.with_agents().await;
    for (number, at, text) in [(4, 40, "four"), (1, 30, "one"), (2, 10, "two"), (3, 20, "")] {
        on.keep([remembered(&memory(ADA, number, at, text))]).await;
    }
    let textless = Memory { content: map(serde_json::json!({"text": 5})), ..memory(ADA, 6, 1, "") };
    on.keep([remembered(&memory(BOB, 5, 20, "five")), remembered(&textless)]).await;
    assert_eq!(numbers(&on.unembedded("test", 9).await.unwrap()), [2, 5, 1, 4]);
    assert_eq!(numbers(&on.unembedded("test", 2).await.unwrap()), [2, 5]);
    assert_eq!(on.unembedded("test", 0).await.unwrap(), []);
    on.keep([embedded(2, "test"), embedded(4, "other")]).await;
    assert_eq!(numbers(&on.unembedded("test", 9).await.unwrap()), [5, 1, 4]);
    assert_eq!(numbers(&on.unembedded("other", 9).await.unwrap()), [2, 5, 1]);
}
