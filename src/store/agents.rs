//! Agents: who they are, and their lifecycle.

use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::directory::Listed;
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Autonomy, Lifecycle, State};
use greenroom_actors::ports::{AgentQuery, Census, Seed};
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row};

use super::columns::{Columns, Named, all, first, json, json_or_null, run, unsigned};
use super::fault::Fault;

/// The handle of an agent whose name has no letter and no digit.
const NAMELESS: &str = "agent";

/// Writes a new agent; answers with the handle that it was given.
pub(super) fn create(connection: &Connection, record: &AgentRecord) -> Result<String, Fault> {
    let AgentRecord { id, handle, character, enabled, lifecycle, created_at, updated_at } = record;
    let exists = StoreError::Exists { what: "agent", id: id.0 };
    let sql = "SELECT 1 FROM agents WHERE id = ?1 UNION ALL SELECT 1 FROM imports WHERE agent = ?1";
    if first(connection, sql, (id.0,), |_| Ok(()))?.is_some() {
        return Err(exists.into());
    }
    let handle = free_handle(connection, *id, handle)?;
    let sql = "INSERT INTO agents (id, handle, name, is_enabled, state, desired, started_at,
                   tick_every_ms, overrides, failure, pause, created_at, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let state = lifecycle.state().name();
    let desired = lifecycle.desired.name();
    let tick_every_ms = lifecycle.autonomy.map(|autonomy| autonomy.every_ms);
    let overrides = json_or_null(lifecycle.overrides.as_deref())?;
    run(
        connection,
        sql,
        rusqlite::params![
            id.0,
            &handle,
            character.name,
            enabled,
            state,
            desired,
            lifecycle.started_at.map(|at| at.0),
            tick_every_ms,
            overrides,
            lifecycle.failure.as_deref(),
            lifecycle.pause.as_deref().map(json).transpose()?,
            created_at.0,
            updated_at.0,
        ],
    )?;
    let sql = "INSERT INTO characters (agent, document) VALUES (?1, ?2)";
    run(connection, sql, (id.0, json(character)?))?;
    Ok(handle)
}

/// Fails if another agent has that handle.
pub(super) fn claim(connection: &Connection, id: AgentId, handle: &str) -> Result<u64, Fault> {
    let sql = "SELECT id FROM agents WHERE handle = ?1 AND id <> ?2";
    let holder = first(connection, sql, (handle, id.0), |row| Columns::of(row).id::<AgentId>())?;
    match holder {
        Some(AgentId(id)) => Err(StoreError::Exists { what: StoreError::HANDLE, id }.into()),
        None => Ok(0),
    }
}

/// Replaces an agent's character, and its handle where one is given; answers with the handle that it
/// was given then.
pub(super) fn revise(
    connection: &Connection,
    id: AgentId,
    character: &Character,
    handle: Option<&str>,
    at: UnixMillis,
) -> Result<Option<String>, Fault> {
    let handle = handle.map(|handle| free_handle(connection, id, handle)).transpose()?;
    let sql = "UPDATE agents SET name = ?2, updated_at = ?3, handle = coalesce(?4, handle)
               WHERE id = ?1";
    found(id, run(connection, sql, (id.0, &character.name, at.0, &handle))?)?;
    let sql = "UPDATE characters SET document = ?2 WHERE agent = ?1";
    run(connection, sql, (id.0, json(character)?))?;
    Ok(handle)
}

/// Replaces an agent's lifecycle.
pub(super) fn change(
    connection: &Connection,
    id: AgentId,
    lifecycle: &Lifecycle,
) -> Result<u64, Fault> {
    let sql = "UPDATE agents SET state = ?2, desired = ?3, started_at = ?4, tick_every_ms = ?5,
                   overrides = ?6, failure = ?7, pause = ?8
               WHERE id = ?1";
    let changed = run(
        connection,
        sql,
        (
            id.0,
            lifecycle.state().name(),
            lifecycle.desired.name(),
            lifecycle.started_at.map(|at| at.0),
            lifecycle.autonomy.map(|autonomy| autonomy.every_ms),
            json_or_null(lifecycle.overrides.as_deref())?,
            lifecycle.failure.as_deref(),
            lifecycle.pause.as_deref().map(json).transpose()?,
        ),
    )?;
    found(id, changed)
}

