//! The rules of drafts, as tables.

use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Misfire, Schedule, Trigger, Wake};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::draft::Draft;
use super::kept::{Kept, is_spent};
use super::summary::{TriggerSummary, task_of};
use crate::dialects::milady::error::MiladyError;

/// 2026-03-01T12:00:00Z.
const NOW: UnixMillis = UnixMillis(1_772_366_400_000);

const HOUR: u64 = 3_600_000;

fn read(said: &Value) -> Result<Draft, MiladyError> {
    Draft::read(said.as_object().unwrap())
}

fn made(said: &Value) -> Result<Trigger, MiladyError> {
    let wanted = read(said)?.made(NOW)?;
    wanted.made(AgentId::new(), NOW).map_err(super::draft::refused)
}

/// What clients are shown after a change at `now`.
fn changed(trigger: Trigger, said: &Value, now: UnixMillis) -> Trigger {
    let patch = read(said).unwrap().over(&trigger, now).unwrap();
    patch.over(trigger, now).unwrap().0
}

fn shown(trigger: Trigger) -> Value {
    serde_json::to_value(TriggerSummary::of(trigger)).unwrap()
}

#[test]
fn what_is_not_said_is_as_usual() {
    let trigger = made(&json!({"instructions": "  make \n\t tea ", "intervalMs": HOUR})).unwrap();
    assert_eq!(trigger.misfire, Misfire::RunOnce);
    let id = trigger.id;
    assert_eq!(
        shown(trigger),
        json!({
            "id": id, "taskId": task_of(id), "displayName": "New Trigger",
            "instructions": "make tea", "triggerType": "interval", "enabled": true,
            "wakeMode": "inject_now", "createdBy": "api", "intervalMs": HOUR, "runCount": 0,
            "nextRunAtMs": 1_772_370_000_000_i64, "updatedAt": NOW, "updateInterval": HOUR,
        })
    );
}

#[test]
fn drafts_are_brought_within_the_rules() {
    let base = |more: Value| {
        let mut said = json!({"instructions": "x", "intervalMs": HOUR});
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said
    };
    let iso = "2026-05-01T00:00:00.000Z";
    for (more, field, expected) in [
        (json!({"displayName": " a \n b "}), "displayName", json!("a b")),
        (json!({"displayName": " "}), "displayName", json!("New Trigger")),
        (json!({"displayName": null}), "displayName", json!("New Trigger")),
        (json!({"createdBy": "ada"}), "createdBy", json!("ada")),
        (json!({"enabled": false}), "enabled", json!(false)),
        (json!({"enabled": false}), "updateInterval", json!(31_536_000_000_i64)),
        (json!({"enabled": false}), "nextRunAtMs", Value::Null),
        (json!({"wakeMode": "next_autonomy_cycle"}), "wakeMode", json!("next_autonomy_cycle")),
        (json!({"triggerType": ""}), "triggerType", json!("interval")),
        (json!({"intervalMs": 1}), "intervalMs", json!(60_000)),
        (json!({"intervalMs": -5}), "intervalMs", json!(60_000)),
        (json!({"intervalMs": 90_000.9}), "intervalMs", json!(90_000)),
        (json!({"intervalMs": 1e300}), "intervalMs", json!(2_678_400_000_u64)),
        (json!({"intervalMs": u64::MAX}), "intervalMs", json!(2_678_400_000_u64)),
        (json!({"maxRuns": 3.7}), "maxRuns", json!(3)),
        (json!({"maxRuns": null}), "maxRuns", Value::Null),
        (json!({"maxRuns": 1e20}), "maxRuns", json!(u32::MAX)),
        (json!({"timezone": "Europe/Berlin"}), "timezone", json!("Europe/Berlin")),
        // Other types keep nothing of it.
        (json!({"triggerType": "once", "scheduledAtIso": iso}), "intervalMs", Value::Null),
        (json!({"triggerType": "once", "scheduledAtIso": iso}), "scheduledAtIso", json!(iso)),
        (json!({"triggerType": "once", "scheduledAtIso": iso, "maxRuns": 7}), "maxRuns", json!(7)),
        (json!({"triggerType": "once", "scheduledAtIso": iso}), "maxRuns", Value::Null),
        (
            json!({"triggerType": "once", "scheduledAtIso": " 2026-03-01T14:00+01:00 "}),
            "nextRunAtMs",
            json!(1_772_370_000_000_i64),
        ),
        // Past, so that it is due at once.
        (json!({"triggerType": "once", "scheduledAtIso": "2020-01-01"}), "nextRunAtMs", json!(NOW)),
        (
            json!({"triggerType": "once", "scheduledAtIso": "2020-01-01"}),
            "scheduledAtIso",
            json!("2020-01-01"),
        ),
        (
            json!({"triggerType": "cron", "cronExpression": " 0  9 * * 1-5 "}),
            "cronExpression",
            json!("0 9 * * 1-5"),
        ),
        (
            json!({"triggerType": "weekly", "cronExpression": "0 9 * * 1"}),
            "triggerType",
            json!("cron"),
        ),
        (
            json!({"triggerType": "cron", "cronExpression": "0 13 * * *", "timezone": "Asia/Tokyo"}),
            "nextRunAtMs",
            // 13:00 in Tokyo is 04:00 in UTC, on the next day.
            json!(1_772_424_000_000_i64),
        ),
        (
            json!({"triggerType": "cron", "cronExpression": "0 13 * * *"}),
            "updateInterval",
            json!(HOUR),
        ),
        (
            json!({"triggerType": "cron", "cronExpression": "0 13 * * *", "timezone": "UTC"}),
            "timezone",
            json!("UTC"),
        ),
    ] {
        let said = base(more);
        assert_eq!(shown(made(&said).unwrap())[field], expected, "{said}");
    }
}

