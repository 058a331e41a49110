//! Events of channels: each channel's gap-free sequence.

use greenroom_actors::channels::{ChannelEvent, NewChannelEvent};
use greenroom_actors::ids::ChannelId;
use rusqlite::Connection;

use super::columns::{Columns, Named, all, json, run, signed};
use super::sequences::Numbers;

/// Gives the event its number and writes it.
pub(super) fn append(
    connection: &Connection,
    numbers: &mut Numbers,
    event: NewChannelEvent,
) -> rusqlite::Result<ChannelEvent> {
    let NewChannelEvent { channel_id, at, kind, data } = event;
    let seq = numbers.next(connection, channel_id.0)?;
    let text = if data.is_empty() { None } else { Some(json(&data)?) };
    let sql = "INSERT INTO channel_events (channel, seq, at, kind, data)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    run(connection, sql, (channel_id.0, signed(seq), at.0, kind.name(), text))?;
    Ok(ChannelEvent { channel_id, seq, at, kind, data })
}

/// Those after a number, ascending.
pub(super) fn after(
    connection: &Connection,
    channel: ChannelId,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<ChannelEvent>> {
    let sql = "SELECT channel, seq, at, kind, data FROM channel_events
               WHERE channel = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    all(connection, sql, (channel.0, signed(after), limit), |row| {
        let mut columns = Columns::of(row);
        Ok(ChannelEvent {
            channel_id: columns.id()?,
            seq: columns.number()?,
            at: columns.at()?,
            kind: columns.named()?,
            data: columns.json_or_null()?.unwrap_or_default(),
        })
    })
}
