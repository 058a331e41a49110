//! Messages beyond what every store has to keep: their words, and what removal leaves.

use greenroom_actors::channels::{ChannelMessage, MessageServer};
use greenroom_actors::facts::{Epoch, Fact};
use greenroom_actors::ids::ChannelId;
use greenroom_actors::ports::{MessageQuery, Store};

use super::support::{Place, batch, message, opened, said};
use crate::store::{SqliteStore, verify};

async fn found(store: &SqliteStore, channel: Option<ChannelId>, text: &str) -> Vec<String> {
    let query = MessageQuery {
        channel_id: channel,
        text: Some(text.to_owned()),
        limit: 99,
        ..MessageQuery::default()
    };
    let found = store.messages(query).await.unwrap();
    found.into_iter().map(|message| message.content).collect()
}

#[tokio::test]
async fn messages_are_found_whatever_accents_and_length() {
    let store = Place::new().open();
    let (channel, other) = (ChannelId::new(), ChannelId::new());
    let long = "x".repeat(5000);
    let texts = ["un café crème", "re\u{301}sume\u{301} of work", &long];
    let mut facts = Vec::from(opened(channel));
    facts.extend(opened(other));
    facts.extend(texts.iter().map(|text| said(&message(channel, text, 1))));
    facts.push(said(&message(other, "cafe of another channel", 1)));
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    for (asked, answer) in [
        ("cafe", texts[0]),
        ("CRÈME? CAFÉ!", texts[0]),
        ("résumé work", texts[1]),
        (&long, texts[2]),
    ] {
        assert_eq!(found(&store, Some(channel), asked).await, [answer], "{asked}");
    }
    assert_eq!(found(&store, None, "cafe").await.len(), 2);
    // A channel's id is not among the words that are said in it.
    let id = channel.0.simple().to_string();
    for asked in [&id, &channel.to_string(), "channel_word"] {
        assert!(found(&store, None, asked).await.is_empty());
        assert!(found(&store, Some(channel), asked).await.is_empty());
    }
}

#[tokio::test]
async fn words_of_a_message_are_the_newest_whatever_happened_in_one_group() {
    let store = Place::new().open();
    let channel = ChannelId::new();
    let (first, second) = (message(channel, "first", 1), message(channel, "second", 2));
    let revised = ChannelMessage { content: "revised".to_owned(), ..second.clone() };
    let removed = Fact::MessageRemoved { channel_id: channel, id: first.id };
    let mut facts = Vec::from(opened(channel));
    facts.extend([said(&first), removed.clone(), said(&second), said(&revised), said(&first)]);
    facts.push(removed);
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    for (asked, answers) in [("first", 0), ("second", 0), ("revised", 1)] {
        assert_eq!(found(&store, Some(channel), asked).await.len(), answers, "{asked}");
    }
    let failing = vec![
        said(&ChannelMessage { content: "third".to_owned(), ..second.clone() }),
        said(&message(ChannelId::new(), "nowhere", 3)),
    ];
    store.commit(batch(Epoch(0), failing)).await.unwrap_err();
    assert_eq!(found(&store, None, "third").await.len(), 0);
    assert_eq!(found(&store, None, "revised").await.len(), 1);
}

#[tokio::test]
async fn a_server_of_many_messages_goes_without_a_trace() {
    let place = Place::new();
    let store = place.open();
    let channel = ChannelId::new();
    let mut facts = Vec::from(opened(channel));
    facts.extend((0..3000).map(|at| said(&message(channel, "common words", at))));
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    let removed = vec![Fact::ServerRemoved(MessageServer::DEFAULT)];
    store.commit(batch(Epoch(0), removed)).await.unwrap();
    assert!(found(&store, None, "common").await.is_empty());
    store.close();
    let report = verify(&store.file()).unwrap();
    assert!(report.is_whole(), "{report:?}");
    let left: Vec<_> = report.rows.iter().filter(|(_, rows)| *rows > 0).cloned().collect();
    assert_eq!(left, [("host".to_owned(), 1), ("indexed".to_owned(), 2)]);
}
