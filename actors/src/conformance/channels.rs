//! Message servers, their channels, and who takes part.

use crate::channels::{Channel, MessageServer};
use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::{AgentId, EntityId, ServerId};
use crate::ports::MessageQuery;
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, channel, channel_happened, channel_set, id, job, job_set, joined, message,
    message_set, server, server_set, session, session_set,
};

fn met(channel: &Channel) -> Fact {
    Fact::ChannelMet(Box::new(channel.clone()))
}

fn numbers(channels: &[Channel]) -> Vec<u128> {
    channels.iter().map(|channel| channel.id.0.as_u128()).collect()
}

async fn members(on: &Subject, channel: u128) -> Vec<(u128, i64)> {
    let members = on.channel_participants(id(channel)).await.unwrap();
    members.iter().map(|(user, since)| (user.0.as_u128(), since.0)).collect()
}

pub(super) async fn a_server_is_set_met_and_removed(on: Subject) {
    let full = MessageServer { id: MessageServer::DEFAULT, ..server(1, 1_700_000_000_000) };
    let bare = MessageServer { source_id: None, metadata: None, ..server(2, 10) };
    for server in [&full, &bare] {
        assert_eq!(on.affected(server_set(server)).await, 1);
        assert_eq!(on.message_server(server.id).await.unwrap().as_ref(), Some(server));
    }
    let other = MessageServer { name: "other".into(), ..server(2, 20) };
    assert_eq!(on.affected(Fact::ServerMet(Box::new(other.clone()))).await, 0);
    assert_eq!(on.message_servers().await.unwrap(), [bare, full.clone()], "oldest first");
    assert_eq!(on.affected(server_set(&other)).await, 1);
    let third = server(3, 5);
    assert_eq!(on.affected(Fact::ServerMet(Box::new(third.clone()))).await, 1);
    assert_eq!(on.message_servers().await.unwrap(), [third, other, full]);

    assert_eq!(on.affected(Fact::ServerRemoved(id(2))).await, 1);
    assert_eq!(on.affected(Fact::ServerRemoved(id(2))).await, 0);
    assert_eq!(on.message_server(id(2)).await.unwrap(), None);
    assert_eq!(on.message_servers().await.unwrap().len(), 2);
}

pub(super) async fn agents_take_part_in_servers(on: Subject) {
    let on = on.with_agents().await;
    let enlisted = |server, agent_id: AgentId, at| Fact::Enlisted {
        server_id: id(server),
        agent_id,
        at: UnixMillis(at),
    };
    on.keep([server_set(&server(1, 10)), server_set(&server(2, 10))]).await;
    let committed = on
        .keep([
            enlisted(1, ADA, 30),
            enlisted(1, BOB, 20),
            enlisted(2, ADA, 10),
            enlisted(1, BOB, 90),
        ])
        .await;
    assert_eq!(committed.affected, [1, 1, 1, 0]);
    assert_eq!(on.enlisted(id(1)).await.unwrap(), [BOB, ADA], "longest first");
    assert_eq!(on.servers_of(ADA).await.unwrap(), [id(2), id::<ServerId>(1)]);
    assert_eq!(on.servers_of(id(9)).await.unwrap(), []);
    assert_eq!(on.enlisted(id(9)).await.unwrap(), []);

    let delisted = Fact::Delisted { server_id: id(1), agent_id: BOB };
    let committed = on.keep([delisted.clone(), delisted]).await;
    assert_eq!(committed.affected, [1, 0]);
    assert_eq!(on.enlisted(id(1)).await.unwrap(), [ADA]);
    assert_eq!(on.servers_of(BOB).await.unwrap(), []);
    on.keep([Fact::ServerRemoved(id(1))]).await;
    assert_eq!(on.enlisted(id(1)).await.unwrap(), []);
    assert_eq!(on.servers_of(ADA).await.unwrap(), [id::<ServerId>(2)]);
}

pub(super) async fn a_channel_is_set_and_met(on: Subject) {
    on.keep([server_set(&server(1, 10)), server_set(&server(2, 10))]).await;
    let full = channel(1, 1_700_000_000_000);
    let bare = Channel {
        source_type: None,
        source_id: None,
        topic: None,
        metadata: None,
        ..channel(2, 10)
    };
    for channel in [&full, &bare] {
        assert_eq!(on.affected(channel_set(channel)).await, 1);
        assert_eq!(on.channel(channel.id).await.unwrap().as_ref(), Some(channel));
    }
    let other = Channel { server_id: id(2), topic: None, ..channel(1, 20) };
    assert_eq!(on.affected(met(&other)).await, 0);
    assert_eq!(on.channel(id(1)).await.unwrap(), Some(full));
    assert_eq!(on.affected(channel_set(&other)).await, 1);
    assert_eq!(on.channel(id(1)).await.unwrap().as_ref(), Some(&other));
    assert_eq!(on.affected(met(&channel(3, 30))).await, 1);
    assert_eq!(numbers(&on.channels(id(1), 0, 9).await.unwrap()), [2, 3]);
    assert_eq!(on.channels(id(2), 0, 9).await.unwrap(), [other]);
}

