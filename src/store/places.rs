//! Rooms, worlds, and who takes part.

use greenroom_actors::ids::{AgentId, EntityId, RoomId, WorldId};
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::{WorldQuery, WorldsOf};
use greenroom_actors::records::{Participant, Room, World};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, json_or_null, run};
use super::filter::Filter;
use super::imports::IS_WHOLE;

/// Whether what is there already is replaced or kept.
#[derive(Clone, Copy)]
pub(super) enum Upsert {
    /// Replaced.
    Set,
    /// Kept.
    Met,
}

impl Upsert {
    /// The end of an insertion into a table whose key is agent and id.
    pub(super) fn clause(self, set: &str) -> String {
        self.clause_on("agent, id", set)
    }

    /// The same for a table of another key.
    pub(super) fn clause_on(self, key: &str, set: &str) -> String {
        match self {
            Self::Set => format!("ON CONFLICT ({key}) DO UPDATE SET {set}"),
            Self::Met => format!("ON CONFLICT ({key}) DO NOTHING"),
        }
    }
}

/// Writes a room.
pub(super) fn set_room(
    connection: &Connection,
    room: &Room,
    upsert: Upsert,
) -> rusqlite::Result<u64> {
    let clause = upsert.clause(
        "name = excluded.name, channel = excluded.channel,
         message_server = excluded.message_server, world = excluded.world,
         kind = excluded.kind, source = excluded.source, metadata = excluded.metadata,
         created_at = excluded.created_at",
    );
    let sql = format!(
        "INSERT INTO rooms (agent, id, name, channel, message_server, world, kind, source,
             metadata, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) {clause}"
    );
    run(
        connection,
        &sql,
        params![
            room.agent_id.0,
            room.id.0,
            room.name,
            room.channel_id,
            room.message_server_id,
            room.world_id.map(|id| id.0),
            room.kind,
            room.source,
            json_or_null(room.metadata.as_ref())?,
            room.created_at.0,
        ],
    )
}

/// Removes a room and its participants; its memories are their table's to remove.
pub(super) fn remove_room(
    connection: &Connection,
    agent: AgentId,
    room: RoomId,
) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM participants WHERE agent = ?1 AND room = ?2";
    run(connection, sql, (agent.0, room.0))?;
    run(connection, "DELETE FROM rooms WHERE agent = ?1 AND id = ?2", (agent.0, room.0))
}

/// Writes a world.
pub(super) fn set_world(
    connection: &Connection,
    world: &World,
    upsert: Upsert,
) -> rusqlite::Result<u64> {
    let clause = upsert.clause(
        "name = excluded.name, message_server = excluded.message_server,
         metadata = excluded.metadata, created_at = excluded.created_at",
    );
    let sql = format!(
        "INSERT INTO worlds (agent, id, name, message_server, metadata, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) {clause}"
    );
    run(
        connection,
        &sql,
        (
            world.agent_id.0,
            world.id.0,
            &world.name,
            world.message_server_id,
            json_or_null(world.metadata.as_ref())?,
            world.created_at.0,
        ),
    )
}

/// Removes a world; its rooms stay.
pub(super) fn remove_world(
    connection: &Connection,
    agent: AgentId,
    world: WorldId,
) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM worlds WHERE agent = ?1 AND id = ?2", (agent.0, world.0))
}

/// Writes that an entity takes part; who took part already does so since then.
pub(super) fn join(connection: &Connection, participant: &Participant) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO participants (agent, room, entity, state, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (agent, room, entity) DO UPDATE SET state = excluded.state";
    let Participant { agent_id, room_id, entity_id, state, created_at } = participant;
    run(connection, sql, (agent_id.0, room_id.0, entity_id.0, state, created_at.0))
}

/// Writes that an entity no longer takes part.
pub(super) fn leave(
    connection: &Connection,
    agent: AgentId,
    room: RoomId,
    entity: EntityId,
) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM participants WHERE agent = ?1 AND room = ?2 AND entity = ?3";
    run(connection, sql, (agent.0, room.0, entity.0))
}

/// One room.
pub(super) fn room(
    connection: &Connection,
    agent: AgentId,
    id: RoomId,
) -> rusqlite::Result<Option<Room>> {
    let sql = format!("{ROOM} WHERE agent = ?1 AND id = ?2");
    first(connection, &sql, (agent.0, id.0), read_room)
}

