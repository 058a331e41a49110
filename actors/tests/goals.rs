//! Goals: worked for tick by tick, and not paid for where there is nothing to do.

use greenroom_actors::agent::{AmendGoal, RemoveGoal, SetGoal};
use greenroom_actors::error::CoreError;
use greenroom_actors::goals::{Goal, GoalPatch, GoalStatus};
use greenroom_actors::ids::{AgentId, GoalId};
use greenroom_actors::ports::{MemoryQuery, Purpose, Store};
use greenroom_actors::records::SUMMARIES;
use greenroom_actors::runs::{RunKind, RunStatus};
use greenroom_actors::settings::Settings;
use serde_json::{Value, json};

use crate::support::{Act, Deed, Stage, settings};

/// A host whose agents never think of themselves, so that each call of a model is for a goal.
async fn stage() -> Stage {
    Stage::with(Settings { reflect_every_s: 0, ..settings() }).await
}

impl Stage {
    async fn set_goal(&self, agent: AgentId, text: &str) -> Goal {
        self.registry.ask(agent, SetGoal { id: None, text: text.to_owned() }).await.unwrap()
    }
}

fn calls(tool: &'static str, with: Value) -> Act {
    Act::Call("", vec![(tool, with)])
}

#[actix::test]
async fn a_goal_is_worked_for_at_each_tick_until_it_is_finished() {
    let stage = stage().await;
    let ada = stage.ticking("Ada").await;
    let goal = stage.set_goal(ada, "count the teapots").await;
    for _ in 0..3 {
        stage.model.then(calls("reads", json!({}))).then(Act::Say("Counted.".into()));
    }
    let finish = json!({"id": goal.id, "outcome": "nine teapots"});
    stage.model.then(calls("finish_goal", finish)).then(Act::Say("Done.".into()));
    stage.advance(60 * 20).await;
    let runs = stage.runs(ada).await;
    assert_eq!(runs.len(), 4);
    assert!(runs.iter().all(|run| (run.kind, run.status) == (RunKind::Tick, RunStatus::Completed)));
    let goals = stage.store.goals(ada).await.unwrap();
    assert_eq!(goals[0].status, GoalStatus::Reached);
    assert_eq!(goals[0].outcome.as_deref(), Some("nine teapots"));
    let prompts = stage.model.prompts.lock().unwrap();
    assert!(prompts.iter().all(|prompt| prompt.purpose == Purpose::Work));
    assert!(prompts[0].system.contains("count the teapots"), "{}", prompts[0].system);
}

#[actix::test]
async fn goals_that_rest_cost_nothing() {
    let stage = stage().await;
    let ada = stage.ticking("Ada").await;
    let goal = stage.set_goal(ada, "wait for spring").await;
    let rest = json!({"id": goal.id, "seconds": 3_600});
    stage.model.then(calls("rest", rest)).then(Act::Say("Later.".into()));
    stage.advance(3_500).await;
    assert_eq!(stage.runs(ada).await.len(), 1);
    stage.advance(200).await;
    assert_eq!(stage.runs(ada).await.len(), 2, "and is looked at again when it is time");
}

#[actix::test]
async fn a_run_that_did_nothing_is_not_paid_for_again_until_something_happens() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.ticking("Ada").await, stage.running("Bob").await);
    stage.advance(1).await;
    stage.model.calls.store(0, std::sync::atomic::Ordering::SeqCst);
    stage.set_goal(ada, "think of something").await;
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 1);
    stage.registry.tell(bob, ada, "news!").await.unwrap();
    stage.advance(70).await;
    assert_eq!(stage.model.calls(), 3, "the answer, and the goal once more");
}

#[actix::test]
async fn a_goal_survives_a_boot_and_interrupted_work_is_gone_on_with() {
    let stage = stage().await;
    let ada = stage.ticking("Ada").await;
    stage.set_goal(ada, "count the teapots").await;
    *stage.tools.deed.lock().unwrap() = Deed::Hang;
    stage.model.then(calls("once", json!({})));
    stage.advance(61).await;
    assert_eq!(stage.tools.names(), ["once"]);
    let stage =
        Stage::over(stage.store, stage.clock, Settings { reflect_every_s: 0, ..settings() }).await;
    stage.advance(61).await;
    let runs = stage.runs(ada).await;
    let statuses: Vec<_> = runs.iter().map(|run| run.status).collect();
    assert_eq!(statuses, [RunStatus::Completed, RunStatus::Interrupted]);
    assert_eq!(runs[0].resumes, Some(runs[1].id));
    assert_eq!(stage.tools.names(), [""; 0], "what may have happened is not done again");
}

#[actix::test]
async fn goals_are_set_once_changed_and_removed_within_bounds() {
    let stage = stage().await;
    let ada = stage.create("Ada").await;
    let id = Some(GoalId::new());
    let set = SetGoal { id, text: "one".into() };
    let goal = stage.registry.ask(ada, set.clone()).await.unwrap();
    assert_eq!(stage.registry.ask(ada, set).await.unwrap(), goal);
    for text in ["", "  ", &"x".repeat(5_000)] {
        let refused = stage.registry.ask(ada, SetGoal { id: None, text: text.into() }).await;
        assert!(matches!(refused, Err(CoreError::Invalid { field: "text", .. })), "{refused:?}");
    }
    for _ in 1..Goal::OPEN_MAX {
        stage.set_goal(ada, "another").await;
    }
    let refused = stage.registry.ask(ada, SetGoal { id: None, text: "one more".into() }).await;
    assert!(matches!(refused, Err(CoreError::Invalid { field: "goal", .. })), "{refused:?}");
    let patch = GoalPatch { status: Some(GoalStatus::Dropped), ..GoalPatch::default() };
    let amend = AmendGoal { id: goal.id, patch };
    assert_eq!(stage.registry.ask(ada, amend).await.unwrap().status, GoalStatus::Dropped);
    assert_eq!(stage.registry.ask(ada, RemoveGoal(goal.id)).await, Ok(true));
    assert_eq!(stage.registry.ask(ada, RemoveGoal(goal.id)).await, Ok(false));
}

#[actix::test]
async fn a_long_conversation_is_put_into_fewer_words_and_goes_on() {
    let stage =
        Stage::with(Settings { context_memories: 4, reflect_every_s: 0, ..settings() }).await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    for number in 0..8 {
        stage.advance(1).await;
        stage.registry.ask_agent(bob, ada, &format!("number {number}")).await.unwrap();
    }
    let summaries = MemoryQuery { kind: Some(SUMMARIES.to_owned()), ..MemoryQuery::of(ada, 9) };
    let kept = stage.store.memories(summaries).await.unwrap();
    assert!(!kept.is_empty() && kept.len() < 8, "{}", kept.len());
    let prompts = stage.model.prompts.lock().unwrap().clone();
    let asked: Vec<_> =
        prompts.iter().filter(|prompt| prompt.purpose == Purpose::Summarise).collect();
    assert_eq!(asked.len(), kept.len());
    assert!(asked[0].turns[0].text.contains("number 0"), "{}", asked[0].turns[0].text);
    let last = prompts.last().unwrap();
    assert!(last.system.contains("Earlier in this conversation"), "{}", last.system);
    assert_eq!(last.turns.last().unwrap().text, "number 7");
    assert!(last.turns.len() <= 8, "{}", last.turns.len());
    let run = &stage.runs(ada).await;
    let steps = stage.store.steps(run.iter().map(|run| run.id).collect()).await.unwrap();
    assert_eq!(steps.len(), 8 + kept.len(), "each question is a step");
}
