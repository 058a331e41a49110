//! Approvals, and the runs that are parked for them.

use greenroom_actors::approvals::{Approval, ApprovalEnd};
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, ApprovalId, LetterId, RunId};
use greenroom_actors::ports::ApprovalQuery;
use greenroom_actors::runs::RunPark;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::columns::{Columns, Named, first, json, run, signed};
use super::fault::{Fault, is_taken};
use super::filter::Filter;

/// Writes an approval that is asked for.
pub(super) fn ask(connection: &Connection, approval: &Approval) -> Result<u64, Fault> {
    let sql = "INSERT INTO approvals (id, agent, run, tool, arguments, call, key, asked_at,
                   expires_at, status, decided_at, decided_by, comment)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
               WHERE EXISTS (SELECT 1 FROM agents WHERE id = ?2)";
    let written = run(
        connection,
        sql,
        params![
            approval.id.0,
            approval.agent_id.0,
            approval.run_id.0,
            approval.tool,
            json(&approval.arguments)?,
            approval.call_id,
            approval.key,
            approval.asked_at.0,
            approval.expires_at.0,
            approval.status.name(),
            approval.decided_at.map(|at| at.0),
            approval.decided_by,
            approval.comment,
        ],
    );
    written.map_err(|error| match is_taken(&error) {
        true => StoreError::Exists { what: "approval", id: approval.id.0 }.into(),
        false => error.into(),
    })
}

/// Decides an approval that waits.
pub(super) fn decide(connection: &Connection, end: &ApprovalEnd) -> rusqlite::Result<u64> {
    let sql = "UPDATE approvals SET status = ?2, decided_at = ?3, decided_by = ?4, comment = ?5
               WHERE id = ?1 AND status = 'waiting'";
    run(connection, sql, (end.id.0, end.status.name(), end.at.0, &end.by, &end.comment))
}

/// Sets a run aside, if it is in flight.
pub(super) fn park(connection: &Connection, park: &RunPark) -> rusqlite::Result<u64> {
    let sql = "UPDATE runs SET status = 'parked', model = ?3, input_tokens = ?4,
                   output_tokens = ?5, cost_micros = ?6
               WHERE id = ?1 AND agent = ?2 AND status = 'started'";
    let usage = &park.usage;
    run(
        connection,
        sql,
        (
            park.run_id.0,
            park.agent_id.0,
            &usage.model,
            signed(usage.input_tokens),
            signed(usage.output_tokens),
            usage.cost_micros.map(signed),
        ),
    )
}

/// Lets a parked run go on.
pub(super) fn resume(connection: &Connection, agent: AgentId, id: RunId) -> rusqlite::Result<u64> {
    let sql = "UPDATE runs SET status = 'started'
               WHERE id = ?1 AND agent = ?2 AND status = 'parked'";
    run(connection, sql, (id.0, agent.0))
}

/// Lets a letter that was set aside wait again.
pub(super) fn unpark_letter(connection: &Connection, id: LetterId) -> rusqlite::Result<u64> {
    let sql = "UPDATE letters SET status = 'waiting' WHERE id = ?1 AND status = 'parked'";
    run(connection, sql, (id.0,))
}

/// One approval.
pub(super) fn approval(
    connection: &Connection,
    id: ApprovalId,
) -> rusqlite::Result<Option<Approval>> {
    first(connection, &format!("{APPROVAL} WHERE id = ?1"), (id.0,), read)
}

/// Approvals, oldest first.
pub(super) fn list(
    connection: &Connection,
    query: &ApprovalQuery,
) -> rusqlite::Result<Vec<Approval>> {
    filter(query)?
        .oldest_first("asked_at")
        .page(query.limit, query.offset)
        .all(connection, APPROVAL, read)
}

/// How many match.
pub(super) fn count(connection: &Connection, query: &ApprovalQuery) -> rusqlite::Result<u64> {
    filter(query)?.count(connection, "approvals")
}

fn filter(query: &ApprovalQuery) -> rusqlite::Result<Filter> {
    let runs: Vec<Uuid> = query.run_ids.iter().map(|id| id.0).collect();
    let runs: Vec<String> = runs.iter().map(|id| id.simple().to_string()).collect();
    let runs = (!runs.is_empty()).then(|| json(&runs)).transpose()?;
    // Named in the text, so that the index of those that wait is taken.
    let is_waiting = query.status.is_some_and(|status| status.name() == "waiting");
    let status = query.status.map(Named::name).filter(|_| !is_waiting);
    Ok(Filter::none()
        .and_if(is_waiting, "status = 'waiting'")
        .and("agent = ?", query.agent_id.map(|id| id.0))
        .and("run IN (SELECT unhex(value) FROM json_each(?))", runs.as_deref())
        .and("status = ?", status)
        .and("expires_at <= ?", query.expires_by.map(|at| at.0)))
}

const APPROVAL: &str = "SELECT id, agent, run, tool, arguments, call, key, asked_at, expires_at,
        status, decided_at, decided_by, comment
    FROM approvals";

fn read(row: &Row<'_>) -> rusqlite::Result<Approval> {
    let mut columns = Columns::of(row);
    Ok(Approval {
        id: columns.id()?,
        agent_id: columns.id()?,
        run_id: columns.id()?,
        tool: columns.take()?,
        arguments: columns.json()?,
        call_id: columns.take()?,
        key: columns.id()?,
        asked_at: columns.at()?,
        expires_at: columns.at()?,
        status: columns.named()?,
        decided_at: columns.at_or_null()?,
        decided_by: columns.take()?,
        comment: columns.take()?,
    })
}
