//! Double texting: what a second message does while the reply to the first is in flight.

use std::time::Duration;

use greenroom_actors::agent::{Delivered, Delivery};
use greenroom_actors::channels::{Channel, ChannelEventKind, ChannelMessage, MessageServer};
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, ChannelId, ChannelMessageId, EntityId, RoomId};
use greenroom_actors::letters::{DoubleTexting, Heard, LetterStatus};
use greenroom_actors::ports::{Clock, Prompt, Store};
use greenroom_actors::records::Room;
use greenroom_actors::runs::RunStatus;
use serde_json::json;

use crate::support::{Act, Stage};

const PERSON: EntityId = EntityId(uuid::Uuid::from_u128(7));
const CHANNEL: ChannelId = ChannelId(uuid::Uuid::from_u128(8));

fn room(agent: AgentId, number: u128, stage: &Stage) -> Room {
    Room {
        id: RoomId(uuid::Uuid::from_u128(number)),
        agent_id: agent,
        name: "Talk".to_owned(),
        channel_id: Some(CHANNEL.to_string()),
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "test".to_owned(),
        metadata: None,
        created_at: stage.clock.now(),
    }
}

/// Says something in a room; others hear it in the channel.
async fn say(
    stage: &Stage,
    agent: AgentId,
    (in_room, text): (u128, &str),
    double_texting: DoubleTexting,
) -> Result<(Delivered, Heard), CoreError> {
    stage.clock.advance(Duration::from_millis(1)).await;
    let now = stage.clock.now();
    let message = ChannelMessage {
        id: ChannelMessageId::new(),
        channel_id: CHANNEL,
        author_id: PERSON,
        content: text.to_owned(),
        raw_message: None,
        in_reply_to: None,
        source_type: None,
        source_id: None,
        metadata: None,
        created_at: now,
        updated_at: now,
    };
    let heard = Heard { channel_id: CHANNEL, message_id: message.id };
    stage.registry.keep(vec![Fact::MessageSet(Box::new(message))]).await?;
    let content = json!({"text": text}).as_object().cloned().unwrap();
    let asking = Delivery::asking(PERSON, room(agent, in_room, stage), content);
    let delivery = Delivery { heard: Some(heard), double_texting, ..asking };
    let delivered = stage.registry.deliver(agent, delivery).await?;
    stage.clock.settle().await;
    Ok((delivered, heard))
}

/// Says something in a room that nobody else hears.
async fn tell(
    stage: &Stage,
    agent: AgentId,
    (in_room, text): (u128, &str),
    double_texting: DoubleTexting,
) -> Result<Delivered, CoreError> {
    let content = json!({"text": text}).as_object().cloned().unwrap();
    let asking = Delivery::asking(PERSON, room(agent, in_room, stage), content);
    stage.registry.deliver(agent, Delivery { double_texting, ..asking }).await
}

/// A host on which Ada hangs over a first message.
async fn texted() -> (Stage, AgentId, Delivered, Heard) {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let now = stage.clock.now();
    let server = MessageServer {
        id: MessageServer::DEFAULT,
        name: "Server".to_owned(),
        source_type: "test".to_owned(),
        source_id: None,
        metadata: None,
        created_at: now,
        updated_at: now,
    };
    let channel = Channel {
        id: CHANNEL,
        server_id: MessageServer::DEFAULT,
        name: "Talk".to_owned(),
        kind: "DM".to_owned(),
        source_type: None,
        source_id: None,
        topic: None,
        metadata: None,
        created_at: now,
        updated_at: now,
    };
    let facts = vec![Fact::ServerMet(Box::new(server)), Fact::ChannelMet(Box::new(channel))];
    stage.registry.keep(facts).await.unwrap();
    stage.model.then(Act::Hang);
    let (first, heard) = say(&stage, ada, (1, "one"), DoubleTexting::Reject).await.unwrap();
    assert_eq!(stage.registry.status(ada).await.unwrap().answering, Some(first.memory.room_id));
    (stage, ada, first, heard)
}

async fn ends_of(stage: &Stage, heard: Heard) -> Vec<ChannelEventKind> {
    let events = stage.store.channel_events(CHANNEL, 0, 99).await.unwrap();
    let about =
        events.iter().filter(|event| event.data.get("messageId") == Some(&json!(heard.message_id)));
    about.map(|event| event.kind).filter(|kind| *kind != ChannelEventKind::Said).collect()
}

