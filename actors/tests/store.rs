//! The store in memory keeps what every store promises, and its switches do what they say.

use std::sync::Arc;

use futures::FutureExt;
use greenroom_actors::conformance;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::{Batch, Committed, Fact};
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::Store;
use greenroom_actors::time::UnixMillis;

fn halting() -> Batch {
    Batch { facts: vec![Fact::FleetHalted(true)], ..Batch::default() }
}

fn is_halted(store: &MemoryStore) -> bool {
    store.is_halted().now_or_never() == Some(Ok(true))
}

#[tokio::test]
async fn it_keeps_what_every_store_promises() {
    conformance::check(|| Arc::new(MemoryStore::new())).await;
}

#[test]
fn a_write_is_ready_at_once() {
    let store = MemoryStore::new();
    let committed = Committed { affected: vec![1], ..Committed::default() };
    assert_eq!(store.commit(halting()).now_or_never(), Some(Ok(committed)));
    assert!(is_halted(&store.clone()), "clones share what is kept");
}

#[test]
fn it_panics_once_when_told_to_and_goes_on_unharmed() {
    let store = MemoryStore::new();
    store.panic_on_next_commit();
    let told = store.clone();
    assert!(std::panic::catch_unwind(move || drop(told.commit(halting()))).is_err());
    assert!(!is_halted(&store));
    assert!(store.commit(halting()).now_or_never().unwrap().is_ok());
}

#[test]
fn it_fails_once_when_told_to_and_changes_nothing() {
    let store = MemoryStore::new();
    store.fail_next_commit(StoreError::Full("/data".into()));
    let failed = store.commit(halting()).now_or_never().unwrap();
    assert_eq!(failed, Err(StoreError::Full("/data".into())));
    assert!(!is_halted(&store));
    assert!(store.commit(halting()).now_or_never().unwrap().is_ok());
}

#[tokio::test]
async fn held_commits_wait_and_are_carried_out_in_order_also_when_nobody_waits() {
    let store = MemoryStore::new();
    store.hold_commits();
    drop(store.commit(halting()));
    let mut lifting =
        store.commit(Batch { facts: vec![Fact::FleetHalted(false)], ..Batch::default() });
    drop(store.commit(halting()));
    assert_eq!((&mut lifting).now_or_never(), None);
    assert_eq!(store.held_commits(), 3);
    assert!(!is_halted(&store));

    store.release_commits();
    assert!(lifting.await.is_ok());
    assert!(is_halted(&store), "the last one was carried out last");
    assert!(store.commit(halting()).now_or_never().is_some(), "later ones are not held");
}

#[tokio::test]
async fn a_held_commit_is_fenced_by_a_boot_that_comes_before_its_release() {
    let store = MemoryStore::new();
    store.hold_commits();
    let held = store.commit(halting());
    store.boot(UnixMillis(1)).await.unwrap();
    store.release_commits();
    assert_eq!(held.await, Err(StoreError::Fenced));
    assert!(!is_halted(&store));
}
