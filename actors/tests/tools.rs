//! Tools: each call is written down before it is made, and none is silently made twice.

use greenroom_actors::agent::{Change, Delivery};
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::ids::{AgentId, RunId};
use greenroom_actors::lifecycle::Command;
use greenroom_actors::ports::{MemoryQuery, Role, Store};
use greenroom_actors::records::FACTS;
use greenroom_actors::runs::{RunStatus, Step, StepKind, StepStatus};
use greenroom_actors::settings::Settings;
use serde_json::{Value, json};

use crate::support::{Act, Deed, Stage, settings};

pub(crate) fn calls(tools: &[&'static str]) -> Act {
    Act::Call("Let me see.", tools.iter().map(|tool| (*tool, json!({}))).collect())
}

pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.to_owned())
}

impl Stage {
    pub(crate) async fn steps(&self, run: RunId) -> Vec<Step> {
        self.store.steps(vec![run]).await.unwrap()
    }

    /// Two agents that run, of which the first is spoken to by the second.
    pub(crate) async fn pair(&self) -> (AgentId, AgentId) {
        (self.running("Ada").await, self.running("Bob").await)
    }

    /// What the model was last told by tools.
    pub(crate) fn told(&self) -> Vec<String> {
        let prompts = self.model.prompts.lock().unwrap();
        let turns = prompts.last().unwrap().turns.iter();
        turns.filter(|turn| turn.role == Role::Tool).map(|turn| turn.text.clone()).collect()
    }
}

#[actix::test]
async fn a_run_calls_tools_until_the_model_has_nothing_more_to_do() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    stage.model.then(calls(&["reads", "once"])).then(calls(&["keyed"])).then(say("Done."));
    let reply = stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    assert_eq!(reply.text(), "Let me see.\n\nLet me see.\n\nDone.");
    assert_eq!(stage.tools.names(), ["reads", "once", "keyed"]);

    let run = stage.runs(ada).await[0].clone();
    assert_eq!((run.status, run.usage.input_tokens), (RunStatus::Completed, 21));
    let steps = stage.steps(run.id).await;
    let kinds: Vec<_> = steps.iter().map(|step| step.kind).collect();
    use StepKind::{Model, Tool};
    assert_eq!(kinds, [Model, Tool, Tool, Model, Tool, Model]);
    assert!(steps.iter().all(|step| step.status == StepStatus::Succeeded), "{steps:?}");
    assert_eq!(steps[1].outcome, Some(json!({"text": "worked"})));
    assert_eq!(stage.told(), ["worked", "worked", "worked"]);
    let events = stage.kinds(ada).await;
    assert_eq!(events.iter().filter(|kind| **kind == "tool_called").count(), 3);
}

#[actix::test]
async fn a_tool_that_fails_or_is_not_there_is_the_models_to_deal_with() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    *stage.tools.deed.lock().unwrap() = Deed::Fail;
    stage.model.then(calls(&["once", "nothing"])).then(say("Pity."));
    stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    assert_eq!(stage.told(), ["Error: failed: broken", "Error: refused: there is no tool nothing"]);
    let run = stage.runs(ada).await[0].clone();
    let statuses: Vec<_> = stage.steps(run.id).await.iter().map(|step| step.status).collect();
    use StepStatus::{Failed, Succeeded};
    assert_eq!(statuses, [Succeeded, Failed, Failed, Succeeded]);
}

