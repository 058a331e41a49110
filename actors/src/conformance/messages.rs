//! What is said in channels, and search in it.

use crate::channels::{Addressed, ChannelMessage};
use crate::facts::Fact;
use crate::ports::MessageQuery;
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, channel, channel_set, id, message, message_set, server, server_set,
};

async fn with_channels(on: Subject) -> Subject {
    let channels = [1, 2].map(|number| channel_set(&channel(number, 10)));
    on.keep([server_set(&server(1, 10))]).await;
    on.keep(channels).await;
    on
}

async fn found(on: &Subject, query: MessageQuery) -> Vec<u128> {
    let asked = query.clone();
    let found = on.messages(query).await.unwrap_or_else(|error| panic!("{asked:?}: {error}"));
    found.iter().map(|message| message.id.0.as_u128()).collect()
}

fn all() -> MessageQuery {
    MessageQuery { limit: u32::MAX, ..MessageQuery::default() }
}

fn words(text: &str) -> MessageQuery {
    MessageQuery { text: Some(text.into()), ..all() }
}

async fn with_texts(on: Subject, texts: &[(u128, &str)]) -> Subject {
    let on = with_channels(on).await;
    for (number, text) in texts {
        on.keep([message_set(&message(1, *number, 10, text))]).await;
    }
    on
}

pub(super) async fn a_message_is_kept_in_full(on: Subject) {
    let on = with_channels(on).await;
    let full = message(1, 1, 1_700_000_000_000, "nul \u{0}, \"quotes\" and 🜁");
    let bare = ChannelMessage {
        raw_message: None,
        in_reply_to: None,
        source_type: None,
        source_id: None,
        metadata: None,
        ..message(1, 2, 10, "")
    };
    let odd = ChannelMessage {
        raw_message: Some(serde_json::Value::Null),
        ..message(2, 3, 10, "raw, but nothing")
    };
    for message in [&full, &bare, &odd] {
        assert_eq!(on.affected(message_set(message)).await, 1);
        assert_eq!(on.message(message.id).await.unwrap().as_ref(), Some(message));
    }
    assert_eq!(on.messages(MessageQuery::of(id(1), 9)).await.unwrap(), [full, bare]);
    assert_eq!(on.message(id(9)).await.unwrap(), None);
}

pub(super) async fn a_message_is_replaced_as_a_whole(on: Subject) {
    let on = with_texts(on, &[(1, "a teapot"), (2, "a cup")]).await;
    let amended = ChannelMessage {
        metadata: None,
        author_id: id(3),
        updated_at: UnixMillis(99),
        ..message(2, 1, 20, "a samovar")
    };
    assert_eq!(on.affected(message_set(&amended)).await, 1);
    assert_eq!(on.message(id(1)).await.unwrap(), Some(amended));
    assert_eq!(found(&on, MessageQuery::of(id(1), 9)).await, [2]);
    assert_eq!(found(&on, MessageQuery::of(id(2), 9)).await, [1]);
    assert_eq!(found(&on, words("teapot")).await, []);
    assert_eq!(found(&on, words("samovar")).await, [1]);
    let here = |channel, text| MessageQuery { channel_id: Some(id(channel)), ..words(text) };
    assert_eq!(found(&on, here(1, "samovar")).await, []);
    assert_eq!(found(&on, here(2, "samovar")).await, [1]);
    on.keep([message_set(&message(1, 1, 20, "a samovar"))]).await;
    assert_eq!(found(&on, here(1, "samovar")).await, [1], "the same words, in another channel");
    assert_eq!(found(&on, here(2, "samovar")).await, []);
}

