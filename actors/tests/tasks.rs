//! Letters beside the conversation: some at the same time, the others in turn; each ends so that it is
//! seen. And the bounds and the calling off of all letters.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::agent::{CallOff, CallOffWaiting, CalledOff, Change, Delivered, Delivery};
use greenroom_actors::approvals::Decision;
use greenroom_actors::character::Character;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::facts::{Batch, Epoch, Fact};
use greenroom_actors::ids::{AgentId, EntityId, LetterId, RoomId};
use greenroom_actors::letters::{Letter, LetterStatus, Terms};
use greenroom_actors::lifecycle::{Command, State};
use greenroom_actors::ports::{ApprovalQuery, Clock, LetterQuery, Store};
use greenroom_actors::records::Room;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::{RunKind, RunStatus};
use greenroom_actors::settings::Settings;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Act, Stage, settings};

const ROOM: RoomId = RoomId(uuid::Uuid::from_u128(7));

fn room(agent_id: AgentId, stage: &Stage) -> Room {
    Room {
        id: ROOM,
        agent_id,
        name: "Talk".to_owned(),
        channel_id: None,
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "test".to_owned(),
        metadata: None,
        created_at: stage.clock.now(),
    }
}

fn saying(stage: &Stage, agent: AgentId, text: &str, terms: Value) -> Delivery {
    let content = json!({"text": text}).as_object().cloned().unwrap();
    let terms = (!terms.is_null()).then(|| Box::new(serde_json::from_value(terms).unwrap()));
    Delivery { terms, ..Delivery::asking(EntityId::new(), room(agent, stage), content) }
}

/// A task that nobody waits for.
async fn task(stage: &Stage, agent: AgentId, text: &str) -> Result<Delivered, CoreError> {
    let told = saying(stage, agent, text, json!({"is_beside": true}));
    let delivery = Delivery { expects_reply: false, refuse_unless_running: false, ..told };
    let delivered = stage.registry.deliver(agent, delivery).await;
    stage.clock.settle().await;
    delivered
}

async fn letter(stage: &Stage, id: LetterId) -> Letter {
    stage.store.letter(id).await.unwrap().unwrap()
}

async fn statuses(stage: &Stage, agent: AgentId) -> Vec<LetterStatus> {
    let letters = stage.store.letters(LetterQuery::of(agent, 99)).await.unwrap();
    letters.iter().rev().map(|dealt| dealt.letter.status).collect()
}

fn in_flight(registry: &Registry, agent: AgentId) -> usize {
    registry.tasks_in_flight(Some(agent)).len()
}

async fn change(stage: &Stage, agent: AgentId, command: Command) {
    stage.registry.ask(agent, Change::to(command)).await.unwrap();
    stage.clock.settle().await;
}

/// The next process, after a kill; its model answers nothing.
async fn killed(stage: Stage, settings: Settings) -> Stage {
    let halted = Batch { epoch: Epoch(99), facts: vec![Fact::FleetHalted(true)] };
    stage.store.commit(halted).await.unwrap();
    let stage = stage.boot_again_with(settings).await;
    *stage.model.always.lock().unwrap() = Some(Act::Hang);
    stage.registry.lift().await.unwrap();
    stage.clock.settle().await;
    stage
}

use LetterStatus::{Answered, Cancelled, Dead, Waiting};

#[actix::test]
async fn three_at_the_same_time_the_rest_in_turn_and_the_conversation_goes_on() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let gates: Vec<_> = (0..5).map(|_| Arc::new(Notify::new())).collect();
    for gate in &gates {
        stage.model.then(Act::Wait(Arc::clone(gate)));
    }
    let mut ahead = Vec::new();
    for number in 0..5 {
        ahead.push(task(&stage, ada, &format!("task {number}")).await.unwrap().ahead);
    }
    assert_eq!(ahead, [0, 0, 0, 1, 2]);
    assert_eq!((in_flight(&stage.registry, ada), stage.model.calls()), (3, 3));
    assert_eq!(in_flight(&stage.registry, AgentId::new()), 0);

    // The conversation is no part of that; its words come from what the model says fourth.
    let said =
        stage.registry.deliver(ada, saying(&stage, ada, "hello", Value::Null)).await.unwrap();
    gates[3].notify_one();
    let reply = said.reply.unwrap().within(Duration::MAX).await.unwrap().unwrap();
    assert_eq!(reply.text(), "late");
    assert_eq!(in_flight(&stage.registry, ada), 3);

    gates[1].notify_one();
    stage.clock.settle().await;
    assert_eq!((in_flight(&stage.registry, ada), stage.model.calls()), (3, 5));
    let prompts = stage.model.prompts.lock().unwrap().clone();
    let last: Vec<_> = prompts.iter().map(|it| it.turns.last().unwrap().text.clone()).collect();
    assert_eq!(last, ["task 0", "task 1", "task 2", "hello", "task 3"], "in their order");
    assert!(prompts[4].turns.len() == 1, "a task knows nothing of what was said before");
    for gate in [0, 2, 4] {
        gates[gate].notify_one();
    }
    stage.clock.settle().await;
    assert_eq!(in_flight(&stage.registry, ada), 0);
    assert_eq!(statuses(&stage, ada).await, [Answered; 6]);
    let kinds = stage.runs(ada).await;
    assert_eq!(kinds.iter().filter(|run| run.kind == RunKind::Job).count(), 5);
}

