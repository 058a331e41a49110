//! Commands that are not refused: from every state to where they lead, durably, across boots.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use greenroom_actors::agent::{Change, Delivery, SetAutonomy};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::AgentId;
use greenroom_actors::letters::LetterStatus;
use greenroom_actors::lifecycle::{Autonomy, Command, Lifecycle, State};
use greenroom_actors::ports::{Clock, Store};
use greenroom_actors::runs::RunStatus;
use tokio::sync::Notify;

use crate::support::{Act, Stage, start_autonomous};

const COMMANDS: [Command; 5] =
    [Command::Start, Command::Stop, Command::Pause, Command::Resume, Command::Restart];

async fn insist(stage: &Stage, id: AgentId, command: Command) -> Lifecycle {
    stage.registry.ask(id, Change::insisting(command)).await.unwrap()
}

/// What is so now, what is kept, and that the two do not differ.
async fn lifecycle(stage: &Stage, id: AgentId) -> Lifecycle {
    let status = stage.registry.status(id).await.unwrap();
    let kept = stage.store.agent(id).await.unwrap().unwrap().lifecycle;
    assert_eq!((status.lifecycle, status.state), (kept.clone(), kept.state()));
    kept
}

/// Autonomous each minute, and insisting.
fn autonomous(command: Command) -> Change {
    Change { insists: true, command, ..start_autonomous() }
}

#[actix::test]
async fn every_command_succeeds_in_every_state_and_outlives_the_process() {
    for first in COMMANDS {
        for second in COMMANDS {
            let stage = Stage::set().await;
            let id = stage.create("Ada").await;
            for command in [first, second] {
                stage.advance(7).await;
                let before = lifecycle(&stage, id).await;
                let kinds = stage.kinds(id).await;
                let after = insist(&stage, id, command).await;
                assert_eq!(after, before.insisting(command, stage.clock.now()));
                assert_eq!(lifecycle(&stage, id).await, after, "{first} {second}");
                let told = stage.kinds(id).await.len() - kinds.len();
                let is_news = after != before || command == Command::Restart;
                assert_eq!(told, usize::from(is_news), "{first} {second}");
            }
            let before = lifecycle(&stage, id).await;
            let stage = stage.boot_again().await;
            assert_eq!(lifecycle(&stage, id).await, before, "{first} {second}");
        }
    }
}

#[actix::test]
async fn a_stopped_agent_that_is_paused_does_nothing_and_holds_its_letters_over_a_boot() {
    let stage = Stage::set().await;
    let id = stage.create("Ada").await;
    stage.registry.ask(id, autonomous(Command::Pause)).await.unwrap();
    assert_eq!(lifecycle(&stage, id).await.state(), State::Paused);
    let bob = stage.running("Bob").await;
    let letter = stage.registry.tell(bob, id, "are you there?").await.unwrap();
    stage.advance(600).await;
    let stage = stage.boot_again().await;
    stage.advance(600).await;
    assert_eq!(lifecycle(&stage, id).await.state(), State::Paused);
    assert_eq!((stage.model.calls(), stage.runs(id).await.len()), (0, 0));
    assert!(!stage.kinds(id).await.contains(&"ticked"));
    let status = stage.store.letter(letter).await.unwrap().unwrap().status;
    assert_eq!(status, LetterStatus::Waiting);

    let resumed = insist(&stage, id, Command::Resume).await;
    assert_eq!((resumed.state(), resumed.started_at), (State::Running, None));
    stage.advance(0).await;
    let status = stage.store.letter(letter).await.unwrap().unwrap().status;
    assert_eq!(status, LetterStatus::Answered);
    stage.advance(120).await;
    assert!(stage.kinds(id).await.contains(&"ticked"), "{:?}", stage.kinds(id).await);
    let stage = stage.boot_again().await;
    let status = stage.registry.status(id).await.unwrap();
    assert_eq!((status.state, status.lifecycle.started_at), (State::Running, None));
}

#[actix::test]
async fn a_start_of_a_running_agent_begins_its_uptime_and_leaves_its_run_alone() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let go_on = Arc::new(Notify::new());
    stage.model.then(Act::Wait(Arc::clone(&go_on)));
    let delivery = Delivery::between(bob, ada, "hello", true);
    let reply = stage.registry.deliver(ada, delivery).await.unwrap().reply.unwrap();
    stage.advance(20).await;
    let run = stage.registry.status(ada).await.unwrap().run.unwrap();
    let started = insist(&stage, ada, Command::Start).await;
    assert_eq!(started.started_at, Some(stage.clock.now()));
    assert_eq!(stage.registry.status(ada).await.unwrap().run, Some(run));
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 0);
    go_on.notify_one();
    assert_eq!(reply.within(Duration::MAX).await.unwrap().unwrap().text(), "late");
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Completed);
}

#[actix::test]
async fn autonomy_that_comes_with_a_start_ticks_at_once_and_once_only() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    stage.advance(300).await;
    assert_eq!(stage.model.calls(), 0);
    stage.registry.ask(id, autonomous(Command::Start)).await.unwrap();
    stage.advance(0).await;
    assert_eq!(stage.model.calls(), 1);

    stage.advance(20).await;
    let due = stage.registry.status(id).await.unwrap().next_tick_at;
    let kinds = stage.kinds(id).await.len();
    for _ in 0..3 {
        stage.advance(1).await;
        stage.registry.ask(id, autonomous(Command::Start)).await.unwrap();
    }
    stage.advance(0).await;
    assert_eq!(stage.kinds(id).await[kinds..], ["started"; 3]);
    assert_eq!(stage.registry.status(id).await.unwrap().next_tick_at, due);

    // Another period counts from now on.
    let autonomy = Some(Autonomy::every(Duration::from_secs(10)));
    stage.registry.ask(id, SetAutonomy(autonomy)).await.unwrap();
    stage.advance(9).await;
    assert_eq!(stage.kinds(id).await[kinds + 3..], ["autonomy_set"]);
    stage.advance(1).await;
    assert_eq!(stage.kinds(id).await[kinds + 4..], ["ticked"]);
}

