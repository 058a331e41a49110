//! Tasks.

use greenroom_actors::ids::{AgentId, TaskId};
use greenroom_actors::records::Task;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, all, json, run};
use super::places::Upsert;

/// Writes a task.
pub(super) fn set(connection: &Connection, task: &Task) -> rusqlite::Result<u64> {
    let clause = Upsert::Set.clause(
        "name = excluded.name, description = excluded.description, room = excluded.room,
         world = excluded.world, entity = excluded.entity, tags = excluded.tags,
         metadata = excluded.metadata, created_at = excluded.created_at,
         updated_at = excluded.updated_at",
    );
    let sql = format!(
        "INSERT INTO tasks (agent, id, name, description, room, world, entity, tags, metadata,
             created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) {clause}"
    );
    run(
        connection,
        &sql,
        params![
            task.agent_id.0,
            task.id.0,
            task.name,
            task.description,
            task.room_id.map(|id| id.0),
            task.world_id.map(|id| id.0),
            task.entity_id.map(|id| id.0),
            json(&task.tags)?,
            json(&task.metadata)?,
            task.created_at.0,
            task.updated_at.0,
        ],
    )
}

/// Removes a task.
pub(super) fn remove(connection: &Connection, agent: AgentId, id: TaskId) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM tasks WHERE agent = ?1 AND id = ?2", (agent.0, id.0))
}

/// An agent's tasks, oldest first.
pub(super) fn list(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<Task>> {
    let sql = format!("{TASK} WHERE agent = ?1 ORDER BY created_at, id");
    all(connection, &sql, (agent.0,), read)
}

/// The columns of a task, in the order of [`read`].
pub(super) const TASK: &str = "SELECT agent, id, name, description, room, world, entity, tags,
        metadata, created_at, updated_at
    FROM tasks";

/// A row of [`TASK`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    let mut columns = Columns::of(row);
    Ok(Task {
        agent_id: columns.id()?,
        id: columns.id()?,
        name: columns.take()?,
        description: columns.take()?,
        room_id: columns.id_or_null()?,
        world_id: columns.id_or_null()?,
        entity_id: columns.id_or_null()?,
        tags: columns.json()?,
        metadata: columns.json()?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}
