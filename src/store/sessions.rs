//! Sessions: talks with one agent that end after a while.

use greenroom_actors::channels::{Session, SessionTimeout};
use greenroom_actors::ids::SessionId;
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, all, first, json, run};

/// Writes a session, or replaces the one of its id.
pub(super) fn set(connection: &Connection, session: &Session) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO sessions (id, agent, channel, user, metadata, timeout_minutes,
                   auto_renew, max_duration_minutes, warning_threshold_minutes, renewals,
                   created_at, last_activity_at, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT (id) DO UPDATE
               SET agent = excluded.agent, channel = excluded.channel, user = excluded.user,
                   metadata = excluded.metadata, timeout_minutes = excluded.timeout_minutes,
                   auto_renew = excluded.auto_renew,
                   max_duration_minutes = excluded.max_duration_minutes,
                   warning_threshold_minutes = excluded.warning_threshold_minutes,
                   renewals = excluded.renewals, created_at = excluded.created_at,
                   last_activity_at = excluded.last_activity_at,
                   expires_at = excluded.expires_at";
    let SessionTimeout {
        timeout_minutes,
        auto_renew,
        max_duration_minutes,
        warning_threshold_minutes,
    } = session.timeout;
    run(
        connection,
        sql,
        params![
            session.id.0,
            session.agent_id.0,
            session.channel_id.0,
            session.user_id.0,
            json(&session.metadata)?,
            timeout_minutes,
            auto_renew,
            max_duration_minutes,
            warning_threshold_minutes,
            session.renewals,
            session.created_at.0,
            session.last_activity_at.0,
            session.expires_at.0,
        ],
    )
}

/// Removes a session.
pub(super) fn remove(connection: &Connection, id: SessionId) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM sessions WHERE id = ?1", (id.0,))
}

/// One session.
pub(super) fn session(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<Session>> {
    first(connection, &format!("{SESSION} WHERE id = ?1"), (id.0,), read)
}

/// Every session, oldest first.
pub(super) fn list(
    connection: &Connection,
    offset: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Session>> {
    let sql = format!("{SESSION} ORDER BY created_at, id LIMIT ?1 OFFSET ?2");
    all(connection, &sql, (limit, offset), read)
}

/// Those that ended before `now`, the longest past first.
pub(super) fn expired(
    connection: &Connection,
    now: UnixMillis,
    limit: u32,
) -> rusqlite::Result<Vec<SessionId>> {
    let sql = "SELECT id FROM sessions WHERE expires_at < ?1 ORDER BY expires_at, id LIMIT ?2";
    all(connection, sql, (now.0, limit), |row| row.get(0).map(SessionId))
}

const SESSION: &str = "SELECT id, agent, channel, user, metadata, timeout_minutes, auto_renew,
        max_duration_minutes, warning_threshold_minutes, renewals, created_at, last_activity_at,
        expires_at
    FROM sessions";

fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let mut columns = Columns::of(row);
    Ok(Session {
        id: columns.id()?,
        agent_id: columns.id()?,
        channel_id: columns.id()?,
        user_id: columns.id()?,
        metadata: columns.json()?,
        timeout: SessionTimeout {
            timeout_minutes: columns.take()?,
            auto_renew: columns.take()?,
            max_duration_minutes: columns.take()?,
            warning_threshold_minutes: columns.take()?,
        },
        renewals: columns.small()?,
        created_at: columns.at()?,
        last_activity_at: columns.at()?,
        expires_at: columns.at()?,
    })
}
