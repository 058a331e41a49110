//! Triggers: what they are, and when they are due.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, TriggerId};
use greenroom_actors::ports::{DueQuery, TriggerTotals};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Trigger, TriggerFired};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, json, run, unsigned};
use super::fault::Fault;
use super::firings;

/// Writes a trigger; what one of its id has counted stays, and its next slot where it is to.
pub(super) fn set(
    connection: &Connection,
    trigger: &Trigger,
    is_retimed: bool,
) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO triggers (id, agent, document, needs_autonomy, grace_ms, max_runs,
                   is_enabled, next_due_at, run_count, last_fired_at, last_status, last_error,
                   created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT (id) DO UPDATE SET
                   document = excluded.document, needs_autonomy = excluded.needs_autonomy,
                   grace_ms = excluded.grace_ms, max_runs = excluded.max_runs,
                   is_enabled = iif(?14, excluded.is_enabled, is_enabled),
                   next_due_at = iif(?14, excluded.next_due_at, next_due_at)
               WHERE agent = excluded.agent";
    run(
        connection,
        sql,
        params![
            trigger.id.0,
            trigger.agent_id.0,
            json(trigger)?,
            trigger.needs_autonomy,
            i64::from(trigger.grace_s) * 1_000,
            trigger.max_runs,
            trigger.is_enabled,
            trigger.next_due_at.map(|at| at.0),
            trigger.run_count,
            trigger.last_fired_at.map(|at| at.0),
            trigger.last_status.map(Named::name),
            trigger.last_error,
            trigger.created_at.0,
            is_retimed,
        ],
    )
}

/// Removes a trigger; the records of its firings stay.
pub(super) fn remove(
    connection: &Connection,
    agent: AgentId,
    id: TriggerId,
) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM triggers WHERE id = ?1 AND agent = ?2", (id.0, agent.0))
}

/// Takes slots of a trigger, unless somebody has taken them or changed it.
pub(super) fn fire(connection: &Connection, fired: &TriggerFired) -> Result<u64, Fault> {
    let sql = "UPDATE triggers SET next_due_at = ?4, is_enabled = ?4 IS NOT NULL
               WHERE id = ?1 AND agent = ?2 AND next_due_at = ?3 AND is_enabled";
    let next = fired.next_due_at.map(|at| at.0);
    let (trigger, agent) = (fired.trigger_id.0, fired.agent_id.0);
    if run(connection, sql, (trigger, agent, fired.from.0, next))? == 0 {
        return Err(StoreError::Missing { what: "due trigger", id: trigger }.into());
    }
    for firing in &fired.firings {
        firings::set(connection, firing)?;
    }
    Ok(1)
}

/// One trigger.
pub(super) fn trigger(
    connection: &Connection,
    agent: AgentId,
    id: TriggerId,
) -> rusqlite::Result<Option<Trigger>> {
    first(connection, &format!("{TRIGGER} WHERE id = ?1 AND agent = ?2"), (id.0, agent.0), read)
}

/// An agent's triggers, oldest first.
pub(super) fn list(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<Trigger>> {
    let sql = format!("{TRIGGER} WHERE agent = ?1 ORDER BY created_at, id");
    all(connection, &sql, (agent.0,), read)
}

/// Those that are due and can fire, the longest due first.
pub(super) fn due(connection: &Connection, query: DueQuery) -> rusqlite::Result<Vec<Trigger>> {
    let sql = format!(
        "{TRIGGER} INDEXED BY triggers_due
         WHERE is_enabled AND next_due_at <= ?1 AND (next_due_at + grace_ms < ?1) = ?2 AND {CAN_FIRE}
         ORDER BY next_due_at, id LIMIT ?3"
    );
    all(connection, &sql, (query.now.0, query.is_late, query.limit), read)
}

/// The next slot of all that can fire.
pub(super) fn next_due(connection: &Connection) -> rusqlite::Result<Option<UnixMillis>> {
    let sql = format!(
        "SELECT next_due_at FROM triggers INDEXED BY triggers_due
         WHERE is_enabled AND next_due_at IS NOT NULL AND {CAN_FIRE}
         ORDER BY next_due_at LIMIT 1"
    );
    first(connection, &sql, (), |row| row.get(0).map(UnixMillis))
}

/// Whether its agent is to run, and is autonomous where the trigger needs it.
const CAN_FIRE: &str = "EXISTS (SELECT 1 FROM agents WHERE agents.id = triggers.agent
        AND state = 'running' AND (NOT needs_autonomy OR tick_every_ms IS NOT NULL))";

/// The columns of a trigger, in the order of [`read`].
pub(super) const TRIGGER: &str =
    "SELECT document, is_enabled, next_due_at, run_count, last_fired_at,
        last_status, last_error
    FROM triggers";

/// A row of [`TRIGGER`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Trigger> {
    let mut columns = Columns::of(row);
    let document: Trigger = columns.json()?;
    Ok(Trigger {
        is_enabled: columns.take()?,
        next_due_at: columns.at_or_null()?,
        run_count: columns.small()?,
        last_fired_at: columns.at_or_null()?,
        last_status: columns.named_or_null()?,
        last_error: columns.take()?,
        ..document
    })
}

/// How many each agent has that has some; those on their way in are none yet.
pub(super) fn totals(connection: &Connection) -> rusqlite::Result<Vec<TriggerTotals>> {
    let sql = "SELECT agent, count(*), sum(is_enabled) FROM triggers
               WHERE agent IN (SELECT id FROM agents) GROUP BY agent ORDER BY agent";
    all(connection, sql, [], |row| {
        let mut columns = Columns::of(row);
        Ok(TriggerTotals {
            agent_id: columns.id()?,
            total: unsigned(columns.take()?),
            enabled: unsigned(columns.take()?),
        })
    })
}