/// The rooms that the agent takes part in, oldest first.
pub(super) fn rooms(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<Room>> {
    let sql = format!(
        "{ROOM} WHERE agent = ?1
             AND id IN (SELECT room FROM participants WHERE agent = ?1 AND entity = ?1)
         ORDER BY created_at, id"
    );
    all(connection, &sql, (agent.0,), read_room)
}

/// The rooms of a world, oldest first.
pub(super) fn rooms_of_world(
    connection: &Connection,
    world: WorldId,
    agent: Option<AgentId>,
) -> rusqlite::Result<Vec<Room>> {
    match agent {
        None => {
            let sql =
                format!("{ROOM} WHERE world = ?1 AND {IS_WHOLE} ORDER BY created_at, id, agent");
            all(connection, &sql, (world.0,), read_room)
        }
        Some(agent) => {
            let sql = format!("{ROOM} WHERE world = ?1 AND agent = ?2 ORDER BY created_at, id");
            all(connection, &sql, (world.0, agent.0), read_room)
        }
    }
}

/// Who takes part in a room, longest first.
pub(super) fn participants(
    connection: &Connection,
    agent: AgentId,
    room: RoomId,
) -> rusqlite::Result<Vec<Participant>> {
    let sql = format!("{PARTICIPANT} WHERE agent = ?1 AND room = ?2 ORDER BY created_at, entity");
    all(connection, &sql, (agent.0, room.0), read_participant)
}

/// The columns of a participant, in the order of [`read_participant`].
pub(super) const PARTICIPANT: &str =
    "SELECT agent, room, entity, state, created_at FROM participants";

/// A row of [`PARTICIPANT`].
pub(super) fn read_participant(row: &Row<'_>) -> rusqlite::Result<Participant> {
    let mut columns = Columns::of(row);
    Ok(Participant {
        agent_id: columns.id()?,
        room_id: columns.id()?,
        entity_id: columns.id()?,
        state: columns.take()?,
        created_at: columns.at()?,
    })
}

/// One world.
pub(super) fn world(
    connection: &Connection,
    agent: AgentId,
    id: WorldId,
) -> rusqlite::Result<Option<World>> {
    let sql = format!("{WORLD} WHERE agent = ?1 AND id = ?2");
    first(connection, &sql, (agent.0, id.0), read_world)
}

/// Worlds, oldest first.
pub(super) fn worlds(connection: &Connection, query: WorldQuery) -> rusqlite::Result<Vec<World>> {
    let filter = match query.of {
        WorldsOf::Agent(agent) => Filter::new("agent = ?", agent.0),
        WorldsOf::Running => {
            let running = "agent IN (SELECT id FROM agents WHERE state = ?)";
            Filter::new(running, State::Running.name())
        }
        WorldsOf::All => Filter::none().and_if(true, IS_WHOLE),
    };
    filter
        .and("id = ?", query.id.map(|id| id.0))
        .oldest_first("created_at")
        .page(query.limit, query.offset)
        .all(connection, WORLD, read_world)
}

/// The columns of a room, in the order of [`read_room`].
pub(super) const ROOM: &str =
    "SELECT agent, id, name, channel, message_server, world, kind, source, metadata,
        created_at
    FROM rooms";

/// A row of [`ROOM`].
pub(super) fn read_room(row: &Row<'_>) -> rusqlite::Result<Room> {
    let mut columns = Columns::of(row);
    Ok(Room {
        agent_id: columns.id()?,
        id: columns.id()?,
        name: columns.take()?,
        channel_id: columns.take()?,
        message_server_id: columns.take()?,
        world_id: columns.id_or_null()?,
        kind: columns.take()?,
        source: columns.take()?,
        metadata: columns.json_or_null()?,
        created_at: columns.at()?,
    })
}

/// The columns of a world, in the order of [`read_world`].
pub(super) const WORLD: &str =
    "SELECT agent, id, name, message_server, metadata, created_at FROM worlds";

/// A row of [`WORLD`].
pub(super) fn read_world(row: &Row<'_>) -> rusqlite::Result<World> {
    let mut columns = Columns::of(row);
    Ok(World {
        agent_id: columns.id()?,
        id: columns.id()?,
        name: columns.take()?,
        message_server_id: columns.take()?,
        metadata: columns.json_or_null()?,
        created_at: columns.at()?,
    })
}
