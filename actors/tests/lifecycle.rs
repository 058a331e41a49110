//! What an operator asked for holds: at once, durably, and across boots.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::agent::{Change, SetAutonomy};
use greenroom_actors::character::Character;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Command, State};
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{Clock, Model, NoTools, Store};
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::RunStatus;
use greenroom_actors::runtime::Ports;
use greenroom_actors::time::UnixMillis;
use tokio::sync::oneshot;

use crate::support::{Act, Script, Stage, settings, start_autonomous};

#[actix::test]
async fn a_change_is_visible_only_once_it_is_durable() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    stage.store.fail_next_commit(StoreError::Full("disk".into()));
    let refused = stage.registry.ask(id, Change::to(Command::Pause)).await;
    assert_eq!(refused, Err(CoreError::Store(StoreError::Full("disk".into()))));
    assert_eq!(stage.registry.status(id).await.unwrap().state, State::Running);

    stage.registry.ask(id, Change::to(Command::Pause)).await.unwrap();
    assert_eq!(stage.registry.status(id).await.unwrap().state, State::Paused);
    let kept = stage.store.agent(id).await.unwrap().unwrap();
    assert_eq!(kept.lifecycle.state(), State::Paused);
}

#[actix::test]
async fn paused_and_stopped_agents_stay_so_over_a_boot_and_do_not_tick() {
    let stage = Stage::set().await;
    let (paused, stopped, running) =
        (stage.ticking("P").await, stage.ticking("S").await, stage.ticking("R").await);
    stage.registry.ask(paused, Change::to(Command::Pause)).await.unwrap();
    stage.registry.ask(stopped, Change::to(Command::Stop)).await.unwrap();
    let before = (stage.kinds(paused).await, stage.kinds(stopped).await);

    let stage = stage.boot_again().await;
    stage.advance(600).await;
    assert_eq!(stage.registry.status(paused).await.unwrap().state, State::Paused);
    assert_eq!(stage.registry.status(stopped).await.unwrap().state, State::Stopped);
    assert_eq!((stage.kinds(paused).await, stage.kinds(stopped).await), before);
    let ticks = stage.kinds(running).await.iter().filter(|kind| **kind == "ticked").count();
    assert!((10..=12).contains(&ticks), "{ticks}");
}

#[actix::test]
async fn stop_is_silent_first_and_the_run_it_cut_off_is_recorded() {
    let stage = Stage::set().await;
    let id = stage.create("Ada").await;
    stage.model.then(Act::Hang);
    stage.registry.ask(id, start_autonomous()).await.unwrap();
    stage.advance(1).await;
    let run = stage.registry.status(id).await.unwrap().run.expect("a run in flight");

    stage.store.hold_commits();
    let stopping = stage.registry.ask(id, Change::to(Command::Stop));
    futures::pin_mut!(stopping);
    assert!(futures::poll!(&mut stopping).is_pending());
    stage.clock.settle().await;
    // Nothing is committed yet, and the call of the model is closed already.
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 1);
    stage.store.release_commits();
    assert_eq!(stopping.await.unwrap().state(), State::Stopped);

    let runs = stage.runs(id).await;
    assert_eq!((runs.len(), runs[0].id, runs[0].status), (1, run, RunStatus::Cancelled));
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 1);
    assert_eq!(stage.registry.vitals().runs_in_flight, 0);
}

/// A clock that stands still and wakes all sleepers at one stroke.
#[derive(Default)]
struct Bell(Mutex<Vec<oneshot::Sender<()>>>);

impl Bell {
    fn ring(&self) {
        for sleeper in self.0.lock().unwrap().drain(..) {
            let _nobody_sleeps = sleeper.send(());
        }
    }
}

impl Clock for Bell {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_000_000)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        self.0.lock().unwrap().push(wake);
        woken.map(|_| ()).boxed()
    }
}

