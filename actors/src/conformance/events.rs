//! Events: numbers without gaps.

use crate::facts::{Event, EventKind, Fact, NewEvent};
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, content, created, happened};

fn event(kind: EventKind, at: i64) -> NewEvent {
    NewEvent { agent_id: ADA, at: UnixMillis(at), kind, data: content("what happened") }
}

pub(super) async fn each_agent_has_its_own_sequence_from_one(on: Subject) {
    let on = on.with_agents().await;
    let committed =
        on.keep([happened(ADA, 10), happened(BOB, 11), happened(ADA, 12), happened(ADA, 5)]).await;
    let numbers: Vec<_> = committed.events.iter().map(|e| (e.agent_id, e.seq, e.at.0)).collect();
    assert_eq!(numbers, [(ADA, 1, 10), (BOB, 1, 11), (ADA, 2, 12), (ADA, 3, 5)]);
    assert_eq!(committed.affected, [1, 1, 1, 1]);
    let next = on.keep([happened(BOB, 13), happened(ADA, 13)]).await;
    assert_eq!(next.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 4]);

    let mut of_ada = committed.events;
    of_ada.extend(next.events);
    of_ada.retain(|event| event.agent_id == ADA);
    assert_eq!(on.events(ADA, 0, 9).await.unwrap(), of_ada);
    assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((1, 4)));
    assert_eq!(on.event_bounds(BOB).await.unwrap(), Some((1, 2)));
}

pub(super) async fn a_failed_batch_leaves_no_gap(on: Subject) {
    let on = on.with_agents().await;
    on.keep([happened(ADA, 10)]).await;
    on.try_keep([happened(ADA, 11), happened(ADA, 12), created(ADA, "Ada")]).await.unwrap_err();
    let committed = on.keep([happened(ADA, 13)]).await;
    assert_eq!(committed.events[0].seq, 2);
}

pub(super) async fn events_are_read_from_a_number_on(on: Subject) {
    let on = on.with_agents().await;
    on.keep((1..=5).map(|at| happened(ADA, at)).collect::<Vec<_>>()).await;
    for (after, limit, expected) in [
        (0, u32::MAX, vec![1, 2, 3, 4, 5]),
        (0, 2, vec![1, 2]),
        (2, 2, vec![3, 4]),
        (4, 9, vec![5]),
        (5, 9, vec![]),
        (u64::MAX, 9, vec![]),
        (0, 0, vec![]),
    ] {
        let events = on.events(ADA, after, limit).await.unwrap();
        let numbers: Vec<_> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, expected, "{limit} after {after}");
    }
    assert_eq!(on.events(BOB, 0, 9).await.unwrap(), []);
}

pub(super) async fn every_kind_of_event_is_kept(on: Subject) {
    let on = on.with_agents().await;
    let facts: Vec<_> = EventKind::ALL
        .iter()
        .zip(1_700_000_000_000..)
        .map(|(kind, at)| Fact::Happened(event(*kind, at)))
        .collect();
    let committed = on.keep(facts).await;
    let expected: Vec<_> = EventKind::ALL
        .iter()
        .zip(1_700_000_000_000..)
        .zip(1..)
        .map(|((kind, at), seq)| {
            let NewEvent { agent_id, at, kind, data } = event(*kind, at);
            Event { agent_id, seq, at, kind, data }
        })
        .collect();
    assert_eq!(committed.events, expected);
    assert_eq!(on.events(ADA, 0, u32::MAX).await.unwrap(), expected);
}
