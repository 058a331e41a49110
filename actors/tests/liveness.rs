//! Liveness: whatever keeps an agent from getting on is found, mended and recorded.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::prelude::*;
use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::agent::{Agent, Delivery};
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::facts::{Batch, EventKind, Fact};
use greenroom_actors::ids::{AgentId, LetterId, MemoryId, RoomId, RunId};
use greenroom_actors::letters::{Letter, LetterStatus};
use greenroom_actors::liveness::Finding;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{Clock, Store, VirtualClock};
use greenroom_actors::runs::{Run, RunKind, RunStatus, Usage};
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use crate::support::{Act, Stage, settings, start_autonomous};

/// What was found of an agent, as its events tell, and as the counts and the report agree.
async fn found(stage: &Stage, agent: AgentId) -> Vec<(Value, Value)> {
    let events = stage.store.events(agent, 0, 10_000).await.unwrap();
    let remedied = events.iter().filter(|event| event.kind == EventKind::Remedied);
    let found: Vec<_> = remedied
        .map(|event| (event.data["finding"].clone(), event.data["remedy"].clone()))
        .collect();
    let report = stage.registry.liveness();
    let recent = report.recent.iter().rev().filter(|recent| recent.agent_id == agent);
    let shown: Vec<_> =
        recent.map(|recent| (json!(recent.finding), json!(recent.remedy))).collect();
    assert_eq!(found, shown);
    let counted: u64 = stage.registry.vitals().findings.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, u64::try_from(report.recent.len()).unwrap());
    found
}

/// A clock that loses the sleeps of one length.
#[derive(Clone)]
struct Lossy {
    clock: VirtualClock,
    lost: Arc<Mutex<Option<Duration>>>,
}

impl Clock for Lossy {
    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if *self.lost.lock().unwrap() == Some(duration) {
            return pending().boxed();
        }
        self.clock.sleep(duration)
    }
}

async fn lossy(settings: Settings) -> (Stage, Arc<Mutex<Option<Duration>>>) {
    let clock = VirtualClock::at(UnixMillis(1_000_000));
    let lossy = Lossy { clock: clock.clone(), lost: Arc::default() };
    let lost = Arc::clone(&lossy.lost);
    let store = Arc::new(MemoryStore::new());
    (Stage::by(store, clock, Arc::new(lossy), settings).await, lost)
}

#[actix::test]
async fn a_run_without_progress_beyond_its_deadline_is_cut_off_and_one_within_it_is_not() {
    // Beside the rounds of the watch, nothing sleeps that long.
    let (stage, lost) = lossy(Settings { run_deadline_s: 299, ..settings() }).await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Hang);
    *lost.lock().unwrap() = Some(Duration::from_secs(299));
    let delivered = stage.registry.deliver(ada, Delivery::between(bob, ada, "hello", true)).await;
    stage.advance(350).await;
    assert_eq!(found(&stage, ada).await, [], "a model may take its time");
    stage.advance(120).await;
    assert_eq!(found(&stage, ada).await, [(json!("stuck_run"), json!("cut_off"))]);
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::TimedOut);
    let told = delivered.unwrap().reply.unwrap().within(Duration::MAX).await;
    assert!(matches!(told, Err(CoreError::Model(ModelError::TimedOut(_)))), "{told:?}");
    // And it gets on.
    assert_eq!(stage.registry.ask_agent(bob, ada, "again").await.unwrap().text(), "yes");
}

#[actix::test]
async fn a_tick_that_does_not_come_is_given_a_new_timer() {
    // The watch sleeps for another time than the agents.
    let (stage, lost) = lossy(Settings { liveness_every_s: 61, ..settings() }).await;
    *lost.lock().unwrap() = Some(Duration::from_secs(60));
    let id = stage.ticking("Ada").await;
    *lost.lock().unwrap() = None;
    stage.advance(180).await;
    let ticks = |kinds: Vec<&str>| kinds.iter().filter(|kind| **kind == "ticked").count();
    assert_eq!(ticks(stage.kinds(id).await), 1);
    stage.advance(600).await;
    assert_eq!(found(&stage, id).await, [(json!("tick_passed_over"), json!("timer_armed"))]);
    assert!(ticks(stage.kinds(id).await) > 5);
}

/// What a process does not know of, since it was written behind its back.
async fn behind(stage: &Stage, facts: Vec<Fact>) {
    let epoch = greenroom_actors::facts::Epoch(1);
    stage.store.commit(Batch { epoch, facts }).await.unwrap();
}

#[actix::test]
async fn a_letter_that_is_passed_over_is_taken_up() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let id = MemoryId::new();
    let letter = Letter {
        id: LetterId(id.0),
        to: ada,
        from: bob.into(),
        from_agent: Some(bob),
        room_id: RoomId(ada.0),
        memory_id: id,
        content: json!({"text": "psst"}).as_object().cloned().unwrap(),
        expects_reply: true,
        may_be_ignored: false,
        heard: None,
        askers: Vec::new(),
        in_reply_to: None,
        status: LetterStatus::Waiting,
        attempts: 0,
        sent_at: stage.clock.now(),
        terms: None,
        settled: None,
    };
    behind(&stage, vec![Fact::LetterSent(Box::new(letter))]).await;
    stage.advance(50).await;
    assert_eq!(stage.model.calls(), 0);
    stage.advance(120).await;
    assert_eq!(found(&stage, ada).await, [(json!("letter_passed_over"), json!("taken_up"))]);
    let letter = stage.store.letter(LetterId(id.0)).await.unwrap().unwrap();
    assert_eq!(letter.status, LetterStatus::Answered);
}