pub(super) async fn messages_are_listed_newest_first_and_filtered(on: Subject) {
    let on = with_channels(on).await;
    for (channel, number, at, author) in
        [(1, 1, 10, 2), (1, 2, 30, 3), (1, 3, 20, 2), (2, 4, 25, 2), (1, 5, 20, 3)]
    {
        let message =
            ChannelMessage { author_id: id(author), ..message(channel, number, at, "green tea") };
        on.keep([message_set(&message)]).await;
    }
    let here = MessageQuery { channel_id: Some(id(1)), ..all() };
    let (before, after) = (Some(UnixMillis(30)), Some(UnixMillis(10)));
    let text = Some("tea".to_owned());
    for (query, expected) in [
        (all(), vec![2, 4, 5, 3, 1]),
        (here.clone(), vec![2, 5, 3, 1]),
        (MessageQuery { author_id: Some(id(2)), ..all() }, vec![4, 3, 1]),
        (MessageQuery { author_id: Some(id(3)), ..here.clone() }, vec![2, 5]),
        (MessageQuery { author_id: Some(id(9)), ..all() }, vec![]),
        (MessageQuery { channel_id: Some(id(9)), ..all() }, vec![]),
        (MessageQuery { before, ..here.clone() }, vec![5, 3, 1]),
        (MessageQuery { after, ..here.clone() }, vec![2, 5, 3]),
        (MessageQuery { before, after, ..here.clone() }, vec![5, 3]),
        (MessageQuery { before, after, ..all() }, vec![4, 5, 3]),
        (MessageQuery { before, text: text.clone(), ..here.clone() }, vec![5, 3, 1]),
        (MessageQuery { author_id: Some(id(2)), text: text.clone(), ..all() }, vec![4, 3, 1]),
    ] {
        assert_eq!(found(&on, query.clone()).await, expected, "{query:?}");
        let reversed: Vec<_> = expected.iter().rev().copied().collect();
        let oldest_first = MessageQuery { is_oldest_first: true, ..query };
        assert_eq!(found(&on, oldest_first.clone()).await, reversed, "{oldest_first:?}");
    }
    for (offset, limit, is_oldest_first, expected) in [
        (0, 2, false, vec![2, 5]),
        (1, 2, false, vec![5, 3]),
        (3, 9, false, vec![1]),
        (4, 9, false, vec![]),
        (0, 0, false, vec![]),
        (0, 2, true, vec![1, 3]),
        (2, 9, true, vec![5, 2]),
    ] {
        for text in [None, text.clone()] {
            let query = MessageQuery { offset, limit, is_oldest_first, text, ..here.clone() };
            assert_eq!(found(&on, query.clone()).await, expected, "{query:?}");
        }
    }
}

pub(super) async fn messages_are_removed_one_by_one_or_all(on: Subject) {
    let on = with_texts(on, &[(1, "a teapot"), (2, "a teapot"), (3, "a teapot")]).await;
    on.keep([message_set(&message(2, 4, 10, "a teapot"))]).await;
    let removed =
        |channel, number| Fact::MessageRemoved { channel_id: id(channel), id: id(number) };
    let committed = on.keep([removed(1, 1), removed(1, 1), removed(1, 4), removed(2, 9)]).await;
    assert_eq!(committed.affected, [1, 0, 0, 0], "only in its channel");
    assert_eq!(on.message(id(1)).await.unwrap(), None);
    assert_eq!(found(&on, words("teapot")).await, [4, 3, 2]);
    let cleared = Fact::ChannelCleared(id(1));
    assert_eq!(on.keep([cleared.clone(), cleared]).await.affected, [2, 0]);
    assert_eq!(found(&on, all()).await, [4]);
    assert_eq!(found(&on, words("teapot")).await, [4]);
    assert!(on.channel(id(1)).await.unwrap().is_some());
    on.keep([message_set(&message(1, 1, 10, "a samovar"))]).await;
    assert_eq!(found(&on, words("teapot")).await, [4]);
}

pub(super) async fn messages_are_found_by_all_of_the_words(on: Subject) {
    let texts = [(1, "The Teapot, is ROUND."), (2, "a round cup"), (3, "nothing of the sort")];
    let on = with_texts(on, &texts).await;
    for (text, expected) in [
        ("round", vec![2, 1]),
        ("ROUND", vec![2, 1]),
        ("round teapot", vec![1]),
        ("teapot   round?", vec![1]),
        ("is-round teapot TEAPOT teapot", vec![1]),
        ("teapot cup", vec![]),
        ("round unheard", vec![]),
        ("roun", vec![]),
        ("the", vec![3, 1]),
        ("", vec![]),
        (" \t", vec![]),
    ] {
        assert_eq!(found(&on, words(text)).await, expected, "{text}");
    }
    on.keep([message_set(&message(2, 4, 5, "round here too"))]).await;
    let here = MessageQuery { channel_id: Some(id(2)), ..words("round") };
    assert_eq!(found(&on, here).await, [4]);
    assert_eq!(found(&on, words("round")).await, [2, 1, 4], "newest first, whatever says it more");
    // The first words of a long text count, each once.
    let many: String = (0..5_000).map(|number| format!("w{number} ")).collect();
    on.keep([message_set(&message(1, 5, 20, &many))]).await;
    assert_eq!(found(&on, words(&many)).await, [5]);
    assert_eq!(found(&on, words(&format!("{} unheard", "w1 W1 ".repeat(100)))).await, []);
    let most: String = (0..MessageQuery::WORDS_MAX).map(|number| format!("w{number} ")).collect();
    assert_eq!(found(&on, words(&format!("{most} unheard"))).await, [5]);
}