pub(super) async fn channels_come_in_pages_oldest_first(on: Subject) {
    on.keep([server_set(&server(1, 10))]).await;
    for (number, at) in [(4, 40), (1, 30), (3, 10), (2, 20)] {
        on.keep([channel_set(&channel(number, at))]).await;
    }
    for (offset, limit, expected) in [
        (0, u32::MAX, vec![3, 2, 1, 4]),
        (0, 2, vec![3, 2]),
        (1, 2, vec![2, 1]),
        (3, 9, vec![4]),
        (4, 9, vec![]),
        (u32::MAX, u32::MAX, vec![]),
        (0, 0, vec![]),
    ] {
        let page = on.channels(id(1), offset, limit).await.unwrap();
        assert_eq!(numbers(&page), expected, "{limit} from {offset}");
    }
    assert_eq!(on.channels(id(9), 0, 9).await.unwrap(), []);
}

pub(super) async fn a_channel_is_found_by_its_source(on: Subject) {
    on.keep([server_set(&server(1, 10)), server_set(&server(2, 10))]).await;
    let (first, second) = (channel(1, 10), channel(2, 20));
    let elsewhere =
        Channel { server_id: id(2), source_id: Some("source 1".into()), ..channel(3, 5) };
    let nameless = Channel { source_id: None, ..channel(4, 5) };
    on.keep([&first, &second, &elsewhere, &nameless].map(channel_set)).await;
    for (server, source, expected) in [
        (1, "source 1", Some(&first)),
        (1, "source 2", Some(&second)),
        (2, "source 1", Some(&elsewhere)),
        (2, "source 2", None),
        (1, "", None),
        (1, "SOURCE 1", None),
        (9, "source 1", None),
    ] {
        let found = on.channel_by_source(id(server), source).await.unwrap();
        assert_eq!(found.as_ref(), expected, "{source} of {server}");
    }
}

pub(super) async fn people_take_part_in_channels(on: Subject) {
    on.keep([server_set(&server(1, 10)), channel_set(&channel(1, 10)), joined(2, 5, 5)]).await;
    let committed =
        on.keep([joined(1, 5, 30), joined(1, 3, 10), joined(1, 4, 20), joined(1, 5, 90)]).await;
    assert_eq!(committed.affected, [1, 1, 1, 0]);
    assert_eq!(members(&on, 1).await, [(3, 10), (4, 20), (5, 30)], "longest first");
    let left = |user| Fact::ChannelLeft { channel_id: id(1), user_id: id(user) };
    assert_eq!(on.keep([left(3), left(3), left(9)]).await.affected, [1, 0, 0]);
    assert_eq!(members(&on, 1).await, [(4, 20), (5, 30)]);
    assert_eq!(members(&on, 2).await, [(5, 5)]);
    on.keep([joined(1, 3, 40)]).await;
    assert_eq!(members(&on, 1).await, [(4, 20), (5, 30), (3, 40)], "who left comes anew");
}

pub(super) async fn two_have_the_oldest_channel_that_is_theirs_alone(on: Subject) {
    on.keep([server_set(&server(1, 10)), server_set(&server(2, 10))]).await;
    let members: [(u128, &[u128]); 8] = [
        (1, &[2, 3, 4]),
        (2, &[2]),
        (3, &[2, 3]),
        (4, &[3, 2]),
        (5, &[2, 3]),
        (6, &[3, 4]),
        (7, &[]),
        (8, &[2, 3]),
    ];
    for (number, users) in members {
        // 3 is a group, 8 on another server; of the others 5 is older than 4.
        let dm = Channel {
            kind: if number == 3 { "GROUP" } else { "DM" }.into(),
            server_id: id(if number == 8 { 2 } else { 1 }),
            ..channel(number, 100 - i64::try_from(number).unwrap())
        };
        on.keep([channel_set(&dm)]).await;
        on.keep(users.iter().map(|user| joined(number, *user, 10)).collect::<Vec<_>>()).await;
    }
    let found = async |server: u128, one: u128, other: u128| {
        let found = on.dm_channel(id(server), id(one), id(other)).await.unwrap();
        found.map(|channel| channel.id.0.as_u128())
    };
    for (server, one, other, expected) in [
        (1, 2, 3, Some(5)),
        (1, 3, 2, Some(5)),
        (2, 3, 2, Some(8)),
        (1, 4, 3, Some(6)),
        (1, 2, 4, None),
        (1, 2, 2, Some(2)),
        (1, 3, 3, None),
        (1, 2, 9, None),
        (9, 2, 3, None),
    ] {
        assert_eq!(found(server, one, other).await, expected, "{one} and {other} on {server}");
    }
    let left: EntityId = id(3);
    on.keep([Fact::ChannelLeft { channel_id: id(5), user_id: left }, joined(6, 5, 10)]).await;
    assert_eq!(found(1, 2, 3).await, Some(4));
    assert_eq!(found(1, 3, 4).await, None);
}

