//! Groups: one room for several agents, in a world that they share.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{self, AgentId, RoomId, WorldId};
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::AgentQuery;
use greenroom_actors::records::{Room, World};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::{Doing, ElizaError};
use super::input::{self, Body, Fields};
use super::refusal;
use super::rooms::followed;
use super::said::Dialect;
use super::wire::{Answer, created, json, nothing, ok};

/// Agents of one group at most: each is asked in turn.
const MEMBERS_MAX: u32 = 1_000;

/// A group to be made.
struct Group {
    server: WorldId,
    world: WorldId,
    name: String,
    source: String,
    metadata: Option<Map<String, Value>>,
}

/// The room of one member.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberRoom {
    id: RoomId,
    name: String,
    source: String,
    world_id: WorldId,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Why one member has no room.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotJoined {
    agent_id: AgentId,
    code: &'static str,
    message: &'static str,
    details: String,
}

/// `POST /api/memory/groups/:messageServerId`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let server: WorldId = call.id("server", &refusal::GROUP_ID)?;
    let mut fields = body.fields()?;
    let listed = fields.list("agentIds")?;
    let is_described = fields.has("name") || fields.has("messageServerId");
    let group = Group::read(server, &mut fields)?;
    // The client library names no agents, and means those that run.
    let is_for_all = listed.is_none() && is_described;
    let members = match listed {
        Some(listed) => members_of(&listed)?,
        None if is_described => running(&call).await?,
        None => Vec::new(),
    };
    if members.is_empty() {
        return Err((&refusal::AGENT_IDS).into());
    }
    let mut rooms = Vec::new();
    let mut errors = Vec::new();
    for agent in members {
        match group.join(&call, agent).await {
            Ok(room) => rooms.push(room),
            Err(error) => errors.push(NotJoined::new(agent, &error)),
        }
    }
    if rooms.is_empty() {
        return Err(ElizaError::NobodyJoined(errors));
    }
    if !errors.is_empty() {
        let body = json!({"success": false, "data": rooms, "errors": errors});
        return json(StatusCode::MULTI_STATUS, &body);
    }
    if is_for_all {
        created(json!({"worldId": group.world, "rooms": rooms}))
    } else {
        created(rooms)
    }
}

fn members_of(listed: &[Value]) -> Result<Vec<AgentId>, ElizaError> {
    if listed.len() > usize::try_from(MEMBERS_MAX).unwrap_or(usize::MAX) {
        return Err(ElizaError::field("agentIds", format_args!("at most {MEMBERS_MAX} agents")));
    }
    listed
        .iter()
        .enumerate()
        .map(|(index, listed)| {
            let name = format!("agentIds.{index}");
            let text = listed.as_str().ok_or_else(|| input::wrong(&name, "a string", listed))?;
            input::id(&name, text)
        })
        .collect()
}

async fn running(call: &Call) -> Result<Vec<AgentId>, ElizaError> {
    let query = AgentQuery { state: Some(State::Running), offset: 0, limit: MEMBERS_MAX + 1 };
    let agents = call.store().agents(query).await?;
    if agents.len() > usize::try_from(MEMBERS_MAX).unwrap_or(usize::MAX) {
        let reason = format_args!("more than {MEMBERS_MAX} agents run: name those of the group");
        return Err(ElizaError::field("agentIds", reason));
    }
    Ok(agents.into_iter().map(|record| record.id).collect())
}

impl Group {
    fn read(server: WorldId, fields: &mut Fields) -> Result<Self, ElizaError> {
        let start: String = server.to_string().chars().take(8).collect();
        Ok(Self {
            server,
            world: fields.id("worldId")?.unwrap_or(server),
            name: fields.words("name")?.unwrap_or_else(|| format!("Group {start}")),
            source: fields.words("source")?.unwrap_or_else(|| "client".to_owned()),
            metadata: fields.object("metadata")?,
        })
    }

    /// Gives an agent that runs its room of the group.
    async fn join(&self, call: &Call, agent: AgentId) -> Result<MemberRoom, ElizaError> {
        let now = call.now();
        let id = RoomId(ids::seen_by(agent, &self.server.to_string()));
        let world = World {
            id: self.world,
            agent_id: agent,
            name: self.name.clone(),
            message_server_id: Some(self.server.0),
            metadata: self.metadata.clone(),
            created_at: now,
        };
        let room = Room {
            id,
            agent_id: agent,
            name: self.name.clone(),
            channel_id: Some(id.to_string()),
            message_server_id: Some(self.server.0),
            world_id: Some(self.world),
            kind: "API".to_owned(),
            source: self.source.clone(),
            metadata: self.metadata.clone(),
            created_at: now,
        };
        let joined = followed(agent, &room);
        let facts = vec![Fact::WorldMet(Box::new(world)), Fact::RoomSet(Box::new(room)), joined];
        call.registry().ask(agent, Keep { facts, while_running: true }).await?;
        Ok(MemberRoom {
            id,
            name: self.name.clone(),
            source: self.source.clone(),
            world_id: self.world,
            kind: "API",
        })
    }
}

impl NotJoined {
    fn new(agent_id: AgentId, error: &ElizaError) -> Self {
        let details = match error.words(Dialect::Api) {
            words if words == refusal::AGENT_NOT_FOUND.message => format!("{words}: {agent_id}"),
            words => words,
        };
        Self { agent_id, code: "CREATE_ERROR", message: "Failed to Create group", details }
    }
}

/// `DELETE /api/memory/groups/:messageServerId`: the rooms of that world, of every agent.
pub(super) async fn remove(call: Call) -> Answer {
    of_each_room(&call, |agent_id, room_id| Fact::RoomRemoved { agent_id, room_id }).await?;
    nothing()
}

/// `DELETE /api/memory/groups/:messageServerId/memories`: what was said in those rooms.
pub(super) async fn clear(call: Call) -> Answer {
    let forgotten = of_each_room(&call, |agent_id, room_id| Fact::ForgotAll {
        agent_id,
        kind: None,
        room_id: Some(room_id),
    });
    ok(json!({"success": true, "deleted": forgotten.await?}))
}

/// Lets each room's agent keep a fact about it; answers with how much that changed.
async fn of_each_room(call: &Call, fact: fn(AgentId, RoomId) -> Fact) -> Result<u64, ElizaError> {
    let world: WorldId = call.id("server", &refusal::GROUP_ID)?;
    let rooms = call.store().rooms_of_world(world, None).await.doing(&refusal::GROUP_DELETE)?;
    let mut facts: BTreeMap<AgentId, Vec<Fact>> = BTreeMap::new();
    for room in rooms {
        facts.entry(room.agent_id).or_default().push(fact(room.agent_id, room.id));
    }
    let mut affected = 0;
    for (agent, facts) in facts {
        let kept = call.registry().ask(agent, Keep { facts, while_running: false }).await;
        affected += kept.doing(&refusal::GROUP_DELETE)?.affected.iter().sum::<u64>();
    }
    Ok(affected)
}