#[actix::test]
async fn a_task_is_done_on_its_own_terms() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let terms = json!({
        "is_beside": true, "model": "small", "system": "Be brief.", "allowed_tools": ["reads"],
        "rounds_max": 2, "deadline_s": 30, "labels": {"triggered_by": "manual"},
    });
    let mut delivery = saying(&stage, ada, "the whole of it", terms.clone());
    delivery.remembered = json!({"text": "in short"}).as_object().cloned();
    stage.model.then(Act::Call("", vec![("reads", json!({}))]));
    stage.model.then(Act::Call("", vec![("once", json!({}))]));
    let delivered = stage.registry.deliver(ada, delivery).await.unwrap();
    assert_eq!(delivered.memory.text(), "in short");
    let failed = delivered.reply.unwrap().within(Duration::MAX).await.unwrap_err();
    assert!(failed.to_string().contains("2 rounds"), "{failed}");
    let prompts = stage.model.prompts.lock().unwrap().clone();
    let tools: Vec<_> = prompts[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!((prompts[0].model.as_deref(), tools), (Some("small"), vec!["reads"]));
    assert!(prompts[0].system.ends_with("Be brief."), "{}", prompts[0].system);
    assert_eq!(prompts[0].turns[0].text, "the whole of it");
    let kept = letter(&stage, delivered.letter_id).await;
    let settled = kept.settled.clone().unwrap();
    assert_eq!((kept.status, kept.text_of_terms()), (Dead, terms));
    assert!(settled.reason.unwrap().contains("2 rounds"));

    stage.model.then(Act::Hang);
    let hangs = saying(&stage, ada, "hang", json!({"is_beside": true, "deadline_s": 30}));
    let hangs = stage.registry.deliver(ada, hangs).await.unwrap();
    stage.advance(31).await;
    let late = hangs.reply.unwrap().within(Duration::MAX).await.unwrap_err();
    assert_eq!(late, CoreError::Model(ModelError::TimedOut(Duration::from_secs(30))));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::TimedOut);
    let said = saying(&stage, ada, "go", json!({"is_beside": true}));
    let said = stage.registry.deliver(ada, said).await.unwrap();
    let reply = said.reply.unwrap().within(Duration::MAX).await.unwrap().unwrap();
    let settled = letter(&stage, said.letter_id).await.settled.unwrap();
    assert_eq!((settled.reply, settled.reason), (Some(reply.id), None));
}

trait Worded {
    fn text_of_terms(&self) -> Value;
}

impl Worded for Letter {
    fn text_of_terms(&self) -> Value {
        serde_json::to_value(self.terms.as_deref().cloned().unwrap_or_else(Terms::default)).unwrap()
    }
}

#[actix::test]
async fn what_is_too_much_is_refused_at_once() {
    let stage = Stage::set().await;
    let mut character = Character::named("Ada");
    character.settings =
        json!({"tasks": {"parallel_max": 1, "waiting_max": 2}}).as_object().cloned();
    let ada = stage.registry.create(character).await.unwrap().id;
    change(&stage, ada, Command::Start).await;
    *stage.model.always.lock().unwrap() = Some(Act::Hang);
    let at_once = |text| {
        let delivery = saying(&stage, ada, text, json!({"is_beside": true}));
        let delivery = Delivery { refuse_unless_at_once: true, ..delivery };
        stage.registry.deliver(ada, delivery)
    };
    let one = at_once("one").await.unwrap();
    let refused = at_once("two").await.unwrap_err();
    assert_eq!(refused, CoreError::AtCapacity { id: ada, waiting: 0 });
    assert_eq!(task(&stage, ada, "two").await.unwrap().ahead, 1);
    assert_eq!(task(&stage, ada, "three").await.unwrap().ahead, 2);
    let refused = task(&stage, ada, "four").await.unwrap_err();
    assert_eq!(refused, CoreError::AtCapacity { id: ada, waiting: 2 });
    assert_eq!(statuses(&stage, ada).await, [Waiting; 3]);

    // More at once from now on.
    let patch = json!({"settings": {"tasks": {"parallel_max": 2}}}).as_object().cloned().unwrap();
    stage.registry.revise(ada, patch).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(in_flight(&stage.registry, ada), 2);

    // The next process knows how many wait, and in which order.
    let stage = killed(stage, settings()).await;
    assert_eq!(in_flight(&stage.registry, ada), 2);
    assert_eq!(task(&stage, ada, "four").await.unwrap().ahead, 2);
    assert!(task(&stage, ada, "five").await.is_err());
    let first = letter(&stage, one.letter_id).await;
    assert_eq!((first.status, first.attempts), (Waiting, 2));
}