/// Notes when an agent last thought about itself.
pub(super) fn reflect(
    connection: &Connection,
    id: AgentId,
    at: UnixMillis,
) -> rusqlite::Result<u64> {
    run(connection, "UPDATE agents SET reflected_at = ?2 WHERE id = ?1", (id.0, at.0))
}

/// Removes an agent and its character; what else was its own is other tables' to remove.
pub(super) fn remove(connection: &Connection, id: AgentId) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM characters WHERE agent = ?1", (id.0,))?;
    run(connection, "DELETE FROM agents WHERE id = ?1", (id.0,))
}

fn found(id: AgentId, changed: u64) -> Result<u64, Fault> {
    match changed {
        0 => Err(StoreError::Missing { what: "agent", id: id.0 }.into()),
        changed => Ok(changed),
    }
}

/// `wanted` if no other agent has it, else with a number behind it that makes it free.
///
/// The number is found by doubling and halving, as a thousand agents may well share a name. It is
/// the smallest free one unless agents of that name were removed in between.
fn free_handle(connection: &Connection, id: AgentId, wanted: &str) -> rusqlite::Result<String> {
    let wanted = if wanted.is_empty() { NAMELESS } else { wanted };
    let is_free = |handle: &str| {
        let sql = "SELECT 1 FROM agents WHERE handle = ?1 AND id <> ?2";
        first(connection, sql, (handle, id.0), |_| Ok(())).map(|taken| taken.is_none())
    };
    if is_free(wanted)? {
        return Ok(wanted.to_owned());
    }
    let numbered = |number: u64| format!("{wanted}-{number}");
    let (mut taken, mut free) = (1_u64, 2_u64);
    while !is_free(&numbered(free))? {
        taken = free;
        free = free.saturating_mul(2);
    }
    while free - taken > 1 {
        let middle = taken + (free - taken) / 2;
        if is_free(&numbered(middle))? {
            free = middle;
        } else {
            taken = middle;
        }
    }
    Ok(numbered(free))
}

/// What an actor has to know, for one agent.
pub(super) fn seed(connection: &Connection, id: AgentId) -> rusqlite::Result<Option<Seed>> {
    first(connection, &format!("{SEED} WHERE id = ?1"), (id.0,), read_seed)
}

/// The same for a page of agents.
pub(super) fn seeds(
    connection: &Connection,
    after: Option<AgentId>,
    limit: u32,
) -> rusqlite::Result<Vec<Seed>> {
    match after {
        None => all(connection, &format!("{SEED} ORDER BY id LIMIT ?1"), (limit,), read_seed),
        Some(after) => {
            let sql = format!("{SEED} WHERE id > ?1 ORDER BY id LIMIT ?2");
            all(connection, &sql, (after.0, limit), read_seed)
        }
    }
}

/// What the directory has to know, for a page of agents.
pub(super) fn listed(
    connection: &Connection,
    after: Option<AgentId>,
    limit: u32,
) -> rusqlite::Result<Vec<Listed>> {
    let sql = "SELECT id, handle, state, tick_every_ms, started_at, created_at, updated_at
               FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2";
    let after = after.map_or(Vec::new(), |after| after.0.as_bytes().to_vec());
    all(connection, sql, (after, limit), |row| {
        let mut columns = Columns::of(row);
        Ok(Listed {
            id: columns.id()?,
            handle: columns.take::<String>()?.into(),
            state: columns.named()?,
            autonomy: columns.take::<Option<u32>>()?.map(|every_ms| Autonomy { every_ms }),
            started_at: columns.at_or_null()?,
            created_at: columns.at()?,
            updated_at: columns.at()?,
        })
    })
}

