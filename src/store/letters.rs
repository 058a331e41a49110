//! Letters: kept until they are dealt with.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, ChannelId, ChannelMessageId, LetterId};
use greenroom_actors::letters::{Heard, Letter, LetterStatus};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, json, run};
use super::fault::{Fault, is_taken};

/// Writes a letter.
pub(super) fn send(connection: &Connection, letter: &Letter) -> Result<u64, Fault> {
    let sql = "INSERT INTO letters (id, reader, writer, writer_agent, room, memory, content,
                   expects_reply, in_reply_to, status, attempts, sent_at, may_be_ignored,
                   heard_channel, heard_message, askers)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let written = run(
        connection,
        sql,
        params![
            letter.id.0,
            letter.to.0,
            letter.from.0,
            letter.from_agent.map(|id| id.0),
            letter.room_id.0,
            letter.memory_id.0,
            json(&letter.content)?,
            letter.expects_reply,
            letter.in_reply_to.map(|id| id.0),
            letter.status.name(),
            letter.attempts,
            letter.sent_at.0,
            letter.may_be_ignored,
            letter.heard.map(|heard| heard.channel_id.0),
            letter.heard.map(|heard| heard.message_id.0),
            (!letter.askers.is_empty()).then(|| json(&letter.askers)).transpose()?,
        ],
    );
    written.map_err(|error| match is_taken(&error) {
        true => StoreError::Exists { what: "letter", id: letter.id.0 }.into(),
        false => error.into(),
    })
}

/// Counts one more attempt.
pub(super) fn attempt(connection: &Connection, id: LetterId) -> rusqlite::Result<u64> {
    run(connection, "UPDATE letters SET attempts = attempts + 1 WHERE id = ?1", (id.0,))
}

/// Settles a letter that waits.
pub(super) fn settle(
    connection: &Connection,
    id: LetterId,
    status: LetterStatus,
) -> rusqlite::Result<u64> {
    let sql = "UPDATE letters SET status = ?2 WHERE id = ?1 AND status = 'waiting'";
    run(connection, sql, (id.0, status.name()))
}

/// Has a letter that was given up wait again.
pub(super) fn requeue(
    connection: &Connection,
    id: LetterId,
    to: AgentId,
    attempts: u32,
) -> rusqlite::Result<u64> {
    let sql = "UPDATE letters SET status = 'waiting', attempts = ?3
               WHERE id = ?1 AND reader = ?2 AND status = 'dead'";
    run(connection, sql, (id.0, to.0, attempts))
}

/// Removes the letters to an agent.
pub(super) fn remove_to(connection: &Connection, agent: AgentId) -> rusqlite::Result<()> {
    run(connection, "DELETE FROM letters WHERE reader = ?1", (agent.0,)).map(drop)
}

/// One letter.
pub(super) fn letter(connection: &Connection, id: LetterId) -> rusqlite::Result<Option<Letter>> {
    first(connection, &format!("{LETTER} WHERE id = ?1"), (id.0,), read)
}

/// Those that wait for an agent, oldest first.
pub(super) fn waiting(
    connection: &Connection,
    to: AgentId,
    limit: u32,
) -> rusqlite::Result<Vec<Letter>> {
    let sql =
        format!("{LETTER} WHERE reader = ?1 AND status = 'waiting' ORDER BY sent_at, id LIMIT ?2");
    all(connection, &sql, (to.0, limit), read)
}

/// Those that were given up, newest first; to one agent if given.
pub(super) fn dead(
    connection: &Connection,
    to: Option<AgentId>,
    offset: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Letter>> {
    let sql = format!(
        "{LETTER} WHERE status = 'dead' AND (?1 IS NULL OR reader = ?1)
         ORDER BY sent_at DESC, id DESC LIMIT ?2 OFFSET ?3"
    );
    all(connection, &sql, (to.map(|id| id.0), limit, offset), read)
}

/// How many these are in all.
pub(super) fn count_dead(connection: &Connection, to: Option<AgentId>) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM letters WHERE status = 'dead' AND (?1 IS NULL OR reader = ?1)";
    let count = first(connection, sql, (to.map(|id| id.0),), |row| Columns::of(row).number())?;
    Ok(count.unwrap_or(0))
}

const LETTER: &str = "SELECT id, reader, writer, writer_agent, room, memory, content,
        expects_reply, in_reply_to, status, attempts, sent_at, may_be_ignored, heard_channel,
        heard_message, askers
    FROM letters";

fn read(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let mut columns = Columns::of(row);
    Ok(Letter {
        id: columns.id()?,
        to: columns.id()?,
        from: columns.id()?,
        from_agent: columns.id_or_null()?,
        room_id: columns.id()?,
        memory_id: columns.id()?,
        content: columns.json()?,
        expects_reply: columns.take()?,
        in_reply_to: columns.id_or_null()?,
        status: columns.named()?,
        attempts: columns.small()?,
        sent_at: columns.at()?,
        may_be_ignored: columns.take()?,
        heard: heard(columns.id_or_null()?, columns.id_or_null()?),
        askers: columns.json_or_null()?.unwrap_or_default(),
    })
}

fn heard(channel: Option<ChannelId>, message: Option<ChannelMessageId>) -> Option<Heard> {
    Some(Heard { channel_id: channel?, message_id: message? })
}