#[actix::test]
async fn a_conversation_takes_as_many_letters_as_its_sender_says() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    *stage.model.always.lock().unwrap() = Some(Act::Hang);
    let say = |text, most| {
        let delivery = saying(&stage, ada, text, json!({"wait_max_s": 120}));
        stage.registry.deliver(ada, Delivery { waiting_max: Some(most), ..delivery })
    };
    let mut waiting = Vec::new();
    for (number, text) in (0..).zip(["one", "two", "three", "four"]) {
        let delivered = say(text, 3).await.unwrap();
        stage.clock.settle().await;
        assert_eq!(delivered.ahead, number);
        waiting.push(delivered);
    }
    let refused = say("five", 3).await.unwrap_err();
    assert_eq!(refused, CoreError::AtCapacity { id: ada, waiting: 3 });

    stage.advance(121).await;
    assert_eq!(statuses(&stage, ada).await, [Waiting, Dead, Dead, Dead], "the first is in flight");
    for late in waiting.drain(1..) {
        let told = late.reply.unwrap().within(Duration::MAX).await.unwrap_err();
        assert_eq!(told, CoreError::Cancelled("it waited too long".to_owned()));
    }
    say("five", 3).await.unwrap();
    assert_eq!(stage.model.calls(), 1);
}

#[actix::test]
async fn what_silences_an_agent_silences_all_it_does() {
    for (command, expected) in [
        (Command::Pause, [Waiting; 4]),
        (Command::Stop, [Cancelled, Cancelled, Cancelled, Waiting]),
        (Command::Restart, [Cancelled, Cancelled, Cancelled, Waiting]),
    ] {
        let stage = Stage::set().await;
        let ada = stage.running("Ada").await;
        for _ in 0..4 {
            stage.model.then(Act::Hang);
        }
        for text in ["one", "two", "three", "four"] {
            task(&stage, ada, text).await.unwrap();
        }
        assert_eq!(in_flight(&stage.registry, ada), 3);
        change(&stage, ada, command).await;
        assert_eq!(statuses(&stage, ada).await, expected, "{command}");
        let dropped = stage.model.dropped.load(std::sync::atomic::Ordering::SeqCst);
        let cut =
            stage.runs(ada).await.iter().filter(|it| it.status == RunStatus::Cancelled).count();
        assert_eq!((dropped, cut), (3, 3), "{command}");
        match command {
            Command::Pause => change(&stage, ada, Command::Resume).await,
            Command::Stop => change(&stage, ada, Command::Start).await,
            _ => {}
        }
        stage.advance(600).await;
        let statuses = statuses(&stage, ada).await;
        assert!(statuses.iter().all(|status| *status != Waiting), "{command}: {statuses:?}");
    }
}

#[actix::test]
async fn a_halt_silences_all_and_what_was_accepted_is_done_after_it() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    for _ in 0..3 {
        stage.model.then(Act::Hang);
    }
    let awaited = saying(&stage, ada, "one", json!({"is_beside": true}));
    let awaited = stage.registry.deliver(ada, awaited).await.unwrap();
    task(&stage, ada, "two").await.unwrap();
    task(&stage, ada, "three").await.unwrap();
    task(&stage, ada, "four").await.unwrap();
    stage.registry.halt().await.unwrap();
    stage.clock.settle().await;
    let told = awaited.reply.unwrap().within(Duration::MAX).await.unwrap_err();
    assert_eq!(told, CoreError::Cancelled("the fleet was halted".to_owned()));
    assert_eq!(in_flight(&stage.registry, ada), 0);
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 3);
    stage.registry.lift().await.unwrap();
    stage.clock.settle().await;
    stage.advance(60).await;
    assert_eq!(statuses(&stage, ada).await, [Dead, Answered, Answered, Answered]);
}

