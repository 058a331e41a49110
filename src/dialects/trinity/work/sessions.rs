//! Chat sessions: rooms of an agent, each of one user. The latest of a user is the active one.

use std::collections::{HashMap, HashSet};

use actix_web::web::Json;
use actix_web::{get, post};
use greenroom_actors::documents::Document;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, MemoryId, RoomId, derived, seen_by};
use greenroom_actors::ports::{Dealt, LetterQuery, MemoryQuery};
use greenroom_actors::records::{MESSAGES, Memory, Room};
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::entries::took;
use super::record::{context_max, dollars};
use crate::accounts::User;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::{Answer, short, times};
use crate::host::{CHATS, SHELF};
use crate::roster::Known;

/// What rooms of sessions say of themselves.
const MARK: &str = "trinity";

/// Letters that wait for their reply, of those that are looked through for what replies have taken.
const WAITING_MAX: u32 = 64;

/// Messages that are told at once, at most.
const MESSAGES_MAX: u32 = 1_000;

pub(super) fn routes(at: &mut Mount) {
    at.service(persistent).service(list).service(one).service(close);
}

/// Whose a session is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Whose {
    user_id: i64,
    username: String,
    email: Option<String>,
}

/// A chat session.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SessionsSession)]
struct Session {
    id: String,
    agent_name: String,
    user_id: i64,
    user_email: Option<String>,
    started_at: String,
    last_message_at: String,
    message_count: u64,
    total_cost: f64,
    total_context_used: u64,
    total_context_max: u64,
    /// `active` or `closed`.
    status: &'static str,
    subscription_id: Option<String>,
}

/// Something that was said in one.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionsMessage)]
struct Message {
    id: String,
    session_id: String,
    agent_name: String,
    user_id: i64,
    user_email: Option<String>,
    /// `user` or `assistant`.
    role: &'static str,
    content: String,
    timestamp: String,
    cost: Option<f64>,
    context_used: Option<u64>,
    context_max: Option<u64>,
    tool_calls: Option<String>,
    execution_time_ms: Option<u64>,
    source: &'static str,
    subscription_id: Option<String>,
    output_tokens: Option<u64>,
}

/// How far a session has come.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) messages: u64,
    pub(super) cost_micros: u64,
    pub(super) context_used: u64,
    pub(super) model: Option<String>,
}

/// The room of the active session of whoever calls.
pub(super) async fn active<B>(call: &Call<B>, agent: &Known) -> Result<Room, TrinityError> {
    active_of(call, agent, &call.principal.user).await
}

async fn active_of<B>(call: &Call<B>, agent: &Known, user: &User) -> Result<Room, TrinityError> {
    let number = number(call, agent.id, user.id).await?;
    Ok(room(agent.id, user, number, call.shared.now()))
}

/// The room of a new session of whoever calls; the one before is closed.
pub(super) async fn begin<B>(call: &Call<B>, agent: &Known) -> Result<Room, TrinityError> {
    begin_of(call, agent, &call.principal.user).await
}

async fn begin_of<B>(call: &Call<B>, agent: &Known, user: &User) -> Result<Room, TrinityError> {
    let number = number(call, agent.id, user.id).await?.saturating_add(1);
    let now = call.shared.now();
    let document = Document {
        shelf: SHELF.to_owned(),
        key: key(agent.id, user.id),
        value: json!({"number": number}),
        updated_at: now,
    };
    call.shared.host.registry.keep(vec![Fact::DocumentSet(Box::new(document))]).await?;
    Ok(room(agent.id, user, number, now))
}

/// The room of a session that whoever calls names and owns.
pub(super) async fn named<B>(
    call: &Call<B>,
    agent: &Known,
    id: &str,
) -> Result<Room, TrinityError> {
    let store = call.shared.host.registry.store();
    let room = match short::parse(id) {
        Some(id) => store.room(agent.id, RoomId(id)).await?,
        None => None,
    };
    let room = room.and_then(|room| Some((whose(&room)?, room)));
    let Some((whose, room)) = room else {
        // Nothing was said in the active one before.
        let active = active(call, agent).await?;
        if short::of(active.id.0) == id {
            return Ok(active);
        }
        return Err(TrinityError::not_found("Chat session not found"));
    };
    if whose.user_id != call.principal.user.id && !call.principal.is_admin() {
        return Err(TrinityError::forbidden("Access denied to this chat session"));
    }
    Ok(room)
}

