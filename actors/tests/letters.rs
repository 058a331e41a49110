//! Letters: kept before they are acknowledged, answered once, or seen to be dead.

use greenroom_actors::agent::{Change, Delivery, Requeue};
use greenroom_actors::channels::ChannelEventKind;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::feed::Fed;
use greenroom_actors::ids::{ChannelId, ChannelMessageId};
use greenroom_actors::letters::{Heard, LetterStatus};
use greenroom_actors::lifecycle::{Command, State};
use greenroom_actors::ports::{MemoryQuery, Store};
use greenroom_actors::runs::RunStatus;
use greenroom_actors::settings::Settings;
use serde_json::json;

use crate::support::{Act, Stage, settings};

#[actix::test]
async fn two_agents_talk_and_both_remember() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Say("pong".into()));
    let reply = stage.registry.ask_agent(ada, bob, "ping").await.unwrap();
    assert_eq!((reply.text(), reply.agent_id), ("pong", bob));
    for (id, expected) in [(bob, vec!["pong", "ping"]), (ada, vec!["pong"])] {
        let said = MemoryQuery { kind: Some("messages".to_owned()), ..MemoryQuery::of(id, 10) };
        let memories = stage.store.memories(said).await.unwrap();
        let texts: Vec<_> = memories.iter().map(|memory| memory.text()).collect();
        assert_eq!(texts, expected);
    }
    let prompt = stage.model.prompts.lock().unwrap()[0].clone();
    assert_eq!(prompt.turns.last().unwrap().text, "ping");
}

#[actix::test]
async fn the_pieces_of_a_reply_are_seen_under_the_id_that_the_whole_will_have() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let mut pieces = stage.registry.watch_pieces();
    stage.model.then(Act::Say("pong".into()));
    let reply = stage.registry.ask_agent(ada, bob, "ping").await.unwrap();
    let piece = pieces.try_recv().unwrap();
    assert_eq!((piece.memory_id, piece.agent_id, piece.index), (reply.id, bob, 0));
    assert_eq!(piece.text, "pong");
}

#[actix::test]
async fn a_letter_to_a_paused_agent_waits_and_is_answered_on_resume() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.registry.ask(bob, Change::to(Command::Pause)).await.unwrap();
    let letter = stage.registry.tell(ada, bob, "hello").await.unwrap();
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 0);
    stage.registry.ask(bob, Change::to(Command::Resume)).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.model.calls(), 1);
    let letter = stage.store.letter(letter).await.unwrap().unwrap();
    assert_eq!(letter.status, LetterStatus::Answered);

    let mut picky = Delivery::between(ada, bob, "now!", true);
    picky.refuse_unless_running = true;
    stage.registry.ask(bob, Change::to(Command::Stop)).await.unwrap();
    let refused = stage.registry.deliver(bob, picky).await.err();
    assert_eq!(refused, Some(CoreError::NotRunning { id: bob, state: State::Stopped }));
}

#[actix::test]
async fn a_letter_that_waits_is_answered_after_a_boot() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Hang);
    let letter = stage.registry.tell(ada, bob, "hello").await.unwrap();
    stage.clock.settle().await;
    let stage = stage.boot_again().await;
    stage.clock.settle().await;
    let statuses: Vec<_> = stage.runs(bob).await.iter().map(|run| run.status).collect();
    assert_eq!(statuses, [RunStatus::Completed, RunStatus::Interrupted]);
    let letter = stage.store.letter(letter).await.unwrap().unwrap();
    assert_eq!((letter.status, letter.attempts), (LetterStatus::Answered, 2));
}

#[actix::test]
async fn every_letter_that_waited_over_a_boot_is_answered() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.registry.ask(bob, Change::to(Command::Pause)).await.unwrap();
    for number in 0..5 {
        stage.registry.tell(ada, bob, &format!("letter {number}")).await.unwrap();
    }
    let stage = stage.boot_again().await;
    stage.registry.ask(bob, Change::to(Command::Resume)).await.unwrap();
    stage.advance(1).await;
    assert_eq!(stage.runs(bob).await.len(), 5);
    assert!(stage.store.waiting_letters(bob, 9).await.unwrap().is_empty());
}

