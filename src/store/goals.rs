//! Goals.

use greenroom_actors::goals::Goal;
use greenroom_actors::ids::{AgentId, GoalId};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, run};
use super::places::Upsert;

/// Writes a goal.
pub(super) fn set(connection: &Connection, goal: &Goal) -> rusqlite::Result<u64> {
    let clause = Upsert::Set.clause(
        "text = excluded.text, status = excluded.status, outcome = excluded.outcome,
         rests_until = excluded.rests_until, created_at = excluded.created_at,
         updated_at = excluded.updated_at",
    );
    let sql = format!(
        "INSERT INTO goals (agent, id, text, status, outcome, rests_until, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) {clause}"
    );
    run(
        connection,
        &sql,
        params![
            goal.agent_id.0,
            goal.id.0,
            goal.text,
            goal.status.name(),
            goal.outcome,
            goal.rests_until.map(|at| at.0),
            goal.created_at.0,
            goal.updated_at.0,
        ],
    )
}

/// Removes a goal.
pub(super) fn remove(connection: &Connection, agent: AgentId, id: GoalId) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM goals WHERE agent = ?1 AND id = ?2", (agent.0, id.0))
}

/// An agent's goals, oldest first.
pub(super) fn list(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<Goal>> {
    let sql = format!("{GOAL} WHERE agent = ?1 ORDER BY created_at, id");
    all(connection, &sql, (agent.0,), read)
}

/// The columns of a goal, in the order of [`read`].
pub(super) const GOAL: &str = "SELECT agent, id, text, status, outcome, rests_until, created_at,
        updated_at
    FROM goals";

/// A row of [`GOAL`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Goal> {
    let mut columns = Columns::of(row);
    Ok(Goal {
        agent_id: columns.id()?,
        id: columns.id()?,
        text: columns.take()?,
        status: columns.named()?,
        outcome: columns.take()?,
        rests_until: columns.at_or_null()?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}
