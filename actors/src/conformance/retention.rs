//! Retention: what is past its age or number goes, and nothing else.

use std::time::Duration;

use crate::channels::JobStatus;
use crate::facts::Fact;
use crate::letters::LetterStatus;
use crate::ports::{LogQuery, Pruned, Retention};
use crate::runs::RunStatus;
use crate::time::UnixMillis;
use crate::triggers::FiringStatus;

use super::kit::{
    ADA, BOB, Subject, channel_happened, end, ended, firing, happened, id, intended, job, job_set,
    letter, memory, remembered, run, sent, settled, started, step,
};
use super::logs;

const NOW: UnixMillis = UnixMillis(1_000);
/// With [`NOW`], everything before 500 is past its age.
const AGE: Option<Duration> = Some(Duration::from_millis(500));

async fn numbers(on: &Subject, agent: crate::ids::AgentId) -> Vec<u64> {
    let events = on.events(agent, 0, u32::MAX).await.unwrap();
    events.iter().map(|event| event.seq).collect()
}

pub(super) async fn without_bounds_nothing_is_removed(on: Subject) {
    let on = on.with_agents().await;
    let run = run(ADA, 1, 1);
    on.keep([
        happened(ADA, 1),
        happened(ADA, 2),
        started(&run),
        Fact::RunEnded(Box::new(end(&run, RunStatus::Completed, 2))),
        Fact::Logged(Box::new(logs::entry(ADA, 1, 1))),
        sent(&letter(ADA, 1, 1)),
        settled(id(1), LetterStatus::Dead),
        remembered(&memory(ADA, 1, 1, "text")),
        Fact::FiringSet(Box::new(firing(ADA, 1, 1, FiringStatus::Ran, 1))),
        channel_happened(1, 1),
        channel_happened(1, 2),
        job_set(&ended(&job(ADA, 1, 1, 1), JobStatus::Failed, 2)),
    ])
    .await;
    let forever = Retention::default();
    assert_eq!(on.prune(forever, UnixMillis(i64::MAX)).await.unwrap(), Pruned::default());
    let everything = Retention {
        events_for: AGE,
        events_per_agent: 1,
        runs_for: AGE,
        logs_for: AGE,
        letters_for: AGE,
        firings_for: AGE,
        events_per_channel: 1,
        jobs_for: AGE,
        usage_for: AGE,
    };
    let pruned = on.prune(everything, NOW).await.unwrap();
    let one_each = Pruned {
        events: 1,
        runs: 1,
        logs: 1,
        letters: 1,
        firings: 1,
        channel_events: 1,
        jobs: 1,
        usage: 0,
    };
    assert_eq!(pruned, one_each);
    assert_eq!(on.prune(everything, NOW).await.unwrap(), Pruned::default());
    assert!(on.memory(ADA, id(1)).await.unwrap().is_some(), "memories are not pruned");
}

pub(super) async fn events_go_by_age_but_never_the_newest(on: Subject) {
    let on = on.with_agents().await;
    on.keep([happened(ADA, 10), happened(ADA, 400), happened(ADA, 600), happened(ADA, 900)]).await;
    on.keep([happened(BOB, 10), happened(BOB, 20)]).await;
    let retention = Retention { events_for: AGE, ..Retention::default() };
    assert_eq!(on.prune(retention, NOW).await.unwrap(), Pruned { events: 3, ..Pruned::default() });
    assert_eq!(numbers(&on, ADA).await, [3, 4]);
    assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((3, 4)));
    assert_eq!(numbers(&on, BOB).await, [2], "old as it is, the newest stays");

    on.prune(retention, UnixMillis(1_000_000)).await.unwrap();
    assert_eq!(numbers(&on, ADA).await, [4]);
    let next = on.keep([happened(ADA, 901), happened(BOB, 901)]).await;
    assert_eq!(next.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [5, 3]);
}

pub(super) async fn events_go_by_number_and_the_sequence_goes_on(on: Subject) {
    let on = on.with_agents().await;
    on.keep((1..=10).map(|at| happened(ADA, at)).collect::<Vec<_>>()).await;
    on.keep([happened(BOB, 1), happened(BOB, 2)]).await;
    let retention = Retention { events_per_agent: 3, ..Retention::default() };
    assert_eq!(on.prune(retention, NOW).await.unwrap().events, 7);
    assert_eq!(numbers(&on, ADA).await, [8, 9, 10]);
    assert_eq!(numbers(&on, BOB).await, [1, 2]);
    on.keep([happened(ADA, 11)]).await;
    assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((8, 11)));
    let events = on.events(ADA, 9, 9).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [10, 11]);
    let events = on.events(ADA, 3, 2).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [8, 9]);
}

pub(super) async fn ended_runs_go_with_their_steps(on: Subject) {
    let on = on.with_agents().await;
    let (old, open, young) = (run(ADA, 1, 10), run(ADA, 2, 10), run(BOB, 3, 800));
    for run in [&old, &open, &young] {
        on.keep([started(run), intended(&step(run, 0)), intended(&step(run, 1))]).await;
    }
    on.keep([
        Fact::RunEnded(Box::new(end(&old, RunStatus::Failed, 20))),
        Fact::RunEnded(Box::new(end(&young, RunStatus::Completed, 900))),
    ])
    .await;
    let retention = Retention { runs_for: AGE, ..Retention::default() };
    assert_eq!(on.prune(retention, NOW).await.unwrap(), Pruned { runs: 1, ..Pruned::default() });
    assert_eq!(on.run(ADA, old.id).await.unwrap(), None);
    assert!(on.run(ADA, open.id).await.unwrap().is_some(), "an open run is always kept");
    assert!(on.run(BOB, young.id).await.unwrap().is_some());
    let steps = on.steps(vec![old.id, open.id, young.id]).await.unwrap();
    assert_eq!(
        steps.iter().map(|step| step.run_id).collect::<Vec<_>>(),
        [open.id, open.id, young.id, young.id]
    );
}

