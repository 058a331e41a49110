//! Events of channels: numbers without gaps.

use crate::channels::{ChannelEvent, ChannelEventKind, NewChannelEvent};
use crate::facts::Fact;
use crate::ids::ChannelId;
use crate::time::UnixMillis;

use super::kit::{ADA, Subject, channel_happened, content, created, happened, id};

pub(super) async fn each_channel_has_its_own_sequence_from_one(on: Subject) {
    let on = on.with_agents().await;
    let committed = on
        .keep([
            channel_happened(1, 10),
            happened(ADA, 10),
            channel_happened(2, 11),
            channel_happened(1, 12),
            channel_happened(1, 5),
        ])
        .await;
    let seqs: Vec<_> = committed
        .channel_events
        .iter()
        .map(|event| (event.channel_id.0.as_u128(), event.seq, event.at.0))
        .collect();
    assert_eq!(seqs, [(1, 1, 10), (2, 1, 11), (1, 2, 12), (1, 3, 5)]);
    assert_eq!(committed.affected, [1; 5]);
    assert_eq!(committed.events.len(), 1, "an agent's are apart");
    let next = on.keep([channel_happened(2, 13), channel_happened(1, 13)]).await;
    assert_eq!(next.channel_events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(next.events, []);

    let mut of_one = committed.channel_events;
    of_one.extend(next.channel_events);
    of_one.retain(|event| event.channel_id == id(1));
    assert_eq!(on.channel_events(id(1), 0, 9).await.unwrap(), of_one);
    assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((1, 1)));
    assert_eq!(on.channel_event_bounds(id(1)).await.unwrap(), Some((1, 4)));
    assert_eq!(on.channel_event_bounds(id(3)).await.unwrap(), None);
}

pub(super) async fn a_failed_batch_leaves_no_gap_in_a_channel(on: Subject) {
    let on = on.with_agents().await;
    on.keep([channel_happened(1, 10)]).await;
    let failing = [channel_happened(1, 11), channel_happened(2, 11), created(ADA, "Ada")];
    on.try_keep(failing).await.unwrap_err();
    let committed = on.keep([channel_happened(1, 12), channel_happened(2, 12)]).await;
    assert_eq!(committed.channel_events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 1]);
}

pub(super) async fn events_of_a_channel_are_read_from_a_number_on(on: Subject) {
    on.keep((1..=5).map(|at| channel_happened(1, at)).collect::<Vec<_>>()).await;
    for (after, limit, expected) in [
        (0, u32::MAX, vec![1, 2, 3, 4, 5]),
        (0, 2, vec![1, 2]),
        (2, 2, vec![3, 4]),
        (4, 9, vec![5]),
        (5, 9, vec![]),
        (u64::MAX, 9, vec![]),
        (0, 0, vec![]),
    ] {
        let events = on.channel_events(id(1), after, limit).await.unwrap();
        let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, expected, "{limit} after {after}");
    }
    assert_eq!(on.channel_events(id(2), 0, 9).await.unwrap(), []);
}

pub(super) async fn every_kind_of_event_of_a_channel_is_kept(on: Subject) {
    let channel_id: ChannelId = id(1);
    let kinds = || ChannelEventKind::ALL.into_iter().zip(1_700_000_000_000..);
    let data = || content("what happened");
    let facts: Vec<_> = kinds()
        .map(|(kind, at)| {
            let at = UnixMillis(at);
            Fact::ChannelHappened(NewChannelEvent { channel_id, at, kind, data: data() })
        })
        .collect();
    let expected: Vec<_> = kinds()
        .zip(1..)
        .map(|((kind, at), seq)| {
            let at = UnixMillis(at);
            ChannelEvent { channel_id, seq, at, kind, data: data() }
        })
        .collect();
    assert_eq!(on.keep(facts).await.channel_events, expected);
    assert_eq!(on.channel_events(channel_id, 0, u32::MAX).await.unwrap(), expected);
}
