//! Retention: what is past its age or number, found by readers and removed in slices.

use greenroom_actors::error::StoreError;
use greenroom_actors::ports::{Pruned, Retention};
use greenroom_actors::time::UnixMillis;
use rusqlite::Connection;
use uuid::Uuid;

use super::columns::{first, run, signed, unsigned};
use super::sequences::{OF_AGENTS, OF_CHANNELS, Sequence};
use super::{SqliteStore, budgets};

/// Rows that one job of the writer removes, so that others do not wait long for it.
pub(super) const SLICE: u32 = 2000;

/// Agents or channels whose events one question looks at.
const OWNERS_AT_ONCE: usize = 1000;

/// Pages that one job gives back to the file system.
const PAGES_AT_ONCE: u32 = 1000;

/// How much of each sequence of events is kept.
#[derive(Clone, Copy)]
struct Kept {
    sequence: Sequence,
    /// What happened before goes; `None`: nothing.
    since: Option<UnixMillis>,
    /// The newest so many stay; 0: all.
    most: u64,
}

/// The events of one owner up to a number, exclusive, which are past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    owner: Uuid,
    oldest: u64,
    end: u64,
}

/// Removes slice after slice; between two, other writes have their turn.
pub(super) async fn prune(
    store: &SqliteStore,
    retention: Retention,
    now: UnixMillis,
) -> Result<Pruned, StoreError> {
    let limit = |age| now.minus(age);
    let of_agents = Kept {
        sequence: OF_AGENTS,
        since: retention.events_for.map(limit),
        most: retention.events_per_agent,
    };
    let of_channels =
        Kept { sequence: OF_CHANNELS, since: None, most: retention.events_per_channel };
    let mut pruned = Pruned {
        events: prune_events(store, of_agents).await?,
        channel_events: prune_events(store, of_channels).await?,
        ..Pruned::default()
    };
    if let Some(limit) = retention.runs_for.map(limit) {
        pruned.runs = prune_by(store, remove_runs, limit).await?;
        prune_by(store, remove_goals, limit).await?;
    }
    if let Some(limit) = retention.logs_for.map(limit) {
        pruned.logs = prune_by(store, remove_logs, limit).await?;
    }
    if let Some(limit) = retention.letters_for.map(limit) {
        pruned.letters = prune_by(store, remove_letters, limit).await?;
    }
    if let Some(limit) = retention.firings_for.map(limit) {
        pruned.firings = prune_by(store, remove_firings, limit).await?;
    }
    if let Some(limit) = retention.jobs_for.map(limit) {
        pruned.jobs = prune_by(store, remove_jobs, limit).await?;
    }
    if let Some(limit) = retention.usage_for.map(limit) {
        pruned.usage = prune_by(store, budgets::prune, limit).await?;
    }
    while store.write(|writing| Ok(shrink(writing.connection)?)).await? {}
    Ok(pruned)
}

async fn prune_events(store: &SqliteStore, kept: Kept) -> Result<u64, StoreError> {
    if kept.since.is_none() && kept.most == 0 {
        return Ok(0);
    }
    let (mut removed, mut after) = (0, None);
    loop {
        let (found, last) = store.read(move |connection| cuts(connection, after, kept)).await?;
        for slice in slices(found) {
            removed += store
                .write(move |writing| Ok(remove_events(writing.connection, kept.sequence, &slice)?))
                .await?;
        }
        match last {
            None => return Ok(removed),
            last => after = last,
        }
    }
}

async fn prune_by(
    store: &SqliteStore,
    remove: fn(&Connection, UnixMillis) -> rusqlite::Result<u64>,
    limit: UnixMillis,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let slice = store.write(move |writing| Ok(remove(writing.connection, limit)?)).await?;
        removed += slice;
        if slice < u64::from(SLICE) {
            return Ok(removed);
        }
    }
}

/// The cuts in the sequences of some owners, and the last of these owners if there are more.
fn cuts(
    connection: &Connection,
    after: Option<Uuid>,
    kept: Kept,
) -> rusqlite::Result<(Vec<Cut>, Option<Uuid>)> {
    // One look into the index for each owner: events have no index by time, as it would cost every
    // tick a second write.
    let Sequence { table, owner } = kept.sequence;
    let next = format!("SELECT min({owner}) FROM {table} WHERE {owner} > ?1");
    let mut last = after.map_or(Vec::new(), |id| id.as_bytes().to_vec());
    let mut cuts = Vec::new();
    for _ in 0..OWNERS_AT_ONCE {
        let found = first(connection, &next, (&last,), |row| row.get::<_, Option<Uuid>>(0))?;
        let Some(owner) = found.flatten() else { return Ok((cuts, None)) };
        last = owner.as_bytes().to_vec();
        cuts.extend(cut(connection, owner, kept)?);
    }
    Ok((cuts, Uuid::from_slice(&last).ok()))
}

