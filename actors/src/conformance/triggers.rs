//! Triggers and their firings: each slot is taken once, and has a record.

use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::TriggerId;
use crate::lifecycle::{Desired, Lifecycle};
use crate::ports::{DueQuery, FiringQuery};
use crate::time::UnixMillis;
use crate::triggers::{
    Firing, FiringEnd, FiringSource, FiringStatus, Misfire, Overlap, Schedule, Trigger,
    TriggerFired, Wake,
};

use super::kit::{ADA, BOB, Subject, firing, id, running, trigger, trigger_set};

fn fired(trigger: &Trigger, from: i64, next: Option<i64>, firings: Vec<Firing>) -> Fact {
    Fact::TriggerFired(Box::new(TriggerFired {
        trigger_id: trigger.id,
        agent_id: trigger.agent_id,
        from: UnixMillis(from),
        next_due_at: next.map(UnixMillis),
        firings,
    }))
}

fn settled(number: u128, status: FiringStatus, reason: Option<&str>) -> Fact {
    Fact::FiringSettled(Box::new(FiringEnd {
        id: id(number),
        agent_id: ADA,
        status,
        reason: reason.map(str::to_owned),
        at: UnixMillis(99),
    }))
}

fn tried(number: u128) -> Fact {
    Fact::FiringTried { agent_id: ADA, id: id(number), run_id: id(77), at: UnixMillis(50) }
}

fn set(firing: &Firing) -> Fact {
    Fact::FiringSet(Box::new(firing.clone()))
}

async fn lives(on: &Subject, lifecycle: Lifecycle) {
    on.keep([Fact::LifecycleChanged { id: ADA, lifecycle }]).await;
}

async fn due(on: &Subject, now: i64, is_late: bool) -> Vec<u128> {
    let query = DueQuery { now: UnixMillis(now), is_late, limit: 9 };
    let due = on.due_triggers(query).await.unwrap();
    due.iter().map(|trigger| trigger.id.0.as_u128()).collect()
}

pub(super) async fn a_trigger_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    let full = trigger(ADA, 1, 10);
    let plain = Trigger {
        schedule: Schedule::Interval { every_ms: 1_000, anchor: UnixMillis(-5) },
        misfire: Misfire::Skip,
        overlap: Overlap::CancelPrevious,
        wake: Wake::Now,
        needs_autonomy: true,
        is_enabled: false,
        max_runs: None,
        model: None,
        allowed_tools: None,
        timeout_s: None,
        next_due_at: None,
        ..trigger(ADA, 2, 20)
    };
    for trigger in [&full, &plain] {
        assert_eq!(on.affected(trigger_set(trigger)).await, 1);
        assert_eq!(on.trigger(ADA, trigger.id).await.unwrap().as_ref(), Some(trigger));
        assert_eq!(on.trigger(BOB, trigger.id).await.unwrap(), None);
    }
    let of_bob = Trigger { agent_id: BOB, ..plain.clone() };
    assert_eq!(on.affected(trigger_set(&of_bob)).await, 0, "it is another agent's");
    assert_eq!(on.trigger(ADA, plain.id).await.unwrap(), Some(plain));
}

pub(super) async fn what_a_trigger_has_counted_outlives_a_change(on: Subject) {
    let on = on.with_agents().await;
    let first = trigger(ADA, 1, 10);
    on.keep([trigger_set(&first), set(&firing(ADA, 5, 20, FiringStatus::Waiting, 1))]).await;
    on.keep([settled(5, FiringStatus::Failed, Some("no water"))]).await;
    let counted = Trigger {
        run_count: 1,
        last_fired_at: Some(UnixMillis(99)),
        last_status: Some(FiringStatus::Failed),
        last_error: Some("no water".into()),
        ..first.clone()
    };
    assert_eq!(on.trigger(ADA, id(1)).await.unwrap(), Some(counted.clone()));

    let renamed = Trigger { name: "coffee".into(), next_due_at: None, is_enabled: false, ..first };
    let untimed = Fact::TriggerSet { trigger: Box::new(renamed.clone()), is_retimed: false };
    on.keep([untimed]).await;
    let expected = Trigger { name: "coffee".into(), ..counted };
    assert_eq!(on.trigger(ADA, id(1)).await.unwrap(), Some(expected.clone()));
    on.keep([trigger_set(&renamed)]).await;
    let expected = Trigger { next_due_at: None, is_enabled: false, ..expected };
    assert_eq!(on.trigger(ADA, id(1)).await.unwrap(), Some(expected));
}

