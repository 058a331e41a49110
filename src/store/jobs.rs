//! Jobs: questions whose answer is fetched later.

use greenroom_actors::channels::{Job, JobStatus};
use greenroom_actors::ids::{ChannelId, JobId};
use greenroom_actors::ports::JobCensus;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, json, run};
use super::filter::Filter;

/// Writes a job, or replaces the one of its id unless that has ended.
pub(super) fn set(connection: &Connection, job: &Job) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO jobs (id, agent, user, channel, prompt, metadata, status, answer,
                   error, created_at, expires_at, ended_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
               ON CONFLICT (id) DO UPDATE
               SET agent = excluded.agent, user = excluded.user, channel = excluded.channel,
                   prompt = excluded.prompt, metadata = excluded.metadata,
                   status = excluded.status, answer = excluded.answer, error = excluded.error,
                   created_at = excluded.created_at, expires_at = excluded.expires_at,
                   ended_at = excluded.ended_at
               WHERE status NOT IN ('completed', 'failed', 'timeout')";
    run(
        connection,
        sql,
        params![
            job.id.0,
            job.agent_id.0,
            job.user_id.0,
            job.channel_id.0,
            job.prompt,
            json(&job.metadata)?,
            job.status.name(),
            job.answer_id.map(|id| id.0),
            job.error,
            job.created_at.0,
            job.expires_at.0,
            job.ended_at.map(|at| at.0),
        ],
    )
}

/// Removes a job.
pub(super) fn remove(connection: &Connection, id: JobId) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM jobs WHERE id = ?1", (id.0,))
}

/// One job.
pub(super) fn job(connection: &Connection, id: JobId) -> rusqlite::Result<Option<Job>> {
    first(connection, &format!("{JOB} WHERE id = ?1"), (id.0,), read)
}

/// The newest job of a channel.
pub(super) fn of_channel(connection: &Connection, id: ChannelId) -> rusqlite::Result<Option<Job>> {
    let sql = format!("{JOB} WHERE channel = ?1 ORDER BY created_at DESC, id DESC LIMIT 1");
    first(connection, &sql, (id.0,), read)
}

/// Jobs, newest first.
pub(super) fn list(
    connection: &Connection,
    status: Option<JobStatus>,
    offset: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Job>> {
    Filter::none()
        .and("status = ?", status.map(JobStatus::name))
        .newest_first("created_at", limit, offset)
        .all(connection, JOB, read)
}

/// How many there are by status, and how long the completed ones took.
pub(super) fn census(connection: &Connection) -> rusqlite::Result<JobCensus> {
    let sql = "SELECT status, count(*), coalesce(sum(max(ended_at - created_at, 0)), 0)
               FROM jobs GROUP BY status";
    let mut census = JobCensus::default();
    for (status, count, took) in all(connection, sql, [], |row| {
        let mut columns = Columns::of(row);
        Ok((columns.named::<JobStatus>()?, columns.number()?, columns.number()?))
    })? {
        census.counts.push((status, count));
        if status == JobStatus::Completed {
            census.completed_took_ms = took;
        }
    }
    Ok(census)
}

const JOB: &str = "SELECT id, agent, user, channel, prompt, metadata, status, answer, error,
        created_at, expires_at, ended_at
    FROM jobs";

fn read(row: &Row<'_>) -> rusqlite::Result<Job> {
    let mut columns = Columns::of(row);
    Ok(Job {
        id: columns.id()?,
        agent_id: columns.id()?,
        user_id: columns.id()?,
        channel_id: columns.id()?,
        prompt: columns.take()?,
        metadata: columns.json()?,
        status: columns.named()?,
        answer_id: columns.id_or_null()?,
        error: columns.take()?,
        created_at: columns.at()?,
        expires_at: columns.at()?,
        ended_at: columns.at_or_null()?,
    })
}
