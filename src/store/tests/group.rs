//! What group commit promises: order, independence, refusal when full.

use futures::future::join_all;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Epoch;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{AgentQuery, SearchQuery, Store};
use tokio::sync::oneshot;

use super::support::{Place, batch, created, memory, remembered, ticked};
use crate::store::{SqliteStore, StoreSettings};

/// Holds the writer until the sender is used or dropped, so that what follows waits as one group.
async fn hold(store: &SqliteStore) -> oneshot::Sender<()> {
    let (begun, begins) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let held = store.write(move |_| {
        begun.send(()).unwrap();
        let _gone = released.blocking_recv();
        Ok(())
    });
    drop(held);
    begins.await.unwrap();
    release
}

#[tokio::test]
async fn batches_are_numbered_in_the_order_they_were_handed_over() {
    let store = Place::new().open();
    let agent = AgentId::new();
    let release = hold(&store).await;
    let commits: Vec<_> =
        (0..500).map(|at| store.commit(batch(Epoch(0), vec![ticked(agent, at)]))).collect();
    assert_eq!(store.sizes().waiting_writes, 500);
    drop(release);
    for (at, committed) in (0_i64..).zip(join_all(commits).await) {
        let event = committed.unwrap().events.remove(0);
        assert_eq!((event.seq.cast_signed(), event.at.0), (at + 1, at));
    }
    assert_eq!(store.event_bounds(agent).await.unwrap(), Some((1, 500)));
    let sizes = store.sizes();
    assert_eq!((sizes.writes, sizes.groups), (501, 3));
}

#[tokio::test]
async fn a_failing_batch_leaves_its_neighbours_and_nothing_of_itself() {
    let store = Place::new().open();
    let (agent, other) = (AgentId::new(), AgentId::new());
    let kept = memory(agent, "kept words", 1);
    let lost = memory(agent, "lost words", 2);
    let release = hold(&store).await;
    let commits = vec![
        store.commit(batch(Epoch(0), vec![created(agent, "Ada"), ticked(agent, 1)])),
        store.commit(batch(
            Epoch(0),
            vec![ticked(agent, 2), remembered(&lost), ticked(other, 2), created(agent, "Bob")],
        )),
        store.commit(batch(Epoch(0), vec![ticked(agent, 3), remembered(&kept), ticked(other, 3)])),
    ];
    drop(release);
    let outcomes = join_all(commits).await;
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1], Err(StoreError::Exists { what: "agent", id: agent.0 }));
    let seqs: Vec<_> = outcomes[2].as_ref().unwrap().events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [2, 1]);
    assert_eq!(
        store.agents(AgentQuery { limit: 9, ..AgentQuery::default() }).await.unwrap().len(),
        1
    );
    let query = SearchQuery {
        agent_id: agent,
        kind: None,
        room_id: None,
        text: "words".to_owned(),
        embedding: None,
        limit: 9,
    };
    let found = store.search(query).await.unwrap();
    assert_eq!(found.into_iter().map(|scored| scored.memory).collect::<Vec<_>>(), [kept]);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_keeps_what_it_took() {
    let place = Place::new();
    let settings = StoreSettings { queue_max: 3, ..place.settings.clone() };
    let store = SqliteStore::open(&settings).unwrap();
    let agent = AgentId::new();
    let release = hold(&store).await;
    let taken: Vec<_> =
        (0..3).map(|at| store.commit(batch(Epoch(0), vec![ticked(agent, at)]))).collect();
    let refused = store.commit(batch(Epoch(0), vec![ticked(agent, 9)])).await;
    assert_eq!(refused, Err(StoreError::Busy));
    drop(release);
    assert!(join_all(taken).await.iter().all(Result::is_ok));
    assert_eq!(store.event_bounds(agent).await.unwrap(), Some((1, 3)));
}

#[tokio::test]
async fn a_write_is_carried_out_though_nobody_waits_for_it() {
    let store = Place::new().open();
    let agent = AgentId::new();
    drop(store.commit(batch(Epoch(0), vec![ticked(agent, 1)])));
    store.commit(batch(Epoch(0), vec![ticked(agent, 2)])).await.unwrap();
    assert_eq!(store.events(agent, 0, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_panic_in_a_write_fails_its_group_and_the_writer_lives_on() {
    let store = Place::new().open();
    let agent = AgentId::new();
    let panicked = store.write::<()>(|_| panic!("a fault of ours")).await;
    assert!(matches!(panicked, Err(StoreError::Failed(_))));
    let next = store.commit(batch(Epoch(0), vec![ticked(agent, 1)])).await.unwrap();
    assert_eq!(next.events[0].seq, 1);
}

#[tokio::test]
async fn a_full_disk_is_said_and_what_was_acknowledged_stays() {
    let store = Place::new().open();
    let agent = AgentId::new();
    store.commit(batch(Epoch(0), vec![ticked(agent, 1)])).await.unwrap();
    let limit = |pages: i64| {
        store.write(move |writing| {
            let connection = writing.connection;
            Ok(connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        })
    };
    limit(1).await.unwrap();
    let long = "word ".repeat(100_000);
    let release = hold(&store).await;
    let commits = [
        store.commit(batch(Epoch(0), vec![ticked(agent, 2)])),
        store.commit(batch(Epoch(0), vec![remembered(&memory(agent, &long, 3))])),
    ];
    drop(release);
    for outcome in join_all(commits).await {
        assert!(matches!(outcome, Err(StoreError::Full(_))), "{outcome:?}");
    }
    limit(1_000_000).await.unwrap();
    let next = store.commit(batch(Epoch(0), vec![ticked(agent, 4)])).await.unwrap();
    assert_eq!(next.events[0].seq, 2);
    assert_eq!(store.events(agent, 0, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_long_read_delays_no_write_though_the_log_outgrows_its_bound() {
    let place = Place::new();
    let settings = StoreSettings {
        wal_checkpoint_bytes: 4096,
        wal_max_bytes: 64 * 1024,
        ..place.settings.clone()
    };
    let store = SqliteStore::open(&settings).unwrap();
    let agent = AgentId::new();
    store.commit(batch(Epoch(0), vec![ticked(agent, 0)])).await.unwrap();
    let (begun, begins) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let long = store.read(move |connection| {
        let snapshot = connection.unchecked_transaction()?;
        let seen = |_: ()| super::super::events::bounds(&snapshot, agent);
        let before = seen(())?;
        begun.send(()).unwrap();
        let _gone = released.blocking_recv();
        assert_eq!(seen(())?, before);
        Ok(())
    });
    begins.await.unwrap();
    let text = "word ".repeat(1000);
    for at in 0..40 {
        let said = remembered(&memory(agent, &text, at));
        let write = store.commit(batch(Epoch(0), vec![ticked(agent, at), said]));
        tokio::time::timeout(std::time::Duration::from_secs(4), write).await.unwrap().unwrap();
    }
    assert!(store.sizes().wal_bytes > settings.wal_max_bytes);
    drop(release);
    long.await.unwrap();
    for at in 0..40 {
        let said = remembered(&memory(agent, &text, at));
        store.commit(batch(Epoch(0), vec![said])).await.unwrap();
    }
    assert!(store.sizes().wal_bytes <= settings.wal_max_bytes + 16 * 4096, "{:?}", store.sizes());
}