/// The first tick of an agent comes due in the very turn in which the agent finds that command.
async fn at_a_tick(command: Command, fails: bool) -> (Registry, Arc<MemoryStore>, AgentId) {
    let (bell, store) = (Arc::new(Bell::default()), Arc::new(MemoryStore::new()));
    let (clock, kept): (Arc<dyn Clock>, Arc<dyn Store>) = (bell.clone(), store.clone());
    let ports = Ports {
        store: kept,
        model: Arc::new(Script::default()),
        clock,
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, settings()).await.unwrap();
    while registry.is_booting() {
        tokio::task::yield_now().await;
    }
    let id = registry.create(Character::named("Ada")).await.unwrap().id;
    registry.ask(id, start_autonomous()).await.unwrap();
    tokio::task::yield_now().await;
    if fails {
        store.fail_next_commit(StoreError::Full("disk".into()));
    }
    // A task beside theirs: the shard passes the command on, then the bell rings, then it is the
    // agent's turn.
    let asking = registry.clone();
    let changed = actix::spawn(async move {
        let changing = asking.ask(id, Change::to(command));
        futures::pin_mut!(changing);
        assert!(futures::poll!(&mut changing).is_pending());
        let mut has_given_way = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut has_given_way, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        bell.ring();
        changing.await
    });
    assert_eq!(changed.await.unwrap().is_err(), fails);
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    (registry, store, id)
}

async fn kinds(store: &MemoryStore, agent: AgentId) -> Vec<&'static str> {
    let events = store.events(agent, 0, 100).await.unwrap();
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[actix::test]
async fn a_tick_that_comes_due_with_a_stop_does_not_get_past_it() {
    for (command, kind) in [(Command::Stop, "stopped"), (Command::Pause, "paused")] {
        let (_registry, store, id) = at_a_tick(command, false).await;
        assert_eq!(kinds(&store, id).await, ["created", "started", kind]);
    }
}

#[actix::test]
async fn a_tick_that_comes_due_with_a_change_that_fails_is_made_after_it() {
    let (registry, _store, id) = at_a_tick(Command::Stop, true).await;
    let status = registry.status(id).await.unwrap();
    assert!(status.state == State::Running && status.next_tick_at.is_some(), "{status:?}");
}

#[actix::test]
async fn the_first_tick_thinks_and_later_ones_cost_no_call_until_a_reflection_is_due() {
    let stage = Stage::set().await;
    stage.model.then(Act::Say("I count.".into()));
    let id = stage.ticking("Ada").await;
    assert_eq!(stage.model.calls(), 1);
    stage.tell(id, "and again").await;
    stage.advance(10 * 60).await;
    assert_eq!(stage.model.calls(), 1);
    stage.advance(6 * 60).await;
    assert_eq!(stage.model.calls(), 2);

    let runs = stage.runs(id).await;
    assert!(runs.iter().all(|run| run.status == RunStatus::Completed));
    let (usage, cost) = (&runs[0].usage, runs[0].usage.cost_micros);
    assert_eq!((usage.input_tokens, usage.output_tokens, cost), (7, 3, Some(5)));
    let memories =
        stage.store.memories(greenroom_actors::ports::MemoryQuery::of(id, 10)).await.unwrap();
    assert!(memories.iter().any(|memory| memory.text() == "I count."));
}

#[actix::test]
async fn a_tick_that_comes_due_during_a_run_is_skipped_and_counted() {
    let stage = Stage::set().await;
    stage.model.then(Act::Hang);
    let id = stage.ticking("Ada").await;
    stage.advance(250).await;
    let status = stage.registry.status(id).await.unwrap();
    assert_eq!((stage.model.calls(), status.ticks_skipped), (1, 4));
    // The run's own deadline ends it.
    stage.advance(60).await;
    assert_eq!(stage.runs(id).await.last().unwrap().status, RunStatus::TimedOut);
}

#[actix::test]
async fn failing_runs_back_off() {
    let stage = Stage::set().await;
    *stage.model.always.lock().unwrap() =
        Some(Act::Fail(greenroom_actors::error::ModelError::Unavailable("down".into())));
    let id = stage.ticking("Ada").await;
    stage.advance(3_600).await;
    // At 0, then after 1·2, 2·2, 4·2, 8·2 and 16·2 minutes: not sixty times.
    assert!((4..=7).contains(&stage.model.calls()), "{}", stage.model.calls());
    assert_eq!(stage.registry.status(id).await.unwrap().state, State::Running);
}

