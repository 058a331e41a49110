//! Memories and their embeddings.

use greenroom_actors::ids::{AgentId, MemoryId, RoomId};
use greenroom_actors::ports::MemoryQuery;
use greenroom_actors::records::{Embedding, Memory};
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};

use super::columns::{Columns, all, first, json, run};
use super::filter::{AMONG_ROOMS, Filter, listed};
use super::imports::IS_WHOLE;
use super::sqlite::Writing;
use super::vector;

/// Writes a memory, or replaces the one of its id as a whole.
pub(super) fn remember(writing: &mut Writing<'_>, memory: &Memory) -> rusqlite::Result<u64> {
    let connection = writing.connection;
    let sql = "INSERT INTO memories (agent, id, kind, room, world, entity, content, metadata,
                   is_unique, created_at, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
               ON CONFLICT (agent, id) DO NOTHING";
    if write(connection, sql, memory)? == 1 {
        let number = connection.last_insert_rowid();
        if !memory.text().is_empty() {
            queue(connection, number, memory.created_at)?;
        }
        writing.words.remembered(number, memory);
        return Ok(1);
    }
    replace(writing, memory)
}

fn replace(writing: &mut Writing<'_>, memory: &Memory) -> rusqlite::Result<u64> {
    let connection = writing.connection;
    let sql = "SELECT number, created_at, content FROM memories WHERE agent = ?1 AND id = ?2";
    let old = first(connection, sql, (memory.agent_id.0, memory.id.0), |row| {
        let mut columns = Columns::of(row);
        let number: i64 = columns.take()?;
        Ok((number, columns.at()?, columns.json::<Map<String, Value>>()?))
    })?;
    let Some((number, created_at, content)) = old else { return Ok(0) };
    let text = content.get("text").and_then(Value::as_str).unwrap_or_default();
    let says_the_same = text == memory.text();

    let sql = "UPDATE memories SET kind = ?3, room = ?4, world = ?5, entity = ?6, content = ?7,
                   metadata = ?8, is_unique = ?9, created_at = ?10, updated_at = ?11
               WHERE agent = ?1 AND id = ?2";
    write(connection, sql, memory)?;
    unqueue(connection, number, created_at)?;
    if says_the_same {
        let sql = "UPDATE embeddings SET created_at = ?2 WHERE memory = ?1";
        let is_embedded = run(connection, sql, (number, memory.created_at.0))? > 0;
        if !is_embedded && !text.is_empty() {
            queue(connection, number, memory.created_at)?;
        }
        return Ok(1);
    }
    run(connection, "DELETE FROM embeddings WHERE memory = ?1", (number,))?;
    if !memory.text().is_empty() {
        queue(connection, number, memory.created_at)?;
    }
    writing.words.reworded(number, memory);
    Ok(1)
}

fn write(connection: &Connection, sql: &str, memory: &Memory) -> rusqlite::Result<u64> {
    run(
        connection,
        sql,
        params![
            memory.agent_id.0,
            memory.id.0,
            memory.kind,
            memory.room_id.0,
            memory.world_id.map(|id| id.0),
            memory.entity_id.0,
            json(&memory.content)?,
            json(&memory.metadata)?,
            memory.unique,
            memory.created_at.0,
            memory.updated_at.0,
        ],
    )
}

/// Gives a memory its embedding.
pub(super) fn embed(
    connection: &Connection,
    agent: AgentId,
    id: MemoryId,
    embedding: &Embedding,
) -> rusqlite::Result<u64> {
    let sql = "SELECT number, created_at FROM memories WHERE agent = ?1 AND id = ?2";
    let found = first(connection, sql, (agent.0, id.0), |row| {
        let mut columns = Columns::of(row);
        Ok((columns.take::<i64>()?, columns.at()?))
    })?;
    let Some((number, created_at)) = found else { return Ok(0) };
    unqueue(connection, number, created_at)?;
    let sql = "INSERT INTO embeddings (memory, agent, embedder, created_at, vector)
               VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (memory) DO UPDATE
               SET embedder = excluded.embedder, vector = excluded.vector";
    let vector = vector::bytes(&embedding.vector);
    run(connection, sql, (number, agent.0, &embedding.embedder, created_at.0, vector))
}

/// Forgets one memory.
pub(super) fn forget(
    writing: &mut Writing<'_>,
    agent: AgentId,
    id: MemoryId,
) -> rusqlite::Result<u64> {
    forget_where(writing, Filter::new("agent = ?", agent.0).and("id = ?", Some(id.0)))
}

/// Forgets an agent's memories of one kind, of one room, or all.
pub(super) fn forget_all(
    writing: &mut Writing<'_>,
    agent: AgentId,
    kind: Option<&str>,
    room: Option<RoomId>,
) -> rusqlite::Result<u64> {
    let filter = Filter::new("agent = ?", agent.0)
        .and("room = ?", room.map(|id| id.0))
        .and("kind = ?", kind);
    forget_where(writing, filter)
}

/// Forgets up to `limit` memories of an agent.
pub(super) fn forget_some(
    writing: &mut Writing<'_>,
    agent: AgentId,
    limit: u32,
) -> rusqlite::Result<u64> {
    forget_where(writing, Filter::new("agent = ?", agent.0).page(limit, 0))
}