pub(super) async fn triggers_are_listed_oldest_first_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let of = [trigger(ADA, 2, 20), trigger(ADA, 1, 30), trigger(ADA, 3, 10), trigger(BOB, 4, 5)];
    on.keep(of.each_ref().map(trigger_set)).await;
    let numbers = async || {
        let all = on.triggers(ADA).await.unwrap();
        all.iter().map(|trigger| trigger.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(numbers().await, [3, 2, 1]);
    on.keep([set(&firing(ADA, 5, 20, FiringStatus::Ran, 2))]).await;
    let removed = |agent_id, id: TriggerId| Fact::TriggerRemoved { agent_id, id };
    assert_eq!(on.affected(removed(BOB, id(2))).await, 0, "another agent's");
    assert_eq!(on.affected(removed(ADA, id(2))).await, 1);
    assert_eq!(on.affected(removed(ADA, id(2))).await, 0);
    assert_eq!(numbers().await, [3, 1]);
    assert!(on.firing(ADA, id(5)).await.unwrap().is_some(), "what it did is still on record");
}

pub(super) async fn those_that_can_fire_are_due(on: Subject) {
    let on = on.with_agents().await;
    let needy = Trigger { needs_autonomy: true, ..trigger(ADA, 3, 30) };
    let off = Trigger { is_enabled: false, next_due_at: None, ..trigger(ADA, 4, 40) };
    let of_bob = trigger(BOB, 9, 1);
    on.keep([&trigger(ADA, 1, 20), &trigger(ADA, 2, 10), &needy, &off, &of_bob].map(trigger_set))
        .await;
    assert_eq!((due(&on, 500, false).await, on.next_due().await.unwrap()), (vec![], None));

    lives(&on, Lifecycle { autonomy: None, ..running() }).await;
    assert_eq!(due(&on, 500, false).await, [2, 1]);
    assert_eq!(due(&on, 110, false).await, [2]);
    assert_eq!(on.next_due().await.unwrap(), Some(UnixMillis(110)));
    lives(&on, running()).await;
    assert_eq!(due(&on, 500, false).await, [2, 1, 3]);
    let first = DueQuery { now: UnixMillis(500), is_late: false, limit: 1 };
    assert_eq!(on.due_triggers(first).await.unwrap(), [trigger(ADA, 2, 10)]);

    lives(&on, Lifecycle { desired: Desired::Paused, ..running() }).await;
    assert_eq!(due(&on, 500, false).await, []);
    lives(&on, Lifecycle { failure: Some("it broke".into()), ..running() }).await;
    assert_eq!((due(&on, 500, false).await, on.next_due().await.unwrap()), (vec![], None));
}

pub(super) async fn late_ones_are_told_from_the_others(on: Subject) {
    let on = on.with_agents().await;
    lives(&on, running()).await;
    let patient = Trigger { grace_s: 100, ..trigger(ADA, 2, 0) };
    on.keep([trigger_set(&trigger(ADA, 1, 0)), trigger_set(&patient)]).await;
    for (now, in_time, late) in [
        (99, vec![], vec![]),
        (60_100, vec![1, 2], vec![]),
        (60_101, vec![2], vec![1]),
        (100_101, vec![], vec![1, 2]),
    ] {
        assert_eq!((due(&on, now, false).await, due(&on, now, true).await), (in_time, late));
    }
}

pub(super) async fn a_slot_is_taken_once(on: Subject) {
    let on = on.with_agents().await;
    let one = trigger(ADA, 1, 0);
    on.keep([trigger_set(&one)]).await;
    let missed = firing(ADA, 5, 100, FiringStatus::Missed, 1);
    let taken = fired(&one, 100, Some(200), vec![missed.clone()]);
    assert_eq!(on.affected(taken.clone()).await, 1);
    let after = Trigger { next_due_at: Some(UnixMillis(200)), ..one.clone() };
    assert_eq!(on.trigger(ADA, one.id).await.unwrap(), Some(after));
    assert_eq!(on.firing(ADA, id(5)).await.unwrap(), Some(missed));

    let again = fired(&one, 100, Some(200), vec![firing(ADA, 6, 100, FiringStatus::Ran, 1)]);
    let refused = on.try_keep([again]).await;
    let missing = StoreError::Missing { what: "due trigger", id: one.id.0 };
    assert_eq!(refused, Err(missing));
    assert_eq!(on.firing(ADA, id(6)).await.unwrap(), None);
    let unknown = fired(&trigger(ADA, 8, 0), 100, Some(200), Vec::new());
    assert!(on.try_keep([unknown]).await.is_err());
    let off = Trigger { is_enabled: false, ..one.clone() };
    on.keep([trigger_set(&off)]).await;
    assert!(on.try_keep([taken]).await.is_err(), "one that is not enabled");
}

pub(super) async fn a_trigger_without_a_slot_to_come_ends(on: Subject) {
    let on = on.with_agents().await;
    let one = trigger(ADA, 1, 0);
    on.keep([trigger_set(&one)]).await;
    on.keep([fired(&one, 100, None, Vec::new())]).await;
    let ended = Trigger { is_enabled: false, next_due_at: None, ..one.clone() };
    assert_eq!(on.trigger(ADA, one.id).await.unwrap(), Some(ended));
}

pub(super) async fn a_firing_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    for (number, status) in (1..).zip([
        FiringStatus::Waiting,
        FiringStatus::Running,
        FiringStatus::Ran,
        FiringStatus::Missed,
        FiringStatus::Skipped,
        FiringStatus::Failed,
    ]) {
        let firing = Firing {
            source: FiringSource::Manual,
            wake: Wake::NextTick,
            count: 1_000_000,
            ..firing(ADA, number, 1_700_000_000_000, status, 3)
        };
        assert_eq!(on.affected(set(&firing)).await, 1);
        assert_eq!(on.affected(set(&firing)).await, 0, "it is recorded once");
        assert_eq!(on.firing(BOB, firing.id).await.unwrap(), None);
        assert_eq!(on.firing(ADA, firing.id).await.unwrap(), Some(firing));
    }
}