#[actix::test]
async fn a_crash_cuts_off_all_and_each_is_tried_again() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    stage.model.then(Act::Hang).then(Act::Hang).then(Act::Panic);
    for text in ["one", "two", "three"] {
        task(&stage, ada, text).await.unwrap();
    }
    stage.advance(60).await;
    assert_eq!(statuses(&stage, ada).await, [Answered; 3]);
    let runs = stage.runs(ada).await;
    let failed = runs.iter().filter(|run| run.status == RunStatus::Failed);
    assert_eq!((failed.count(), runs.len()), (3, 6));
    assert_eq!(stage.registry.status(ada).await.unwrap().restarts, 1);
}

#[actix::test]
async fn the_next_process_tries_again_what_was_in_flight_until_that_was_often_enough() {
    let mut stage = Stage::with(Settings { letter_attempts_max: 2, ..settings() }).await;
    let ada = stage.running("Ada").await;
    *stage.model.always.lock().unwrap() = Some(Act::Hang);
    for text in ["one", "two", "three", "four"] {
        task(&stage, ada, text).await.unwrap();
    }
    for _ in 0..2 {
        stage = killed(stage, Settings { letter_attempts_max: 2, ..settings() }).await;
    }
    assert_eq!(statuses(&stage, ada).await, [Dead, Dead, Dead, Waiting]);
    stage.advance(301).await;
    assert_eq!(statuses(&stage, ada).await, [Dead; 4], "the last had its deadline");
    let settled =
        stage.store.letters(LetterQuery::of(ada, 9)).await.unwrap()[3].letter.settled.clone();
    assert_eq!(settled.unwrap().reason.as_deref(), Some("tried too often"));
}

#[actix::test]
async fn a_task_that_fails_has_failed() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    stage.model.then(Act::Fail(ModelError::Unavailable("out".into())));
    let failed = task(&stage, ada, "one").await.unwrap();
    stage.advance(600).await;
    let failed = letter(&stage, failed.letter_id).await;
    assert_eq!((failed.status, failed.attempts, stage.model.calls()), (Dead, 1, 1));
}

#[actix::test]
async fn a_letter_is_called_off_wherever_it_is() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    for _ in 0..4 {
        stage.model.then(Act::Hang);
    }
    let mut tasks = Vec::new();
    for text in ["one", "two", "three", "four"] {
        tasks.push(task(&stage, ada, text).await.unwrap().letter_id);
    }
    let talk = stage.registry.deliver(ada, saying(&stage, ada, "a", Value::Null)).await.unwrap();
    let next = stage.registry.deliver(ada, saying(&stage, ada, "b", Value::Null)).await.unwrap();
    stage.clock.settle().await;
    let call_off = |letter| {
        let reason = "terminated".to_owned();
        stage.registry.ask(ada, CallOff { letter, reason })
    };
    assert_eq!(call_off(tasks[3]).await, Ok(CalledOff::BeforeItsTurn));
    assert_eq!(call_off(tasks[0]).await, Ok(CalledOff::CutOff));
    assert_eq!(call_off(next.letter_id).await, Ok(CalledOff::BeforeItsTurn));
    assert_eq!(call_off(talk.letter_id).await, Ok(CalledOff::CutOff));
    assert_eq!(call_off(tasks[0]).await, Ok(CalledOff::Over(Cancelled)));
    let unknown = call_off(LetterId::new()).await.unwrap_err();
    assert!(matches!(unknown, CoreError::NotFound { what: "letter", .. }), "{unknown}");
    for reply in [talk.reply, next.reply] {
        let told = reply.unwrap().within(Duration::MAX).await.unwrap_err();
        assert_eq!(told, CoreError::Cancelled("terminated".to_owned()));
    }
    stage.advance(60).await;
    let expected = [Cancelled, Waiting, Waiting, Cancelled, Cancelled, Cancelled];
    assert_eq!(statuses(&stage, ada).await, expected);
    assert_eq!(in_flight(&stage.registry, ada), 2);
    let said = stage.registry.deliver(ada, saying(&stage, ada, "c", Value::Null)).await.unwrap();
    assert_eq!(said.ahead, 0, "nothing waits any more");
    said.reply.unwrap().within(Duration::MAX).await.unwrap();
}