pub(super) async fn no_text_is_a_query_language_in_channels(on: Subject) {
    let texts = [(1, "a near teapot and or not"), (2, "channel words of col")];
    let on = with_texts(on, &texts).await;
    // What would be syntax has no meaning; the words in it are found all the same.
    for text in [
        "\"teapot",
        "teapot\"",
        "\"\"teapot\"\"",
        "'teapot'",
        "teapot*",
        "*teapot",
        "^teapot",
        "NEAR(teapot",
        "(teapot",
        ")teapot(",
        "teapot AND",
        "NOT teapot",
        "OR teapot OR",
        "teapot NOT near",
        "{a}:teapot",
        "-teapot",
        "teapot + +",
        "teapot\u{0}",
        "\u{0}teapot",
        "teapot \\ % _ ? : @ $",
        "teapot\u{202e}\u{feff} \u{10ffff}",
    ] {
        assert_eq!(found(&on, words(text)).await, [1], "{text:?}");
    }
    for text in [
        "\"",
        "*",
        "\"\"",
        "(",
        ")",
        "^",
        "-",
        ":",
        "{}",
        "' '",
        "\u{0}",
        "%",
        "_",
        "🜁",
        "words : teapot",
        "channel:teapot",
        "teapot OR col",
        "00000000000000000000000000000001",
        "00000000-0000-0000-0000-000000000001",
        "teapot; DROP TABLE messages; --",
    ] {
        assert_eq!(found(&on, words(text)).await, [], "{text:?}");
    }
    assert_eq!(found(&on, words("channel:words")).await, [2]);
    found(&on, words(&"x".repeat(200_000))).await;
    found(&on, words(&"\"(".repeat(10_000))).await;
}

pub(super) async fn messages_of_every_script_are_found(on: Subject) {
    let texts =
        [(1, "Москва весной"), (2, "東京 タワー"), (3, "Émile boit du thé"), (4, "Größe zählt")];
    let on = with_texts(on, &texts).await;
    for (text, number) in
        [("весной МОСКВА", 1), ("東京", 2), ("ÉMILE thé", 3), ("größe", 4), ("ZÄHLT", 4)]
    {
        assert_eq!(found(&on, words(text)).await, [number], "{text}");
    }
}

pub(super) async fn what_is_on_its_way_is_left_to_the_next_boot_until_it_is_reached(on: Subject) {
    let on = on.with_agents().await;
    let addressed = |message, agent_id, author_name: Option<&str>| Addressed {
        message_id: id(message),
        channel_id: id(7),
        agent_id,
        author_name: author_name.map(str::to_owned),
        is_one_of_several: author_name.is_some(),
    };
    let all = [addressed(1, ADA, Some("Uma")), addressed(1, BOB, None), addressed(2, ADA, None)];
    let facts = all.clone().map(|addressed| Fact::Addressed(Box::new(addressed)));
    assert_eq!(on.keep(facts).await.affected, [1; 3]);
    assert_eq!(on.undelivered(9).await.unwrap(), [], "this boot is at it");
    let reached = |message, agent_id| Fact::Reached { message_id: id(message), agent_id };
    assert_eq!(on.affected(reached(2, ADA)).await, 1);
    assert_eq!(on.affected(reached(2, ADA)).await, 0);

    let next = Subject { epoch: on.boot(UnixMillis(2)).await.unwrap().epoch, ..on };
    let left = next.undelivered(9).await.unwrap();
    assert_eq!(left.len(), 2);
    assert!(all.iter().take(2).all(|addressed| left.contains(addressed)), "{left:?}");
    assert_eq!(next.undelivered(1).await.unwrap().len(), 1);
    next.keep([Fact::Addressed(Box::new(addressed(3, ADA, None))), reached(1, BOB)]).await;
    assert_eq!(next.undelivered(9).await.unwrap(), all[..1]);
    next.keep([Fact::AgentRemoved { id: ADA, keep_memories: true }]).await;
    assert_eq!(next.undelivered(9).await.unwrap(), []);
}
