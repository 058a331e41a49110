//! Budgets: agents spend up to their ceilings, rest there, and go on when they may.

use std::time::Duration;

use greenroom_actors::agent::{Change, SetGoal};
use greenroom_actors::budget::{BudgetSettings, Scope, UsageQuery, UtcDay};
use greenroom_actors::character::Character;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::facts::{Event, EventKind};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Command, Lifecycle, Pause, State};
use greenroom_actors::ports::Store;
use greenroom_actors::runs::RunStatus;
use greenroom_actors::settings::Settings;
use serde_json::{Value, json};

use crate::support::{Act, Stage, settings, start_autonomous};

/// Seconds of a day.
const DAY_S: u64 = 24 * 60 * 60;

fn with(budget: BudgetSettings) -> Settings {
    // Without tools, so that the bound of a call is little more than that of its answer.
    Settings { budget, reflect_every_s: 1, tools_max: 0, ..settings() }
}

/// Gives an agent something to do at each tick.
async fn busy(stage: &Stage, agent: AgentId) {
    let goal = SetGoal { id: None, text: "think".to_owned() };
    stage.registry.ask(agent, goal).await.unwrap();
}

/// An agent that thinks each minute, each time for ten tokens.
async fn thinking(stage: &Stage, name: &str) -> AgentId {
    let id = stage.create(name).await;
    busy(stage, id).await;
    stage.registry.ask(id, start_autonomous()).await.unwrap();
    stage.clock.advance(Duration::ZERO).await;
    id
}

async fn lifecycle(stage: &Stage, agent: AgentId) -> Lifecycle {
    stage.registry.status(agent).await.unwrap().lifecycle
}

async fn events(stage: &Stage, agent: AgentId, kind: EventKind) -> Vec<Event> {
    let events = stage.store.events(agent, 0, 10_000).await.unwrap();
    events.into_iter().filter(|event| event.kind == kind).collect()
}

#[actix::test]
async fn an_agent_rests_at_its_ceiling_for_the_day_and_goes_on_the_next() {
    // Room for the bound of one call beside what some calls have cost.
    let budget = BudgetSettings { day_tokens: 10_000, ..BudgetSettings::default() };
    let stage = Stage::with(with(budget)).await;
    let ada = thinking(&stage, "Ada").await;
    let bound = stage.model.prompts.lock().unwrap()[0].settings["maxTokens"].clone();
    assert_eq!(bound, 4_096, "the answer is bounded, or the ceiling would be none");
    stage.advance(DAY_S / 2).await;

    let rests = lifecycle(&stage, ada).await;
    let Some(Pause::Budget { scope: Scope::AgentDay, until: Some(until) }) =
        rests.pause.as_deref().cloned()
    else {
        panic!("it does not rest: {rests:?}");
    };
    assert_eq!((rests.state(), UtcDay::of(until)), (State::Paused, UtcDay(1)));
    let calls = stage.model.calls();
    assert!(calls > 20, "it rests after {calls} calls");
    let run = &stage.runs(ada).await[0];
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.as_ref().unwrap().contains("budget for the day is used up"), "{run:?}");
    let paused = events(&stage, ada, EventKind::Paused).await;
    assert_eq!(paused.len(), 1);
    assert_eq!(
        (&paused[0].data["reason"], &paused[0].data["scope"]),
        (&json!("budget"), &json!("agent_day"))
    );

    // It survives a boot, and ends by itself.
    let stage = stage
        .boot_again_with(with(BudgetSettings { day_tokens: 10_000, ..BudgetSettings::default() }));
    let stage = stage.await;
    assert_eq!(lifecycle(&stage, ada).await.pause, rests.pause);
    stage.advance(DAY_S / 4).await;
    assert_eq!(stage.model.calls(), 0, "it rests");
    stage.advance(DAY_S / 4).await;
    assert_eq!(lifecycle(&stage, ada).await.state(), State::Running);
    assert!(stage.model.calls() > 0);
    let resumed = events(&stage, ada, EventKind::Resumed).await;
    assert_eq!(resumed[0].data["reason"], "budget");
}