/// How far a session has come.
pub(super) async fn totals<B>(
    call: &Call<B>,
    agent: AgentId,
    room: RoomId,
) -> Result<Totals, TrinityError> {
    let store = call.shared.host.registry.store();
    let messages = store.count_memories(said_in(agent, room, 0)).await?;
    let letters = LetterQuery { room_id: Some(room), ..LetterQuery::of(agent, MESSAGES_MAX) };
    let mut totals = Totals { messages, ..Totals::default() };
    for Dealt { run, .. } in store.letters(letters).await? {
        let Some(run) = run else { continue };
        let cost = run.usage.cost_micros.unwrap_or(0);
        totals.cost_micros = totals.cost_micros.saturating_add(cost);
        if totals.context_used == 0 {
            totals.context_used = run.usage.input_tokens;
        }
        totals.model = totals.model.or(run.usage.model);
    }
    Ok(totals)
}

/// What was said in a session, newest first.
pub(super) fn said_in(agent: AgentId, room: RoomId, limit: u32) -> MemoryQuery {
    MemoryQuery {
        kind: Some(MESSAGES.to_owned()),
        room_id: Some(room),
        ..MemoryQuery::of(agent, limit)
    }
}

fn key(agent: AgentId, user: i64) -> String {
    format!("{CHATS}{agent}/{user}")
}

async fn number<B>(call: &Call<B>, agent: AgentId, user: i64) -> Result<u64, TrinityError> {
    let store = call.shared.host.registry.store();
    let kept = store.document(SHELF, &key(agent, user)).await?;
    Ok(kept.and_then(|kept| kept.value.get("number")?.as_u64()).unwrap_or(0))
}

fn room_id(agent: AgentId, user: i64, number: u64) -> RoomId {
    let channel = derived(&format!("trinity:chat:{user}:{number}"));
    RoomId(seen_by(agent, &channel.to_string()))
}

fn room(agent: AgentId, user: &User, number: u64, now: UnixMillis) -> Room {
    let whose =
        Whose { user_id: user.id, username: user.username.clone(), email: user.email.clone() };
    let metadata = json!({MARK: whose}).as_object().cloned();
    Room {
        id: room_id(agent, user.id, number),
        agent_id: agent,
        name: format!("Chat with {}", user.username),
        channel_id: None,
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "trinity".to_owned(),
        metadata,
        created_at: now,
    }
}

/// Whether a room is that of a chat session.
pub(super) fn is_session(room: &Room) -> bool {
    whose(room).is_some()
}

fn whose(room: &Room) -> Option<Whose> {
    serde_json::from_value(room.metadata.as_ref()?.get(MARK)?.clone()).ok()
}

async fn session<B>(
    call: &Call<B>,
    agent: &Known,
    room: &Room,
    whose: &Whose,
) -> Result<Session, TrinityError> {
    let totals = totals(call, agent.id, room.id).await?;
    let newest = call.shared.host.registry.store().memories(said_in(agent.id, room.id, 1)).await?;
    let last = newest.first().map_or(room.created_at, |memory| memory.created_at);
    let number = number(call, agent.id, whose.user_id).await?;
    let is_active = room.id == room_id(agent.id, whose.user_id, number);
    Ok(Session {
        id: short::of(room.id.0),
        agent_name: agent.name.clone(),
        user_id: whose.user_id,
        user_email: whose.email.clone().or_else(|| Some(whose.username.clone())),
        started_at: times::iso(room.created_at),
        last_message_at: times::iso(last),
        message_count: totals.messages,
        total_cost: dollars(Some(totals.cost_micros)).unwrap_or_default(),
        total_context_used: totals.context_used,
        total_context_max: context_max(agent),
        status: if is_active { "active" } else { "closed" },
        subscription_id: None,
    })
}

