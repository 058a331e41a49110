//! Memories beyond what every store has to keep: odd texts, many of them, and what removal leaves.

use greenroom_actors::facts::{Epoch, Fact};
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{SearchQuery, Store};
use greenroom_actors::records::{Embedding, Memory};
use serde_json::{Value, json};

use super::support::{Place, batch, created, memory, remembered, ticked};
use crate::store::{SqliteStore, verify};

async fn found(store: &SqliteStore, agent_id: AgentId, text: &str) -> Vec<String> {
    let (kind, room_id, embedding) = (None, None, None);
    let query = SearchQuery { agent_id, kind, room_id, text: text.to_owned(), embedding, limit: 9 };
    let found = store.search(query).await.unwrap();
    found.into_iter().map(|scored| scored.memory.text().to_owned()).collect()
}

#[tokio::test]
async fn texts_are_found_by_words_and_never_read_as_a_query() {
    let store = Place::new().open();
    let (agent, other) = (AgentId::new(), AgentId::new());
    let long = "x".repeat(5000);
    let texts =
        ["un café crème", "re\u{301}sume\u{301} of work", "AND OR NOT NEAR", "Ünïcödé", &long];
    let mut facts: Vec<Fact> =
        texts.iter().map(|text| remembered(&memory(agent, text, 1))).collect();
    facts.push(remembered(&memory(other, "cafe of another agent", 1)));
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    for (asked, answer) in [
        ("cafe", texts[0]),
        ("CRÈME?", texts[0]),
        ("résumé", texts[1]),
        ("near", texts[2]),
        ("NOT", texts[2]),
        ("unicode", texts[3]),
        (&long, texts[4]),
        ("words:cafe", texts[0]),
        ("\"cafe", texts[0]),
        ("(cafe* ^ -", texts[0]),
        ("{words} : \"cafe\" + '; DROP TABLE memories; --", texts[0]),
    ] {
        assert_eq!(found(&store, agent, asked).await, [answer], "{asked}");
    }
    for nothing in ["", "\"", "* ^ ( ) : -", "\0", "caf", "wordscafe"] {
        assert!(found(&store, agent, nothing).await.is_empty(), "{nothing}");
    }
}

#[tokio::test]
async fn words_are_those_of_the_newest_text_whatever_happened_in_one_group() {
    let store = Place::new().open();
    let agent = AgentId::new();
    let (first, second) = (memory(agent, "first", 1), memory(agent, "second", 2));
    let mut revised = second.clone();
    revised.content.insert("text".to_owned(), Value::from("revised"));
    let forgot = Fact::Forgot { agent_id: agent, memory_id: first.id };
    let facts = vec![
        remembered(&first),
        forgot.clone(),
        remembered(&second),
        remembered(&revised),
        remembered(&first),
        forgot,
    ];
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    for (asked, answers) in [("first", 0), ("second", 0), ("revised", 1)] {
        assert_eq!(found(&store, agent, asked).await.len(), answers, "{asked}");
    }
}

#[tokio::test]
async fn a_value_of_any_depth_is_read_again() {
    let store = Place::new().open();
    let agent = AgentId::new();
    let mut deep = json!("end");
    for _ in 0..300 {
        deep = json!({ "next": deep });
    }
    let mut said = memory(agent, "deep", 1);
    said.content.insert("deep".to_owned(), deep);
    store.commit(batch(Epoch(0), vec![remembered(&said)])).await.unwrap();
    assert_eq!(store.memory(agent, said.id).await.unwrap(), Some(said));
}

fn embedded(memory: &Memory, embedder: &str) -> Fact {
    Fact::Embedded {
        agent_id: memory.agent_id,
        memory_id: memory.id,
        embedding: Embedding { embedder: embedder.to_owned(), vector: vec![0.6, 0.8] },
    }
}