#[actix::test]
async fn an_open_run_that_nobody_carries_out_is_closed() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let run = Run {
        id: RunId::new(),
        agent_id: ada,
        kind: RunKind::Tick,
        status: RunStatus::Started,
        room_id: RoomId(ada.0),
        entity_id: ada.into(),
        letter_id: None,
        firing_id: None,
        resumes: None,
        started_at: stage.clock.now(),
        ended_at: None,
        error: None,
        usage: Usage::default(),
    };
    behind(&stage, vec![Fact::RunStarted(Box::new(run))]).await;
    stage.advance(3_600).await;
    assert_eq!(found(&stage, ada).await, [(json!("orphaned_run"), json!("closed"))]);
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Failed);
}

#[actix::test]
async fn an_agent_that_fails_again_and_again_is_reported_once() {
    let stage = Stage::set().await;
    let down = ModelError::Unavailable("down".to_owned());
    *stage.model.always.lock().unwrap() = Some(Act::Fail(down));
    let ada = stage.ticking("Ada").await;
    stage.advance(6 * 3_600).await;
    let failing = (json!("failing_agent"), json!("reported"));
    assert_eq!(found(&stage, ada).await, std::slice::from_ref(&failing));
    *stage.model.always.lock().unwrap() = None;
    stage.advance(2 * 3_600).await;
    let down = ModelError::Unavailable("down again".to_owned());
    *stage.model.always.lock().unwrap() = Some(Act::Fail(down));
    stage.tell(ada, "and now?").await;
    stage.advance(8 * 3_600).await;
    assert_eq!(found(&stage, ada).await, [failing.clone(), failing]);
}

/// Lets an agent wait for what never comes.
#[derive(Message)]
#[rtype(result = "Result<(), CoreError>")]
struct Deafen;

impl Handler<Deafen> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(&mut self, _: Deafen, ctx: &mut Context<Self>) -> Self::Result {
        ctx.wait(pending::<()>().into_actor(self));
        Ok(())
    }
}

#[actix::test]
async fn an_agent_that_does_not_answer_is_rebuilt_and_its_neighbours_are_not() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let cy = stage.ticking("Cy").await;
    stage.registry.ask(ada, Deafen).await.unwrap();
    // It is known to be deaf some 30 s after it was asked, within the second minute at the latest.
    stage.advance(180).await;
    assert_eq!(found(&stage, ada).await, [(json!("deaf_agent"), json!("rebuilt"))]);
    assert_eq!(stage.registry.ask_agent(bob, ada, "hello").await.unwrap().text(), "yes");
    for id in [bob, cy] {
        assert_eq!(found(&stage, id).await, []);
    }
    assert_eq!(stage.registry.vitals().hosted, 3);
}

#[actix::test]
async fn an_agent_that_waits_for_the_store_is_left_alone() {
    let stage = Stage::set().await;
    let ada = stage.ticking("Ada").await;
    stage.store.hold_commits();
    stage.advance(600).await;
    stage.store.release_commits();
    stage.clock.settle().await;
    let found = found(&stage, ada).await;
    assert!(found.iter().all(|(finding, _)| *finding != json!("deaf_agent")), "{found:?}");
}

#[actix::test]
async fn whoever_gets_on_is_not_remedied() {
    let stage = Stage::set().await;
    let mut ids = Vec::new();
    for number in 0..600 {
        ids.push(stage.ticking(&format!("Agent {number}")).await);
    }
    let stopped = stage.running("Stopped").await;
    let stop = greenroom_actors::agent::Change::to(greenroom_actors::lifecycle::Command::Stop);
    stage.registry.ask(stopped, stop).await.unwrap();
    stage.advance(3_600).await;
    let report = stage.registry.liveness();
    assert!(report.rounds >= 50, "{}", report.rounds);
    assert_eq!((report.recent.len(), report.blocked.len()), (0, 0));
}

/// Blocks the thread of an agent until the other side is gone.
#[derive(Message)]
#[rtype(result = "Result<(), CoreError>")]
struct Block(std::sync::mpsc::Receiver<()>);

impl Handler<Block> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(&mut self, Block(until): Block, _: &mut Context<Self>) -> Self::Result {
        let _gone = until.recv();
        Ok(())
    }
}

#[actix::test]
async fn a_thread_that_is_blocked_is_told_with_the_agent_that_blocks_it() {
    let stage = Stage::with(Settings { arbiters: Some(1), ..settings() }).await;
    while stage.registry.is_booting() {
        tokio::task::yield_now().await;
    }
    let ada = stage.create("Ada").await;
    stage.registry.ask(ada, start_autonomous()).await.unwrap();
    let (release, until) = std::sync::mpsc::channel();
    let registry = stage.registry.clone();
    let blocking = actix::spawn(async move { registry.ask(ada, Block(until)).await });
    while stage.registry.liveness().blocked.is_empty() {
        stage.advance(60).await;
    }
    let blocked = &stage.registry.liveness().blocked;
    assert_eq!((blocked[0].thread, blocked[0].last_handled), (0, Some(ada)));
    let counted = stage.registry.vitals().findings;
    assert!(counted.contains(&(Finding::BlockedThread, 1)), "{counted:?}");

    drop(release);
    blocking.await.unwrap().unwrap();
    stage.registry.status(ada).await.unwrap();
    while !stage.registry.liveness().blocked.is_empty() {
        stage.advance(60).await;
    }
    let data = Map::from_iter([("finding".to_owned(), json!("blocked_thread"))]);
    let events = stage.store.events(ada, 0, 1_000).await.unwrap();
    assert!(events.iter().any(|event| event.data.get("finding") == data.get("finding")));
}
