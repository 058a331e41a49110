//! A grace: the run in flight may still end, and nothing else begins.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use greenroom_actors::agent::{Change, Reply};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Command, State};
use greenroom_actors::ports::Store;
use greenroom_actors::runs::RunStatus;
use tokio::sync::Notify;

use crate::support::{Act, Stage};

fn within(command: Command, seconds: u64) -> Change {
    Change { grace: Some(Duration::from_secs(seconds)), ..Change::to(command) }
}

/// A host on which Ada is about to answer Bob, once she is let; and Bob's wait.
async fn talking() -> (Stage, AgentId, Arc<Notify>, Reply) {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let go_on = Arc::new(Notify::new());
    stage.model.then(Act::Wait(Arc::clone(&go_on)));
    let delivery = greenroom_actors::agent::Delivery::between(bob, ada, "hello", true);
    let delivered = stage.registry.deliver(ada, delivery).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.model.calls(), 1);
    (stage, ada, go_on, delivered.reply.unwrap())
}

async fn states(stage: &Stage, id: AgentId) -> (State, State) {
    let kept = stage.store.agent(id).await.unwrap().unwrap().lifecycle.state();
    (stage.registry.status(id).await.unwrap().state, kept)
}

#[actix::test]
async fn a_run_that_ends_within_its_grace_is_answered_and_nothing_follows() {
    let (stage, ada, go_on, reply) = talking().await;
    let bob = stage.running("Cy").await;
    let behind = stage.registry.tell(bob, ada, "and me?").await.unwrap();
    let lifecycle = stage.registry.ask(ada, within(Command::Stop, 30)).await.unwrap();
    assert_eq!(lifecycle.state(), State::Stopped);
    assert_eq!(states(&stage, ada).await, (State::Stopping, State::Stopped));
    stage.advance(29).await;
    go_on.notify_one();
    assert_eq!(reply.within(Duration::MAX).await.unwrap().unwrap().text(), "late");
    stage.advance(600).await;
    assert_eq!(states(&stage, ada).await, (State::Stopped, State::Stopped));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Completed);
    assert_eq!(stage.model.calls(), 1, "the letter behind it waits");
    let waiting = stage.store.waiting_letters(ada, 9).await.unwrap();
    assert_eq!(waiting.iter().map(|letter| letter.id).collect::<Vec<_>>(), [behind]);
}

#[actix::test]
async fn a_run_that_does_not_end_within_its_grace_is_cut_off_and_that_is_told() {
    for command in [Command::Stop, Command::Restart] {
        let (stage, ada, _, reply) = talking().await;
        stage.registry.ask(ada, within(command, 30)).await.unwrap();
        stage.advance(29).await;
        assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 0);
        stage.advance(1).await;
        assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 1);
        let told = reply.within(Duration::MAX).await.unwrap_err();
        assert!(matches!(&told, CoreError::Cancelled(why) if why.contains("grace")), "{told}");
        let run = &stage.runs(ada).await[0];
        assert_eq!(run.status, RunStatus::Cancelled);
        assert!(run.error.as_ref().unwrap().contains("grace"), "{run:?}");
        assert!(stage.kinds(ada).await.contains(&"letter_dead"));
        stage.advance(600).await;
        assert_eq!(stage.model.calls(), 1);
        let state = if command == Command::Stop { State::Stopped } else { State::Running };
        assert_eq!(states(&stage, ada).await, (state, state));
    }
}

#[actix::test]
async fn force_ends_a_grace_at_once() {
    let (stage, ada, _, reply) = talking().await;
    stage.registry.ask(ada, within(Command::Stop, 300)).await.unwrap();
    stage.registry.ask(ada, within(Command::Stop, 200)).await.unwrap();
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 0);
    stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 1);
    assert_eq!(states(&stage, ada).await, (State::Stopped, State::Stopped));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Cancelled);
    let told = reply.within(Duration::MAX).await.unwrap_err();
    assert_eq!(told, CoreError::Cancelled("the agent was stopped".to_owned()));
    let again = stage.registry.ask(ada, Change::to(Command::Stop)).await;
    let wrong = CoreError::WrongState { command: Command::Stop, state: State::Stopped };
    assert_eq!(again, Err(wrong));
}

#[actix::test]
async fn a_paused_agent_ends_its_run_and_a_letter_cut_off_is_answered_on_resume() {
    let (stage, ada, go_on, reply) = talking().await;
    stage.registry.ask(ada, within(Command::Pause, 30)).await.unwrap();
    assert_eq!(states(&stage, ada).await, (State::Stopping, State::Paused));
    // Resumed within the grace, it goes on as if nothing had been.
    stage.registry.ask(ada, Change::to(Command::Resume)).await.unwrap();
    stage.advance(60).await;
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 0);

    stage.registry.ask(ada, within(Command::Pause, 30)).await.unwrap();
    stage.advance(60).await;
    assert_eq!(states(&stage, ada).await, (State::Paused, State::Paused));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Cancelled);
    drop(go_on);
    stage.registry.ask(ada, Change::to(Command::Resume)).await.unwrap();
    assert_eq!(reply.within(Duration::MAX).await.unwrap().unwrap().text(), "yes");
}

#[actix::test]
async fn an_agent_whose_process_dies_within_the_grace_stays_stopped() {
    let (stage, ada, ..) = talking().await;
    stage.registry.ask(ada, within(Command::Stop, 300)).await.unwrap();
    let stage = stage.boot_again().await;
    stage.advance(600).await;
    assert_eq!(states(&stage, ada).await, (State::Stopped, State::Stopped));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Interrupted);
    assert_eq!(stage.model.calls(), 0);
}