#[test]
fn dates_are_written_in_many_ways() {
    for text in [
        "2026-03-01T13:00:00.000Z",
        "2026-03-01T14:00:00+01:00",
        "2026-03-01T13:00Z",
        "2026-03-01T13:00:00",
        "2026-03-01T13:00",
        "2026-03-01 13:00:00.5",
        "Sun, 01 Mar 2026 13:00:00 GMT",
        "Sun Mar 01 2026 14:00:00 GMT+0100 (Central European Standard Time)",
    ] {
        let said = json!({"instructions": "x", "triggerType": "once", "scheduledAtIso": text});
        let next = made(&said).unwrap().next_due_at.unwrap();
        assert_eq!(next.0 / 1_000, 1_772_370_000, "{text}");
    }
}

#[test]
fn drafts_that_cannot_be_are_refused_and_say_why() {
    let long = "x".repeat(20_000);
    for (said, words) in [
        (json!({"intervalMs": HOUR}), "instructions is required"),
        (json!({"instructions": " \n", "intervalMs": HOUR}), "instructions is required"),
        (json!({"instructions": 5}), "instructions must be a string"),
        (json!({"instructions": long, "intervalMs": HOUR}), "instructions: "),
        (json!({"instructions": "x"}), "intervalMs is required"),
        (json!({"instructions": "x", "intervalMs": "60000"}), "intervalMs must be a number"),
        (json!({"instructions": "x", "displayName": []}), "displayName must be a string"),
        (json!({"instructions": "x", "enabled": "yes"}), "enabled must be true or false"),
        (json!({"instructions": "x", "wakeMode": "later"}), "wakeMode must be"),
        (json!({"instructions": "x", "intervalMs": HOUR, "maxRuns": 0}), "maxRuns must be"),
        (json!({"instructions": "x", "intervalMs": HOUR, "maxRuns": -3}), "maxRuns must be"),
        (json!({"instructions": "x", "intervalMs": HOUR, "maxRuns": 0.5}), "maxRuns must be"),
        (json!({"instructions": "x", "intervalMs": HOUR, "maxRuns": "3"}), "maxRuns must be"),
        (json!({"instructions": "x", "intervalMs": HOUR, "timezone": "Mars/X"}), "timezone must"),
        (json!({"instructions": "x", "triggerType": "once"}), "scheduledAtIso must be"),
        (
            json!({"instructions": "x", "triggerType": "once", "scheduledAtIso": "soon"}),
            "scheduledAtIso must be",
        ),
        (
            json!({"instructions": "x", "triggerType": "once", "scheduledAtIso": "1767323045000"}),
            "scheduledAtIso must be",
        ),
        (json!({"instructions": "x", "triggerType": "cron"}), "cronExpression must be"),
        (
            json!({"instructions": "x", "triggerType": "hourly", "intervalMs": HOUR}),
            "cronExpression must be",
        ),
        (
            json!({"instructions": "x", "triggerType": "cron", "cronExpression": "0 0 * * 7"}),
            "cronExpression must be",
        ),
        (
            json!({"instructions": "x", "triggerType": "cron", "cronExpression": "0 0 30 2 *"}),
            "cronExpression: ",
        ),
    ] {
        let refused = made(&said).unwrap_err();
        assert_eq!(refused.status(), 400, "{said}");
        assert!(refused.words().starts_with(words), "{said}: {refused}");
    }
}