#[actix::test]
async fn what_an_operator_asks_for_holds_over_a_budgets_rest() {
    let budget = BudgetSettings { day_tokens: 1, ..BudgetSettings::default() };
    let stage = Stage::with(with(budget)).await;
    let ada = thinking(&stage, "Ada").await;
    stage.advance(1).await;
    assert_eq!(stage.model.calls(), 0);
    assert!(lifecycle(&stage, ada).await.pause.is_some());

    // Resumed without any room it rests again, before a call is made.
    let resumed = stage.registry.ask(ada, Change::to(Command::Resume)).await.unwrap();
    assert_eq!((resumed.state(), resumed.pause), (State::Running, None));
    stage.advance(1).await;
    let rests = lifecycle(&stage, ada).await;
    assert_eq!((rests.state(), rests.pause.is_some()), (State::Paused, true));
    assert_eq!(stage.model.calls(), 0);

    // Paused by an operator it stays so on the next day.
    let paused = stage.registry.ask(ada, Change::to(Command::Pause)).await.unwrap();
    assert_eq!((paused.state(), paused.pause), (State::Paused, None));
    stage.advance(2 * DAY_S).await;
    assert_eq!(lifecycle(&stage, ada).await.state(), State::Paused);
}

#[actix::test]
async fn agents_of_one_owner_share_its_ceiling_and_others_do_not() {
    let budget = BudgetSettings { owner_tokens: 10_000, ..BudgetSettings::default() };
    let stage = Stage::with(with(budget)).await;
    let mut agents = Vec::new();
    for (name, owner) in [("Ada", "Eve"), ("Bob", "Eve"), ("Zoe", "Ida")] {
        let settings = json!({"owner": owner}).as_object().cloned();
        let character = Character { settings, ..Character::named(name) };
        agents.push(stage.registry.create(character).await.unwrap().id);
    }
    for agent in &agents[..2] {
        busy(&stage, *agent).await;
        stage.registry.ask(*agent, start_autonomous()).await.unwrap();
    }
    stage.advance(DAY_S / 2).await;
    for agent in &agents[..2] {
        let rests = lifecycle(&stage, *agent).await;
        let pause = Pause::Budget { scope: Scope::Owner, until: None };
        assert_eq!(rests.pause.as_deref(), Some(&pause));
    }
    let spent =
        |levels: Vec<(greenroom_actors::budget::Account, _, greenroom_actors::budget::Level)>| {
            levels.into_iter().find(|(account, _, _)| account.scope == Scope::Owner).unwrap().2
        };
    let of_eve = spent(stage.registry.budgets(agents[0]).await.unwrap());
    assert!(of_eve.spent.tokens <= 10_000 && of_eve.spent.tokens > 1_000, "{of_eve:?}");
    assert_eq!(of_eve.held.tokens, 0);
    let of_ida = spent(stage.registry.budgets(agents[2]).await.unwrap());
    assert_eq!(of_ida.spent.tokens, 0);
    busy(&stage, agents[2]).await;
    stage.registry.ask(agents[2], start_autonomous()).await.unwrap();
    let before = stage.model.calls();
    stage.advance(1).await;
    assert!(stage.model.calls() > before);

    let rows = stage.store.usage(UsageQuery { limit: 9, ..UsageQuery::default() }).await.unwrap();
    let calls: u64 = rows.iter().map(|row| row.calls).sum();
    assert_eq!(calls, u64::try_from(stage.model.calls()).unwrap());
    assert!(rows.iter().all(|row| row.model == "script" && row.presumed_calls == 0));
}

#[actix::test]
async fn whoever_waits_for_a_reply_is_told_that_there_is_no_room() {
    let stage = Stage::with(with(BudgetSettings::default())).await;
    let budget = json!({"budget": {"total_tokens": 10}}).as_object().cloned();
    let character = Character { settings: budget, ..Character::named("Ada") };
    let ada = stage.registry.create(character).await.unwrap().id;
    stage.registry.ask(ada, Change::to(Command::Start)).await.unwrap();
    let bob = stage.running("Bob").await;
    let asked = stage.registry.ask_agent(bob, ada, "hello").await;
    assert!(matches!(asked, Err(CoreError::Budget(_))), "{asked:?}");
    assert_eq!(lifecycle(&stage, ada).await.state(), State::Paused);
    assert_eq!(stage.model.calls(), 0);
}

