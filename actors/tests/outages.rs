//! Two months with three outages and both changes of the clocks: each slot that a calendar names has
//! its record, and one only, whatever the policies.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::ids::{AgentId, TriggerId};
use greenroom_actors::lifecycle::Command;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Abilities, Clock, Delta, FiringQuery, Model, ModelFuture, ModelStream, NoTools, Prompt,
    Purpose, Store, VirtualClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::{RunKind, RunStatus, Usage};
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{
    Firing, FiringStatus, Misfire, NewTrigger, Overlap, Schedule, Trigger,
};

use crate::support::settings;

const MINUTE_MS: i64 = 60_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const EVERY_MS: u64 = 187 * 60_000;

/// Takes its time: now and then so long that slots overlap.
struct Slow {
    clock: VirtualClock,
    calls: AtomicUsize,
}

impl Model for Slow {
    fn generate(&self, _: Prompt) -> ModelStream {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let minutes = [1, 2, 25, 1, 75][call % 5];
        let slept = self.clock.sleep(Duration::from_secs(minutes * 60));
        let answer = [Ok(Delta::Text("done".to_owned())), Ok(Delta::Done(Usage::default()))];
        stream::once(slept.map(|()| stream::iter(answer))).flatten().boxed()
    }

    fn embed(&self, _: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn abilities(&self, _: Option<&str>, _: Purpose) -> Abilities {
        // Thousands of memories are searched for nothing otherwise.
        Abilities { recalls: false, ..Abilities::default() }
    }

    fn embedder(&self) -> String {
        "none".to_owned()
    }
}

async fn boot(store: &Arc<MemoryStore>, clock: &VirtualClock) -> Registry {
    let ports = Ports {
        store: store.clone(),
        model: Arc::new(Slow { clock: clock.clone(), calls: AtomicUsize::new(0) }),
        clock: Arc::new(clock.clone()),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    // It need not come round each minute in vain, to say that it is well.
    let settings = Settings { overdue_after_s: 86_400, ..settings() };
    let registry = Registry::start(ports, settings).await.unwrap();
    clock.settle().await;
    registry
}

fn at(text: &str) -> UnixMillis {
    UnixMillis(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

/// What the calendar says, found the slow way: by looking at the clock on the wall each minute. What
/// that clock shows for the second time does not count; what it has leapt over counts at once.
fn by_the_minute(
    zone: &str,
    names: impl Fn(NaiveDateTime) -> bool,
    from: UnixMillis,
    to: UnixMillis,
) -> Vec<UnixMillis> {
    let zone = Tz::from_str(zone).unwrap();
    let wall = |millis: i64| {
        DateTime::from_timestamp_millis(millis).unwrap().with_timezone(&zone).naive_local()
    };
    // Begun a while before, to know what was shown already.
    let mut millis = from.0 - 6 * 60 * MINUTE_MS;
    let mut shown = HashSet::new();
    let mut before = wall(millis - MINUTE_MS);
    let mut slots = Vec::new();
    while millis <= to.0 {
        let now = wall(millis);
        let mut passed = before + TimeDelta::minutes(1);
        let mut is_named = false;
        while passed < now {
            is_named |= names(passed);
            passed += TimeDelta::minutes(1);
        }
        if shown.insert(now) {
            is_named |= names(now);
        }
        if is_named && millis > from.0 {
            slots.push(UnixMillis(millis));
        }
        before = now;
        millis += MINUTE_MS;
    }
    slots
}

/// The schedules under test, and what each of them comes to.
fn calendar(from: UnixMillis, to: UnixMillis) -> Vec<(Schedule, Vec<UnixMillis>)> {
    let cron = |expression: &str, time_zone: &str| Schedule::Cron {
        expression: expression.to_owned(),
        time_zone: time_zone.to_owned(),
    };
    let nights =
        |wall: NaiveDateTime| (1..=3).contains(&wall.hour()) && wall.minute().is_multiple_of(20);
    let mornings = |wall: NaiveDateTime| wall.hour() < 6 && wall.minute() == 30;
    let every = i64::try_from(EVERY_MS).unwrap();
    let even = (1..).map(|step| UnixMillis(from.0 + step * every)).take_while(|slot| *slot <= to);
    vec![
        (cron("*/20 1-3 * * *", "Europe/Berlin"), by_the_minute("Europe/Berlin", nights, from, to)),
        (
            cron("30 0-5 * * *", "Australia/Sydney"),
            by_the_minute("Australia/Sydney", mornings, from, to),
        ),
        (Schedule::Interval { every_ms: EVERY_MS, anchor: from }, even.collect()),
    ]
}

const MISFIRES: [Misfire; 3] = [Misfire::Skip, Misfire::RunOnce, Misfire::RunAll { max: 5 }];
const OVERLAPS: [Overlap; 3] = [Overlap::Skip, Overlap::QueueOne, Overlap::CancelPrevious];

#[allow(clippy::print_stdout, reason = "the table of counts is what the test is to show")]
async fn two_months(from: &str, outages: [(u64, u64); 3]) {
    let from = at(from);
    let to = from.plus(60 * DAY);
    let calendar = calendar(from, to);
    let clock = VirtualClock::at(from);
    let store = Arc::new(MemoryStore::new());
    let mut registry = boot(&store, &clock).await;
    let mut triggers: Vec<(AgentId, TriggerId, usize, Misfire, Overlap)> = Vec::new();
    for misfire in MISFIRES {
        for overlap in OVERLAPS {
            let name = format!("{misfire:?} {overlap:?}");
            let agent = registry.create(Character::named(&name)).await.unwrap().id;
            registry.ask(agent, Change::to(Command::Start)).await.unwrap();
            for (index, (schedule, _)) in calendar.iter().enumerate() {
                let wanted = NewTrigger {
                    misfire,
                    overlap,
                    timeout_s: Some(3 * 60 * 60),
                    ..NewTrigger::new("job", "do the job", schedule.clone())
                };
                let trigger = registry.add_trigger(agent, wanted).await.unwrap();
                triggers.push((agent, trigger.id, index, misfire, overlap));
            }
        }
    }
    for (hour, hours) in outages {
        let until = from.plus(Duration::from_secs(hour * 3_600));
        clock.advance(until.since(clock.now())).await;
        drop(registry);
        clock.advance(Duration::from_secs(hours * 3_600)).await;
        registry = boot(&store, &clock).await;
    }
    clock.advance(to.since(clock.now())).await;

    println!(
        "{:32} {:>6} {:>6} {:>6} {:>7} {:>6} {:>4}",
        "policies", "slots", "ran", "missed", "skipped", "failed", "open"
    );
    let mut table: BTreeMap<String, [u64; 6]> = BTreeMap::new();
    for (agent, trigger, index, misfire, overlap) in &triggers {
        let query = FiringQuery {
            agent_id: *agent,
            trigger_id: Some(*trigger),
            offset: 0,
            limit: u32::MAX,
        };
        let mut firings = store.firings(query).await.unwrap();
        firings.reverse();
        let recorded: Vec<_> = firings.iter().map(|firing| firing.due_at).collect();
        assert_eq!(recorded, calendar[*index].1, "{misfire:?} {overlap:?} {index}");
        assert!(firings.iter().all(|firing| firing.count == 1));
        let kept = store.trigger(*agent, *trigger).await.unwrap().unwrap();
        check(&kept, &firings);
        let row = table.entry(format!("{misfire:?} {overlap:?}")).or_default();
        row[0] += u64::try_from(recorded.len()).unwrap();
        for firing in &firings {
            row[match firing.status {
                FiringStatus::Ran => 1,
                FiringStatus::Missed => 2,
                FiringStatus::Skipped => 3,
                FiringStatus::Failed => 4,
                FiringStatus::Waiting | FiringStatus::Running => 5,
            }] += 1;
        }
        for firing in firings.iter().filter(|firing| firing.status == FiringStatus::Ran) {
            let run = store.run(*agent, firing.run_id.unwrap()).await.unwrap().unwrap();
            assert_eq!((run.kind, run.status), (RunKind::Trigger, RunStatus::Completed));
            assert_eq!(run.firing_id, Some(firing.id));
        }
    }
    for (policies, [slots, ran, missed, skipped, failed, open]) in &table {
        println!(
            "{policies:32} {slots:>6} {ran:>6} {missed:>6} {skipped:>7} {failed:>6} {open:>4}"
        );
        assert_eq!(*slots, ran + missed + skipped + failed + open);
        assert!(*ran > 500 && *missed > 20 && *skipped > 20 && *open < 10, "{policies}");
        assert_eq!(policies.contains("CancelPrevious"), *failed > 0, "{policies}");
    }
}

/// What the policies promise of one trigger.
fn check(trigger: &Trigger, firings: &[Firing]) {
    let runs = firings.iter().filter(|firing| firing.status.was_run()).count();
    assert_eq!(usize::try_from(trigger.run_count), Ok(runs));
    let grace = Duration::from_secs(u64::from(trigger.grace_s));
    let is_late = |firing: &&Firing| {
        firing.status == FiringStatus::Ran
            && firing.attempts == 1
            && firing.started_at.unwrap().since(firing.due_at)
                > grace + 4 * 60 * 60 * Duration::from_secs(1)
    };
    let late = firings.iter().filter(is_late).count();
    match trigger.misfire {
        Misfire::Skip => assert_eq!(late, 0),
        Misfire::RunOnce => assert!(late <= 3, "{late}"),
        Misfire::RunAll { max } => assert!(late <= 3 * usize::try_from(max).unwrap(), "{late}"),
    }
}

/// Berlin leaps over an hour on 29 March, during an outage; Sydney shows one twice on 4 April.
#[actix::test]
async fn in_spring_each_slot_has_its_record() {
    two_months("2026-02-20T12:00:00Z", [(10 * 24 + 3, 5), (36 * 24 + 6, 40), (50 * 24 + 1, 12)])
        .await;
}

/// Sydney leaps over an hour on 3 October; Berlin shows one twice on 25 October, during an outage.
#[actix::test]
async fn in_autumn_each_slot_has_its_record() {
    two_months("2026-09-15T07:00:00Z", [(5 * 24 + 7, 49), (39 * 24 + 17, 9), (40 * 24 + 15, 3)])
        .await;
}
