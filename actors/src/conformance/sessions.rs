//! Sessions and jobs: to talk with one agent alone.

use crate::channels::{Job, JobStatus, Session, SessionTimeout};
use crate::facts::Fact;
use crate::ids::SessionId;
use crate::ports::JobCensus;
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, channel, channel_set, ended, id, job, job_set, server, server_set, session,
    session_set,
};

fn numbers(jobs: &[Job]) -> Vec<u128> {
    jobs.iter().map(|job| job.id.0.as_u128()).collect()
}

pub(super) async fn a_session_is_set_and_removed(on: Subject) {
    let on = on.with_agents().await;
    on.keep([server_set(&server(1, 10)), channel_set(&channel(1, 10))]).await;
    let first = session(ADA, 1, 1, 1_700_000_000_000);
    assert_eq!(on.affected(session_set(&first)).await, 1);
    assert_eq!(on.session(first.id).await.unwrap().as_ref(), Some(&first));
    let renewed = Session {
        metadata: serde_json::Map::new(),
        timeout: SessionTimeout {
            timeout_minutes: 1e-9,
            auto_renew: false,
            max_duration_minutes: 1e9,
            warning_threshold_minutes: 0.0,
        },
        renewals: u32::MAX,
        last_activity_at: UnixMillis(1_700_000_000_009),
        expires_at: UnixMillis(1_700_000_000_010),
        ..first
    };
    assert_eq!(on.affected(session_set(&renewed)).await, 1);
    assert_eq!(on.session(renewed.id).await.unwrap(), Some(renewed));
    let removed = Fact::SessionRemoved(id(1));
    assert_eq!(on.keep([removed.clone(), removed]).await.affected, [1, 0]);
    assert_eq!(on.session(id(1)).await.unwrap(), None);
    assert!(on.channel(id(1)).await.unwrap().is_some(), "its channel stays");
}

pub(super) async fn sessions_come_in_pages_oldest_first(on: Subject) {
    for (number, at) in [(4, 40), (1, 30), (3, 10), (2, 20)] {
        on.keep([session_set(&session(ADA, 1, number, at))]).await;
    }
    for (offset, limit, expected) in [
        (0, u32::MAX, vec![3, 2, 1, 4]),
        (0, 2, vec![3, 2]),
        (1, 2, vec![2, 1]),
        (4, 9, vec![]),
        (0, 0, vec![]),
    ] {
        let page = on.sessions(offset, limit).await.unwrap();
        let page: Vec<_> = page.iter().map(|session| session.id.0.as_u128()).collect();
        assert_eq!(page, expected, "{limit} from {offset}");
    }
}

pub(super) async fn sessions_that_ended_come_longest_past_first(on: Subject) {
    for (number, expires_at) in [(1, 300), (2, 100), (3, 500), (4, 200)] {
        let expires_at = UnixMillis(expires_at);
        on.keep([session_set(&Session { expires_at, ..session(BOB, 1, number, 10) })]).await;
    }
    for (now, limit, expected) in [
        (100, 9, vec![]),
        (101, 9, vec![2]),
        (400, 9, vec![2, 4, 1]),
        (400, 2, vec![2, 4]),
        (i64::MAX, u32::MAX, vec![2, 4, 1, 3]),
        (i64::MAX, 0, vec![]),
    ] {
        let expired = on.expired_sessions(UnixMillis(now), limit).await.unwrap();
        let expected: Vec<SessionId> = expected.into_iter().map(id).collect();
        assert_eq!(expired, expected, "{limit} at {now}");
    }
    let renewed = Session { expires_at: UnixMillis(900), ..session(BOB, 1, 2, 10) };
    on.keep([session_set(&renewed)]).await;
    assert_eq!(on.expired_sessions(UnixMillis(250), 9).await.unwrap(), [id::<SessionId>(4)]);
}

