//! Worlds: groups of rooms, as agents see them.

use actix_web::http::StatusCode;
use greenroom_actors::agent::{AmendWorld, Keep};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, WorldId};
use greenroom_actors::ports::{WorldQuery, WorldsOf};
use greenroom_actors::records::World;
use serde_json::{Map, Value, json};

use super::call::{Call, Page};
use super::error::ElizaError;
use super::input::Body;
use super::refusal;
use super::wire::{Answer, WorldView, created, json, ok};

/// `GET /api/agents/worlds`: the worlds of all agents that run.
pub(super) async fn list_all(call: Call) -> Answer {
    if call.store().census().await?.running == 0 {
        return Err((&refusal::NO_ACTIVE_AGENTS).into());
    }
    page(&call, WorldsOf::Running).await
}

/// `GET /api/agents/:agentId/worlds`.
pub(super) async fn list(call: Call) -> Answer {
    let id = call.agent()?;
    call.running(id).await?;
    page(&call, WorldsOf::Agent(id)).await
}

async fn page(call: &Call, of: WorldsOf) -> Answer {
    let Page { offset, limit } = call.page(&call.query(), u32::MAX);
    let worlds = call.store().worlds(WorldQuery { of, id: None, offset, limit }).await?;
    let views: Vec<_> = worlds.iter().map(WorldView::of).collect();
    ok(json!({"worlds": views}))
}

/// `GET /api/agents/:agentId/worlds/:worldId`.
pub(super) async fn get(call: Call) -> Answer {
    let (id, world) = call.ids("world", &refusal::AGENT_OR_WORLD_ID)?;
    call.running(id).await?;
    let found = call.store().world(id, world).await?;
    let world = found.ok_or(ElizaError::Refused(&refusal::WORLD_NOT_FOUND))?;
    ok(spread(&world))
}

/// `POST /api/agents/:agentId/worlds`: makes a world, or attaches the agent to one that is named by
/// its id.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let id = call.agent()?;
    let mut fields = body.fields()?;
    let name = fields.words("name")?;
    let world_id: Option<WorldId> = fields.id("worldId")?;
    let server = fields.id::<WorldId>("messageServerId")?;
    let metadata = fields.object("metadata")?;
    call.running(id).await?;
    let Some(name) = name else {
        let known = world_id.ok_or(ElizaError::Refused(&refusal::WORLD_NAME))?;
        return attach(&call, id, known).await;
    };
    let world = World {
        // Not made of the time, as elizaOS does it: two worlds of one millisecond would be one.
        id: call.id_of_new("world"),
        agent_id: id,
        name,
        message_server_id: server.map(|server| server.0),
        metadata: Some(metadata.unwrap_or_default()),
        created_at: call.now(),
    };
    // A new one is not there yet, unless it was made under the same key.
    let facts = vec![Fact::WorldMet(Box::new(world.clone()))];
    call.registry().ask(id, Keep { facts, while_running: true }).await?;
    created(json!({"world": WorldView::of(&world)}))
}

/// Lets the agent know a world that it, or another agent, knows already.
async fn attach(call: &Call, id: AgentId, known: WorldId) -> Answer {
    let world = match call.store().world(id, known).await? {
        Some(world) => world,
        None => {
            let query = WorldQuery { id: Some(known), ..WorldQuery::of(WorldsOf::All, 1) };
            let found = call.store().worlds(query).await?.into_iter().next();
            let world = found.ok_or(ElizaError::Refused(&refusal::WORLD_NOT_FOUND))?;
            let world = World { agent_id: id, created_at: call.now(), ..world };
            let facts = vec![Fact::WorldMet(Box::new(world.clone()))];
            call.registry().ask(id, Keep { facts, while_running: true }).await?;
            world
        }
    };
    ok(json!({"success": true, "world": WorldView::of(&world)}))
}

/// `PATCH /api/agents/:agentId/worlds/:worldId`.
pub(super) async fn patch(call: Call, body: Body) -> Answer {
    let (id, world_id) = call.ids("world", &refusal::AGENT_OR_WORLD_ID)?;
    let mut fields = body.fields()?;
    let name = fields.words("name")?;
    let metadata = fields.object("metadata")?.unwrap_or_default();
    let settings = fields.object("settings")?;
    let amend =
        AmendWorld { id: world_id, name, metadata, settings: settings.clone().unwrap_or_default() };
    let world = call.registry().ask(id, amend).await?;
    let mut more = Map::new();
    if let Some(settings) = settings {
        more.insert("worldId".to_owned(), json!(world_id));
        more.insert("settings".to_owned(), Value::Object(settings));
    }
    more.insert("world".to_owned(), json!(WorldView::of(&world)));
    json(StatusCode::OK, &json!({"success": true, "data": more}))
}

/// A world beside its own fields.
fn spread(world: &World) -> Map<String, Value> {
    let mut more = Map::new();
    let view = json!(WorldView::of(world));
    if let Value::Object(fields) = &view {
        more.extend(fields.clone());
    }
    more.insert("world".to_owned(), view);
    more
}
