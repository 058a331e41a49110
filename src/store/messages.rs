//! What is said in channels, and its words.
//!
//! The id of the channel is one more word of each message, in a column of its own. What is asked for
//! is ordered by time and not by rank, so the list of a word that all channels say is only skipped
//! through, along that of the channel.

use std::collections::HashSet;

use greenroom_actors::channels::ChannelMessage;
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{ChannelId, ChannelMessageId};
use greenroom_actors::ports::MessageQuery;
use rusqlite::{Connection, Row, params};

use super::channels;
use super::columns::{Columns, first, json, json_or_null, run};
use super::fault::Fault;
use super::filter::Filter;
use super::search::{channel_word, words};
use super::sqlite::Writing;

/// Writes a message, or replaces the one of its id as a whole.
pub(super) fn set(writing: &mut Writing<'_>, message: &ChannelMessage) -> Result<u64, Fault> {
    let connection = writing.connection;
    if !channels::is_there(connection, message.channel_id)? {
        return Err(StoreError::Missing { what: "channel", id: message.channel_id.0 }.into());
    }
    let sql = "INSERT INTO messages (id, channel, author, content, raw_message, in_reply_to,
                   source_type, source_id, metadata, created_at, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT (id) DO NOTHING";
    if write(connection, sql, message)? == 1 {
        writing.words.said(connection.last_insert_rowid(), message);
        return Ok(1);
    }
    let sql = "SELECT number, channel, content FROM messages WHERE id = ?1";
    let old = first(connection, sql, (message.id.0,), |row| {
        let mut columns = Columns::of(row);
        Ok((columns.take::<i64>()?, columns.id::<ChannelId>()?, columns.take::<String>()?))
    })?;
    let Some((number, channel, content)) = old else { return Ok(0) };
    if channel != message.channel_id || content != message.content {
        writing.words.amended(number, message);
    }
    let sql = "UPDATE messages SET channel = ?2, author = ?3, content = ?4, raw_message = ?5,
                   in_reply_to = ?6, source_type = ?7, source_id = ?8, metadata = ?9,
                   created_at = ?10, updated_at = ?11
               WHERE id = ?1";
    Ok(write(connection, sql, message)?)
}

fn write(connection: &Connection, sql: &str, message: &ChannelMessage) -> rusqlite::Result<u64> {
    run(
        connection,
        sql,
        params![
            message.id.0,
            message.channel_id.0,
            message.author_id.0,
            message.content,
            message.raw_message.as_ref().map(json).transpose()?,
            message.in_reply_to.map(|id| id.0),
            message.source_type,
            message.source_id,
            json_or_null(message.metadata.as_ref())?,
            message.created_at.0,
            message.updated_at.0,
        ],
    )
}

/// Removes one message of a channel.
pub(super) fn remove(
    writing: &mut Writing<'_>,
    channel: ChannelId,
    id: ChannelMessageId,
) -> rusqlite::Result<u64> {
    remove_where(writing, Filter::new("id = ?", id.0).and("channel = ?", Some(channel.0)))
}

/// Removes all messages of a channel.
pub(super) fn clear(writing: &mut Writing<'_>, channel: ChannelId) -> rusqlite::Result<u64> {
    remove_where(writing, Filter::new("channel = ?", channel.0))
}

fn remove_where(writing: &mut Writing<'_>, filter: Filter) -> rusqlite::Result<u64> {
    let numbers: Vec<i64> =
        filter.all(writing.connection, "SELECT number FROM messages", |row| row.get(0))?;
    let mut removed = 0;
    for number in numbers {
        let sql = "DELETE FROM messages WHERE number = ?1";
        removed += run(writing.connection, sql, (number,))?;
        writing.words.removed(number);
    }
    Ok(removed)
}

/// One message.
pub(super) fn message(
    connection: &Connection,
    id: ChannelMessageId,
) -> rusqlite::Result<Option<ChannelMessage>> {
    first(connection, &format!("{MESSAGE} FROM messages WHERE id = ?1"), (id.0,), read)
}

/// Messages in the order of time.
pub(super) fn list(
    connection: &Connection,
    query: &MessageQuery,
) -> rusqlite::Result<Vec<ChannelMessage>> {
    let (filter, from) = match query.text.as_deref() {
        None => (Filter::none(), "messages"),
        Some(text) => {
            let Some(expression) = expression(query.channel_id, text) else {
                return Ok(Vec::new());
            };
            let filter = Filter::new("message_words MATCH ?", expression.as_str());
            (filter, "message_words CROSS JOIN messages ON number = message_words.rowid")
        }
    };
    let filter = filter
        .and("channel = ?", query.channel_id.map(|id| id.0))
        .and("author = ?", query.author_id.map(|id| id.0))
        .and("created_at < ?", query.before.map(|at| at.0))
        .and("created_at > ?", query.after.map(|at| at.0));
    let page = if query.is_oldest_first {
        filter.oldest_first("created_at").page(query.limit, query.offset)
    } else {
        filter.newest_first("created_at", query.limit, query.offset)
    };
    page.all(connection, &format!("{MESSAGE} FROM {from}"), read)
}

/// The question as FTS5 reads it: all of the words. They hold letters and digits alone, and are
/// quoted, so nothing in the text can be read as an operator. `None`: there is no word.
fn expression(channel: Option<ChannelId>, text: &str) -> Option<String> {
    let mut seen = HashSet::new();
    let quoted: Vec<_> = words(text)
        .filter(|word| seen.insert(word.to_lowercase()))
        .take(MessageQuery::WORDS_MAX)
        .map(|word| format!("\"{word}\""))
        .collect();
    if quoted.is_empty() {
        return None;
    }
    let said = format!("words : ({})", quoted.join(" AND "));
    Some(match channel {
        None => said,
        Some(channel) => format!("channel_word : \"{}\" AND {said}", channel_word(channel)),
    })
}

const MESSAGE: &str = "SELECT id, channel, author, content, raw_message, in_reply_to, source_type,
        source_id, metadata, created_at, updated_at";

fn read(row: &Row<'_>) -> rusqlite::Result<ChannelMessage> {
    let mut columns = Columns::of(row);
    Ok(ChannelMessage {
        id: columns.id()?,
        channel_id: columns.id()?,
        author_id: columns.id()?,
        content: columns.take()?,
        raw_message: columns.json_or_null()?,
        in_reply_to: columns.id_or_null()?,
        source_type: columns.take()?,
        source_id: columns.take()?,
        metadata: columns.json_or_null()?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}
