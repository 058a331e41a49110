//! Message servers, and the agents that take part in them.

use greenroom_actors::channels::MessageServer;
use greenroom_actors::ids::{AgentId, ChannelId, ServerId};
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row};

use super::channels;
use super::columns::{Columns, all, first, json_or_null, run};
use super::places::Upsert;
use super::sqlite::Writing;

/// Writes a server.
pub(super) fn set(
    connection: &Connection,
    server: &MessageServer,
    upsert: Upsert,
) -> rusqlite::Result<u64> {
    let clause = upsert.clause_on(
        "id",
        "name = excluded.name, source_type = excluded.source_type,
         source_id = excluded.source_id, metadata = excluded.metadata,
         created_at = excluded.created_at, updated_at = excluded.updated_at",
    );
    let sql = format!(
        "INSERT INTO servers (id, name, source_type, source_id, metadata, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) {clause}"
    );
    run(
        connection,
        &sql,
        (
            server.id.0,
            &server.name,
            &server.source_type,
            &server.source_id,
            json_or_null(server.metadata.as_ref())?,
            server.created_at.0,
            server.updated_at.0,
        ),
    )
}

/// Removes a server, with its channels and all that is theirs.
pub(super) fn remove(writing: &mut Writing<'_>, id: ServerId) -> rusqlite::Result<u64> {
    let connection = writing.connection;
    let sql = "SELECT id FROM channels WHERE server = ?1";
    for channel in all(connection, sql, (id.0,), |row| row.get(0).map(ChannelId))? {
        channels::remove(writing, channel)?;
    }
    run(connection, "DELETE FROM enlistments WHERE server = ?1", (id.0,))?;
    run(connection, "DELETE FROM servers WHERE id = ?1", (id.0,))
}

/// Whether there is such a server.
pub(super) fn is_there(connection: &Connection, id: ServerId) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM servers WHERE id = ?1";
    first(connection, sql, (id.0,), |_| Ok(())).map(|found| found.is_some())
}

/// Writes that an agent takes part; one that does already has done so since then.
pub(super) fn enlist(
    connection: &Connection,
    server: ServerId,
    agent: AgentId,
    since: UnixMillis,
) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO enlistments (server, agent, since) VALUES (?1, ?2, ?3)
               ON CONFLICT (server, agent) DO NOTHING";
    run(connection, sql, (server.0, agent.0, since.0))
}

/// Writes that an agent no longer takes part.
pub(super) fn delist(
    connection: &Connection,
    server: ServerId,
    agent: AgentId,
) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM enlistments WHERE server = ?1 AND agent = ?2";
    run(connection, sql, (server.0, agent.0))
}

/// One server.
pub(super) fn server(
    connection: &Connection,
    id: ServerId,
) -> rusqlite::Result<Option<MessageServer>> {
    first(connection, &format!("{SERVER} WHERE id = ?1"), (id.0,), read)
}

/// Every server, oldest first.
pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<MessageServer>> {
    all(connection, &format!("{SERVER} ORDER BY created_at, id"), [], read)
}

/// The agents that take part, longest first.
pub(super) fn enlisted(
    connection: &Connection,
    server: ServerId,
) -> rusqlite::Result<Vec<AgentId>> {
    let sql = "SELECT agent FROM enlistments WHERE server = ?1 ORDER BY since, agent";
    all(connection, sql, (server.0,), |row| row.get(0).map(AgentId))
}

/// The servers that an agent takes part in, longest first.
pub(super) fn of(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<ServerId>> {
    let sql = "SELECT server FROM enlistments WHERE agent = ?1 ORDER BY since, server";
    all(connection, sql, (agent.0,), |row| row.get(0).map(ServerId))
}

const SERVER: &str =
    "SELECT id, name, source_type, source_id, metadata, created_at, updated_at FROM servers";

fn read(row: &Row<'_>) -> rusqlite::Result<MessageServer> {
    let mut columns = Columns::of(row);
    Ok(MessageServer {
        id: columns.id()?,
        name: columns.take()?,
        source_type: columns.take()?,
        source_id: columns.take()?,
        metadata: columns.json_or_null()?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}