#[actix::test]
async fn autonomy_is_set_in_any_state_and_begins_at_once_when_running() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    stage.advance(300).await;
    assert_eq!(stage.model.calls(), 0);
    let autonomy = start_autonomous().autonomy.unwrap();
    stage.registry.ask(id, SetAutonomy(autonomy)).await.unwrap();
    stage.advance(0).await;
    assert_eq!(stage.model.calls(), 1);
    stage.registry.ask(id, SetAutonomy(None)).await.unwrap();
    let before = stage.kinds(id).await;
    stage.advance(600).await;
    assert_eq!(stage.kinds(id).await, before);
}

#[actix::test]
async fn a_removed_agent_is_silent_and_gone() {
    let stage = Stage::set().await;
    let id = stage.create("Ada").await;
    stage.model.then(Act::Hang);
    stage.registry.ask(id, start_autonomous()).await.unwrap();
    stage.advance(1).await;
    stage.registry.remove(id, false).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 1);
    assert_eq!(stage.registry.status(id).await, Err(CoreError::AgentNotFound(id)));
    assert_eq!(stage.registry.record(id).await.err(), Some(CoreError::AgentNotFound(id)));
    assert_eq!(stage.registry.remove(id, false).await, Err(CoreError::AgentNotFound(id)));
    stage.advance(600).await;
    assert_eq!((stage.model.calls(), stage.registry.vitals().hosted), (1, 0));
    stage.create("Ada").await;
}

#[actix::test]
async fn a_halt_cuts_off_every_run_and_holds_over_a_boot() {
    let stage = Stage::set().await;
    stage.model.then(Act::Hang).then(Act::Hang);
    let (a, b) = (stage.ticking("A").await, stage.ticking("B").await);
    stage.registry.halt().await.unwrap();
    assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 2);
    for id in [a, b] {
        assert_eq!(stage.runs(id).await[0].status, RunStatus::Cancelled);
    }
    let stage = stage.boot_again().await;
    assert!(stage.registry.is_halted());
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 0);
    let refused = stage.registry.ask(a, Change::to(Command::Restart)).await;
    assert_eq!(refused, Err(CoreError::Halted));
    stage.registry.lift().await.unwrap();
    stage.advance(120).await;
    assert_eq!(stage.model.calls(), 2);
}

#[actix::test]
async fn shutting_down_waits_for_runs_then_cuts_them_off_with_an_outcome() {
    let stage = Stage::set().await;
    stage.model.then(Act::Hang);
    let id = stage.ticking("Ada").await;
    stage.registry.shutdown(std::time::Duration::from_millis(1)).await;
    assert_eq!(stage.runs(id).await[0].status, RunStatus::Interrupted);
    assert_eq!(stage.registry.status(id).await, Err(CoreError::ShuttingDown));
    // What was asked for is as it was.
    let kept = stage.store.agent(id).await.unwrap().unwrap();
    assert_eq!(kept.lifecycle.state(), State::Running);
}

#[actix::test]
async fn an_unknown_agent_is_not_found_and_a_known_id_is_taken() {
    let stage = Stage::set().await;
    let id = stage.create("Ada").await;
    let again = stage.registry.create(greenroom_actors::character::Character::named("Ada")).await;
    assert_eq!(again.err(), Some(CoreError::AlreadyExists(id)));
    let nobody = AgentId::new();
    assert_eq!(stage.registry.status(nobody).await, Err(CoreError::AgentNotFound(nobody)));
}

#[actix::test]
async fn an_agent_that_is_created_again_while_the_host_comes_up_is_hosted_all_the_same() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    let Stage { store, clock, model, .. } = stage;
    let (kept, asked): (Arc<dyn Store>, Arc<dyn Model>) = (store, model);
    let ports = Ports {
        store: kept,
        model: asked,
        clock: Arc::new(clock.clone()),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, settings()).await.unwrap();
    // Before the first page of agents is hosted.
    let again = registry.create(Character::named("Ada")).await;
    assert_eq!(again.err(), Some(CoreError::AlreadyExists(id)));
    clock.settle().await;
    assert_eq!(registry.status(id).await.unwrap().state, State::Running);
}