const SEED: &str = "SELECT id, desired, started_at, tick_every_ms, overrides, failure,
        pause, reflected_at,
        EXISTS (SELECT 1 FROM letters INDEXED BY letters_waiting
                WHERE reader = agents.id AND status = 'waiting' AND NOT beside),
        EXISTS (SELECT 1 FROM letters INDEXED BY letters_waiting_beside
                WHERE reader = agents.id AND status = 'waiting' AND beside),
        EXISTS (SELECT 1 FROM runs INDEXED BY runs_parked
                WHERE agent = agents.id AND status = 'parked' AND NOT EXISTS
                    (SELECT 1 FROM approvals WHERE run = runs.id AND status = 'waiting')),
        EXISTS (SELECT 1 FROM memories INDEXED BY memories_by_time
                WHERE agent = agents.id AND created_at > coalesce(reflected_at, -9223372036854775808)),
        EXISTS (SELECT 1 FROM firings INDEXED BY firings_open
                WHERE firings.agent = agents.id AND status IN ('waiting', 'running')),
        EXISTS (SELECT 1 FROM goals INDEXED BY goals_open
                WHERE agent = agents.id AND status = 'open')
    FROM agents";

fn read_seed(row: &Row<'_>) -> rusqlite::Result<Seed> {
    let mut columns = Columns::of(row);
    Ok(Seed {
        id: columns.id()?,
        lifecycle: read_lifecycle(&mut columns)?,
        reflected_at: columns.at_or_null()?,
        has_letters: columns.take()?,
        has_tasks: columns.take()?,
        has_resumable: columns.take()?,
        has_news: columns.take()?,
        has_firings: columns.take()?,
        has_goals: columns.take()?,
    })
}

fn read_lifecycle(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Lifecycle> {
    Ok(Lifecycle {
        desired: columns.named()?,
        started_at: columns.at_or_null()?,
        autonomy: columns.take::<Option<u32>>()?.map(|every_ms| Autonomy { every_ms }),
        overrides: columns.json_or_null()?,
        failure: columns.take::<Option<String>>()?.map(String::into_boxed_str),
        pause: columns.json_or_null()?,
    })
}

/// One agent.
pub(super) fn agent(connection: &Connection, id: AgentId) -> rusqlite::Result<Option<AgentRecord>> {
    first(connection, &format!("{RECORD} WHERE id = ?1"), (id.0,), read_record)
}

/// The agent of a handle.
pub(super) fn by_handle(
    connection: &Connection,
    handle: &str,
) -> rusqlite::Result<Option<AgentRecord>> {
    first(connection, &format!("{RECORD} WHERE handle = ?1"), (handle,), read_record)
}

/// A page of agents.
pub(super) fn list(
    connection: &Connection,
    query: &AgentQuery,
) -> rusqlite::Result<Vec<AgentRecord>> {
    // The ids of the page first, from the index alone: what is passed over is not read.
    let (page, state) = match query.state {
        None => ("WHERE ?3 IS NULL ORDER BY (state <> 'running'), name, id", None),
        Some(state) => ("WHERE state = ?3 ORDER BY name, id", Some(state.name())),
    };
    let sql = format!(
        "{RECORD} WHERE id IN (SELECT id FROM agents {page} LIMIT ?1 OFFSET ?2)
         ORDER BY (state <> 'running'), name, id"
    );
    all(connection, &sql, (query.limit, query.offset, state), read_record)
}

const RECORD: &str = "SELECT id, handle, document, is_enabled, desired, started_at, tick_every_ms,
        overrides, failure, pause, created_at, updated_at
    FROM agents CROSS JOIN characters ON characters.agent = agents.id";

fn read_record(row: &Row<'_>) -> rusqlite::Result<AgentRecord> {
    let mut columns = Columns::of(row);
    Ok(AgentRecord {
        id: columns.id()?,
        handle: columns.take()?,
        character: columns.json()?,
        enabled: columns.take()?,
        lifecycle: read_lifecycle(&mut columns)?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}

/// How many there are, by state.
pub(super) fn census(connection: &Connection) -> rusqlite::Result<Census> {
    let sql = "SELECT state, count(*) FROM agents GROUP BY state";
    let mut census = Census::default();
    for (state, count) in all(connection, sql, [], |row| {
        let mut columns = Columns::of(row);
        Ok((columns.named::<State>()?, columns.take::<i64>()?))
    })? {
        let count = unsigned(count);
        match state {
            State::Running => census.running = count,
            State::Paused => census.paused = count,
            State::Stopped => census.stopped = count,
            State::Failed => census.failed = count,
            // Never durable.
            State::Starting | State::Stopping => {}
        }
    }
    Ok(census)
}
