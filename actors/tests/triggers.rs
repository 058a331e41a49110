//! Triggers: they fire at their time, each slot has a record, and nothing fires that must not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use greenroom_actors::agent::Change;
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use greenroom_actors::ids::{AgentId, TriggerId};
use greenroom_actors::lifecycle::Command;
use greenroom_actors::ports::{FiringQuery, Store};
use greenroom_actors::runs::{RunKind, RunStatus};
use greenroom_actors::scheduler::SchedulerHealth;
use greenroom_actors::settings::Settings;
use greenroom_actors::triggers::{
    Firing, FiringSource, FiringStatus, Misfire, NewTrigger, Overlap, Schedule, TriggerPatch, Wake,
};
use serde_json::json;

use crate::support::{Act, Stage, settings, start_autonomous};

const HOUR: u64 = 3_600;

/// Each hour from now on.
fn hourly(stage: &Stage) -> NewTrigger {
    every(stage, HOUR)
}

fn every(stage: &Stage, seconds: u64) -> NewTrigger {
    let anchor = stage.registry.clock().now();
    let schedule = Schedule::Interval { every_ms: seconds * 1_000, anchor };
    NewTrigger { timeout_s: Some(86_400), ..NewTrigger::new("tea", "make tea", schedule) }
}

async fn add(stage: &Stage, agent: AgentId, wanted: NewTrigger) -> TriggerId {
    stage.registry.add_trigger(agent, wanted).await.unwrap().id
}

async fn firings(stage: &Stage, agent: AgentId) -> Vec<Firing> {
    let query = FiringQuery { agent_id: agent, trigger_id: None, offset: 0, limit: u32::MAX };
    let mut firings = stage.registry.firings(query).await.unwrap();
    firings.reverse();
    firings
}

/// What came of each slot, a letter each: Waiting, Going on, Ran, Missed, Skipped, Failed.
async fn fates(stage: &Stage, agent: AgentId) -> String {
    let letter = |firing: &Firing| match firing.status {
        FiringStatus::Waiting => 'W',
        FiringStatus::Running => 'G',
        FiringStatus::Ran => 'R',
        FiringStatus::Missed => 'M',
        FiringStatus::Skipped => 'S',
        FiringStatus::Failed => 'F',
    };
    firings(stage, agent).await.iter().map(letter).collect()
}

async fn change(stage: &Stage, agent: AgentId, command: Command) {
    stage.registry.ask(agent, Change::to(command)).await.unwrap();
}

#[actix::test]
async fn a_trigger_fires_at_its_time_and_its_run_is_told_what_to_do() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let wanted = NewTrigger {
        model: Some("small".into()),
        allowed_tools: Some(vec!["recall".into()]),
        ..hourly(&stage)
    };
    let trigger = add(&stage, ada, wanted).await;
    let begun = stage.registry.clock().now();
    stage.advance(HOUR - 1).await;
    assert_eq!(fates(&stage, ada).await, "");
    stage.advance(1).await;
    let fired = firings(&stage, ada).await.remove(0);
    assert_eq!(fired.status, FiringStatus::Ran);
    assert_eq!(fired.due_at, begun.plus(Duration::from_secs(HOUR)));
    assert_eq!(fired.source, FiringSource::Scheduler);
    let run = stage.store.run(ada, fired.run_id.unwrap()).await.unwrap().unwrap();
    assert_eq!((run.kind, run.status), (RunKind::Trigger, RunStatus::Completed));
    assert_eq!(run.firing_id, Some(fired.id));
    let prompt = stage.model.prompts.lock().unwrap().pop().unwrap();
    assert_eq!(prompt.turns.last().unwrap().text, "make tea");
    assert_eq!(prompt.model.as_deref(), Some("small"));
    let tools: Vec<_> = prompt.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["recall"]);
    let kept = stage.registry.trigger(ada, trigger).await.unwrap();
    assert_eq!((kept.run_count, kept.last_status), (1, Some(FiringStatus::Ran)));
    assert_eq!(kept.next_due_at, Some(begun.plus(Duration::from_secs(2 * HOUR))));
    assert!(stage.kinds(ada).await.contains(&"trigger_fired"));
}