#[actix::test]
async fn letters_behind_one_that_is_given_up_after_a_boot_are_answered() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.registry.ask(bob, Change::to(Command::Pause)).await.unwrap();
    for number in 0..3 {
        stage.registry.tell(ada, bob, &format!("letter {number}")).await.unwrap();
    }
    let stage = stage.boot_again().await;
    stage.model.then(Act::Fail(ModelError::Refused("no".into())));
    stage.registry.ask(bob, Change::to(Command::Resume)).await.unwrap();
    stage.advance(60).await;
    assert!(stage.store.waiting_letters(bob, 9).await.unwrap().is_empty());
    assert_eq!(stage.store.count_dead_letters(Some(bob)).await.unwrap(), 1);
}

#[actix::test]
async fn a_failure_reaches_whoever_waits_and_the_letter_is_dead() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let down = ModelError::Unavailable("down".into());
    stage.model.then(Act::Fail(down.clone()));
    let failed = stage.registry.ask_agent(ada, bob, "hello").await;
    assert_eq!(failed, Err(CoreError::Model(down)));
    assert!(stage.kinds(bob).await.contains(&"letter_dead"));
    stage.advance(3_600).await;
    assert_eq!(stage.model.calls(), 1);
}

/// Lets an asker go on from the letter that is delivered to the reply that is awaited.
async fn until_it_waits_for_the_reply<T>(
    stage: &Stage,
    asking: &mut (impl Future<Output = T> + Unpin),
) {
    assert!(futures::poll!(&mut *asking).is_pending());
    stage.clock.settle().await;
    assert!(futures::poll!(&mut *asking).is_pending());
}

#[actix::test]
async fn a_letter_whose_writer_was_told_of_a_stop_is_not_answered_later() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Hang);
    let mut asking = Box::pin(stage.registry.ask_agent(ada, bob, "hello"));
    until_it_waits_for_the_reply(&stage, &mut asking).await;
    stage.registry.ask(bob, Change::to(Command::Stop)).await.unwrap();
    let told = CoreError::Cancelled("the agent was stopped".to_owned());
    assert_eq!(asking.await, Err(told));
    assert!(stage.store.waiting_letters(bob, 9).await.unwrap().is_empty());
    assert!(stage.kinds(bob).await.contains(&"letter_dead"));
    stage.registry.ask(bob, Change::to(Command::Start)).await.unwrap();
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 1);
}

#[actix::test]
async fn whoever_waits_for_an_agent_that_is_removed_is_told_so() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Hang);
    let mut asking = Box::pin(stage.registry.ask_agent(ada, bob, "hello"));
    until_it_waits_for_the_reply(&stage, &mut asking).await;
    stage.store.hold_commits();
    let removing = stage.registry.remove(bob, false);
    futures::pin_mut!(removing);
    assert!(futures::poll!(&mut removing).is_pending());
    stage.clock.settle().await;
    assert_eq!(asking.await, Err(CoreError::Cancelled("the agent was removed".to_owned())));
    // On its way out it is not there any more, rather than crashed or starting.
    assert_eq!(stage.registry.status(bob).await, Err(CoreError::AgentNotFound(bob)));
    stage.store.release_commits();
    removing.await.unwrap();
}

#[actix::test]
async fn without_anybody_who_waits_a_letter_is_tried_again_then_dead() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    *stage.model.always.lock().unwrap() = Some(Act::Fail(ModelError::Unavailable("down".into())));
    let letter = stage.registry.tell(ada, bob, "hello").await.unwrap();
    stage.advance(600).await;
    let letter = stage.store.letter(letter).await.unwrap().unwrap();
    assert_eq!((letter.status, letter.attempts), (LetterStatus::Dead, 3));
    assert_eq!(stage.model.calls(), 3);
}

#[actix::test]
async fn a_channel_hears_of_a_failure_once_and_of_none_that_passed() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let down = || Act::Fail(ModelError::Unavailable("down".into()));
    let kinds = async |channel_id| {
        let events = stage.store.channel_events(channel_id, 0, 9).await.unwrap();
        events.into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    let said_in = async |failures: usize| {
        let heard = Heard { channel_id: ChannelId::new(), message_id: ChannelMessageId::new() };
        let mut delivery = Delivery::between(ada, bob, "hello", false);
        delivery.heard = Some(heard);
        for _ in 0..failures {
            stage.model.then(down());
        }
        drop(stage.registry.deliver(bob, delivery).await.unwrap());
        stage.advance(600).await;
        kinds(heard.channel_id).await
    };
    assert_eq!(said_in(3).await, [ChannelEventKind::Failed]);
    assert_eq!(stage.model.calls(), 3);
    // Where the channel is not there, what is said in it is not kept, but the run's end is.
    assert!(!said_in(1).await.contains(&ChannelEventKind::Failed));
    assert_eq!(stage.model.calls(), 5);
}