#[tokio::test]
async fn texts_wait_for_an_embedding_until_the_embedder_has_made_one() {
    let store = Place::new().open();
    let agent = AgentId::new();
    let said: Vec<_> = (1..=4).map(|at| memory(agent, "words", 10 - at)).collect();
    let mut facts: Vec<Fact> = said.iter().map(remembered).collect();
    facts.extend([
        embedded(&said[0], "old"),
        embedded(&said[1], "older"),
        embedded(&said[2], "new"),
    ]);
    store.commit(batch(Epoch(0), facts)).await.unwrap();

    let waiting = async |embedder: &str, limit: u32| -> Vec<i64> {
        let found = store.unembedded(embedder, limit).await.unwrap();
        found.into_iter().map(|memory| memory.created_at.0).collect()
    };
    assert_eq!(waiting("new", 9).await, [6, 8, 9]);
    assert_eq!(waiting("new", 2).await, [6, 8]);
    assert_eq!(waiting("old", 9).await, [6, 7, 8]);

    let again = |memory: &Memory, text: &str, at: i64| {
        let mut memory = memory.clone();
        memory.content.insert("text".to_owned(), Value::from(text));
        memory.created_at.0 = at;
        remembered(&memory)
    };
    // The same text keeps its embedding, another loses it, none needs none.
    let facts =
        vec![again(&said[2], "words", 20), again(&said[0], "others", 30), again(&said[3], "", 40)];
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    assert_eq!(waiting("new", 9).await, [8, 30]);
    let facts = vec![embedded(&said[0], "new"), embedded(&said[1], "new")];
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    assert!(waiting("new", 9).await.is_empty());
}

#[tokio::test]
async fn an_agent_of_many_memories_goes_without_a_trace() {
    let place = Place::new();
    let store = place.open();
    let (agent, other) = (AgentId::new(), AgentId::new());
    let kept = memory(other, "common words", 1);
    let mut facts = vec![created(agent, "Ada"), created(other, "Bob"), remembered(&kept)];
    for at in 0..3000 {
        let said = memory(agent, "common words", at);
        facts.extend([remembered(&said), ticked(agent, at)]);
        if at % 3 == 0 {
            facts.push(embedded(&said, "one"));
        }
    }
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    let removed = vec![Fact::AgentRemoved { id: agent, keep_memories: false }];
    let committed = store.commit(batch(Epoch(0), removed)).await.unwrap();
    assert_eq!(committed.affected, [1]);
    assert_eq!(found(&store, other, "common").await, ["common words"]);
    assert!(found(&store, agent, "common").await.is_empty());

    let copy = place.folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    let report = verify(&copy).unwrap();
    assert!(report.is_whole(), "{report:?}");
    let left: Vec<_> = report.rows.iter().filter(|(_, rows)| *rows > 0).cloned().collect();
    let left: Vec<_> = left.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(
        left,
        [
            ("agents", 1),
            ("characters", 1),
            ("host", 1),
            ("indexed", 2),
            ("memories", 1),
            ("unembedded", 1)
        ]
    );
}

#[tokio::test]
async fn what_is_pruned_gives_its_space_back() {
    use greenroom_actors::ports::Retention;
    use greenroom_actors::time::UnixMillis;
    let store = Place::new().open();
    let agents: Vec<_> = (0..1500).map(|_| AgentId::new()).collect();
    let one = agents[0];
    let mut facts: Vec<_> = agents.iter().map(|agent| ticked(*agent, 1)).collect();
    facts.extend((2..=30_000).map(|at| ticked(one, at)));
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    let retention = Retention { events_per_agent: 10, ..Retention::default() };
    let pruned = store.prune(retention, UnixMillis(50_000)).await.unwrap();
    assert_eq!(pruned.events, 29_990);
    assert_eq!(store.event_bounds(one).await.unwrap(), Some((29_991, 30_000)));
    let free = store
        .read(|connection| {
            connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0))
        })
        .await
        .unwrap();
    assert_eq!(free, 0);
    assert!(store.prune(Retention::default(), UnixMillis(50_000)).await.unwrap().events == 0);
}