#[actix::test]
async fn a_command_that_changes_the_autonomy_alone_says_just_that() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    let kinds = stage.kinds(id).await.len();
    stage.registry.ask(id, autonomous(Command::Resume)).await.unwrap();
    stage.advance(0).await;
    let told = stage.kinds(id).await[kinds..].to_vec();
    assert_eq!((told[0], stage.model.calls()), ("autonomy_set", 1));

    let kinds = stage.kinds(id).await.len();
    let off = || Change { autonomy: Some(None), ..Change::insisting(Command::Stop) };
    for _ in 0..2 {
        stage.registry.ask(id, off()).await.unwrap();
        assert_eq!(lifecycle(&stage, id).await, Lifecycle::default());
    }
    assert_eq!(stage.kinds(id).await[kinds..], ["stopped"]);
    stage.registry.ask(id, autonomous(Command::Stop)).await.unwrap();
    assert!(lifecycle(&stage, id).await.autonomy.is_some());
    assert_eq!(stage.kinds(id).await[kinds..], ["stopped", "autonomy_set"]);
    stage.advance(600).await;
    assert_eq!(stage.kinds(id).await.len(), kinds + 2);
}

#[actix::test]
async fn a_second_stop_without_a_grace_cuts_off_what_had_one() {
    for autonomy in [None, Some(None)] {
        let stage = Stage::set().await;
        stage.model.then(Act::Hang);
        let id = stage.ticking("Ada").await;
        let grace = Some(Duration::from_secs(30));
        let stop = Change { grace, ..Change::insisting(Command::Stop) };
        stage.registry.ask(id, stop).await.unwrap();
        assert_eq!(stage.registry.status(id).await.unwrap().state, State::Stopping);
        let stop = Change { autonomy, ..Change::insisting(Command::Stop) };
        stage.registry.ask(id, stop).await.unwrap();
        assert_eq!(stage.registry.status(id).await.unwrap().state, State::Stopped);
        assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 1);
        assert_eq!(stage.runs(id).await[0].status, RunStatus::Cancelled);
        assert_eq!(lifecycle(&stage, id).await.autonomy.is_some(), autonomy.is_none());
    }
}

#[actix::test]
async fn a_restart_cuts_off_the_run_in_flight_also_in_the_instant_of_the_start() {
    let stage = Stage::set().await;
    stage.model.then(Act::Hang);
    let id = stage.ticking("Ada").await;
    let before = lifecycle(&stage, id).await;
    assert_eq!(insist(&stage, id, Command::Restart).await, before);
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 1);
    stage.advance(0).await;
    assert_eq!(stage.runs(id).await.last().unwrap().status, RunStatus::Cancelled);
    assert_eq!(stage.model.calls(), 2);
    assert!(stage.kinds(id).await.contains(&"restarted"));
}

#[actix::test]
async fn nobody_insists_against_a_halt_or_a_store_that_fails() {
    let stage = Stage::set().await;
    let (stopped, running) = (stage.create("Ada").await, stage.running("Bob").await);
    stage.store.fail_next_commit(StoreError::Full("disk".into()));
    let refused = stage.registry.ask(stopped, Change::insisting(Command::Pause)).await;
    assert_eq!(refused, Err(CoreError::Store(StoreError::Full("disk".into()))));
    assert_eq!(lifecycle(&stage, stopped).await.state(), State::Stopped);

    stage.registry.halt().await.unwrap();
    for command in [Command::Start, Command::Resume, Command::Restart] {
        for id in [stopped, running] {
            let refused = stage.registry.ask(id, Change::insisting(command)).await;
            assert_eq!(refused, Err(CoreError::Halted), "{command}");
        }
    }
    assert_eq!(insist(&stage, stopped, Command::Pause).await.state(), State::Paused);
    assert_eq!(insist(&stage, running, Command::Stop).await.state(), State::Stopped);
    assert_eq!(insist(&stage, running, Command::Stop).await.state(), State::Stopped);
}

#[actix::test]
async fn an_agent_that_has_failed_takes_every_command() {
    for (command, state) in [
        (Command::Pause, State::Paused),
        (Command::Resume, State::Running),
        (Command::Start, State::Running),
        (Command::Stop, State::Stopped),
    ] {
        let stage = Stage::set().await;
        let id = stage.create("Ada").await;
        *stage.model.panics_for.lock().unwrap() = Some(id);
        let started_at = stage.registry.ask(id, start_autonomous()).await.unwrap().started_at;
        stage.advance(300).await;
        assert_eq!(lifecycle(&stage, id).await.state(), State::Failed);
        let after = insist(&stage, id, command).await;
        assert_eq!((after.state(), &after.failure), (state, &None));
        if matches!(command, Command::Pause | Command::Resume) {
            assert_eq!(after.started_at, started_at);
        }
        let stage = stage.boot_again().await;
        assert_eq!(lifecycle(&stage, id).await, after);
    }
}
