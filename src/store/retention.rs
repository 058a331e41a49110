//! Retention: what is past its age or number, found by readers and removed in slices.

use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::Retention;
use greenroom_actors::time::UnixMillis;
use rusqlite::Connection;
use uuid::Uuid;

use super::columns::{first, run, signed, unsigned};

/// Rows that one job of the writer removes, so that others do not wait long for it.
pub(super) const SLICE: u32 = 2000;

/// Agents whose events one question looks at.
const AGENTS_AT_ONCE: usize = 1000;

/// Pages that one job gives back to the file system.
const PAGES_AT_ONCE: u32 = 1000;

/// The events of one agent up to a number, exclusive, which are past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    agent: Uuid,
    oldest: u64,
    end: u64,
}

/// The cuts in the sequences of some agents, and the last of these agents if there are more.
pub(super) fn cuts(
    connection: &Connection,
    after: Option<AgentId>,
    retention: &Retention,
    now: UnixMillis,
) -> rusqlite::Result<(Vec<Cut>, Option<AgentId>)> {
    // One look into the index for each agent: events have no index by time, as it would cost every
    // tick a second write.
    let next = "SELECT min(agent) FROM events WHERE agent > ?1";
    let mut last = after.map_or(Vec::new(), |id| id.0.as_bytes().to_vec());
    let mut cuts = Vec::new();
    for _ in 0..AGENTS_AT_ONCE {
        let found = first(connection, next, (&last,), |row| row.get::<_, Option<Uuid>>(0))?;
        let Some(agent) = found.flatten() else { return Ok((cuts, None)) };
        last = agent.as_bytes().to_vec();
        cuts.extend(cut(connection, agent, retention, now)?);
    }
    Ok((cuts, Uuid::from_slice(&last).ok().map(AgentId)))
}

fn cut(
    connection: &Connection,
    agent: Uuid,
    retention: &Retention,
    now: UnixMillis,
) -> rusqlite::Result<Option<Cut>> {
    let Some((oldest, newest)) = super::events::bounds(connection, AgentId(agent))? else {
        return Ok(None);
    };
    let mut end = oldest;
    if retention.events_per_agent > 0 {
        end = end.max(newest.saturating_add(1).saturating_sub(retention.events_per_agent));
    }
    if let Some(age) = retention.events_for {
        let sql = "SELECT seq FROM events WHERE agent = ?1 AND at >= ?2 ORDER BY seq LIMIT 1";
        let kept = first(connection, sql, (agent, now.minus(age).0), |row| row.get(0))?;
        end = end.max(kept.map_or(newest, unsigned));
    }
    // The newest stays, so that the sequence goes on.
    let end = end.min(newest);
    Ok((end > oldest).then_some(Cut { agent, oldest, end }))
}

/// The cuts in jobs of a slice each.
pub(super) fn slices(cuts: Vec<Cut>) -> Vec<Vec<Cut>> {
    let most = u64::from(SLICE);
    let (mut slices, mut slice, mut room) = (Vec::new(), Vec::new(), most);
    for Cut { agent, mut oldest, end } in cuts {
        while oldest < end {
            let upto = end.min(oldest.saturating_add(room));
            slice.push(Cut { agent, oldest, end: upto });
            room -= upto - oldest;
            oldest = upto;
            if room == 0 {
                slices.push(std::mem::take(&mut slice));
                room = most;
            }
        }
    }
    if !slice.is_empty() {
        slices.push(slice);
    }
    slices
}

/// Removes the events of a slice.
pub(super) fn remove_events(connection: &Connection, slice: &[Cut]) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM events WHERE agent = ?1 AND seq < ?2";
    let mut removed = 0;
    for cut in slice {
        removed += run(connection, sql, (cut.agent, signed(cut.end)))?;
    }
    Ok(removed)
}

/// Removes a slice of the runs that ended before `limit`, with their steps.
pub(super) fn remove_runs(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM steps WHERE run IN
                   (SELECT id FROM runs WHERE ended_at < ?1 ORDER BY ended_at, id LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))?;
    let sql = "DELETE FROM runs WHERE id IN
                   (SELECT id FROM runs WHERE ended_at < ?1 ORDER BY ended_at, id LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the log entries written before `limit`.
pub(super) fn remove_logs(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM logs WHERE number IN
                   (SELECT number FROM logs WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the settled letters sent before `limit`.
pub(super) fn remove_letters(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM letters WHERE rowid IN
                   (SELECT rowid FROM letters WHERE status <> 'waiting' AND sent_at < ?1
                    ORDER BY sent_at LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Gives some free pages back to the file system; whether there are more.
pub(super) fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let free = || connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0));
    let before = free()?;
    // The pragma frees a page for each row that is read of it.
    connection.pragma(None, "incremental_vacuum", PAGES_AT_ONCE, |_| Ok(()))?;
    let after = free()?;
    Ok((1..before).contains(&after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_hold_all_cuts_and_none_is_too_long() {
        let cut = |oldest, end| Cut { agent: Uuid::nil(), oldest, end };
        let most = u64::from(SLICE);
        let slices = slices(vec![cut(1, 11), cut(1, 2 * most + 1), cut(5, 6)]);
        let lengths: Vec<u64> =
            slices.iter().map(|slice| slice.iter().map(|cut| cut.end - cut.oldest).sum()).collect();
        assert_eq!(lengths, [most, most, 11]);
    }
}
