//! Letters: kept until they are dealt with.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, ChannelId, ChannelMessageId, LetterId, MemoryId};
use greenroom_actors::letters::{Heard, Letter, LetterEnd, Settled};
use greenroom_actors::ports::{Dealt, LetterQuery};
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, json, run};
use super::fault::{Fault, is_taken};
use super::filter::{AMONG_ROOMS, Filter, listed};
use super::runs;

/// Writes a letter.
pub(super) fn send(connection: &Connection, letter: &Letter) -> Result<u64, Fault> {
    let sql = "INSERT INTO letters (id, reader, writer, writer_agent, room, memory, content,
                   expects_reply, in_reply_to, status, attempts, sent_at, may_be_ignored,
                   heard_channel, heard_message, askers, terms, beside, settled_at, reason, reply)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                   ?18, ?19, ?20, ?21)";
    let settled = letter.settled.as_deref();
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
            letter.terms.as_ref().map(json).transpose()?,
            letter.is_beside(),
            settled.map(|settled| settled.at.0),
            settled.and_then(|settled| settled.reason.as_deref()),
            settled.and_then(|settled| settled.reply).map(|id| id.0),
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
pub(super) fn settle(connection: &Connection, end: &LetterEnd) -> rusqlite::Result<u64> {
    let sql = "UPDATE letters SET status = ?2, settled_at = ?3, reason = ?4, reply = ?5
               WHERE id = ?1 AND status = 'waiting'";
    let Settled { at, reason, reply } = &end.settled;
    run(connection, sql, (end.id.0, end.status.name(), at.0, reason, reply.map(|id| id.0)))
}

/// Sets a letter that waits aside, with its run.
pub(super) fn park(connection: &Connection, id: LetterId) -> rusqlite::Result<u64> {
    let sql = "UPDATE letters SET status = 'parked' WHERE id = ?1 AND status = 'waiting'";
    run(connection, sql, (id.0,))
}

/// Has a letter that was given up wait again.
pub(super) fn requeue(
    connection: &Connection,
    id: LetterId,
    to: AgentId,
    attempts: u32,
) -> rusqlite::Result<u64> {
    let sql = "UPDATE letters SET status = 'waiting', attempts = ?3, settled_at = NULL,
                   reason = NULL, reply = NULL
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

/// Those that wait for an agent's conversation, oldest first.
pub(super) fn waiting(
    connection: &Connection,
    to: AgentId,
    limit: u32,
) -> rusqlite::Result<Vec<Letter>> {
    let sql = format!(
        "{LETTER} WHERE reader = ?1 AND status = 'waiting' AND NOT beside
         ORDER BY sent_at, id LIMIT ?2"
    );
    all(connection, &sql, (to.0, limit), read)
}

/// Those that wait for an agent beside its conversation, oldest first.
pub(super) fn waiting_beside(
    connection: &Connection,
    to: AgentId,
    limit: u32,
) -> rusqlite::Result<Vec<Letter>> {
    let sql = format!(
        "{LETTER} WHERE reader = ?1 AND status = 'waiting' AND beside
         ORDER BY sent_at, id LIMIT ?2"
    );
    all(connection, &sql, (to.0, limit), read)
}

/// Letters with the latest run for each, newest first.
pub(super) fn dealt(connection: &Connection, query: &LetterQuery) -> rusqlite::Result<Vec<Dealt>> {
    let names: Vec<_> = query.statuses.iter().map(|status| status.name()).collect();
    let statuses = (!names.is_empty()).then(|| json(&names)).transpose()?;
    let letters = Filter::new("reader = ?", query.to.0)
        .and("room = ?", query.room_id.map(|id| id.0))
        .and(AMONG_ROOMS, query.rooms.as_deref().map(listed).as_deref())
        .and("sent_at >= ?", query.from.map(|at| at.0))
        .and("status IN (SELECT value FROM json_each(?))", statuses.as_deref())
        .and_if(query.with_terms, "terms IS NOT NULL")
        .newest_first("sent_at", query.limit, query.offset)
        .all(connection, LETTER, read)?;
    let with_run = |letter: Letter| {
        Ok(Dealt { run: runs::latest_for(connection, letter.to, letter.id)?, letter })
    };
    letters.into_iter().map(with_run).collect()
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
        heard_message, askers, terms, settled_at, reason, reply
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
        terms: columns.json_or_null()?,
        settled: settled(columns.at_or_null()?, columns.take()?, columns.id_or_null()?),
    })
}

fn settled(
    at: Option<UnixMillis>,
    reason: Option<String>,
    reply: Option<MemoryId>,
) -> Option<Box<Settled>> {
    Some(Box::new(Settled { at: at?, reason, reply }))
}

fn heard(channel: Option<ChannelId>, message: Option<ChannelMessageId>) -> Option<Heard> {
    Some(Heard { channel_id: channel?, message_id: message? })
}