#[actix::test]
async fn a_trigger_ends_when_it_has_no_slot_to_come_or_has_run_enough() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let at = stage.registry.clock().now().plus(Duration::from_secs(90));
    let once = NewTrigger::new("once", "now", Schedule::Once { at });
    let once = add(&stage, ada, once).await;
    let twice = add(&stage, ada, NewTrigger { max_runs: Some(2), ..hourly(&stage) }).await;
    stage.advance(10 * HOUR).await;
    for (id, runs) in [(once, 1), (twice, 2)] {
        let kept = stage.registry.trigger(ada, id).await.unwrap();
        assert_eq!((kept.run_count, kept.is_enabled, kept.next_due_at), (runs, false, None));
    }
    assert_eq!(fates(&stage, ada).await, "RRR");
    let again = stage.registry.amend_trigger(ada, once, TriggerPatch::enabled(true)).await;
    assert!(matches!(again, Err(CoreError::Invalid { field: "schedule", .. })));
    let again = stage.registry.amend_trigger(ada, twice, TriggerPatch::enabled(true)).await;
    assert!(matches!(again, Err(CoreError::Invalid { field: "max_runs", .. })));
    let more = TriggerPatch { max_runs: Some(Some(3)), ..TriggerPatch::enabled(true) };
    stage.registry.amend_trigger(ada, twice, more).await.unwrap();
    stage.advance(10 * HOUR).await;
    assert_eq!(fates(&stage, ada).await, "RRRR");
}

#[actix::test]
async fn what_could_not_fire_in_time_is_decided_when_it_can_again() {
    for (misfire, fated) in [
        (Misfire::Skip, "RMMMMR"),
        (Misfire::RunOnce, "RMMMRR"),
        (Misfire::RunAll { max: 2 }, "RMMRRR"),
        (Misfire::RunAll { max: 100 }, "RRRRRR"),
    ] {
        for how in ["pause", "stop", "halt", "kill"] {
            let mut stage = Stage::set().await;
            let ada = stage.running("Ada").await;
            add(&stage, ada, NewTrigger { misfire, ..hourly(&stage) }).await;
            stage.advance(HOUR + 60).await;
            match how {
                "pause" => change(&stage, ada, Command::Pause).await,
                "stop" => change(&stage, ada, Command::Stop).await,
                "halt" => stage.registry.halt().await.unwrap(),
                _ => {}
            }
            if how == "kill" {
                let Stage { registry, store, clock, .. } = stage;
                drop(registry);
                clock.advance(Duration::from_secs(4 * HOUR + 100)).await;
                stage = Stage::over(store, clock, settings()).await;
            } else {
                stage.advance(4 * HOUR + 100).await;
                assert_eq!(fates(&stage, ada).await, "R", "{how}");
            }
            match how {
                "pause" => change(&stage, ada, Command::Resume).await,
                "stop" => change(&stage, ada, Command::Start).await,
                "halt" => stage.registry.lift().await.unwrap(),
                _ => {}
            }
            stage.advance(HOUR).await;
            assert_eq!(fates(&stage, ada).await, fated, "{misfire:?} {how}");
            if fated.contains('M') {
                assert!(stage.kinds(ada).await.contains(&"trigger_missed"));
            }
        }
    }
}

#[actix::test]
async fn what_is_late_within_its_grace_runs_as_if_in_time() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    add(&stage, ada, NewTrigger { grace_s: 1_800, ..hourly(&stage) }).await;
    change(&stage, ada, Command::Pause).await;
    stage.advance(HOUR + 1_700).await;
    change(&stage, ada, Command::Resume).await;
    stage.advance(1).await;
    assert_eq!(fates(&stage, ada).await, "R");
}