/// The sessions of an agent that whoever calls may see, the latest begun first.
async fn visible<B>(call: &Call<B>, agent: &Known) -> Result<Vec<(Room, Whose)>, TrinityError> {
    let rooms = call.shared.host.registry.store().rooms(agent.id).await?;
    let (is_admin, user) = (call.principal.is_admin(), call.principal.user.id);
    let with_whose = rooms.into_iter().rev().filter_map(|room| whose(&room).map(|it| (room, it)));
    Ok(with_whose.filter(|(_, whose)| is_admin || whose.user_id == user).collect())
}

/// What was said in these sessions, newest first, with what it took.
async fn messages<B>(
    call: &Call<B>,
    agent: &Known,
    sessions: &[(Room, Whose)],
    limit: u32,
) -> Result<Vec<Message>, TrinityError> {
    let store = call.shared.host.registry.store();
    let by_room: HashMap<RoomId, &(Room, Whose)> =
        sessions.iter().map(|session| (session.0.id, session)).collect();
    let rooms: Vec<RoomId> = by_room.keys().copied().collect();
    let said = MemoryQuery {
        kind: Some(MESSAGES.to_owned()),
        rooms: Some(rooms),
        ..MemoryQuery::of(agent.id, limit)
    };
    let said = store.memories(said).await?;
    let spoken_in: HashSet<RoomId> = said.iter().map(|memory| memory.room_id).collect();
    let letters = LetterQuery {
        rooms: Some(spoken_in.into_iter().collect()),
        // Some may wait for their reply, before those whose reply is told.
        ..LetterQuery::of(agent.id, limit.saturating_add(WAITING_MAX))
    };
    let letters = store.letters(letters).await?;
    let by_reply: HashMap<MemoryId, &Dealt> = letters
        .iter()
        .filter_map(|dealt| Some((dealt.letter.settled.as_ref()?.reply?, dealt)))
        .collect();
    let worded = said.iter().filter_map(|memory| {
        let (room, whose) = by_room.get(&memory.room_id)?;
        Some(message(agent, room, whose, memory, by_reply.get(&memory.id).copied()))
    });
    Ok(worded.collect())
}

fn message(
    agent: &Known,
    room: &Room,
    whose: &Whose,
    memory: &Memory,
    dealt: Option<&Dealt>,
) -> Message {
    let run = dealt.and_then(|dealt| dealt.run.as_ref());
    let is_own = memory.entity_id == agent.id.into();
    Message {
        id: short::of(memory.id.0),
        session_id: short::of(room.id.0),
        agent_name: agent.name.clone(),
        user_id: whose.user_id,
        user_email: whose.email.clone().or_else(|| Some(whose.username.clone())),
        role: if is_own { "assistant" } else { "user" },
        content: memory.text().to_owned(),
        timestamp: times::iso(memory.created_at),
        cost: run.and_then(|run| dollars(run.usage.cost_micros)),
        context_used: run.map(|run| run.usage.input_tokens),
        context_max: run.map(|_| context_max(agent)),
        tool_calls: None,
        execution_time_ms: run.and_then(|run| Some(took(run.started_at, run.ended_at?))),
        source: "text",
        subscription_id: None,
        output_tokens: run.map(|run| run.usage.output_tokens),
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SessionsHistory)]
struct History {
    /// 1 to 1000.
    #[serde(default = "hundred")]
    #[schema(default = 100, minimum = 1, maximum = 1000)]
    limit: u32,
    /// Whether only the caller's own are told; of others only administrators are told at all.
    #[serde(default)]
    user_filter: bool,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SessionsPage)]