/// Has Ada call a tool that hangs, and the process end meanwhile; then boots anew, where it works.
async fn killed_during(tool: &'static str) -> (Stage, AgentId) {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    *stage.tools.deed.lock().unwrap() = Deed::Hang;
    stage.model.then(calls(&[tool]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.tools.names(), [tool]);
    let before = stage.tools.calls.lock().unwrap().clone();
    let stage = stage.boot_again().await;
    stage.tools.calls.lock().unwrap().extend(before);
    stage.clock.settle().await;
    (stage, ada)
}

#[actix::test]
async fn a_call_whose_outcome_nobody_knows_is_made_again_only_where_that_does_no_harm() {
    for (tool, is_repeated) in
        [("once", false), ("keyed", true), ("idempotent", true), ("reads", true)]
    {
        let (stage, ada) = killed_during(tool).await;
        let made = stage.tools.calls.lock().unwrap().clone();
        assert_eq!(made.len(), if is_repeated { 2 } else { 1 }, "{tool}");
        assert!(made.iter().all(|call| *call == made[0]), "each time with the same key");
        let runs = stage.runs(ada).await;
        let statuses: Vec<_> = runs.iter().map(|run| run.status).collect();
        assert_eq!(statuses, [RunStatus::Completed, RunStatus::Interrupted], "{tool}");
        assert_eq!(runs[0].resumes, Some(runs[1].id));
        assert_eq!(stage.steps(runs[1].id).await[1].status, StepStatus::OutcomeUnknown);
        assert!(stage.kinds(ada).await.contains(&"outcome_unknown"), "{tool}");
        // The model is not asked anew what it has decided already.
        assert_eq!(stage.model.calls(), 1, "{tool}");
        let told = stage.told();
        let expected = if is_repeated { "worked" } else { "Nobody knows" };
        assert!(told[0].starts_with(expected), "{told:?}");
    }
}

#[actix::test]
async fn what_a_failed_attempt_has_done_is_not_done_again() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    let broken = Act::Fail(ModelError::Unavailable("gone".into()));
    stage.model.then(calls(&["once"])).then(broken).then(say("Done."));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.advance(60).await;
    assert_eq!(stage.tools.names(), ["once"]);
    let runs = stage.runs(ada).await;
    let statuses: Vec<_> = runs.iter().map(|run| run.status).collect();
    assert_eq!(statuses, [RunStatus::Completed, RunStatus::Failed]);
    assert_eq!(stage.told(), ["worked"]);
}

#[actix::test]
async fn a_tool_that_panics_costs_its_run_and_is_not_called_again() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    *stage.tools.deed.lock().unwrap() = Deed::Panic;
    stage.model.then(calls(&["once"])).then(say("Nobody knows."));
    let failed = stage.registry.ask_agent(bob, ada, "go").await;
    assert_eq!(failed.err(), Some(CoreError::Crashed(ada)));
    stage.advance(60).await;
    assert_eq!(stage.tools.names(), ["once"]);
    let runs = stage.runs(ada).await;
    assert_eq!(runs.last().unwrap().status, RunStatus::Failed);
    let statuses: Vec<_> =
        stage.steps(runs.last().unwrap().id).await.iter().map(|step| step.status).collect();
    assert_eq!(statuses, [StepStatus::Succeeded, StepStatus::OutcomeUnknown]);
}

#[actix::test]
async fn a_stop_cuts_off_a_call_and_nobody_knows_its_outcome() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    *stage.tools.deed.lock().unwrap() = Deed::Hang;
    stage.model.then(calls(&["once"]));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.clock.settle().await;
    stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap();
    let run = stage.runs(ada).await[0].clone();
    assert_eq!((run.status, run.usage.input_tokens), (RunStatus::Cancelled, 7));
    assert_eq!(stage.steps(run.id).await[1].status, StepStatus::OutcomeUnknown);
}

#[actix::test]
async fn a_call_that_does_not_answer_in_time_has_an_unknown_outcome() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    *stage.tools.deed.lock().unwrap() = Deed::Hang;
    stage.model.then(calls(&["once"])).then(say("Odd."));
    stage.registry.tell(bob, ada, "go").await.unwrap();
    stage.advance(61).await;
    let run = stage.runs(ada).await[0].clone();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(stage.steps(run.id).await[1].status, StepStatus::OutcomeUnknown);
    assert!(stage.told()[0].contains("not known"), "{:?}", stage.told());
}

#[actix::test]
async fn a_run_ends_within_its_bounds() {
    let narrow = Settings { run_rounds_max: 3, run_calls_max: 2, ..settings() };
    let stage = Stage::with(narrow).await;
    let (ada, bob) = stage.pair().await;
    *stage.model.always.lock().unwrap() = Some(calls(&["reads", "reads"]));
    let failed = stage.registry.ask_agent(bob, ada, "go").await;
    assert!(matches!(failed, Err(CoreError::Cancelled(_))), "{failed:?}");
    assert_eq!((stage.model.calls(), stage.tools.names().len()), (3, 2));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Failed);
}

#[actix::test]
async fn an_agent_has_the_tools_that_its_character_lets_it_have() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    let tools = json!({"allow": ["rem*", "rec*", "reads", "once"], "deny": ["recall"]});
    let patch = json!({"settings": {"tools": tools}});
    stage.registry.revise(ada, patch.as_object().unwrap().clone()).await.unwrap();
    stage.model.then(calls(&["keyed"])).then(say("No."));
    stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    let offered: Vec<_> = {
        let prompts = stage.model.prompts.lock().unwrap();
        prompts[0].tools.iter().map(|tool| tool.name.clone()).collect()
    };
    assert_eq!(offered, ["remember", "reads", "once"]);
    assert_eq!(stage.tools.names(), [""; 0]);
}

