//! What a snapshot holds, kind by kind.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{Kept, SnapshotQuery};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::Pages;
use crate::store::columns::Columns;
use crate::store::fault::Fault;
use crate::store::{agents, goals, logs, memories, people, places, tasks, triggers};

/// Adds all that is kept of an agent to `pages`, in one transaction.
pub(super) fn read(
    connection: &Connection,
    query: SnapshotQuery,
    pages: &mut Pages,
) -> Result<(), Fault> {
    // All that follows sees what the first question sees.
    connection.execute_batch("BEGIN")?;
    let id = query.agent;
    let Some(agent) = agents::agent(connection, id)? else {
        return Err(StoreError::Missing { what: "agent", id: id.0 }.into());
    };
    pages.push(Kept::Agent(Box::new(agent)), 0)?;
    let missing = |named: &[&str], known: &str| {
        let named = named.join(" UNION ");
        format!("{named} EXCEPT SELECT id FROM {known} WHERE agent = ?1 ORDER BY 1")
    };
    let of_logs = usize::from(query.logs);
    let named = NAMED_ENTITIES.get(..NAMED_ENTITIES.len() - 1 + of_logs).unwrap_or_default();
    each(connection, &missing(named, "entities"), id, pages, |row| {
        Ok(Kept::MissingEntity(Columns::of(row).id()?))
    })?;
    let named = NAMED_ROOMS.get(..NAMED_ROOMS.len() - 1 + of_logs).unwrap_or_default();
    each(connection, &missing(named, "rooms"), id, pages, |row| {
        Ok(Kept::MissingRoom(Columns::of(row).id()?))
    })?;

    let list = |select: &str| format!("{select} WHERE agent = ?1 ORDER BY created_at, id");
    each(connection, &list(people::ENTITY), id, pages, |row| {
        Ok(Kept::Entity(Box::new(people::read_entity(row)?)))
    })?;
    each(connection, &list(memories::MEMORY), id, pages, |row| {
        let memory = memories::read(row)?;
        let embedding = match query.embeddings {
            true => memories::embeddings(connection, id, &[memory.id])?.pop(),
            false => None,
        };
        Ok(Kept::Memory(Box::new(memory), embedding.map(|(_, embedding)| Box::new(embedding))))
    })?;
    each(connection, &list(people::COMPONENT), id, pages, |row| {
        Ok(Kept::Component(Box::new(people::read_component(row)?)))
    })?;
    each(connection, &list(places::ROOM), id, pages, |row| {
        Ok(Kept::Room(Box::new(places::read_room(row)?)))
    })?;
    let participants =
        format!("{} WHERE agent = ?1 ORDER BY created_at, room, entity", places::PARTICIPANT);
    each(connection, &participants, id, pages, |row| {
        Ok(Kept::Participant(places::read_participant(row)?))
    })?;
    each(connection, &list(people::RELATIONSHIP), id, pages, |row| {
        Ok(Kept::Relationship(Box::new(people::read_relationship(row)?)))
    })?;
    each(connection, &list(places::WORLD), id, pages, |row| {
        Ok(Kept::World(Box::new(places::read_world(row)?)))
    })?;
    each(connection, &list(tasks::TASK), id, pages, |row| {
        Ok(Kept::Task(Box::new(tasks::read(row)?)))
    })?;
    each(connection, &list(triggers::TRIGGER), id, pages, |row| {
        Ok(Kept::Trigger(Box::new(triggers::read(row)?)))
    })?;
    each(connection, &list(goals::GOAL), id, pages, |row| {
        Ok(Kept::Goal(Box::new(goals::read(row)?)))
    })?;
    if query.logs {
        each(connection, &list(logs::LOG), id, pages, |row| {
            Ok(Kept::Log(Box::new(logs::read(row)?)))
        })?;
    }
    pages.send()
}

/// The ids that are named as entities; those of logs last.
const NAMED_ENTITIES: &[&str] = &[
    "SELECT entity FROM participants WHERE agent = ?1",
    "SELECT entity FROM components WHERE agent = ?1",
    "SELECT source_entity FROM components WHERE agent = ?1 AND source_entity IS NOT NULL",
    "SELECT entity FROM memories WHERE agent = ?1",
    "SELECT source_entity FROM relationships WHERE agent = ?1",
    "SELECT target_entity FROM relationships WHERE agent = ?1",
    "SELECT entity FROM logs WHERE agent = ?1",
];

/// The ids that are named as rooms; those of logs last.
const NAMED_ROOMS: &[&str] = &[
    "SELECT room FROM participants WHERE agent = ?1",
    "SELECT room FROM components WHERE agent = ?1",
    "SELECT room FROM memories WHERE agent = ?1",
    "SELECT room FROM logs WHERE agent = ?1",
];

/// Adds each row of a question about an agent.
fn each(
    connection: &Connection,
    sql: &str,
    agent: AgentId,
    pages: &mut Pages,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<Kept>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query((agent.0,))?;
    while let Some(row) = rows.next()? {
        let kept = read(row)?;
        pages.push(kept, said(row, columns)?)?;
    }
    Ok(())
}

/// How many bytes the columns of a row say.
fn said(row: &Row<'_>, columns: usize) -> rusqlite::Result<usize> {
    (0..columns).try_fold(0_usize, |sum, column| {
        Ok(sum.saturating_add(match row.get_ref(column)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
        }))
    })
}
