//! A crash stays where it is, and is not the end of an agent until it is one too many.

use futures::future::join_all;
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::EventKind;
use greenroom_actors::feed::Fed;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Command, State};
use greenroom_actors::runs::RunStatus;
use uuid::Uuid;

use crate::support::{Act, Stage, start_autonomous};

#[actix::test]
async fn an_agent_that_crashes_in_a_handler_comes_back_with_its_durable_state() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    stage.store.panic_on_next_commit();
    let crashed = stage.registry.ask(id, Change::to(Command::Pause)).await;
    assert_eq!(crashed, Err(CoreError::Crashed(id)));
    let after = stage.registry.status(id).await.unwrap();
    assert_eq!((after.state, after.restarts), (State::Running, 1));
    stage.registry.ask(id, Change::to(Command::Pause)).await.unwrap();
}

#[actix::test]
async fn a_run_that_panics_fails_the_agent_goes_on_and_the_crash_is_seen() {
    let stage = Stage::set().await;
    stage.model.then(Act::Panic);
    let id = stage.ticking("Ada").await;
    let runs = stage.runs(id).await;
    assert_eq!(runs[0].status, RunStatus::Failed);
    assert_eq!(runs[0].error.as_deref(), Some("crashed: the model fell over"));
    stage.advance(1).await;
    assert_eq!(stage.runs(id).await[0].status, RunStatus::Completed);
    assert!(stage.kinds(id).await.contains(&"crashed"));
}

#[actix::test]
async fn one_that_crashes_each_time_fails_among_neighbours_that_tick_on() {
    let stage = Stage::set().await;
    let mut neighbours = Vec::new();
    for number in 0..1_000 {
        neighbours.push(stage.ticking(&format!("N{number}")).await);
    }
    let bad = stage.create("Bad").await;
    *stage.model.panics_for.lock().unwrap() = Some(bad);
    stage.registry.ask(bad, start_autonomous()).await.unwrap();
    let calls = stage.model.calls();
    stage.advance(300).await;

    let failed = stage.registry.status(bad).await.unwrap();
    assert_eq!(failed.state, State::Failed);
    assert_eq!(failed.lifecycle.failure.as_deref(), Some("the model fell over"));
    // Five restarts are tolerated, so that the sixth crash is the last.
    assert_eq!(stage.model.calls() - calls, 6);
    assert!(stage.runs(bad).await.iter().all(|run| run.status == RunStatus::Failed));
    for id in &neighbours {
        assert_eq!(stage.registry.status(*id).await.unwrap().restarts, 0);
        let ticks = stage.kinds(*id).await.iter().filter(|kind| **kind == "ticked").count();
        assert_eq!(ticks, 6);
    }
    let refused = stage.registry.ask(bad, Change::to(Command::Pause)).await;
    let wrong = CoreError::WrongState { command: Command::Pause, state: State::Failed };
    assert_eq!(refused, Err(wrong));

    *stage.model.panics_for.lock().unwrap() = None;
    stage.registry.ask(bad, Change::to(Command::Start)).await.unwrap();
    stage.advance(1).await;
    assert_eq!(stage.runs(bad).await[0].status, RunStatus::Completed);
}

#[actix::test]
async fn runs_that_a_dead_process_left_open_are_interrupted() {
    let stage = Stage::set().await;
    stage.model.then(Act::Hang);
    let id = stage.ticking("Ada").await;
    let stage = stage.boot_again().await;
    assert_eq!(stage.runs(id).await[0].status, RunStatus::Interrupted);
}

#[actix::test]
async fn whoever_hears_that_an_agent_has_failed_can_start_it_at_once() {
    let stage = Stage::set().await;
    let bad = stage.create("Bad").await;
    *stage.model.panics_for.lock().unwrap() = Some(bad);
    let mut feed = stage.registry.subscribe(bad, 0);
    stage.registry.ask(bad, start_autonomous()).await.unwrap();
    let started = async {
        while !matches!(feed.next().await.unwrap(), Fed::Event(event) if event.kind == EventKind::Failed)
        {
        }
        *stage.model.panics_for.lock().unwrap() = None;
        stage.registry.ask(bad, Change::to(Command::Start)).await
    };
    let (started, ()) = futures::join!(started, stage.advance(300));
    started.unwrap();
    assert_eq!(stage.registry.status(bad).await.unwrap().state, State::Running);
}

#[actix::test]
async fn what_comes_for_an_agent_that_is_not_back_yet_waits_for_it() {
    let stage = Stage::set().await;
    let registry = &stage.registry;
    let id = stage.create("Ada").await;
    let most = usize::try_from(registry.settings().agent_mailbox).unwrap();
    // One that comes to be, one that does not, and one that is taken away as soon as it is there.
    let [bob, nobody, brief] = [1, 2, 3].map(|id| AgentId(Uuid::from_u128(id)));
    let named = |id| Character { id: Some(id), ..Character::named("Bob") };
    stage.store.hold_commits();
    let made = join_all([
        registry.create_as(named(bob), "bob"),
        registry.create_as(named(nobody), "ada"),
        registry.create_as(named(brief), "brief"),
    ]);
    let asked = join_all((0..=most).map(|_| registry.status(bob)));
    let others = join_all([registry.status(nobody), registry.status(brief)]);
    let removed = registry.remove(brief, false);
    let gone = registry.status(brief);
    let all = async { futures::join!(made, asked, others, removed, gone) };
    futures::pin_mut!(all);
    assert!(futures::poll!(&mut all).is_pending());
    stage.clock.settle().await;
    assert!(futures::poll!(&mut all).is_pending());
    // Another agent is as it was.
    assert_eq!(registry.status(id).await.unwrap().state, State::Stopped);

    stage.store.release_commits();
    let (made, asked, others, removed, gone) = all.await;
    assert!(made[0].is_ok());
    assert_eq!(made[1], Err(CoreError::HandleTaken("ada".to_owned())));
    assert!(asked[..most].iter().all(Result::is_ok));
    assert_eq!(asked[most], Err(CoreError::Overloaded));
    assert_eq!(others[0], Err(CoreError::AgentNotFound(nobody)));
    assert!(others[1].is_ok() && removed == Ok(()));
    assert_eq!(gone, Err(CoreError::AgentNotFound(brief)));
}
