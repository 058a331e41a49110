//! Approvals: what asks first is never called without a yes, and a yes is neither lost nor used twice.

use std::time::Duration;

use greenroom_actors::agent::{Change, SetGoal};
use greenroom_actors::approvals::{Approval, ApprovalStatus, Decision};
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::Command;
use greenroom_actors::ports::{ApprovalQuery, MemoryQuery, Purpose, Store};
use greenroom_actors::runs::{RunStatus, StepStatus};
use greenroom_actors::settings::Settings;
use serde_json::json;

use crate::support::{Act, Deed, Stage, settings};
use crate::tools::{calls, say};

const DAY: u64 = 24 * 60 * 60;

fn yes() -> Decision {
    Decision { is_granted: true, by: "Eve".to_owned(), comment: None }
}

fn no() -> Decision {
    Decision { is_granted: false, by: "Eve".to_owned(), comment: Some("too dear".to_owned()) }
}

impl Stage {
    /// Two agents that run, of which the first has to ask before it calls these tools.
    async fn asking(&self, tools: &[&str]) -> (AgentId, AgentId) {
        let (ada, bob) = self.pair().await;
        let patch = json!({"settings": {"tools": {"ask_first": tools}}});
        self.registry.revise(ada, patch.as_object().unwrap().clone()).await.unwrap();
        (ada, bob)
    }

    async fn approvals(&self) -> Vec<Approval> {
        self.store.approvals(ApprovalQuery { limit: 99, ..Default::default() }).await.unwrap()
    }

    /// The one approval that waits.
    async fn waiting(&self) -> Approval {
        let waiting = self.store.approvals(ApprovalQuery::waiting(None, 9)).await.unwrap();
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        waiting[0].clone()
    }

    async fn decide(&self, decision: Decision) -> Approval {
        let id = self.waiting().await.id;
        let decided = self.registry.decide(id, decision).await.unwrap();
        self.clock.settle().await;
        decided
    }

    async fn statuses(&self, agent: AgentId) -> Vec<RunStatus> {
        self.runs(agent).await.iter().map(|run| run.status).collect()
    }
}

#[actix::test]
async fn a_run_waits_for_a_persons_yes_and_then_goes_on() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["reads", "once", "keyed"]));
    let parked = stage.registry.ask_agent(bob, ada, "go").await;
    let approval = stage.waiting().await;
    assert_eq!(parked.err(), Some(CoreError::Parked(approval.id)));
    assert_eq!(stage.tools.names(), ["reads"], "what came before it is made, the rest waits");
    assert_eq!((approval.agent_id, approval.tool.as_str()), (ada, "once"));
    let week = Duration::from_secs(7 * DAY);
    assert_eq!(approval.expires_at, approval.asked_at.plus(week));
    let run = stage.runs(ada).await[0].clone();
    assert_eq!((run.id, run.status), (approval.run_id, RunStatus::Parked));
    assert_eq!((run.usage.input_tokens, run.ended_at), (7, None));

    // Meanwhile it does other work.
    stage.model.then(say("I am free."));
    let reply = stage.registry.ask_agent(bob, ada, "and?").await.unwrap();
    assert_eq!(reply.text(), "I am free.");
    let told = stage.model.prompts.lock().unwrap().last().unwrap().system.clone();
    assert!(told.contains("wait for a person's yes") && told.contains("- once "), "{told}");

    stage.model.then(say("Done."));
    let decided = stage.decide(yes()).await;
    assert_eq!(
        (decided.status, decided.decided_by.as_deref()),
        (ApprovalStatus::Granted, Some("Eve"))
    );
    assert_eq!(stage.tools.names(), ["reads", "once", "keyed"]);
    assert_eq!(stage.tools.calls.lock().unwrap()[1].1, approval.key);
    assert_eq!(stage.told(), ["worked", "worked", "worked"]);
    let done = stage.store.run(ada, run.id).await.unwrap().unwrap();
    assert_eq!((done.status, done.usage.input_tokens), (RunStatus::Completed, 14));
    let indices: Vec<_> = stage.steps(run.id).await.iter().map(|step| step.index).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4]);
    let letters = stage.store.memories(MemoryQuery::of(bob, 9)).await.unwrap();
    assert!(letters.iter().any(|memory| memory.text() == "Let me see.\n\nDone."), "{letters:?}");
    let events = stage.kinds(ada).await;
    for kind in ["approval_asked", "approval_decided", "run_resumed"] {
        assert_eq!(events.iter().filter(|other| **other == kind).count(), 1, "{kind}");
    }
}