#[test]
fn a_change_leaves_what_it_does_not_say_but_for_the_time_zone() {
    let later = UnixMillis(NOW.0 + 60_000);
    let cron = made(&json!({
        "instructions": "x", "displayName": "tea", "triggerType": "cron",
        "cronExpression": "0 9 * * *", "timezone": "Europe/Berlin", "maxRuns": 5,
        "wakeMode": "next_autonomy_cycle", "createdBy": "ada",
    }))
    .unwrap();
    let renamed = changed(cron.clone(), &json!({"displayName": "coffee"}), later);
    let view = shown(renamed.clone());
    assert_eq!(
        (&view["displayName"], &view["cronExpression"]),
        (&json!("coffee"), &json!("0 9 * * *"))
    );
    assert_eq!((&view["maxRuns"], &view["createdBy"]), (&json!(5), &json!("ada")));
    assert_eq!((&view["wakeMode"], view.get("timezone")), (&json!("next_autonomy_cycle"), None));
    assert_eq!(renamed.wake, Wake::NextTick);
    let resent = changed(cron.clone(), &json!({"timezone": "Europe/Berlin"}), later);
    assert_eq!(shown(resent.clone())["timezone"], "Europe/Berlin");
    assert_eq!(resent.next_due_at, cron.next_due_at);

    let every = made(&json!({"instructions": "x", "intervalMs": HOUR})).unwrap();
    let kept = changed(every.clone(), &json!({"instructions": "y", "createdBy": "eve"}), later);
    assert_eq!((kept.next_due_at, kept.created_by.as_str()), (every.next_due_at, "api"));
    let off = changed(every.clone(), &json!({"enabled": false}), later);
    assert_eq!(shown(off.clone())["updateInterval"], 31_536_000_000_i64);
    let on = changed(off, &json!({"enabled": true}), later);
    assert_eq!(on.next_due_at, Some(UnixMillis(later.0 + 3_600_000)), "from now on");
    let slower = changed(every.clone(), &json!({"intervalMs": 2 * HOUR}), later);
    assert_eq!(slower.next_due_at, Some(UnixMillis(later.0 + 7_200_000)));
    assert!(read(&json!({"triggerType": "once"})).unwrap().over(&every, later).is_err());
    let once = json!({"triggerType": "once", "scheduledAtIso": "2026-04-01"});
    let once = changed(every, &once, later);
    assert_eq!((once.max_runs, shown(once.clone()).get("maxRuns")), (Some(1), None));
    let same = changed(once.clone(), &json!({"displayName": "z"}), later);
    assert_eq!(
        (same.next_due_at, shown(same)["scheduledAtIso"].clone()),
        (once.next_due_at, json!("2026-04-01"))
    );
}