pub(super) async fn a_job_is_set_and_removed(on: Subject) {
    on.keep([server_set(&server(1, 10)), channel_set(&channel(1, 10))]).await;
    let given = job(ADA, 1, 1, 1_700_000_000_000);
    let processing = Job { status: JobStatus::Processing, ..given.clone() };
    let done = ended(&given, JobStatus::Completed, 1_700_000_000_009);
    for job in [&given, &processing, &done] {
        assert_eq!(on.affected(job_set(job)).await, 1);
        assert_eq!(on.job(job.id).await.unwrap().as_ref(), Some(job));
        assert_eq!(on.job_of_channel(id(1)).await.unwrap().as_ref(), Some(job));
    }
    assert_eq!(on.job_of_channel(id(9)).await.unwrap(), None);
    let removed = Fact::JobRemoved(id(1));
    assert_eq!(on.keep([removed.clone(), removed]).await.affected, [1, 0]);
    assert_eq!(on.job(id(1)).await.unwrap(), None);
    assert_eq!(on.job_of_channel(id(1)).await.unwrap(), None);
    assert!(on.channel(id(1)).await.unwrap().is_some(), "its channel stays");
}

pub(super) async fn the_first_end_of_a_job_stands(on: Subject) {
    for (number, status) in
        [(1, JobStatus::Completed), (2, JobStatus::Failed), (3, JobStatus::Timeout)]
    {
        let given = job(ADA, number, number, 10);
        let first = ended(&given, status, 20);
        on.keep([job_set(&given), job_set(&first)]).await;
        for later in JobStatus::ALL {
            let later = ended(&Job { prompt: "other".into(), ..given.clone() }, later, 30);
            assert_eq!(on.affected(job_set(&later)).await, 0);
        }
        assert_eq!(on.affected(job_set(&given)).await, 0);
        assert_eq!(on.job(id(number)).await.unwrap(), Some(first));
    }
}

pub(super) async fn jobs_are_listed_newest_first_by_status(on: Subject) {
    for (number, at, status) in [
        (1, 30, JobStatus::Pending),
        (2, 10, JobStatus::Completed),
        (3, 20, JobStatus::Pending),
        (4, 20, JobStatus::Failed),
    ] {
        on.keep([job_set(&Job { status, ..job(ADA, 1, number, at) })]).await;
    }
    for (status, offset, limit, expected) in [
        (None, 0, u32::MAX, vec![1, 4, 3, 2]),
        (None, 1, 2, vec![4, 3]),
        (None, 0, 0, vec![]),
        (Some(JobStatus::Pending), 0, 9, vec![1, 3]),
        (Some(JobStatus::Pending), 1, 9, vec![3]),
        (Some(JobStatus::Failed), 0, 9, vec![4]),
        (Some(JobStatus::Timeout), 0, 9, vec![]),
    ] {
        let page = on.jobs(status, offset, limit).await.unwrap();
        assert_eq!(numbers(&page), expected, "{status:?}, {limit} from {offset}");
    }
}

pub(super) async fn jobs_are_counted_by_status(on: Subject) {
    assert_eq!(on.job_census().await.unwrap(), JobCensus::default());
    for (number, at, status) in [
        (1, 100, Some(JobStatus::Completed)),
        (2, 1_000, Some(JobStatus::Completed)),
        (3, 5_000, Some(JobStatus::Failed)),
        (4, 7_000, None),
        (5, 7_000, None),
    ] {
        let given = job(ADA, number, number, 10);
        let job = status.map_or(given.clone(), |status| ended(&given, status, at));
        on.keep([job_set(&job)]).await;
    }
    let census = on.job_census().await.unwrap();
    assert_eq!(census.completed_took_ms, 90 + 990);
    let of = |status| census.counts.iter().find(|(known, _)| *known == status).map(|(_, n)| *n);
    for (status, expected) in
        JobStatus::ALL.into_iter().zip([Some(2), None, Some(2), Some(1), None])
    {
        assert_eq!(of(status), expected, "{status:?}");
    }
}