pub(super) async fn a_firing_is_open_until_it_is_settled(on: Subject) {
    let on = on.with_agents().await;
    let open = async |trigger: Option<u128>, limit| {
        let open = on.open_firings(ADA, trigger.map(id), limit).await.unwrap();
        open.iter().map(|firing| firing.id.0.as_u128()).collect::<Vec<_>>()
    };
    for (number, due, of) in [(1, 30, 8), (2, 10, 9), (3, 20, 8)] {
        on.keep([set(&firing(ADA, number, due, FiringStatus::Waiting, of))]).await;
    }
    on.keep([set(&firing(ADA, 4, 5, FiringStatus::Missed, 8))]).await;
    assert_eq!(open(None, 9).await, [2, 3, 1]);
    assert_eq!(open(None, 1).await, [2]);
    assert_eq!(open(Some(8), 9).await, [3, 1]);
    assert!(on.seed(ADA).await.unwrap().unwrap().has_firings);
    assert!(!on.seed(BOB).await.unwrap().unwrap().has_firings);

    on.keep([tried(2)]).await;
    on.keep([tried(2)]).await;
    let running = on.firing(ADA, id(2)).await.unwrap().unwrap();
    let begun = (running.status, running.attempts, running.run_id, running.started_at);
    assert_eq!(begun, (FiringStatus::Running, 2, Some(id(77)), Some(UnixMillis(50))));
    assert_eq!(open(None, 9).await, [2, 3, 1], "one that was begun may be begun again");
    let committed = on
        .keep([settled(2, FiringStatus::Ran, None), settled(2, FiringStatus::Failed, Some("late"))])
        .await;
    assert_eq!(committed.affected, [1, 0]);
    let ran = on.firing(ADA, id(2)).await.unwrap().unwrap();
    assert_eq!(
        (ran.status, ran.reason, ran.ended_at),
        (FiringStatus::Ran, None, Some(UnixMillis(99)))
    );
    assert_eq!(open(None, 9).await, [3, 1]);
    let gone = StoreError::Missing { what: "open firing", id: ran.id.0 };
    assert_eq!(on.try_keep([tried(2)]).await, Err(gone));
    assert!(on.try_keep([tried(99)]).await.is_err());

    on.keep([settled(1, FiringStatus::Skipped, None), settled(3, FiringStatus::Missed, None)])
        .await;
    assert!(!on.seed(ADA).await.unwrap().unwrap().has_firings);
}

pub(super) async fn a_trigger_counts_its_runs_and_ends_after_enough(on: Subject) {
    let on = on.with_agents().await;
    let one = trigger(ADA, 1, 0);
    on.keep([trigger_set(&one)]).await;
    for number in 5..8 {
        on.keep([set(&firing(ADA, number, 10, FiringStatus::Waiting, 1))]).await;
    }
    on.keep([settled(5, FiringStatus::Skipped, Some("not run"))]).await;
    assert_eq!(on.trigger(ADA, one.id).await.unwrap(), Some(one.clone()), "it was not run");
    on.keep([settled(6, FiringStatus::Ran, None)]).await;
    let once = on.trigger(ADA, one.id).await.unwrap().unwrap();
    assert_eq!((once.run_count, once.is_enabled, once.next_due_at), (1, true, one.next_due_at));
    on.keep([settled(7, FiringStatus::Failed, Some("no water"))]).await;
    let twice = on.trigger(ADA, one.id).await.unwrap().unwrap();
    assert_eq!((twice.run_count, twice.is_enabled, twice.next_due_at), (2, false, None));
    assert_eq!(
        (twice.last_status, twice.last_error),
        (Some(FiringStatus::Failed), Some("no water".into()))
    );
}

pub(super) async fn firings_are_listed_latest_first_in_pages(on: Subject) {
    let on = on.with_agents().await;
    for (number, due, of) in [(1, 30, 8), (2, 10, 9), (3, 20, 8), (4, 30, 8)] {
        on.keep([set(&firing(ADA, number, due, FiringStatus::Missed, of))]).await;
    }
    on.keep([set(&firing(BOB, 5, 30, FiringStatus::Missed, 8))]).await;
    for (trigger, offset, limit, expected) in [
        (None, 0, 9, vec![4, 1, 3, 2]),
        (Some(8), 0, 9, vec![4, 1, 3]),
        (Some(8), 1, 1, vec![1]),
        (Some(7), 0, 9, vec![]),
        (None, 0, 0, vec![]),
    ] {
        let query = FiringQuery { agent_id: ADA, trigger_id: trigger.map(id), offset, limit };
        let found = on.firings(query).await.unwrap();
        let found: Vec<_> = found.iter().map(|firing| firing.id.0.as_u128()).collect();
        assert_eq!(found, expected);
    }
}