#[actix::test]
async fn a_slot_that_overlaps_is_skipped_waits_or_takes_the_place() {
    for (overlap, meanwhile, after) in [
        (Overlap::Skip, "GSS", "FSSRR"),
        (Overlap::QueueOne, "GWS", "FRSRR"),
        (Overlap::CancelPrevious, "FFG", "FFFRR"),
    ] {
        let stage = Stage::set().await;
        let ada = stage.running("Ada").await;
        add(&stage, ada, NewTrigger { overlap, ..hourly(&stage) }).await;
        *stage.model.always.lock().unwrap() = Some(Act::Hang);
        stage.advance(3 * HOUR + 1).await;
        assert_eq!(fates(&stage, ada).await, meanwhile, "{overlap:?}");
        if overlap == Overlap::CancelPrevious {
            let cut = firings(&stage, ada).await.remove(0);
            assert_eq!(cut.reason.as_deref(), Some("replaced by a later one"));
            let run = stage.store.run(ada, cut.run_id.unwrap()).await.unwrap().unwrap();
            assert_eq!(run.status, RunStatus::Cancelled);
            assert_eq!(stage.model.dropped.load(Ordering::SeqCst), 2, "no byte leaves for them");
        }
        *stage.model.always.lock().unwrap() = None;
        change(&stage, ada, Command::Pause).await;
        change(&stage, ada, Command::Resume).await;
        stage.advance(2 * HOUR).await;
        assert_eq!(fates(&stage, ada).await, after, "{overlap:?}");
    }
}

#[actix::test]
async fn a_run_that_a_kill_interrupts_is_taken_up_again_but_not_for_ever() {
    let mut stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    add(&stage, ada, hourly(&stage)).await;
    stage.model.then(Act::Hang);
    stage.advance(HOUR).await;
    for _ in 0..2 {
        assert_eq!(fates(&stage, ada).await, "G");
        let Stage { registry, store, clock, .. } = stage;
        drop(registry);
        clock.settle().await;
        store.hold_commits();
        stage = Stage::over(store, clock, Settings { letter_attempts_max: 2, ..settings() }).await;
        *stage.model.always.lock().unwrap() = Some(Act::Hang);
        stage.store.release_commits();
        stage.advance(1).await;
    }
    let given_up = firings(&stage, ada).await.remove(0);
    assert_eq!((given_up.status, given_up.attempts), (FiringStatus::Failed, 2));
    assert_eq!(given_up.reason.as_deref(), Some("tried too often"));
    let runs = stage.runs(ada).await;
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.status == RunStatus::Interrupted));
    assert_eq!(runs[0].resumes, Some(runs[1].id));
}

#[actix::test]
async fn a_crash_in_its_run_is_the_agents_and_the_firing_is_taken_up_again() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    add(&stage, ada, hourly(&stage)).await;
    stage.model.then(Act::Panic);
    stage.advance(HOUR + 60).await;
    let fired = firings(&stage, ada).await.remove(0);
    assert_eq!((fired.status, fired.attempts), (FiringStatus::Ran, 2));
}

#[actix::test]
async fn whatever_silences_an_agent_fails_the_firing_it_runs() {
    for how in ["pause", "stop", "halt", "remove"] {
        let stage = Stage::set().await;
        let ada = stage.running("Ada").await;
        let trigger = add(&stage, ada, hourly(&stage)).await;
        stage.model.then(Act::Hang);
        stage.advance(HOUR).await;
        assert_eq!(fates(&stage, ada).await, "G");
        match how {
            "pause" => change(&stage, ada, Command::Pause).await,
            "stop" => change(&stage, ada, Command::Stop).await,
            "halt" => stage.registry.halt().await.unwrap(),
            _ => stage.registry.remove_trigger(ada, trigger).await.unwrap(),
        }
        stage.clock.settle().await;
        let cut = firings(&stage, ada).await.remove(0);
        assert_eq!(cut.status, FiringStatus::Failed, "{how}");
        assert!(cut.reason.is_some() && cut.ended_at.is_some(), "{how}");
        assert_eq!(stage.runs(ada).await[0].status, RunStatus::Cancelled, "{how}");
    }
}

#[actix::test]
async fn a_run_that_fails_or_takes_too_long_is_told() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let trigger = add(&stage, ada, NewTrigger { timeout_s: Some(60), ..hourly(&stage) }).await;
    stage.model.then(Act::Fail(ModelError::Refused("no".into()))).then(Act::Hang);
    stage.advance(2 * HOUR + 61).await;
    assert_eq!(fates(&stage, ada).await, "FF");
    let kept = stage.registry.trigger(ada, trigger).await.unwrap();
    assert_eq!((kept.run_count, kept.last_status), (2, Some(FiringStatus::Failed)));
    assert_eq!(kept.last_error.as_deref(), Some("no answer within 60s"));
    stage.advance(HOUR).await;
    assert_eq!(fates(&stage, ada).await, "FFR");
}