fn cut(connection: &Connection, id: Uuid, kept: Kept) -> rusqlite::Result<Option<Cut>> {
    let Some((oldest, newest)) = kept.sequence.bounds(connection, id)? else { return Ok(None) };
    let mut end = oldest;
    if kept.most > 0 {
        end = end.max(newest.saturating_add(1).saturating_sub(kept.most));
    }
    if let Some(since) = kept.since {
        let Sequence { table, owner } = kept.sequence;
        let sql =
            format!("SELECT seq FROM {table} WHERE {owner} = ?1 AND at >= ?2 ORDER BY seq LIMIT 1");
        let young = first(connection, &sql, (id, since.0), |row| row.get(0))?;
        end = end.max(young.map_or(newest, unsigned));
    }
    // The newest stays, so that the sequence goes on.
    let end = end.min(newest);
    Ok((end > oldest).then_some(Cut { owner: id, oldest, end }))
}

/// The cuts in jobs of a slice each.
fn slices(cuts: Vec<Cut>) -> Vec<Vec<Cut>> {
    let most = u64::from(SLICE);
    let (mut slices, mut slice, mut room) = (Vec::new(), Vec::new(), most);
    for Cut { owner, mut oldest, end } in cuts {
        while oldest < end {
            let upto = end.min(oldest.saturating_add(room));
            slice.push(Cut { owner, oldest, end: upto });
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
fn remove_events(
    connection: &Connection,
    sequence: Sequence,
    slice: &[Cut],
) -> rusqlite::Result<u64> {
    let Sequence { table, owner } = sequence;
    let sql = format!("DELETE FROM {table} WHERE {owner} = ?1 AND seq < ?2");
    let mut removed = 0;
    for cut in slice {
        removed += run(connection, &sql, (cut.owner, signed(cut.end)))?;
    }
    Ok(removed)
}

/// Removes a slice of the runs that ended before `limit`, with their steps.
fn remove_runs(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM steps WHERE run IN
                   (SELECT id FROM runs WHERE ended_at < ?1 ORDER BY ended_at, id LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))?;
    let sql = "DELETE FROM runs WHERE id IN
                   (SELECT id FROM runs WHERE ended_at < ?1 ORDER BY ended_at, id LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the log entries written before `limit`.
fn remove_logs(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM logs WHERE number IN
                   (SELECT number FROM logs WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the settled letters sent before `limit`.
fn remove_letters(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM letters WHERE rowid IN
                   (SELECT rowid FROM letters WHERE status <> 'waiting' AND sent_at < ?1
                    ORDER BY sent_at LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the firings that were over before `limit`.
fn remove_firings(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM firings WHERE id IN
                   (SELECT id FROM firings WHERE ended_at IS NOT NULL AND ended_at < ?1
                    ORDER BY ended_at LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the goals that were over before `limit`.
fn remove_goals(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM goals WHERE (agent, id) IN
                   (SELECT agent, id FROM goals INDEXED BY goals_over
                    WHERE status <> 'open' AND updated_at < ?1 ORDER BY updated_at LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Removes a slice of the jobs that ended before `limit`.
fn remove_jobs(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM jobs WHERE rowid IN
                   (SELECT rowid FROM jobs INDEXED BY jobs_by_age
                    WHERE status IN ('completed', 'failed', 'timeout')
                        AND coalesce(ended_at, created_at) < ?1
                    ORDER BY coalesce(ended_at, created_at) LIMIT ?2)";
    run(connection, sql, (limit.0, SLICE))
}

/// Gives some free pages back to the file system; whether there are more.
fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
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
        let cut = |oldest, end| Cut { owner: Uuid::nil(), oldest, end };
        let most = u64::from(SLICE);
        let slices = slices(vec![cut(1, 11), cut(1, 2 * most + 1), cut(5, 6)]);
        let lengths: Vec<u64> =
            slices.iter().map(|slice| slice.iter().map(|cut| cut.end - cut.oldest).sum()).collect();
        assert_eq!(lengths, [most, most, 11]);
    }
}
