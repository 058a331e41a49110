//! The full-text indexes follow the rows at a distance that nobody who searches notices.

use futures::future::join_all;
use greenroom_actors::facts::{Epoch, Fact};
use greenroom_actors::ids::{AgentId, ChannelId};
use greenroom_actors::ports::{MessageQuery, SearchQuery, Store};
use greenroom_actors::records::Memory;
use rusqlite::Connection;

use super::support::{Place, batch, memory, message, opened, remembered, said};
use crate::store::words::BEHIND_MAX;
use crate::store::{SqliteStore, verify};

async fn found(store: &SqliteStore, agent_id: AgentId, text: &str) -> Vec<Memory> {
    let (kind, room_id, embedding) = (None, None, None);
    let query = SearchQuery { agent_id, kind, room_id, text: text.to_owned(), embedding, limit: 9 };
    store.search(query).await.unwrap().into_iter().map(|scored| scored.memory).collect()
}

#[tokio::test]
async fn what_was_written_is_found_before_and_after_another_start() {
    let place = Place::new();
    let (agent, channel) = (AgentId::new(), ChannelId::new());
    let mut all = Vec::new();
    for round in 0..3 {
        let store = place.open();
        let early = memory(agent, "common words", round);
        store.commit(batch(Epoch(0), vec![remembered(&early)])).await.unwrap();
        all.insert(0, early);
        assert_eq!(found(&store, agent, "common").await.len(), all.len());
        // Not searched for, and the store is closed before it is idle.
        let late = memory(agent, "common words", round);
        let mut facts = Vec::from(opened(channel));
        facts.extend([remembered(&late), said(&message(channel, "common too", round))]);
        store.commit(batch(Epoch(0), facts)).await.unwrap();
        all.insert(0, late);
        store.close();
        let report = verify(&store.file()).unwrap();
        assert!(report.is_whole(), "{report:?}");
    }
    let store = place.open();
    assert_eq!(found(&store, agent, "common").await.len(), all.len());
    let query = MessageQuery { text: Some("common".to_owned()), limit: 9, ..Default::default() };
    assert_eq!(store.messages(query).await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_number_of_a_row_that_went_is_good_for_another() {
    let place = Place::new();
    let store = place.open();
    let agent = AgentId::new();
    let (first, second) = (memory(agent, "first", 1), memory(agent, "second", 2));
    store.commit(batch(Epoch(0), vec![remembered(&first)])).await.unwrap();
    assert_eq!(found(&store, agent, "first").await, std::slice::from_ref(&first));
    // Its number is the next one's, and the index is past it already.
    let forgot = Fact::Forgot { agent_id: agent, memory_id: first.id };
    store.commit(batch(Epoch(0), vec![forgot])).await.unwrap();
    store.commit(batch(Epoch(0), vec![remembered(&second)])).await.unwrap();
    assert!(found(&store, agent, "first").await.is_empty());
    assert_eq!(found(&store, agent, "second").await, [second]);
    store.close();
    let report = verify(&store.file()).unwrap();
    assert!(report.is_whole(), "{report:?}");
}

#[tokio::test]
async fn no_more_rows_wait_than_may() {
    let place = Place::new();
    let store = place.open();
    let agent = AgentId::new();
    let many = BEHIND_MAX * 2 + 7;
    let commits = (0..many).map(|at| {
        let said = memory(agent, "common words", i64::try_from(at).unwrap());
        store.commit(batch(Epoch(0), vec![remembered(&said)]))
    });
    for committed in join_all(commits).await {
        committed.unwrap();
    }
    let connection = Connection::open(store.file()).unwrap();
    let sql = "SELECT count(*) FROM memory_words_docsize";
    let indexed: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(indexed.cast_unsigned() + BEHIND_MAX >= many, "{indexed} of {many}");
}