#[actix::test]
async fn what_waits_is_called_off_and_what_is_in_flight_goes_on() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    for _ in 0..4 {
        stage.model.then(Act::Hang);
    }
    for text in ["one", "two", "three", "four", "five"] {
        task(&stage, ada, text).await.unwrap();
    }
    for text in ["a", "b", "c"] {
        stage.registry.deliver(ada, saying(&stage, ada, text, Value::Null)).await.unwrap();
        stage.clock.settle().await;
    }
    let call_off = |conversation, beside| {
        let reason = "the queue was cleared".to_owned();
        stage.registry.ask(ada, CallOffWaiting { conversation, beside, reason })
    };
    assert_eq!(call_off(false, true).await, Ok(2));
    assert_eq!(call_off(true, true).await, Ok(2));
    assert_eq!(call_off(true, true).await, Ok(0));
    use LetterStatus::Waiting as W;
    let expected = [W, W, W, Cancelled, Cancelled, W, Cancelled, Cancelled];
    assert_eq!(statuses(&stage, ada).await, expected);
    stage.advance(301).await;
    let expected = [Dead, Dead, Dead, Cancelled, Cancelled, Answered, Cancelled, Cancelled];
    assert_eq!(statuses(&stage, ada).await, expected, "the conversation tries again");
}

#[actix::test]
async fn tasks_wait_for_an_agent_that_does_not_run() {
    let stage = Stage::set().await;
    let ada = stage.create("Ada").await;
    task(&stage, ada, "one").await.unwrap();
    let picky = saying(&stage, ada, "two", json!({"is_beside": true}));
    let refused = stage.registry.deliver(ada, picky).await.unwrap_err();
    assert_eq!(refused, CoreError::NotRunning { id: ada, state: State::Stopped });
    stage.advance(600).await;
    assert_eq!((stage.model.calls(), statuses(&stage, ada).await), (0, vec![Waiting]));
    change(&stage, ada, Command::Start).await;
    assert_eq!(statuses(&stage, ada).await, [Answered]);
}

#[actix::test]
async fn a_grace_is_for_all_that_is_in_flight() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let gate = Arc::new(Notify::new());
    stage.model.then(Act::Wait(Arc::clone(&gate))).then(Act::Hang);
    task(&stage, ada, "one").await.unwrap();
    task(&stage, ada, "two").await.unwrap();
    let stop = Change::ending(Command::Stop, Some(30.0), false).unwrap();
    stage.registry.ask(ada, stop).await.unwrap();
    assert_eq!(stage.registry.status(ada).await.unwrap().state, State::Stopping);
    gate.notify_one();
    stage.clock.settle().await;
    assert_eq!(statuses(&stage, ada).await, [Answered, Waiting]);
    assert_eq!(stage.registry.status(ada).await.unwrap().state, State::Stopping);
    stage.advance(31).await;
    assert_eq!(statuses(&stage, ada).await, [Answered, Cancelled]);
    assert_eq!(stage.registry.status(ada).await.unwrap().state, State::Stopped);
}

#[actix::test]
async fn a_task_that_waits_for_a_person_goes_on_beside_the_conversation_or_is_called_off() {
    for is_called_off in [false, true] {
        let stage = Stage::set().await;
        let mut character = Character::named("Ada");
        character.settings = json!({"tools": {"ask_first": ["once"]}}).as_object().cloned();
        let ada = stage.registry.create(character).await.unwrap().id;
        change(&stage, ada, Command::Start).await;
        stage.model.then(Act::Call("", vec![("once", json!({}))]));
        let parked = task(&stage, ada, "one").await.unwrap().letter_id;
        assert_eq!(letter(&stage, parked).await.status, LetterStatus::Parked);
        let asked = stage.store.approvals(ApprovalQuery::waiting(Some(ada), 9));
        let asked = asked.await.unwrap();
        assert_eq!((asked.len(), in_flight(&stage.registry, ada)), (1, 0));
        if is_called_off {
            let reason = "terminated".to_owned();
            let outcome = stage.registry.ask(ada, CallOff { letter: parked, reason }).await;
            assert_eq!(outcome, Ok(CalledOff::BeforeItsTurn));
        }
        // The conversation is not free meanwhile.
        stage.model.then(Act::Hang);
        stage.registry.deliver(ada, saying(&stage, ada, "a", Value::Null)).await.unwrap();
        stage.clock.settle().await;
        let decided = stage
            .registry
            .decide(
                asked[0].id,
                Decision { is_granted: true, by: "a test".to_owned(), comment: None },
            )
            .await;
        stage.clock.settle().await;
        let (status, calls) = (letter(&stage, parked).await.status, stage.tools.names());
        if is_called_off {
            assert!(decided.is_err(), "{decided:?}");
            assert_eq!((status, calls.len()), (Cancelled, 0));
            assert_eq!(stage.runs(ada).await[1].status, RunStatus::Cancelled);
        } else {
            decided.unwrap();
            assert_eq!((status, calls), (Answered, vec!["once".to_owned()]));
        }
    }
}
