//! What is shared is kept whole or not at all, and whoever follows a channel misses nothing.

use futures::FutureExt;
use greenroom_actors::channels::{
    Channel, ChannelEvent, ChannelEventKind, MessageServer, NewChannelEvent,
};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::{Fact, NewEvent};
use greenroom_actors::feed::{ChannelEventStream, Fed};
use greenroom_actors::ids::{AgentId, ChannelId, ServerId};
use greenroom_actors::ports::{Retention, Store};
use greenroom_actors::time::UnixMillis;
use serde_json::Map;

use crate::support::{Stage, settings};

fn said(channel_id: ChannelId) -> Fact {
    let (at, kind) = (UnixMillis(1), ChannelEventKind::Said);
    Fact::ChannelHappened(NewChannelEvent { channel_id, at, kind, data: Map::new() })
}

fn channel(id: ChannelId, server_id: ServerId) -> Fact {
    Fact::ChannelMet(Box::new(Channel {
        id,
        server_id,
        name: "Lobby".to_owned(),
        kind: "GROUP".to_owned(),
        source_type: None,
        source_id: None,
        topic: None,
        metadata: None,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
    }))
}

fn default_server() -> Fact {
    Fact::ServerMet(Box::new(MessageServer {
        id: MessageServer::DEFAULT,
        name: "Default Server".to_owned(),
        source_type: "eliza_default".to_owned(),
        source_id: None,
        metadata: None,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
    }))
}

/// The numbers of what is there to be read at once; a gap as the last number that is missing.
async fn numbers(feed: &mut ChannelEventStream) -> Vec<Result<u64, u64>> {
    let mut numbers = Vec::new();
    while let Some(fed) = feed.next().now_or_never() {
        numbers.push(match fed.unwrap() {
            Fed::Event(event) => Ok(event.seq),
            Fed::Gap { through } => Err(through),
        });
    }
    numbers
}

#[actix::test]
async fn a_follower_sees_every_event_of_its_channel_once_and_in_order() {
    let stage = Stage::set().await;
    let (here, there) = (ChannelId::new(), ChannelId::new());
    let keep = async |facts| stage.registry.keep(facts).await.unwrap().channel_events;
    let events = keep(vec![said(here), said(there), said(here)]).await;
    let seqs: Vec<_> = events.iter().map(|event: &ChannelEvent| event.seq).collect();
    assert_eq!(seqs, [1, 1, 2]);

    let mut feed = stage.registry.subscribe_channel(here, 1);
    assert_eq!(numbers(&mut feed).await, [Ok(2)]);
    keep(vec![said(there), said(here)]).await;
    keep(vec![said(there)]).await;
    assert_eq!(numbers(&mut feed).await, [Ok(3)]);
    let mut late = stage.registry.subscribe_channel(here, 0);
    assert_eq!(numbers(&mut late).await, [Ok(1), Ok(2), Ok(3)]);
}

#[actix::test]
async fn a_slow_follower_reads_what_it_missed_and_is_told_of_what_is_gone() {
    let lag_max = settings().subscriber_lag_max;
    let stage = Stage::set().await;
    let channel = ChannelId::new();
    let mut feed = stage.registry.subscribe_channel(channel, 0);
    for _ in 0..lag_max + 10 {
        stage.registry.keep(vec![said(channel)]).await.unwrap();
    }
    let last = u64::from(lag_max) + 10;
    assert!(numbers(&mut feed).await.into_iter().eq((1..=last).map(Ok)));

    let retention = Retention { events_per_channel: 2, ..Retention::default() };
    stage.store.prune(retention, UnixMillis(2)).await.unwrap();
    let mut late = stage.registry.subscribe_channel(channel, 0);
    assert_eq!(numbers(&mut late).await, [Err(last - 2), Ok(last - 1), Ok(last)]);
}

#[actix::test]
async fn a_follower_is_told_though_whoever_wrote_has_left() {
    let stage = Stage::set().await;
    let channel = ChannelId::new();
    let mut feed = stage.registry.subscribe_channel(channel, 0);
    assert_eq!(numbers(&mut feed).await, []);
    stage.store.hold_commits();
    assert!(stage.registry.keep(vec![said(channel)]).now_or_never().is_none());
    stage.clock.settle().await;
    stage.store.release_commits();
    stage.clock.settle().await;
    assert_eq!(numbers(&mut feed).await, [Ok(1)]);
}

#[actix::test]
async fn what_is_shared_is_kept_whole_or_not_at_all() {
    let stage = Stage::set().await;
    let lobby = ChannelId::new();
    let facts = vec![default_server(), channel(lobby, MessageServer::DEFAULT), said(lobby)];
    assert_eq!(stage.registry.keep(facts).await.unwrap().affected, [1, 1, 1]);
    assert_eq!(stage.store.channel(lobby).await.unwrap().unwrap().name, "Lobby");

    let (nowhere, other) = (ServerId::new(), ChannelId::new());
    let failed = stage.registry.keep(vec![said(lobby), channel(other, nowhere)]).await;
    let missing = StoreError::Missing { what: "server", id: nowhere.0 };
    assert_eq!(failed, Err(CoreError::Store(missing)));
    assert_eq!(stage.store.channel_events(lobby, 0, 9).await.unwrap().len(), 1);
}

#[actix::test]
async fn what_is_of_one_agent_is_not_kept_behind_its_back() {
    let stage = Stage::set().await;
    let id = stage.create("Ada").await;
    let channel = ChannelId::new();
    let kinds = stage.kinds(id).await;
    let happened = |agent_id: AgentId| {
        let (at, kind) = (UnixMillis(1), greenroom_actors::facts::EventKind::Started);
        Fact::Happened(NewEvent { agent_id, at, kind, data: Map::new() })
    };
    for fact in [
        happened(id),
        Fact::AgentRemoved { id, keep_memories: false },
        Fact::LifecycleChanged { id, lifecycle: Default::default() },
        Fact::ForgotAll { agent_id: id, kind: None, room_id: None },
        Fact::FleetHalted(true),
    ] {
        let refused = stage.registry.keep(vec![said(channel), fact]).await;
        assert!(matches!(refused, Err(CoreError::Invalid { field: "facts", .. })), "{refused:?}");
    }
    assert_eq!(stage.kinds(id).await, kinds);
    assert_eq!(stage.store.channel_events(channel, 0, 9).await.unwrap(), []);
}