#[actix::test]
async fn a_call_that_is_cut_off_counts_in_full_and_one_that_is_refused_counts_for_nothing() {
    let stage = Stage::with(with(BudgetSettings::default())).await;
    let ada = stage.create("Ada").await;
    stage.model.then(Act::Fail(ModelError::Refused("no".into()))).then(Act::Hang);
    stage.registry.ask(ada, start_autonomous()).await.unwrap();
    stage.advance(1).await;
    assert_eq!(stage.model.calls(), 1);
    let rows = stage.store.usage(UsageQuery { limit: 9, ..UsageQuery::default() }).await.unwrap();
    assert_eq!((rows[0].calls, rows[0].input_tokens, rows[0].presumed_calls), (1, 0, 0));
    stage.advance(150).await;
    assert_eq!(stage.model.calls(), 2);
    assert_eq!(stage.store.open_reservations().await.unwrap(), 1);
    stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap();
    assert_eq!(stage.store.open_reservations().await.unwrap(), 0);
    let rows = stage.store.usage(UsageQuery { limit: 9, ..UsageQuery::default() }).await.unwrap();
    assert_eq!((rows[0].calls, rows[0].presumed_calls, rows[0].output_tokens), (2, 1, 4_096));
}

#[actix::test]
async fn calls_wait_for_room_that_others_will_leave() {
    // Room for one bound at a time.
    let budget = BudgetSettings { owner_tokens: 7_000, ..BudgetSettings::default() };
    let stage = Stage::with(with(budget)).await;
    let (ada, bob) = (stage.create("Ada").await, stage.create("Bob").await);
    busy(&stage, ada).await;
    busy(&stage, bob).await;
    stage.model.then(Act::Hang);
    stage.registry.ask(ada, start_autonomous()).await.unwrap();
    stage.advance(0).await;
    stage.registry.ask(bob, start_autonomous()).await.unwrap();
    stage.advance(30).await;
    assert_eq!(stage.model.calls(), 1, "the other one waits");
    assert_eq!(lifecycle(&stage, bob).await.state(), State::Running);
    assert!(stage.runs(bob).await.is_empty(), "nothing is begun");
    // Cut off, the first counts in full: there is no room for another bound any more.
    stage.registry.ask(ada, Change::to(Command::Stop)).await.unwrap();
    stage.advance(1).await;
    assert_eq!(stage.model.calls(), 1);
    assert_eq!(lifecycle(&stage, bob).await.state(), State::Paused);
}

#[actix::test]
async fn where_there_is_no_room_for_further_attempts_one_is_made() {
    let budget = BudgetSettings { day_tokens: 8_000, ..BudgetSettings::default() };
    let stage = Stage::with(with(budget)).await;
    stage.model.retries.store(2, std::sync::atomic::Ordering::SeqCst);
    let ada = thinking(&stage, "Ada").await;
    assert_eq!(stage.model.calls(), 1);
    assert!(stage.model.prompts.lock().unwrap()[0].is_single_attempt);
    assert_eq!(lifecycle(&stage, ada).await.state(), State::Running);
}

#[actix::test]
async fn a_budget_that_cannot_be_is_refused_with_the_character() {
    let stage = Stage::set().await;
    let settings = json!({"budget": {"day_usd": "much"}}).as_object().cloned();
    let character = Character { settings: settings.clone(), ..Character::named("Ada") };
    let refused = stage.registry.create(character).await.unwrap_err();
    assert!(matches!(refused, CoreError::Invalid { field: "settings.budget", .. }), "{refused}");
    let ada = stage.create("Ada").await;
    let patch = json!({"settings": Value::from(settings.unwrap())}).as_object().cloned().unwrap();
    let refused = stage.registry.revise(ada, patch).await.unwrap_err();
    assert!(matches!(refused, CoreError::Invalid { field: "settings.budget", .. }), "{refused}");
}
