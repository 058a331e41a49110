//! Channels, and who takes part in them.

use greenroom_actors::channels::Channel;
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{ChannelId, EntityId, ServerId};
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, all, first, json_or_null, run};
use super::fault::Fault;
use super::places::Upsert;
use super::sqlite::Writing;
use super::{messages, servers};

/// Writes a channel.
pub(super) fn set(
    connection: &Connection,
    channel: &Channel,
    upsert: Upsert,
) -> Result<u64, Fault> {
    if !servers::is_there(connection, channel.server_id)? {
        return Err(StoreError::Missing { what: "server", id: channel.server_id.0 }.into());
    }
    let clause = upsert.clause_on(
        "id",
        "server = excluded.server, name = excluded.name, kind = excluded.kind,
         source_type = excluded.source_type, source_id = excluded.source_id,
         topic = excluded.topic, metadata = excluded.metadata,
         created_at = excluded.created_at, updated_at = excluded.updated_at",
    );
    let sql = format!(
        "INSERT INTO channels (id, server, name, kind, source_type, source_id, topic, metadata,
             created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) {clause}"
    );
    let written = run(
        connection,
        &sql,
        params![
            channel.id.0,
            channel.server_id.0,
            channel.name,
            channel.kind,
            channel.source_type,
            channel.source_id,
            channel.topic,
            json_or_null(channel.metadata.as_ref())?,
            channel.created_at.0,
            channel.updated_at.0,
        ],
    )?;
    Ok(written)
}

/// Removes a channel, with its participants, messages, sessions and jobs.
pub(super) fn remove(writing: &mut Writing<'_>, id: ChannelId) -> rusqlite::Result<u64> {
    messages::clear(writing, id)?;
    let connection = writing.connection;
    for sql in [
        "DELETE FROM members WHERE channel = ?1",
        "DELETE FROM sessions WHERE channel = ?1",
        "DELETE FROM jobs WHERE channel = ?1",
    ] {
        run(connection, sql, (id.0,))?;
    }
    run(connection, "DELETE FROM channels WHERE id = ?1", (id.0,))
}

/// Whether there is such a channel.
pub(super) fn is_there(connection: &Connection, id: ChannelId) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM channels WHERE id = ?1";
    first(connection, sql, (id.0,), |_| Ok(())).map(|found| found.is_some())
}

/// Writes that somebody takes part; who does already has done so since then.
pub(super) fn join(
    connection: &Connection,
    channel: ChannelId,
    user: EntityId,
    since: UnixMillis,
) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO members (channel, user, since) VALUES (?1, ?2, ?3)
               ON CONFLICT (channel, user) DO NOTHING";
    run(connection, sql, (channel.0, user.0, since.0))
}

/// Writes that somebody no longer takes part.
pub(super) fn leave(
    connection: &Connection,
    channel: ChannelId,
    user: EntityId,
) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM members WHERE channel = ?1 AND user = ?2";
    run(connection, sql, (channel.0, user.0))
}

/// One channel.
pub(super) fn channel(connection: &Connection, id: ChannelId) -> rusqlite::Result<Option<Channel>> {
    first(connection, &format!("{CHANNEL} WHERE id = ?1"), (id.0,), read)
}

/// The channels of a server, oldest first.
pub(super) fn list(
    connection: &Connection,
    server: ServerId,
    offset: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Channel>> {
    // The ids of the page first, from the index alone: what is passed over is not read.
    let sql = format!(
        "{CHANNEL} WHERE id IN (SELECT id FROM channels WHERE server = ?1
                                ORDER BY created_at, id LIMIT ?2 OFFSET ?3)
         ORDER BY created_at, id"
    );
    all(connection, &sql, (server.0, limit, offset), read)
}

/// The oldest channel of a server that has this id where it comes from.
pub(super) fn by_source(
    connection: &Connection,
    server: ServerId,
    source: &str,
) -> rusqlite::Result<Option<Channel>> {
    let sql =
        format!("{CHANNEL} WHERE server = ?1 AND source_id = ?2 ORDER BY created_at, id LIMIT 1");
    first(connection, &sql, (server.0, source), read)
}

/// The oldest `DM` channel of a server that just these two take part in.
pub(super) fn dm(
    connection: &Connection,
    server: ServerId,
    one: EntityId,
    other: EntityId,
) -> rusqlite::Result<Option<Channel>> {
    let sql = format!(
        "{CHANNEL} WHERE id IN (SELECT channel FROM members WHERE user = ?2
                                INTERSECT SELECT channel FROM members WHERE user = ?3)
             AND NOT EXISTS (SELECT 1 FROM members
                             WHERE channel = channels.id AND user NOT IN (?2, ?3))
             AND +server = ?1 AND kind = 'DM'
         ORDER BY +created_at, id LIMIT 1"
    );
    first(connection, &sql, (server.0, one.0, other.0), read)
}

/// Who takes part and since when, longest first.
pub(super) fn members(
    connection: &Connection,
    id: ChannelId,
) -> rusqlite::Result<Vec<(EntityId, UnixMillis)>> {
    let sql = "SELECT user, since FROM members WHERE channel = ?1 ORDER BY since, user";
    all(connection, sql, (id.0,), |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, columns.at()?))
    })
}

const CHANNEL: &str = "SELECT id, server, name, kind, source_type, source_id, topic, metadata,
        created_at, updated_at
    FROM channels";

fn read(row: &Row<'_>) -> rusqlite::Result<Channel> {
    let mut columns = Columns::of(row);
    Ok(Channel {
        id: columns.id()?,
        server_id: columns.id()?,
        name: columns.take()?,
        kind: columns.take()?,
        source_type: columns.take()?,
        source_id: columns.take()?,
        topic: columns.take()?,
        metadata: columns.json_or_null()?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}