struct Page {
    /// 1 to 1000.
    #[serde(default = "hundred")]
    #[schema(default = 100, minimum = 1, maximum = 1000)]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionsPersistent)]
struct Persistent {
    agent_name: String,
    message_count: usize,
    messages: Vec<Message>,
}

/// What was said in all sessions, newest first.
#[utoipa::path(
    tag = "Chat",
    params(("name" = String, Path), InQuery<History>),
    responses((status = 200, body = Persistent))
)]
#[get("/api/agents/{name}/chat/history/persistent")]
async fn persistent(call: Call<InQuery<History>>) -> Answer<Persistent> {
    let agent = call.authorised().await?;
    let History { limit, user_filter } = call.query()?;
    let mut sessions = visible(&call, &agent).await?;
    sessions.retain(|(_, whose)| !user_filter || whose.user_id == call.principal.user.id);
    let messages = messages(&call, &agent, &sessions, limit).await?;
    Ok(Json(Persistent { agent_name: agent.name, message_count: messages.len(), messages }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SessionsWhich)]
struct Which {
    /// `active` or `closed`.
    status: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionsSessions)]
struct Sessions {
    agent_name: String,
    session_count: usize,
    sessions: Vec<Session>,
}

/// The sessions of an agent.
#[utoipa::path(
    tag = "Chat",
    params(("name" = String, Path), InQuery<Which>),
    responses((status = 200, body = Sessions))
)]
#[get("/api/agents/{name}/chat/sessions")]
async fn list(call: Call<InQuery<Which>>) -> Answer<Sessions> {
    let agent = call.authorised().await?;
    let Which { status } = call.query()?;
    let mut sessions = Vec::new();
    for (room, whose) in visible(&call, &agent).await? {
        let session = session(&call, &agent, &room, &whose).await?;
        if status.as_deref().is_none_or(|status| status == session.status) {
            sessions.push(session);
        }
    }
    Ok(Json(Sessions { agent_name: agent.name, session_count: sessions.len(), sessions }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionDetail)]
struct Detail {
    session: Session,
    message_count: usize,
    messages: Vec<Message>,
}

/// One session, with what was said in it, oldest first.
#[utoipa::path(
    tag = "Chat",
    params(("name" = String, Path), ("id" = String, Path), InQuery<Page>),
    responses((status = 200, body = Detail))
)]
#[get("/api/agents/{name}/chat/sessions/{id}")]
async fn one(call: Call<InQuery<Page>>) -> Answer<Detail> {
    let agent = call.authorised().await?;
    let Page { limit } = call.query()?;
    let room = named(&call, &agent, &call.segment("id")).await?;
    let whose = whose(&room).ok_or_else(|| TrinityError::not_found("Chat session not found"))?;
    let session = session(&call, &agent, &room, &whose).await?;
    let mut messages = messages(&call, &agent, &[(room, whose)], limit).await?;
    messages.reverse();
    Ok(Json(Detail { session, message_count: messages.len(), messages }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionsClosed)]
struct Closed {
    status: &'static str,
    session_id: String,
}

/// Closes a session; the next message begins another.
#[utoipa::path(tag = "Chat", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = Closed)))]
#[post("/api/agents/{name}/chat/sessions/{id}/close")]
async fn close(call: Call) -> Answer<Closed> {
    let agent = call.authorised().await?;
    let room = named(&call, &agent, &call.segment("id")).await?;
    // An administrator closes the sessions of others.
    let other = whose(&room).filter(|whose| whose.user_id != call.principal.user.id);
    let other = other.and_then(|whose| call.shared.host.accounts.user_by_id(whose.user_id));
    let user = other.as_deref().unwrap_or(&call.principal.user);
    if active_of(&call, &agent, user).await?.id == room.id {
        begin_of(&call, &agent, user).await?;
    }
    Ok(Json(Closed { status: "closed", session_id: short::of(room.id.0) }))
}

/// Where tasks of a user take place that belong to no session.
pub(super) fn aside<B>(call: &Call<B>, agent: &Known) -> Room {
    let user = &call.principal.user;
    let channel: Uuid = derived(&format!("trinity:tasks:{}", user.id));
    Room {
        id: RoomId(seen_by(agent.id, &channel.to_string())),
        agent_id: agent.id,
        name: format!("Tasks of {}", user.username),
        channel_id: None,
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "trinity".to_owned(),
        metadata: None,
        created_at: call.shared.now(),
    }
}