pub(super) async fn old_log_entries_go(on: Subject) {
    let on = on.with_agents().await;
    for (agent, number, at) in [(ADA, 1, 10), (ADA, 2, 900), (BOB, 3, 20)] {
        on.keep([Fact::Logged(Box::new(logs::entry(agent, number, at)))]).await;
    }
    let retention = Retention { logs_for: AGE, ..Retention::default() };
    assert_eq!(on.prune(retention, NOW).await.unwrap(), Pruned { logs: 2, ..Pruned::default() });
    assert_eq!(on.logs(LogQuery::of(ADA, 9)).await.unwrap(), [logs::entry(ADA, 2, 900)]);
    assert_eq!(on.logs(LogQuery::of(BOB, 9)).await.unwrap(), []);
}

pub(super) async fn settled_letters_go(on: Subject) {
    let on = on.with_agents().await;
    for (number, at) in [(1, 10), (2, 20), (3, 30), (4, 900)] {
        on.keep([sent(&letter(ADA, number, at))]).await;
    }
    let settled = |number, status| settled(id(number), status);
    on.keep([
        settled(1, LetterStatus::Answered),
        settled(2, LetterStatus::Dead),
        settled(4, LetterStatus::Answered),
    ])
    .await;
    let retention = Retention { letters_for: AGE, ..Retention::default() };
    let pruned = on.prune(retention, NOW).await.unwrap();
    assert_eq!(pruned, Pruned { letters: 2, ..Pruned::default() });
    for (number, is_there) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(on.letter(id(number)).await.unwrap().is_some(), is_there, "{number}");
    }
    assert_eq!(on.waiting_letters(ADA, 9).await.unwrap(), [letter(ADA, 3, 30)]);
}

pub(super) async fn firings_that_are_over_go(on: Subject) {
    let on = on.with_agents().await;
    for (number, due, status) in [
        (1, 10, FiringStatus::Ran),
        (2, 20, FiringStatus::Missed),
        (3, 30, FiringStatus::Waiting),
        (4, 900, FiringStatus::Skipped),
        (5, 20, FiringStatus::Running),
    ] {
        let set = Fact::FiringSet(Box::new(firing(ADA, number, due, status, 1)));
        on.keep([set]).await;
    }
    let retention = Retention { firings_for: AGE, ..Retention::default() };
    let pruned = on.prune(retention, NOW).await.unwrap();
    assert_eq!(pruned, Pruned { firings: 2, ..Pruned::default() });
    for (number, is_there) in [(1, false), (2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(on.firing(ADA, id(number)).await.unwrap().is_some(), is_there, "{number}");
    }
}

pub(super) async fn events_of_channels_go_by_number_and_the_sequence_goes_on(on: Subject) {
    on.keep((1..=10).map(|at| channel_happened(1, at)).collect::<Vec<_>>()).await;
    on.keep([channel_happened(2, 1), channel_happened(2, 2)]).await;
    let numbers = async |channel: u128, after| {
        let events = on.channel_events(id(channel), after, 9).await.unwrap();
        events.iter().map(|event| event.seq).collect::<Vec<_>>()
    };
    let retention = Retention { events_per_channel: 3, events_for: AGE, ..Retention::default() };
    let pruned = on.prune(retention, NOW).await.unwrap();
    assert_eq!(pruned, Pruned { channel_events: 7, ..Pruned::default() });
    assert_eq!(numbers(1, 0).await, [8, 9, 10]);
    assert_eq!(numbers(2, 0).await, [1, 2]);
    assert_eq!(numbers(1, 9).await, [10]);
    let next = on.keep([channel_happened(1, 11), channel_happened(2, 11)]).await;
    assert_eq!(next.channel_events.iter().map(|event| event.seq).collect::<Vec<_>>(), [11, 3]);
    let one = Retention { events_per_channel: 1, ..Retention::default() };
    assert_eq!(on.prune(one, NOW).await.unwrap().channel_events, 5);
    assert_eq!((numbers(1, 0).await, numbers(2, 0).await), (vec![11], vec![3]));
}

pub(super) async fn ended_jobs_go(on: Subject) {
    let given = |number, at| job(ADA, number, number, at);
    for job in [
        given(1, 10),
        ended(&given(2, 10), JobStatus::Completed, 499),
        ended(&given(3, 10), JobStatus::Timeout, 500),
        ended(&given(4, 20), JobStatus::Failed, 30),
    ] {
        on.keep([job_set(&job)]).await;
    }
    let retention = Retention { jobs_for: AGE, ..Retention::default() };
    assert_eq!(on.prune(retention, NOW).await.unwrap(), Pruned { jobs: 2, ..Pruned::default() });
    for (number, is_there) in [(1, true), (2, false), (3, true), (4, false)] {
        assert_eq!(on.job(id(number)).await.unwrap().is_some(), is_there, "{number}");
    }
}