#[actix::test]
async fn what_a_model_refuses_is_not_asked_again() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Fail(ModelError::Refused("too long".into())));
    let refused = stage.registry.tell(ada, bob, "hello").await.unwrap();
    let next = stage.registry.tell(ada, bob, "hello again").await.unwrap();
    stage.advance(600).await;
    let letter = stage.store.letter(refused).await.unwrap().unwrap();
    assert_eq!((letter.status, letter.attempts), (LetterStatus::Dead, 1));
    let letter = stage.store.letter(next).await.unwrap().unwrap();
    assert_eq!(letter.status, LetterStatus::Answered, "the next one has its turn");
    assert_eq!(stage.model.calls(), 2);
}

#[actix::test]
async fn too_many_letters_and_a_full_mailbox_are_refused_at_once() {
    let few = Settings { letters_waiting_max: 3, ..settings() };
    let stage = Stage::with(few).await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.registry.ask(bob, Change::to(Command::Pause)).await.unwrap();
    for _ in 0..3 {
        stage.registry.tell(ada, bob, "hello").await.unwrap();
    }
    assert_eq!(stage.registry.tell(ada, bob, "hello").await, Err(CoreError::Overloaded));

    stage.store.hold_commits();
    let asks: Vec<_> =
        (0..300).map(|_| stage.registry.ask(ada, Change::to(Command::Pause))).collect();
    let asks = futures::future::join_all(asks);
    futures::pin_mut!(asks);
    assert!(futures::poll!(&mut asks).is_pending());
    stage.clock.settle().await;
    stage.store.release_commits();
    let answers = asks.await;
    let refused = answers.iter().filter(|answer| **answer == Err(CoreError::Overloaded)).count();
    assert!((200..=240).contains(&refused), "{refused}");
}

#[actix::test]
async fn a_subscriber_sees_every_event_once_and_in_order() {
    let stage = Stage::set().await;
    let id = stage.ticking("Ada").await;
    let mut feed = stage.registry.subscribe(id, 0);
    stage.advance(30 * 60).await;
    let last = stage.kinds(id).await.len();
    for expected in 1..=last {
        let Fed::Event(event) = feed.next().await.unwrap() else { panic!("a gap") };
        assert_eq!(event.seq, u64::try_from(expected).unwrap());
    }
    assert!(futures::poll!(Box::pin(feed.next())).is_pending());
}

#[actix::test]
async fn a_dead_letter_is_seen_and_may_be_tried_again_without_repeating_what_was_done() {
    for letter_attempts_max in [1, 3] {
        let stage = Stage::with(Settings { letter_attempts_max, ..settings() }).await;
        let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
        let once = || Act::Call("", vec![("once", json!({}))]);
        stage.model.then(once()).then(Act::Fail(ModelError::Refused("no".into())));
        let id = stage.registry.tell(ada, bob, "go").await.unwrap();
        stage.clock.settle().await;
        let dead = stage.store.dead_letters(Some(bob), 0, 9).await.unwrap();
        assert_eq!((dead.len(), dead[0].id, dead[0].attempts), (1, id, 1));

        stage.registry.ask(bob, Change::to(Command::Pause)).await.unwrap();
        let requeued = stage.registry.ask(bob, Requeue(id)).await.unwrap();
        assert_eq!(requeued.status, LetterStatus::Waiting);
        let again = stage.registry.ask(bob, Requeue(id)).await;
        assert!(matches!(again, Err(CoreError::Invalid { .. })), "{again:?}");
        let others = stage.registry.ask(ada, Requeue(id)).await;
        assert_eq!(others, Err(CoreError::NotFound { what: "letter", id: id.0 }));
        assert_eq!(stage.store.count_dead_letters(None).await.unwrap(), 0);

        stage.model.then(Act::Say("Done.".into()));
        stage.registry.ask(bob, Change::to(Command::Resume)).await.unwrap();
        stage.clock.settle().await;
        let letter = stage.store.letter(id).await.unwrap().unwrap();
        assert_eq!(letter.status, LetterStatus::Answered, "{letter_attempts_max}");
        assert_eq!(stage.tools.names(), ["once"]);
        let events = stage.kinds(bob).await;
        for kind in ["letter_dead", "letter_requeued"] {
            assert_eq!(events.iter().filter(|other| **other == kind).count(), 1);
        }
    }
}