fn forget_where(writing: &mut Writing<'_>, filter: Filter) -> rusqlite::Result<u64> {
    let connection = writing.connection;
    let select = "SELECT number, created_at FROM memories";
    let doomed = filter.all(connection, select, |row| {
        let mut columns = Columns::of(row);
        Ok((columns.take::<i64>()?, columns.at()?))
    })?;
    let mut forgotten = 0;
    for (number, created_at) in doomed {
        unqueue(connection, number, created_at)?;
        run(connection, "DELETE FROM embeddings WHERE memory = ?1", (number,))?;
        forgotten += run(connection, "DELETE FROM memories WHERE number = ?1", (number,))?;
        writing.words.forgotten(number);
    }
    Ok(forgotten)
}

fn queue(connection: &Connection, number: i64, created_at: UnixMillis) -> rusqlite::Result<()> {
    let sql = "INSERT INTO unembedded (created_at, memory) VALUES (?1, ?2)";
    run(connection, sql, (created_at.0, number)).map(drop)
}

fn unqueue(connection: &Connection, number: i64, created_at: UnixMillis) -> rusqlite::Result<()> {
    let sql = "DELETE FROM unembedded WHERE created_at = ?1 AND memory = ?2";
    run(connection, sql, (created_at.0, number)).map(drop)
}

/// One memory.
pub(super) fn memory(
    connection: &Connection,
    agent: AgentId,
    id: MemoryId,
) -> rusqlite::Result<Option<Memory>> {
    first(connection, &format!("{MEMORY} WHERE agent = ?1 AND id = ?2"), (agent.0, id.0), read)
}

/// An agent's memories, newest first.
pub(super) fn list(connection: &Connection, query: &MemoryQuery) -> rusqlite::Result<Vec<Memory>> {
    filter(query)
        .newest_first("created_at", query.limit, query.offset)
        .all(connection, MEMORY, read)
}

/// How many match.
pub(super) fn count(connection: &Connection, query: &MemoryQuery) -> rusqlite::Result<u64> {
    filter(query).count(connection, "memories")
}

fn filter(query: &MemoryQuery) -> Filter {
    Filter::new("agent = ?", query.agent_id.0)
        .and("room = ?", query.room_id.map(|id| id.0))
        .and(AMONG_ROOMS, query.rooms.as_deref().map(listed).as_deref())
        .and("kind = ?", query.kind.as_deref())
        .and("entity = ?", query.entity_id.map(|id| id.0))
        .and("created_at < ?", query.before.map(|at| at.0))
        .and("created_at > ?", query.after.map(|at| at.0))
}

/// The embeddings of those memories that have one.
pub(super) fn embeddings(
    connection: &Connection,
    agent: AgentId,
    ids: &[MemoryId],
) -> rusqlite::Result<Vec<(MemoryId, Embedding)>> {
    let sql = "SELECT embedder, vector FROM embeddings WHERE memory =
                   (SELECT number FROM memories WHERE agent = ?1 AND id = ?2)";
    let mut found = Vec::new();
    for id in ids {
        let embedding = first(connection, sql, (agent.0, id.0), |row| {
            let vector = vector::floats(row.get_ref(1)?.as_blob()?);
            Ok(Embedding { embedder: row.get(0)?, vector })
        })?;
        found.extend(embedding.map(|embedding| (*id, embedding)));
    }
    Ok(found)
}

/// Memories with a text and without an embedding by `embedder`, oldest first.
pub(super) fn unembedded(
    connection: &Connection,
    embedder: &str,
    limit: u32,
) -> rusqlite::Result<Vec<Memory>> {
    let sql = format!(
        "{MEMORY} WHERE number IN
             (SELECT memory FROM unembedded WHERE {IS_OF_A_WHOLE_AGENT}
              ORDER BY created_at, memory LIMIT ?1)"
    );
    let mut found = all(connection, &sql, (limit,), read)?;
    for other in embedders(connection)? {
        if other != embedder {
            let sql = format!(
                "{MEMORY} WHERE number IN (SELECT memory FROM embeddings
                                           WHERE embedder = ?1 AND {IS_WHOLE}
                                           ORDER BY created_at, memory LIMIT ?2)"
            );
            found.extend(all(connection, &sql, (other, limit), read)?);
        }
    }
    found.sort_by_key(|memory| (memory.created_at, memory.id));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// That a memory that waits for its embedding is of no agent on its way in. Mostly there is none, and
/// then no memory is looked at.
const IS_OF_A_WHOLE_AGENT: &str = "(NOT EXISTS (SELECT 1 FROM imports)
    OR (SELECT agent FROM memories WHERE number = unembedded.memory)
        NOT IN (SELECT agent FROM imports))";

/// The names of all embedders, by one look into the index for each.
fn embedders(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT min(embedder) FROM embeddings WHERE embedder > ?1";
    let mut names: Vec<String> = Vec::new();
    loop {
        let last = names.last().map_or("", String::as_str);
        let next = first(connection, sql, (last,), |row| row.get::<_, Option<String>>(0))?;
        match next.flatten() {
            None => return Ok(names),
            Some(name) => names.push(name),
        }
    }
}

/// The columns of a memory, in the order of [`read`].
pub(super) const MEMORY: &str = "SELECT id, agent, kind, room, world, entity, content, metadata,
        is_unique, created_at, updated_at
    FROM memories";

/// A row of [`MEMORY`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Memory> {
    let mut columns = Columns::of(row);
    Ok(Memory {
        id: columns.id()?,
        agent_id: columns.id()?,
        kind: columns.take()?,
        room_id: columns.id()?,
        world_id: columns.id_or_null()?,
        entity_id: columns.id()?,
        content: columns.json()?,
        metadata: columns.json()?,
        unique: columns.take()?,
        created_at: columns.at()?,
        updated_at: columns.at()?,
    })
}
