//! Snapshots hold up nobody, and end when nobody wants them.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Epoch;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{Kept, SNAPSHOT_PAGE, Snapshot, SnapshotQuery, Store};
use tokio::sync::Semaphore;

use super::support::{Place, batch, created, memory, remembered};
use crate::store::SqliteStore;
use crate::store::snapshot::{AT_ONCE, Snapshots};

/// An agent of so many memories, each of that text.
async fn remembering(store: &SqliteStore, many: usize, text: &str) -> SnapshotQuery {
    let agent = AgentId::new();
    let mut facts = vec![created(agent, "Ada")];
    facts.extend((0_i64..).take(many).map(|at| remembered(&memory(agent, text, at))));
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    SnapshotQuery { agent, logs: true, embeddings: true }
}

/// More pages than wait to be taken.
const MANY: usize = 10 * SNAPSHOT_PAGE;

/// Waits until so many snapshots may be read.
async fn free(turns: &Arc<Semaphore>, many: usize) {
    let many = u32::try_from(many).unwrap();
    drop(turns.acquire_many(many).await.unwrap());
}

async fn all(snapshot: Snapshot) -> Vec<Result<Vec<Kept>, StoreError>> {
    snapshot.collect().await
}

fn things(pages: &[Result<Vec<Kept>, StoreError>]) -> usize {
    pages.iter().flatten().map(Vec::len).sum()
}

#[tokio::test]
async fn so_many_snapshots_are_read_at_once_and_one_that_is_dropped_makes_room() {
    let place = Place::new();
    let store = place.open();
    let query = remembering(&store, MANY, "words").await;
    let mut under_way: Vec<_> = (0..AT_ONCE).map(|_| store.snapshot(query)).collect();
    assert_eq!(all(store.snapshot(query)).await, [Err(StoreError::Busy)]);
    drop(under_way.pop());
    free(&store.inner.snapshots.turns, 1).await;
    // The agent itself, and the one entity and the room that its memories name.
    assert_eq!(things(&all(store.snapshot(query)).await), MANY + 3);
    drop(under_way);
    free(&store.inner.snapshots.turns, AT_ONCE).await;
}

#[tokio::test]
async fn a_snapshot_that_is_open_delays_neither_writes_nor_questions() {
    let place = Place::new();
    let store = place.open();
    let query = remembering(&store, MANY, "words").await;
    let mut under_way: Vec<_> = (0..AT_ONCE).map(|_| store.snapshot(query)).collect();
    for snapshot in &mut under_way {
        snapshot.next().await.unwrap().unwrap();
    }
    let late = memory(query.agent, "late", 1);
    store.commit(batch(Epoch(0), vec![remembered(&late)])).await.unwrap();
    assert_eq!(store.memory(query.agent, late.id).await.unwrap(), Some(late));
    for snapshot in under_way {
        assert_eq!(things(&all(snapshot).await), MANY + 3 - SNAPSHOT_PAGE);
    }
}

#[tokio::test]
async fn a_store_that_closes_ends_its_snapshots_and_says_so() {
    let place = Place::new();
    let store = place.open();
    let query = remembering(&store, MANY, "words").await;
    let mut snapshot = store.snapshot(query);
    snapshot.next().await.unwrap().unwrap();
    store.close();
    let rest = all(snapshot).await;
    assert_eq!(rest.last(), Some(&Err(StoreError::Closed)));
    assert_eq!(all(store.snapshot(query)).await, [Err(StoreError::Closed)]);
}

#[tokio::test]
async fn a_snapshot_that_is_not_read_on_ends_and_is_not_taken_for_a_whole_one() {
    let place = Place::new();
    let store = place.open();
    let query = remembering(&store, MANY, "words").await;
    let snapshots = Snapshots::with(Duration::from_millis(1));
    let snapshot = snapshots.open(store.file().into(), query);
    free(&snapshots.turns, AT_ONCE).await;
    let pages = all(snapshot).await;
    assert!(things(&pages) < MANY);
    assert!(matches!(pages.last(), Some(Err(StoreError::Failed(_)))), "{:?}", pages.last());
}

#[tokio::test]
async fn pages_of_long_texts_hold_fewer() {
    let place = Place::new();
    let store = place.open();
    let query = remembering(&store, 40, &"word ".repeat(40_000)).await;
    let pages = all(store.snapshot(query)).await;
    assert_eq!(things(&pages), 43);
    assert!(pages.iter().flatten().all(|page| page.len() <= 9), "of 200 kB each");
}