#[actix::test]
async fn what_is_denied_is_not_called_and_the_agent_learns_why() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once", "reads"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    stage.decide(no()).await;
    assert_eq!(stage.tools.names(), ["reads"]);
    assert_eq!(stage.told(), ["Error: refused: denied by Eve: too dear", "worked"]);
    let run = stage.runs(ada).await[0].clone();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(stage.steps(run.id).await[1].status, StepStatus::Failed);
}

#[actix::test]
async fn nobodys_answer_in_time_is_a_no() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.advance(7 * DAY - 1).await;
    assert_eq!(stage.registry.expire_approvals().await, Ok(0));
    stage.advance(1).await;
    assert_eq!(stage.registry.expire_approvals().await, Ok(1));
    stage.clock.settle().await;
    assert_eq!(stage.tools.names(), [""; 0]);
    assert_eq!(stage.told(), ["Error: refused: nobody allowed it in time"]);
    assert_eq!(stage.statuses(ada).await, [RunStatus::Completed]);
    let approval = stage.approvals().await[0].clone();
    assert_eq!((approval.status, approval.decided_by), (ApprovalStatus::Expired, None));
    let late = stage.registry.decide(approval.id, yes()).await;
    let status = ApprovalStatus::Expired;
    assert_eq!(late.err(), Some(CoreError::Decided { id: approval.id, status }));
}

#[actix::test]
async fn the_first_decision_stands() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    let granted = stage.decide(yes()).await;
    assert_eq!(stage.registry.decide(granted.id, yes()).await, Ok(granted.clone()));
    let status = ApprovalStatus::Granted;
    let denied = stage.registry.decide(granted.id, no()).await;
    assert_eq!(denied.err(), Some(CoreError::Decided { id: granted.id, status }));
    assert_eq!(stage.tools.names(), ["once"]);
}

/// When the process ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    WhileItWaits,
    WithAYesThatWasNotAnswered,
    BeforeTheCall,
    DuringTheCall,
}