#[actix::test]
async fn by_default_the_second_waits_for_the_end_of_the_first() {
    let (stage, ada, first, _) = texted().await;
    let (second, _) = say(&stage, ada, (1, "two"), DoubleTexting::Queue).await.unwrap();
    assert_eq!(stage.model.calls(), 1);
    stage.advance(301).await;
    let failed = first.reply.unwrap().within(Duration::MAX).await.unwrap_err();
    assert!(matches!(failed, CoreError::Model(_)), "its own deadline ended the first: {failed}");
    let reply = second.reply.unwrap().within(Duration::MAX).await.unwrap();
    assert_eq!(reply.unwrap().text(), "yes");
}

#[actix::test]
async fn an_interruption_answers_both_at_once_and_each_has_its_end() {
    let (stage, ada, first, first_heard) = texted().await;
    let (second, second_heard) =
        say(&stage, ada, (1, "two"), DoubleTexting::Interrupt).await.unwrap();
    assert_eq!(first.reply.unwrap().within(Duration::MAX).await, Ok(None), "dealt with");
    let reply = second.reply.unwrap().within(Duration::MAX).await.unwrap().unwrap();
    assert_eq!(reply.text(), "yes");

    let prompt = stage.model.prompts.lock().unwrap().last().cloned().unwrap();
    let turns: Vec<_> = prompt.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert!(turns.join(" ").ends_with("one two"), "both are in the prompt: {turns:?}");
    let runs = stage.runs(ada).await;
    let ended: Vec<_> = runs.iter().map(|run| (run.status, run.error.as_deref())).collect();
    assert!(ended.contains(&(RunStatus::Cancelled, Some("more was said meanwhile"))), "{ended:?}");
    assert!(ended.contains(&(RunStatus::Completed, None)), "{ended:?}");
    for (heard, delivered) in [(first_heard, first.letter_id), (second_heard, second.letter_id)] {
        assert_eq!(ends_of(&stage, heard).await, [ChannelEventKind::Completed]);
        let letter = stage.store.letter(delivered).await.unwrap().unwrap();
        assert_eq!(letter.status, LetterStatus::Answered);
    }
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 2);
}

#[actix::test]
async fn a_burst_of_interruptions_gets_one_answer() {
    let (stage, ada, first, _) = texted().await;
    // Kept at once, so that each comes while the run for the one before still looks for its letter.
    stage.store.hold_commits();
    let interrupting = DoubleTexting::Interrupt;
    let burst = ["two", "three", "four"].map(|text| tell(&stage, ada, (1, text), interrupting));
    let elsewhere = tell(&stage, ada, (2, "elsewhere"), DoubleTexting::Queue);
    let release = async {
        stage.clock.settle().await;
        stage.store.release_commits();
    };
    let (burst, elsewhere, ()) =
        futures::join!(futures::future::join_all(burst), elsewhere, release);
    let mut replies = Vec::new();
    for delivered in std::iter::once(Ok(first)).chain(burst) {
        replies.push(delivered.unwrap().reply.unwrap().within(Duration::MAX).await.unwrap());
    }
    let answered: Vec<_> = replies.iter().map(Option::is_some).collect();
    assert_eq!(answered, [false, false, false, true]);
    let elsewhere = elsewhere.unwrap().reply.unwrap().within(Duration::MAX).await.unwrap();
    assert_eq!(elsewhere.unwrap().text(), "yes", "what is said elsewhere has an answer of its own");
    stage.advance(600).await;
    // The one that hung, that of the burst, and the one elsewhere.
    assert_eq!(stage.model.calls(), 3);
    assert!(stage.store.waiting_letters(ada, 9).await.unwrap().is_empty());
    let prompts = stage.model.prompts.lock().unwrap();
    let texts = |prompt: &Prompt| {
        prompt.turns.iter().map(|turn| turn.text.clone()).collect::<Vec<_>>().join(" ")
    };
    assert!(prompts.iter().any(|prompt| texts(prompt).ends_with("one two three four")));
}

#[actix::test]
async fn what_is_said_elsewhere_interrupts_nothing() {
    let (stage, ada, ..) = texted().await;
    say(&stage, ada, (2, "elsewhere"), DoubleTexting::Interrupt).await.unwrap();
    say(&stage, ada, (2, "again"), DoubleTexting::Reject).await.unwrap();
    assert_eq!(stage.model.calls(), 1);
}

#[actix::test]
async fn what_is_rejected_leaves_no_trace() {
    let (stage, ada, ..) = texted().await;
    let before = stage.kinds(ada).await;
    let refused = say(&stage, ada, (1, "two"), DoubleTexting::Reject).await;
    assert_eq!(refused.unwrap_err(), CoreError::Busy(ada));
    assert_eq!(stage.kinds(ada).await, before);
    assert_eq!(stage.store.waiting_letters(ada, 9).await.unwrap().len(), 1);
    stage.advance(301).await;
    say(&stage, ada, (1, "three"), DoubleTexting::Reject).await.unwrap();
}
