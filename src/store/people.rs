//! Entities, and what is known of them: components and relationships.

use greenroom_actors::ids::{AgentId, ComponentId, EntityId, RelationshipId};
use greenroom_actors::records::{Component, Entity, Relationship};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, all, first, json, run};
use super::filter::Filter;
use super::places::Upsert;

/// Writes an entity.
pub(super) fn set_entity(
    connection: &Connection,
    entity: &Entity,
    upsert: Upsert,
) -> rusqlite::Result<u64> {
    let clause = upsert.clause(
        "names = excluded.names, metadata = excluded.metadata, created_at = excluded.created_at",
    );
    let sql = format!(
        "INSERT INTO entities (agent, id, names, metadata, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5) {clause}"
    );
    let Entity { id, agent_id, names, metadata, created_at } = entity;
    run(connection, &sql, (agent_id.0, id.0, json(names)?, json(metadata)?, created_at.0))
}

/// Removes an entity, its components and its relationships.
pub(super) fn remove_entity(
    connection: &Connection,
    agent: AgentId,
    entity: EntityId,
) -> rusqlite::Result<u64> {
    let key = (agent.0, entity.0);
    run(connection, "DELETE FROM components WHERE agent = ?1 AND entity = ?2", key)?;
    let sql = "DELETE FROM relationships
               WHERE agent = ?1 AND (source_entity = ?2 OR target_entity = ?2)";
    run(connection, sql, key)?;
    run(connection, "DELETE FROM entities WHERE agent = ?1 AND id = ?2", key)
}

/// Writes a component.
pub(super) fn set_component(
    connection: &Connection,
    component: &Component,
) -> rusqlite::Result<u64> {
    let clause = Upsert::Set.clause(
        "entity = excluded.entity, room = excluded.room, world = excluded.world,
         source_entity = excluded.source_entity, kind = excluded.kind, data = excluded.data,
         created_at = excluded.created_at",
    );
    let sql = format!(
        "INSERT INTO components (agent, id, entity, room, world, source_entity, kind, data,
             created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) {clause}"
    );
    run(
        connection,
        &sql,
        params![
            component.agent_id.0,
            component.id.0,
            component.entity_id.0,
            component.room_id.0,
            component.world_id.map(|id| id.0),
            component.source_entity_id.map(|id| id.0),
            component.kind,
            json(&component.data)?,
            component.created_at.0,
        ],
    )
}

/// Removes a component.
pub(super) fn remove_component(
    connection: &Connection,
    agent: AgentId,
    id: ComponentId,
) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM components WHERE agent = ?1 AND id = ?2", (agent.0, id.0))
}

/// Writes a relationship.
pub(super) fn set_relationship(
    connection: &Connection,
    relationship: &Relationship,
) -> rusqlite::Result<u64> {
    let clause = Upsert::Set.clause(
        "source_entity = excluded.source_entity, target_entity = excluded.target_entity,
         tags = excluded.tags, metadata = excluded.metadata, created_at = excluded.created_at",
    );
    let sql = format!(
        "INSERT INTO relationships (agent, id, source_entity, target_entity, tags, metadata,
             created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) {clause}"
    );
    run(
        connection,
        &sql,
        (
            relationship.agent_id.0,
            relationship.id.0,
            relationship.source_entity_id.0,
            relationship.target_entity_id.0,
            json(&relationship.tags)?,
            json(&relationship.metadata)?,
            relationship.created_at.0,
        ),
    )
}

/// Removes a relationship.
pub(super) fn remove_relationship(
    connection: &Connection,
    agent: AgentId,
    id: RelationshipId,
) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM relationships WHERE agent = ?1 AND id = ?2", (agent.0, id.0))
}

/// One entity.
pub(super) fn entity(
    connection: &Connection,
    agent: AgentId,
    id: EntityId,
) -> rusqlite::Result<Option<Entity>> {
    let sql = format!("{ENTITY} WHERE agent = ?1 AND id = ?2");
    first(connection, &sql, (agent.0, id.0), read_entity)
}

/// An agent's entities, oldest first.
pub(super) fn entities(connection: &Connection, agent: AgentId) -> rusqlite::Result<Vec<Entity>> {
    let sql = format!("{ENTITY} WHERE agent = ?1 ORDER BY created_at, id");
    all(connection, &sql, (agent.0,), read_entity)
}

/// An agent's components, oldest first.
pub(super) fn components(
    connection: &Connection,
    agent: AgentId,
    entity: Option<EntityId>,
) -> rusqlite::Result<Vec<Component>> {
    Filter::new("agent = ?", agent.0)
        .and("entity = ?", entity.map(|id| id.0))
        .oldest_first("created_at")
        .all(connection, COMPONENT, read_component)
}

/// An agent's relationships, oldest first.
pub(super) fn relationships(
    connection: &Connection,
    agent: AgentId,
) -> rusqlite::Result<Vec<Relationship>> {
    let sql = format!("{RELATIONSHIP} WHERE agent = ?1 ORDER BY created_at, id");
    all(connection, &sql, (agent.0,), read_relationship)
}

/// The columns of a relationship, in the order of [`read_relationship`].
pub(super) const RELATIONSHIP: &str = "SELECT agent, id, source_entity, target_entity, tags,
        metadata, created_at
    FROM relationships";

/// A row of [`RELATIONSHIP`].
pub(super) fn read_relationship(row: &Row<'_>) -> rusqlite::Result<Relationship> {
    let mut columns = Columns::of(row);
    Ok(Relationship {
        agent_id: columns.id()?,
        id: columns.id()?,
        source_entity_id: columns.id()?,
        target_entity_id: columns.id()?,
        tags: columns.json()?,
        metadata: columns.json()?,
        created_at: columns.at()?,
    })
}

/// The columns of an entity, in the order of [`read_entity`].
pub(super) const ENTITY: &str = "SELECT agent, id, names, metadata, created_at FROM entities";

/// A row of [`ENTITY`].
pub(super) fn read_entity(row: &Row<'_>) -> rusqlite::Result<Entity> {
    let mut columns = Columns::of(row);
    Ok(Entity {
        agent_id: columns.id()?,
        id: columns.id()?,
        names: columns.json()?,
        metadata: columns.json()?,
        created_at: columns.at()?,
    })
}

/// The columns of a component, in the order of [`read_component`].
pub(super) const COMPONENT: &str =
    "SELECT agent, id, entity, room, world, source_entity, kind, data,
        created_at
    FROM components";

/// A row of [`COMPONENT`].
pub(super) fn read_component(row: &Row<'_>) -> rusqlite::Result<Component> {
    let mut columns = Columns::of(row);
    Ok(Component {
        agent_id: columns.id()?,
        id: columns.id()?,
        entity_id: columns.id()?,
        room_id: columns.id()?,
        world_id: columns.id_or_null()?,
        source_entity_id: columns.id_or_null()?,
        kind: columns.take()?,
        data: columns.json()?,
        created_at: columns.at()?,
    })
}