/// Has Ada ask for a call, a person allow it, and the process end at some point of that.
async fn killed(tool: &'static str, when: Killed) -> (Stage, AgentId) {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&[tool]).await;
    stage.model.then(calls(&[tool]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    let asked = stage.waiting().await;
    let mut made = Vec::new();
    let stage = match when {
        Killed::WhileItWaits => stage.boot_again().await,
        Killed::WithAYesThatWasNotAnswered => {
            stage.store.hold_commits();
            let registry = stage.registry.clone();
            let answer = actix::spawn(async move { registry.decide(asked.id, yes()).await });
            stage.clock.settle().await;
            assert_eq!(stage.store.held_commits(), 1);
            answer.abort();
            let store = stage.store.clone();
            let stage = stage.boot_again().await;
            store.release_commits();
            stage
        }
        Killed::BeforeTheCall => {
            stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap();
            stage.decide(yes()).await;
            assert_eq!(stage.statuses(ada).await, [RunStatus::Parked]);
            let stage = stage.boot_again().await;
            assert_eq!(stage.tools.names(), [""; 0]);
            stage.registry.ask(ada, Change::to(Command::Start)).await.unwrap();
            stage
        }
        Killed::DuringTheCall => {
            *stage.tools.deed.lock().unwrap() = Deed::Hang;
            stage.decide(yes()).await;
            made = stage.tools.calls.lock().unwrap().clone();
            assert_eq!(made.len(), 1);
            stage.boot_again().await
        }
    };
    stage.clock.settle().await;
    if matches!(when, Killed::WhileItWaits | Killed::WithAYesThatWasNotAnswered) {
        assert_eq!(stage.statuses(ada).await, [RunStatus::Parked], "{when:?}");
        assert_eq!(stage.tools.names(), [""; 0], "{when:?}");
        stage.decide(yes()).await;
    }
    stage.tools.calls.lock().unwrap().extend(made);
    (stage, ada)
}

#[actix::test]
async fn a_yes_is_neither_lost_nor_used_twice_whenever_the_process_ends() {
    for tool in ["once", "keyed", "idempotent", "reads"] {
        for when in [
            Killed::WhileItWaits,
            Killed::WithAYesThatWasNotAnswered,
            Killed::BeforeTheCall,
            Killed::DuringTheCall,
        ] {
            let (stage, ada) = killed(tool, when).await;
            let made = stage.tools.calls.lock().unwrap().clone();
            let is_twice = when == Killed::DuringTheCall && tool != "once";
            assert_eq!(made.len(), if is_twice { 2 } else { 1 }, "{tool} {when:?}");
            let approvals = stage.approvals().await;
            assert_eq!(approvals.len(), 1, "nobody is asked again: {tool} {when:?}");
            assert!(made.iter().all(|(_, key)| *key == approvals[0].key), "{tool} {when:?}");
            let statuses = stage.statuses(ada).await;
            let (done, cut) = (RunStatus::Completed, RunStatus::Interrupted);
            let expected = if when == Killed::DuringTheCall { vec![done, cut] } else { vec![done] };
            assert_eq!(statuses, expected, "{tool} {when:?}");
        }
    }
}

#[actix::test]
async fn a_parked_run_outlives_a_stop_and_a_halt() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    for by_halt in [false, true] {
        stage.model.then(calls(&["once"])).then(say("Done."));
        stage.registry.tell(bob, ada, "go").await.unwrap();
        stage.clock.settle().await;
        let before = stage.tools.names().len();
        match by_halt {
            true => stage.registry.halt().await.unwrap(),
            false => drop(stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap()),
        }
        stage.decide(yes()).await;
        assert_eq!(stage.statuses(ada).await[0], RunStatus::Parked);
        assert_eq!(stage.tools.names().len(), before, "silent");
        match by_halt {
            true => stage.registry.lift().await.unwrap(),
            false => drop(stage.registry.ask(ada, Change::to(Command::Start)).await.unwrap()),
        }
        stage.clock.settle().await;
        assert_eq!(stage.statuses(ada).await[0], RunStatus::Completed);
        assert_eq!(stage.tools.names().len(), before + 1);
    }
}

#[actix::test]
async fn a_run_that_went_on_and_was_stopped_is_taken_up_again() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    *stage.tools.deed.lock().unwrap() = Deed::Hang;
    let granted = stage.decide(yes()).await;
    let status = stage.registry.status(ada).await.unwrap();
    assert_eq!(status.run, Some(granted.run_id));
    stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap();
    assert_eq!(stage.statuses(ada).await, [RunStatus::Cancelled]);
    stage.registry.ask(ada, Change::to(Command::Start)).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.statuses(ada).await, [RunStatus::Completed, RunStatus::Cancelled]);
    assert_eq!(stage.tools.names(), ["once"]);
    assert!(stage.told()[0].starts_with("Nobody knows"), "{:?}", stage.told());
}

#[actix::test]
async fn with_an_agent_go_its_approvals() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    let id = stage.waiting().await.id;
    stage.registry.remove(ada, false).await.unwrap();
    assert_eq!(stage.approvals().await, []);
    let gone = stage.registry.decide(id, yes()).await;
    assert_eq!(gone.err(), Some(CoreError::NotFound { what: "approval", id: id.0 }));
}

#[actix::test]
async fn the_same_call_wanted_once_more_is_asked_for_once_more() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once", "once"])).then(calls(&["once"])).then(say("Done."));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    for made in 1..=3 {
        stage.decide(yes()).await;
        assert_eq!(stage.tools.names().len(), made);
    }
    assert_eq!(stage.statuses(ada).await, [RunStatus::Completed]);
    let mut keys: Vec<_> = stage.tools.calls.lock().unwrap().iter().map(|(_, key)| *key).collect();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[actix::test]
async fn a_failure_after_the_yes_asks_nobody_again() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    let broken = Act::Fail(ModelError::Unavailable("gone".into()));
    stage.model.then(calls(&["once"])).then(broken).then(say("Done."));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    stage.decide(yes()).await;
    stage.advance(60).await;
    assert_eq!(stage.statuses(ada).await, [RunStatus::Completed, RunStatus::Failed]);
    assert_eq!((stage.tools.names().len(), stage.approvals().await.len()), (1, 1));
    assert_eq!(stage.told(), ["worked"]);
}

#[actix::test]
async fn a_store_that_fails_delays_a_parked_run_and_loses_nothing() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once"])).then(say("Done."));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    let id = stage.waiting().await.id;
    stage.store.panic_on_next_commit();
    let crashed = stage.registry.decide(id, yes()).await;
    assert_eq!(crashed.err(), Some(CoreError::Crashed(ada)));
    stage.advance(60).await;
    stage.decide(yes()).await;
    stage.advance(60).await;
    assert_eq!(stage.statuses(ada).await, [RunStatus::Completed]);
    assert_eq!(stage.tools.names(), ["once"]);
}

