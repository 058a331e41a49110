//! Firings: the record of each slot of a trigger.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, FiringId, RunId, TriggerId};
use greenroom_actors::ports::FiringQuery;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Firing, FiringEnd};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, run, signed};
use super::fault::Fault;

/// Writes a firing, unless there is one of its id.
pub(super) fn set(connection: &Connection, firing: &Firing) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO firings (id, trigger_id, agent, due_at, status, run, reason, source,
                   wake, count, attempts, started_at, ended_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT (id) DO NOTHING";
    run(
        connection,
        sql,
        params![
            firing.id.0,
            firing.trigger_id.0,
            firing.agent_id.0,
            firing.due_at.0,
            firing.status.name(),
            firing.run_id.map(|run| run.0),
            firing.reason,
            firing.source.name(),
            firing.wake.name(),
            signed(firing.count),
            firing.attempts,
            firing.started_at.map(|at| at.0),
            firing.ended_at.map(|at| at.0),
        ],
    )
}

/// Counts one more attempt, if something is still to come of it.
pub(super) fn attempt(
    connection: &Connection,
    agent: AgentId,
    id: FiringId,
    run_id: RunId,
    at: UnixMillis,
) -> Result<u64, Fault> {
    let sql = "UPDATE firings SET status = 'running', run = ?3, started_at = ?4,
                   attempts = attempts + 1
               WHERE id = ?1 AND agent = ?2 AND status IN ('waiting', 'running')";
    match run(connection, sql, (id.0, agent.0, run_id.0, at.0))? {
        0 => Err(StoreError::Missing { what: "open firing", id: id.0 }.into()),
        tried => Ok(tried),
    }
}

/// Settles a firing, and has its trigger count it where it was run. The first end stands.
pub(super) fn settle(connection: &Connection, end: &FiringEnd) -> rusqlite::Result<u64> {
    let sql = "UPDATE firings SET status = ?3, reason = ?4, ended_at = ?5
               WHERE id = ?1 AND agent = ?2 AND status IN ('waiting', 'running')";
    let status = end.status.name();
    let settled = run(connection, sql, (end.id.0, end.agent_id.0, status, &end.reason, end.at.0))?;
    if settled > 0 && end.status.was_run() {
        let sql = "UPDATE triggers SET run_count = run_count + 1, last_fired_at = ?2,
                       last_status = ?3, last_error = ?4,
                       is_enabled = iif(run_count + 1 >= max_runs, 0, is_enabled),
                       next_due_at = iif(run_count + 1 >= max_runs, NULL, next_due_at)
                   WHERE id = (SELECT trigger_id FROM firings WHERE id = ?1)";
        run(connection, sql, (end.id.0, end.at.0, status, &end.reason))?;
    }
    Ok(settled)
}

/// One firing.
pub(super) fn firing(
    connection: &Connection,
    agent: AgentId,
    id: FiringId,
) -> rusqlite::Result<Option<Firing>> {
    first(connection, &format!("{FIRING} WHERE id = ?1 AND agent = ?2"), (id.0, agent.0), read)
}

/// Firings, the latest due first.
pub(super) fn list(connection: &Connection, query: &FiringQuery) -> rusqlite::Result<Vec<Firing>> {
    let FiringQuery { agent_id, trigger_id, offset, limit } = query;
    let order = "ORDER BY due_at DESC, id DESC LIMIT ?2 OFFSET ?3";
    match trigger_id {
        None => {
            let sql = format!("{FIRING} INDEXED BY firings_by_agent WHERE agent = ?1 {order}");
            all(connection, &sql, (agent_id.0, limit, offset), read)
        }
        Some(trigger) => {
            let sql = format!(
                "{FIRING} INDEXED BY firings_by_trigger
                 WHERE agent = ?1 AND trigger_id = ?4 {order}"
            );
            all(connection, &sql, (agent_id.0, limit, offset, trigger.0), read)
        }
    }
}

/// Those that something is still to come of, the longest due first.
pub(super) fn open(
    connection: &Connection,
    agent: AgentId,
    trigger: Option<TriggerId>,
    limit: u32,
) -> rusqlite::Result<Vec<Firing>> {
    let sql = format!(
        "{FIRING} INDEXED BY firings_open
         WHERE agent = ?1 AND status IN ('waiting', 'running') AND (?2 IS NULL OR trigger_id = ?2)
         ORDER BY due_at, id LIMIT ?3"
    );
    all(connection, &sql, (agent.0, trigger.map(|id| id.0), limit), read)
}

const FIRING: &str = "SELECT id, trigger_id, agent, due_at, status, run, reason, source, wake,
        count, attempts, started_at, ended_at
    FROM firings";

fn read(row: &Row<'_>) -> rusqlite::Result<Firing> {
    let mut columns = Columns::of(row);
    Ok(Firing {
        id: columns.id()?,
        trigger_id: columns.id()?,
        agent_id: columns.id()?,
        due_at: columns.at()?,
        status: columns.named()?,
        run_id: columns.id_or_null()?,
        reason: columns.take()?,
        source: columns.named()?,
        wake: columns.named()?,
        count: columns.number()?,
        attempts: columns.small()?,
        started_at: columns.at_or_null()?,
        ended_at: columns.at_or_null()?,
    })
}