#[actix::test]
async fn one_can_be_fired_by_hand_also_if_it_is_not_enabled() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let trigger = add(&stage, ada, NewTrigger { is_enabled: false, ..hourly(&stage) }).await;
    stage.advance(5 * HOUR).await;
    assert_eq!(fates(&stage, ada).await, "");
    let fired = stage.registry.fire_trigger(ada, trigger).await.unwrap();
    let fired = stage.registry.firing_outcome(&fired, Duration::from_secs(5)).await.unwrap();
    assert_eq!((fired.status, fired.source), (FiringStatus::Ran, FiringSource::Manual));

    change(&stage, ada, Command::Pause).await;
    for _ in 0..stage.registry.settings().firings_waiting_max {
        stage.registry.fire_trigger(ada, trigger).await.unwrap();
    }
    assert_eq!(stage.registry.fire_trigger(ada, trigger).await, Err(CoreError::Overloaded));
    stage.registry.remove_trigger(ada, trigger).await.unwrap();
    let missing = CoreError::NotFound { what: "trigger", id: trigger.0 };
    assert_eq!(stage.registry.fire_trigger(ada, trigger).await, Err(missing));
    assert!(!fates(&stage, ada).await.contains('W'), "what waited is settled");
}

#[actix::test]
async fn a_run_that_fails_is_made_again_as_often_as_its_trigger_says() {
    for (failures, fated, runs) in [(1, "R", 2), (2, "R", 3), (3, "F", 3)] {
        let mut stage = Stage::set().await;
        let ada = stage.running("Ada").await;
        let wanted = NewTrigger { retries_max: 2, retry_after_s: 600, ..hourly(&stage) };
        let trigger = add(&stage, ada, wanted).await;
        for _ in 0..failures {
            stage.model.then(Act::Fail(ModelError::Refused("no".into())));
        }
        stage.advance(HOUR).await;
        assert_eq!(fates(&stage, ada).await, "G", "it is not done with");
        assert_eq!(stage.runs(ada).await.len(), 1);
        stage.advance(599).await;
        assert_eq!(stage.runs(ada).await.len(), 1, "not before its time");
        if failures == 2 {
            // The time is kept over the end of the process.
            let Stage { registry, store, clock, .. } = stage;
            drop(registry);
            clock.settle().await;
            stage = Stage::over(store, clock, settings()).await;
            stage.model.then(Act::Fail(ModelError::Refused("no".into())));
        }
        stage.advance(1).await;
        assert_eq!(stage.runs(ada).await.len(), 2);
        stage.advance(600).await;
        assert_eq!(fates(&stage, ada).await, fated, "{failures}");
        assert_eq!(stage.runs(ada).await.len(), runs);
        let kept = stage.registry.trigger(ada, trigger).await.unwrap();
        assert_eq!(kept.run_count, 1, "it is one firing");
        stage.advance(HOUR).await;
        assert_eq!(fates(&stage, ada).await, format!("{fated}R"));
    }
}

#[actix::test]
async fn what_a_person_fired_is_not_made_again() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let trigger = add(&stage, ada, NewTrigger { retries_max: 2, ..hourly(&stage) }).await;
    stage.model.then(Act::Fail(ModelError::Refused("no".into())));
    let fired = stage.registry.fire_trigger(ada, trigger).await.unwrap();
    let fired = stage.registry.firing_outcome(&fired, Duration::from_secs(5)).await.unwrap();
    assert_eq!(fired.status, FiringStatus::Failed);
}

#[actix::test]
async fn by_hand_it_runs_no_more_often_than_it_may() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let wanted = NewTrigger { max_runs: Some(2), is_enabled: false, ..hourly(&stage) };
    let trigger = add(&stage, ada, wanted).await;
    change(&stage, ada, Command::Pause).await;
    for _ in 0..2 {
        stage.registry.fire_trigger(ada, trigger).await.unwrap();
    }
    let refused = stage.registry.fire_trigger(ada, trigger).await;
    assert!(matches!(refused, Err(CoreError::Invalid { field: "max_runs", .. })), "they wait");
    change(&stage, ada, Command::Resume).await;
    stage.advance(1).await;
    assert_eq!(fates(&stage, ada).await, "RR");
    let refused = stage.registry.fire_trigger(ada, trigger).await;
    assert!(matches!(refused, Err(CoreError::Invalid { field: "max_runs", .. })), "they ran");
}