#[actix::test]
async fn a_thought_that_has_to_ask_is_not_thought_again_meanwhile() {
    let stage = Stage::set().await;
    let ada = stage.create("Ada").await;
    let patch = json!({"settings": {"tools": {"ask_first": ["once"]}}});
    stage.registry.revise(ada, patch.as_object().unwrap().clone()).await.unwrap();
    stage.model.then(calls(&["once"])).then(say("Done."));
    stage.registry.ask(ada, crate::support::start_autonomous()).await.unwrap();
    stage.advance(600).await;
    assert_eq!((stage.model.calls(), stage.approvals().await.len()), (1, 1));
    let parked = stage.runs(ada).await[0].clone();
    let stage = stage.boot_again().await;
    stage.decide(yes()).await;
    let run = stage.store.run(ada, parked.id).await.unwrap().unwrap();
    assert_eq!((run.status, run.kind), (RunStatus::Completed, parked.kind));
    assert_eq!(stage.tools.names(), ["once"]);
}

#[actix::test]
async fn a_run_that_goes_on_after_long_is_not_taken_for_lost() {
    let patient = Settings { tool_deadline_s: 9_000, run_deadline_s: 9_000, ..settings() };
    let stage = Stage::with(patient).await;
    let (ada, bob) = stage.asking(&["once"]).await;
    stage.model.then(calls(&["once"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    stage.advance(DAY).await;
    *stage.tools.deed.lock().unwrap() = Deed::Hang;
    stage.decide(yes()).await;
    for _ in 0..60 {
        stage.advance(60).await;
    }
    assert_eq!(stage.statuses(ada).await, [RunStatus::Started]);
}

#[actix::test]
async fn only_so_many_calls_wait() {
    let narrow = Settings { approvals_waiting_max: 2, ..settings() };
    let stage = Stage::with(narrow).await;
    let (ada, bob) = stage.asking(&["once"]).await;
    for _ in 0..2 {
        stage.model.then(calls(&["once"]));
        stage.registry.tell(bob, ada, "go").await.unwrap();
        stage.clock.settle().await;
    }
    stage.model.then(calls(&["once"])).then(say("Pity."));
    let reply = stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    assert_eq!(reply.text(), "Let me see.\n\nPity.");
    assert!(stage.told()[0].contains("too many"), "{:?}", stage.told());
    assert_eq!(stage.tools.names(), [""; 0]);
}

#[actix::test]
async fn nobody_is_asked_about_a_call_that_would_not_be_made() {
    let narrow = Settings { run_calls_max: 1, ..settings() };
    let stage = Stage::with(narrow).await;
    let (ada, bob) = stage.asking(&["once", "nothing"]).await;
    stage.model.then(calls(&["reads", "once"])).then(calls(&["nothing"])).then(say("Pity."));
    stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    assert_eq!((stage.tools.names().len(), stage.approvals().await.len()), (1, 0));
}

#[actix::test]
async fn work_for_goals_that_has_to_ask_is_not_begun_anew_at_each_tick() {
    let stage = Stage::set().await;
    let ada = stage.create("Ada").await;
    let patch = json!({"settings": {"tools": {"ask_first": ["once"]}}});
    stage.registry.revise(ada, patch.as_object().unwrap().clone()).await.unwrap();
    stage.registry.ask(ada, SetGoal { id: None, text: "Sell plums.".to_owned() }).await.unwrap();
    stage.model.then(calls(&["once"])).then(say("Sold."));
    stage.registry.ask(ada, crate::support::start_autonomous()).await.unwrap();
    stage.advance(600).await;
    let works = |stage: &Stage| {
        let prompts = stage.model.prompts.lock().unwrap();
        prompts.iter().filter(|prompt| prompt.purpose == Purpose::Work).count()
    };
    assert_eq!((works(&stage), stage.approvals().await.len()), (1, 1));
    let parked = stage.waiting().await.run_id;
    let stage = stage.boot_again().await;
    stage.advance(600).await;
    assert_eq!((works(&stage), stage.approvals().await.len()), (0, 1));
    stage.decide(yes()).await;
    stage.advance(60).await;
    let run = stage.store.run(ada, parked).await.unwrap().unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(stage.tools.names(), ["once"]);
    assert!(works(&stage) > 0, "it goes on as work");
}