/// Has Ada make one call, and answers with what the tool told the model.
async fn tool(
    stage: &Stage,
    ada: AgentId,
    bob: AgentId,
    name: &'static str,
    with: Value,
) -> String {
    stage.model.then(Act::Call("", vec![(name, with)])).then(say("So."));
    stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    stage.told().pop().unwrap()
}

#[actix::test]
async fn an_agent_remembers_recalls_and_forgets() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    let told = tool(&stage, ada, bob, "remember", json!({"text": "Bob likes plums."})).await;
    let facts = MemoryQuery { kind: Some(FACTS.to_owned()), ..MemoryQuery::of(ada, 9) };
    let kept = stage.store.memories(facts.clone()).await.unwrap();
    assert_eq!((kept.len(), kept[0].text()), (1, "Bob likes plums."));
    assert!(told.contains(&kept[0].id.to_string()));
    let told = tool(&stage, ada, bob, "recall", json!({"query": "plums"})).await;
    assert!(told.contains("Bob likes plums."), "{told}");
    let told = tool(&stage, ada, bob, "forget", json!({"id": kept[0].id})).await;
    assert_eq!(told, "Forgotten.");
    assert_eq!(stage.store.memories(facts).await.unwrap(), []);
    for (name, with) in [
        ("remember", json!({"text": ""})),
        ("remember", json!({"txt": "x"})),
        ("recall", json!({"query": 1})),
        ("forget", json!({"id": "x"})),
    ] {
        let told = tool(&stage, ada, bob, name, with).await;
        assert!(told.starts_with("Error: "), "{name}: {told}");
    }
}

#[actix::test]
async fn agents_write_to_each_other_and_gather_replies() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    let (carl, dora) = (stage.running("Carl").await, stage.running("Dora").await);
    let told = tool(&stage, ada, bob, "send_message", json!({"to": "carl", "text": "hi"})).await;
    assert_eq!(told, "Sent to carl.");
    stage.clock.settle().await;
    let letters = stage.store.memories(MemoryQuery::of(carl, 9)).await.unwrap();
    assert!(letters.iter().any(|memory| memory.text() == "hi"));

    let both = json!({"to": ["carl", "dora", "nobody"], "text": "report"});
    let told = tool(&stage, ada, bob, "ask_agents", both).await;
    assert_eq!(told, "Error: to: you know no agent nobody");
    let both = json!({"to": ["carl", "dora"], "text": "report"});
    stage.model.then(Act::Call("", vec![("ask_agents", both)]));
    stage.model.then(say("Carl's")).then(say("Dora's")).then(say("Both reported."));
    let reply = stage.registry.ask_agent(bob, ada, "go").await.unwrap();
    assert_eq!(reply.text(), "Both reported.");
    assert_eq!(stage.told().pop().unwrap(), "carl: Carl's\n\ndora: Dora's");
    assert_eq!(stage.runs(dora).await.len(), 1);
    let listed = tool(&stage, ada, bob, "list_agents", json!({})).await;
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

#[actix::test]
async fn an_agent_that_waits_is_not_asked_by_whom_it_waits_for() {
    let stage = Stage::set().await;
    let (ada, bob) = stage.pair().await;
    let asks = |whom: &str| Act::Call("", vec![("ask_agents", json!({"to": [whom], "text": "?"}))]);
    stage.model.then(asks("bob")).then(asks("ada")).then(say("I cannot.")).then(say("So be it."));
    let delivery = Delivery::between(bob, ada, "go", true);
    // From nobody that waits: a person's words, as it were.
    let delivered = stage.registry.deliver(ada, delivery).await.unwrap();
    let reply = stage.registry.reply(delivered.reply.unwrap()).await.unwrap().unwrap();
    assert_eq!(reply.text(), "So be it.");
    let told: Vec<_> = stage
        .model
        .prompts
        .lock()
        .unwrap()
        .iter()
        .flat_map(|prompt| prompt.turns.clone())
        .filter(|turn| turn.role == Role::Tool)
        .map(|turn| turn.text)
        .collect();
    assert_eq!(told[0], "ada: (refused: it waits for you already)");
    assert_eq!(told.last().unwrap(), "bob: I cannot.");
}