#[actix::test]
async fn models_and_tools_that_are_not_there_are_refused() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let tools = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let refused = |added| match added {
        Err(CoreError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let unknown = NewTrigger { model: Some("nobody".into()), ..hourly(&stage) };
    assert_eq!(refused(stage.registry.add_trigger(ada, unknown).await), "model");
    let unknown = NewTrigger { allowed_tools: tools(&["recall", "nothing"]), ..hourly(&stage) };
    assert_eq!(refused(stage.registry.add_trigger(ada, unknown).await), "allowed_tools");
    let none = NewTrigger { allowed_tools: tools(&[]), ..hourly(&stage) };
    let trigger = add(&stage, ada, none).await;
    let patch = |model: &str| TriggerPatch {
        model: Some(Some(model.to_owned())),
        ..TriggerPatch::default()
    };
    let amended = stage.registry.amend_trigger(ada, trigger, patch("nobody")).await;
    assert_eq!(refused(amended), "model");
    let patch = TriggerPatch { allowed_tools: Some(tools(&["nothing"])), ..patch("small") };
    let amended = stage.registry.amend_trigger(ada, trigger, patch).await;
    assert_eq!(refused(amended), "allowed_tools");
}

#[actix::test]
async fn one_may_wait_for_the_next_tick_and_need_autonomy() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let wanted = NewTrigger { wake: Wake::NextTick, ..every(&stage, 90) };
    add(&stage, ada, NewTrigger { max_runs: Some(1), ..wanted.clone() }).await;
    let needy = NewTrigger { needs_autonomy: true, ..wanted };
    add(&stage, ada, needy).await;
    stage.advance(91).await;
    assert_eq!(fates(&stage, ada).await, "R", "it never ticks, so it need not wait");
    change(&stage, ada, Command::Stop).await;
    stage.registry.ask(ada, start_autonomous()).await.unwrap();
    // Ticks each minute from now on: the slot at 180 s comes 29 s after the second.
    stage.advance(90).await;
    assert_eq!(fates(&stage, ada).await, "RRW");
    stage.advance(31).await;
    assert_eq!(fates(&stage, ada).await, "RRR");
}

#[actix::test]
async fn an_agent_has_so_many_triggers_and_no_more() {
    let stage = Stage::with(Settings { triggers_max: 2, ..settings() }).await;
    let ada = stage.running("Ada").await;
    let first = add(&stage, ada, hourly(&stage)).await;
    let again = NewTrigger { id: Some(first), ..hourly(&stage) };
    let exists = StoreError::Exists { what: "trigger", id: first.0 };
    assert_eq!(stage.registry.add_trigger(ada, again.clone()).await, Err(exists.clone().into()));
    let bob = stage.running("Bob").await;
    assert_eq!(stage.registry.add_trigger(bob, again).await, Err(exists.into()));
    add(&stage, ada, hourly(&stage)).await;
    let refused = stage.registry.add_trigger(ada, hourly(&stage)).await;
    assert!(matches!(refused, Err(CoreError::Invalid { field: "triggers", .. })));
    assert_eq!(stage.registry.triggers(ada).await.unwrap().len(), 2);
}

#[actix::test]
async fn a_fleet_catches_up_little_by_little_and_in_time_ones_do_not_wait() {
    let paced = Settings { catch_up_per_s: 10, ..settings() };
    let stage = Stage::with(paced.clone()).await;
    for number in 0..100 {
        let agent = stage.running(&format!("Agent {number}")).await;
        let misfire = Misfire::RunOnce;
        add(&stage, agent, NewTrigger { misfire, ..hourly(&stage) }).await;
    }
    let bob = stage.running("Bob").await;
    let slow = NewTrigger { grace_s: 7_200, ..hourly(&stage) };
    add(&stage, bob, slow).await;
    let Stage { registry, store, clock, .. } = stage;
    drop(registry);
    clock.advance(Duration::from_secs(HOUR + 600)).await;
    let stage = Stage::over(store, clock, paced).await;
    stage.advance(1).await;
    assert_eq!(fates(&stage, bob).await, "R");
    let after_a_second = stage.model.calls();
    assert!((5..=30).contains(&after_a_second), "{after_a_second}");
    stage.advance(20).await;
    assert_eq!(stage.model.calls(), 101);
    assert!(stage.registry.scheduler_health().is_well());
}