#[test]
fn what_was_made_elsewhere_is_shown_and_can_be_changed() {
    let schedule =
        Schedule::Cron { expression: "@daily".into(), time_zone: "Europe/Berlin".into() };
    let wanted = greenroom_actors::triggers::NewTrigger::new("n", "x", schedule);
    let trigger = wanted.made(AgentId::new(), NOW).unwrap();
    let view = shown(trigger.clone());
    assert_eq!(
        (&view["cronExpression"], &view["timezone"]),
        (&json!("@daily"), &json!("Europe/Berlin"))
    );
    let renamed = changed(trigger, &json!({"displayName": "m"}), NOW);
    assert_eq!(shown(renamed)["cronExpression"], "@daily");

    let schedule = Schedule::Interval { every_ms: 1_000, anchor: NOW };
    let wanted = greenroom_actors::triggers::NewTrigger::new("n", "x", schedule);
    let trigger = wanted.made(AgentId::new(), NOW).unwrap();
    assert_eq!(shown(trigger.clone())["intervalMs"], 1_000);
    assert_eq!(shown(changed(trigger, &json!({"enabled": false}), NOW))["intervalMs"], 1_000);
}

#[test]
fn a_date_that_was_changed_elsewhere_is_told_as_it_is() {
    let said = json!({"instructions": "x", "triggerType": "once", "scheduledAtIso": "2026-04-01"});
    let mut trigger = made(&said).unwrap();
    trigger.schedule = Schedule::Once { at: UnixMillis(0) };
    assert_eq!(shown(trigger)["scheduledAtIso"], "1970-01-01T00:00:00.000Z");
}

#[test]
fn what_has_run_its_last_is_spent() {
    let said = json!({"instructions": "x", "triggerType": "once", "scheduledAtIso": "2026-04-01"});
    let once = made(&said).unwrap();
    assert!(Kept::is_with(&once));
    let trigger = |is_enabled, run_count, max_runs| Trigger {
        is_enabled,
        run_count,
        max_runs,
        ..made(&json!({"instructions": "x", "intervalMs": HOUR})).unwrap()
    };
    for (trigger, expected) in [
        (once.clone(), false),
        (Trigger { is_enabled: false, ..once.clone() }, false),
        (Trigger { is_enabled: false, run_count: 1, ..once }, true),
        (trigger(true, 3, Some(5)), false),
        (trigger(false, 3, Some(5)), false),
        (trigger(false, 5, Some(5)), true),
        (trigger(false, 5, None), false),
    ] {
        assert_eq!(is_spent(&trigger), expected, "{trigger:?}");
    }
}

/// What clients send, and what they should not.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "interval",
            "once",
            "cron",
            "0 9 * * *",
            "2026-05-01",
            "9999-12-31T23:59:59Z",
            "UTC",
            "+262142-12-31",
            "-9999-01-01T00:00Z",
            "inject_now",
            "",
        ])
        .prop_map(Value::from),
        Just(json!([])),
    ]
}

proptest! {
    /// Whatever is sent is refused as a bad request or makes a trigger that can be shown, and the same
    /// goes for what is laid over one.
    #[test]
    fn no_draft_is_more_than_refused(
        fields in prop::collection::hash_map(
            prop::sample::select(vec![
                "displayName", "instructions", "triggerType", "wakeMode", "enabled", "createdBy",
                "timezone", "intervalMs", "scheduledAtIso", "cronExpression", "maxRuns",
            ]),
            anything(),
            0..11,
        ),
    ) {
        let said = json!(fields);
        match made(&said) {
            Ok(trigger) => drop(shown(trigger)),
            Err(error) => prop_assert_eq!(error.status().as_u16(), 400),
        }
        for trigger in [
            made(&json!({"instructions": "x", "intervalMs": HOUR})).unwrap(),
            made(&json!({"instructions": "x", "triggerType": "once", "scheduledAtIso": "2020-01-01"}))
                .unwrap(),
        ] {
            let patch = read(&said).and_then(|draft| draft.over(&trigger, NOW));
            let changed = patch.and_then(|patch| {
                patch.over(trigger, NOW).map_err(super::draft::refused)
            });
            match changed {
                Ok((trigger, _)) => drop(shown(trigger)),
                Err(error) => prop_assert_eq!(error.status().as_u16(), 400),
            }
        }
    }
}