/// Gives the channel something of everything; ids are the channel's number and more.
async fn furnish(on: &Subject, number: u128) {
    on.keep([
        channel_set(&channel(number, 10)),
        joined(number, 2, 10),
        message_set(&message(number, number + 1, 10, "teapots are round")),
        channel_happened(number, 10),
        session_set(&session(ADA, number, number + 2, 10)),
        job_set(&job(BOB, number, number + 3, 10)),
    ])
    .await;
}

/// How many rows of each sort the channel has, events last.
async fn furniture(on: &Subject, number: u128) -> [usize; 8] {
    let words = MessageQuery { text: Some("teapots".into()), ..MessageQuery::of(id(number), 9) };
    [
        on.channel(id(number)).await.unwrap().iter().count(),
        on.channel_participants(id(number)).await.unwrap().len(),
        on.message(id(number + 1)).await.unwrap().iter().count(),
        on.messages(words).await.unwrap().len(),
        on.session(id(number + 2)).await.unwrap().iter().count(),
        on.job(id(number + 3)).await.unwrap().iter().count(),
        on.job_of_channel(id(number)).await.unwrap().iter().count(),
        on.channel_events(id(number), 0, 9).await.unwrap().len(),
    ]
}

pub(super) async fn with_a_channel_goes_all_but_its_events(on: Subject) {
    on.keep([server_set(&server(1, 10))]).await;
    furnish(&on, 100).await;
    furnish(&on, 200).await;
    let removed = Fact::ChannelRemoved(id(100));
    assert_eq!(on.keep([removed.clone(), removed]).await.affected, [1, 0]);
    assert_eq!(furniture(&on, 100).await, [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(furniture(&on, 200).await, [1; 8], "others keep what is theirs");
    let committed = on.keep([channel_happened(100, 20)]).await;
    assert_eq!(committed.channel_events[0].seq, 2, "its sequence goes on");
    furnish(&on, 100).await;
    assert_eq!(furniture(&on, 100).await, [1, 1, 1, 1, 1, 1, 1, 3], "it may come anew");
}

pub(super) async fn with_a_server_go_its_channels(on: Subject) {
    on.keep([server_set(&server(1, 10)), server_set(&server(2, 10))]).await;
    furnish(&on, 100).await;
    furnish(&on, 200).await;
    let moved = Channel { server_id: id(2), ..channel(200, 10) };
    on.keep([channel_set(&moved), Fact::ServerRemoved(id(1))]).await;
    assert_eq!(furniture(&on, 100).await, [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(furniture(&on, 200).await, [1; 8], "a channel that was moved is the other's");
}

pub(super) async fn what_needs_a_server_or_a_channel_fails_without_one(on: Subject) {
    let (nowhere, here) = (channel(1, 10), message(1, 1, 10, "text"));
    let no_server = StoreError::Missing { what: "server", id: id::<ServerId>(1).0 };
    let no_channel = StoreError::Missing { what: "channel", id: nowhere.id.0 };
    for (facts, expected) in [
        (vec![channel_set(&nowhere)], &no_server),
        (vec![met(&nowhere)], &no_server),
        (vec![message_set(&here)], &no_channel),
        (vec![channel_set(&nowhere), server_set(&server(1, 10))], &no_server),
        (vec![server_set(&server(1, 10)), message_set(&here)], &no_channel),
        (vec![server_set(&server(1, 10)), Fact::ServerRemoved(id(1)), met(&nowhere)], &no_server),
        (
            vec![
                server_set(&server(1, 10)),
                channel_set(&nowhere),
                Fact::ChannelRemoved(id(1)),
                message_set(&here),
            ],
            &no_channel,
        ),
        (
            vec![
                server_set(&server(1, 10)),
                channel_set(&nowhere),
                Fact::ServerRemoved(id(1)),
                message_set(&here),
            ],
            &no_channel,
        ),
    ] {
        assert_eq!(on.try_keep(facts.clone()).await.unwrap_err(), *expected, "{facts:?}");
        assert_eq!(on.message_servers().await.unwrap(), []);
        assert_eq!(on.channel(id(1)).await.unwrap(), None);
    }
    on.keep([server_set(&server(1, 10)), channel_set(&nowhere), message_set(&here)]).await;
    let gone = on.try_keep([Fact::ServerRemoved(id(1)), message_set(&here)]).await;
    assert_eq!(gone.unwrap_err(), no_channel);
    assert_eq!(on.message(here.id).await.unwrap(), Some(here), "a failed batch changes nothing");
    let known = Channel { server_id: id(9), ..nowhere };
    let no_server = StoreError::Missing { what: "server", id: id::<ServerId>(9).0 };
    assert_eq!(on.try_keep([met(&known)]).await.unwrap_err(), no_server, "though it is there");
}