#[actix::test]
async fn the_watchdog_tells_when_something_is_due_and_nothing_fires() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    add(&stage, ada, hourly(&stage)).await;
    stage.advance(HOUR - 10).await;
    assert!(stage.registry.scheduler_health().is_well());
    stage.store.hold_commits();
    stage.advance(400).await;
    let health = stage.registry.scheduler_health();
    assert!(matches!(health, SchedulerHealth::Silent { .. }), "{health:?}");
    stage.store.release_commits();
    stage.advance(1).await;
    assert!(stage.registry.scheduler_health().is_well());
    assert_eq!(fates(&stage, ada).await, "R");
}

#[actix::test]
async fn too_many_slots_get_one_record_together() {
    let few = Settings { catch_up_slots_max: 100, ..settings() };
    let stage = Stage::with(few).await;
    let ada = stage.running("Ada").await;
    let cron = Schedule::Cron { expression: "*/5 * * * * *".into(), time_zone: "UTC".into() };
    add(&stage, ada, NewTrigger::new("often", "go", cron)).await;
    add(&stage, ada, NewTrigger { misfire: Misfire::RunOnce, ..every(&stage, 5) }).await;
    change(&stage, ada, Command::Pause).await;
    stage.advance(86_400).await;
    change(&stage, ada, Command::Resume).await;
    stage.advance(1).await;
    let firings = firings(&stage, ada).await;
    assert!(firings.len() <= 202, "{}", firings.len());
    let slots: u64 = firings.iter().map(|firing| firing.count).sum();
    assert_eq!(slots, 2 * 86_400 / 5);
}

#[actix::test]
async fn an_agent_makes_lists_and_ends_its_own_triggers() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let daily = json!({
        "name": "daily", "instructions": "look around", "cron": "0 9 * * *",
        "time_zone": "Europe/Berlin",
    });
    let soon = json!({"name": "soon", "instructions": "wake up", "in_s": 600});
    let odd = json!({"name": "odd", "instructions": "what?", "in_s": 1, "every_s": 60});
    let calls = vec![
        ("schedule_trigger", daily),
        ("schedule_trigger", soon),
        ("schedule_trigger", odd),
        ("list_triggers", json!({})),
    ];
    stage.model.then(Act::Call("", calls));
    stage.registry.ask_agent(bob, ada, "plan your day").await.unwrap();
    let mut triggers = stage.registry.triggers(ada).await.unwrap();
    // They were made within one instant.
    triggers.sort_by(|one, other| one.name.cmp(&other.name));
    let names: Vec<_> = triggers.iter().map(|trigger| trigger.name.as_str()).collect();
    assert_eq!(names, ["daily", "soon"]);
    let told = stage.model.prompts.lock().unwrap().pop().unwrap().turns;
    let told: Vec<_> = told.iter().rev().take(2).map(|turn| turn.text.as_str()).collect();
    assert!(told[0].contains("- daily (id") && told[0].contains("next in 600 s"), "{told:?}");
    assert!(told[1].contains("exactly one of the three"), "{told:?}");

    // What wakes it may be ended by the run that it has woken, which goes on.
    let id = triggers[1].id.to_string();
    stage.model.then(Act::Call("", vec![("cancel_trigger", json!({"id": id}))]));
    stage.advance(600).await;
    assert_eq!(fates(&stage, ada).await, "R");
    let id = triggers[0].id.to_string();
    stage.model.then(Act::Call("", vec![("cancel_trigger", json!({"id": id}))]));
    stage.registry.ask_agent(bob, ada, "never mind").await.unwrap();
    let names: Vec<_> = stage.registry.triggers(ada).await.unwrap();
    assert_eq!(names.iter().map(|trigger| trigger.name.as_str()).collect::<Vec<_>>(), ["soon"]);
}
