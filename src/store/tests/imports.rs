//! What is left of an import in the file.

use greenroom_actors::facts::{Epoch, Fact};
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::Store;
use greenroom_actors::records::Embedding;
use greenroom_actors::time::UnixMillis;

use super::support::{Place, batch, created, memory, remembered};
use crate::store::{SqliteStore, verify};

/// Takes in so many memories of an agent, each in turn with and without an embedding.
async fn begun(store: &SqliteStore, epoch: Epoch, many: i64) -> AgentId {
    let agent = AgentId::new();
    let mut facts = vec![Fact::ImportBegun { agent_id: agent, at: UnixMillis(1) }];
    for at in 0..many {
        let memory = memory(agent, "teapots are round", at);
        facts.push(remembered(&memory));
        if at % 2 == 0 {
            let embedding = Embedding { embedder: "test-2".to_owned(), vector: vec![0.6, 0.8] };
            facts.push(Fact::Embedded { agent_id: agent, memory_id: memory.id, embedding });
        }
    }
    store.commit(batch(epoch, facts)).await.unwrap();
    agent
}

/// Removes some of an import; how many rows.
async fn abandon(store: &SqliteStore, epoch: Epoch, agent_id: AgentId) -> u64 {
    let facts = vec![Fact::ImportAbandoned { agent_id }];
    store.commit(batch(epoch, facts)).await.unwrap().affected[0]
}

#[tokio::test]
async fn a_removal_that_was_broken_off_goes_on_after_the_next_start_and_leaves_no_trace() {
    let place = Place::new();
    let store = place.open();
    let epoch = store.boot(UnixMillis(1)).await.unwrap().epoch;
    let whole = begun(&store, epoch, 3).await;
    let finish = vec![Fact::ImportFinished { agent_id: whole }, created(whole, "Ada")];
    store.commit(batch(epoch, finish)).await.unwrap();
    let left = begun(&store, epoch, 1_300).await;
    let broken_off = begun(&store, epoch, 1_300).await;
    let first = abandon(&store, epoch, broken_off).await;
    assert!((1..1_300).contains(&first), "a removal is of some rows: {first}");
    store.close();

    let store = place.open();
    let epoch = store.boot(UnixMillis(2)).await.unwrap().epoch;
    let mut both = [left, broken_off];
    both.sort();
    assert_eq!(store.left_imports(9).await.unwrap(), both);
    for agent in both {
        while abandon(&store, epoch, agent).await > 0 {}
    }
    assert_eq!(store.left_imports(9).await.unwrap(), []);
    assert_eq!(store.unembedded("test-2", 9).await.unwrap().len(), 1);
    store.close();
    let report = verify(&place.settings.file()).unwrap();
    assert!(report.is_whole(), "{report:?}");
    let rows = |table: &str| report.rows.iter().find(|(name, _)| name == table).unwrap().1;
    let kept = ["agents", "imports", "memories", "embeddings", "unembedded"].map(rows);
    assert_eq!(kept, [1, 0, 3, 2, 1]);
}
