//! Sessions: a talk of one person with one agent that ends after a while.

use actix_web::http::StatusCode;
use greenroom_actors::channels::{ChannelMessage, Session};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, SessionId};
use greenroom_actors::ports::MessageQuery;
use greenroom_actors::time::{UnixMillis, millis};
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::error::ElizaError;
use super::super::input::Fields;
use super::super::wire::{Answer, json};
use super::fault::SessionFault;
use super::given;
use super::saying::{Listener, Spoken, say};
use super::session_body::SessionBody;
use super::transport::Transport;
use super::wire::bus;
use super::wish;
use crate::http::instant;
use crate::media::with_urls;
use crate::messaging::{NewMessage, NewSession, SessionsError, shown};

/// Characters of what is said at most.
const CONTENT_MAX: usize = 4_000;

/// Characters of metadata at most, written as JSON.
const METADATA_MAX: usize = 10_240;

/// Messages in a list, where the query does not say, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 100;

const NOT_FOUND: (StatusCode, &str) = (StatusCode::NOT_FOUND, "SESSION_NOT_FOUND");

/// `GET /sessions/health`.
pub(super) async fn health(call: Call) -> Answer {
    let now = call.now();
    let sessions = all(&call).await?;
    let active: Vec<_> = sessions.iter().filter(|session| session.expires_at > now).collect();
    let soon = active.iter().filter(|session| is_near_end(session, now)).count();
    let uptime = now.since(call.host.started_at).as_secs_f64();
    let body = json!({
        "status": "healthy", "activeSessions": active.len(), "timestamp": instant::iso(now),
        "expiringSoon": soon, "uptime": uptime,
    });
    json(StatusCode::OK, &body)
}

async fn all(call: &Call) -> Result<Vec<Session>, ElizaError> {
    let sessions = call.messaging().sessions(0, call.settings.list_max).await;
    Ok(sessions.map_err(|error| SessionFault::core(call.now(), &error))?)
}

/// `GET /sessions`.
pub(super) async fn list(call: Call) -> Answer {
    let now = call.now();
    let sessions = all(&call).await?;
    let active: Vec<_> =
        sessions.iter().filter(|session| session.expires_at > now).cloned().collect();
    let page = call.page(&call.query(), call.settings.list_max);
    let shown: Vec<_> = page.cut(&active).map(|session| info(session, now)).collect();
    let body = json!({
        "sessions": shown,
        "total": active.len(),
        "stats": {
            "totalSessions": sessions.len(),
            "activeSessions": active.len(),
            "expiredSessions": sessions.len().saturating_sub(active.len()),
        },
    });
    json(StatusCode::OK, &body)
}

/// `POST /sessions`.
pub(super) async fn create(call: Call, body: SessionBody) -> Answer {
    let fields = body.fields()?;
    let now = call.now();
    let (agent, user) = (given::text(&fields, "agentId"), given::text(&fields, "userId"));
    let (Some(agent), Some(user)) = (agent, user) else {
        let details = json!({"missingFields": ["agentId", "userId"]});
        let message = "Missing required fields: agentId, userId";
        return Err(SessionFault::invalid(now, message, details).into());
    };
    let malformed = |field: &str, value: &str| {
        let details = json!({"providedValue": value, "expectedFormat": "UUID v4"});
        let message = format!("Invalid UUID format for field '{field}'");
        SessionFault::invalid(now, message, details)
    };
    let agent_id: AgentId = agent.parse().map_err(|_not_an_id| malformed("agentId", &agent))?;
    let user_id: EntityId = user.parse().map_err(|_not_an_id| malformed("userId", &user))?;
    call.running(agent_id).await.map_err(|error| not_there(&call, agent_id, error))?;
    let metadata = metadata(&fields, now)?;
    let timeout = match given::any(&fields, "timeoutConfig") {
        Some(config) => wish::read(&config, now)?,
        None => Default::default(),
    };
    let new = NewSession { agent_id, user_id, metadata, timeout };
    let session = call.messaging().begin_session(new, call.settings.sessions).await;
    let session = session.map_err(|error| match error {
        CoreError::AgentNotFound(_) | CoreError::NotRunning { .. } => {
            not_there(&call, agent_id, error.into())
        }
        error => SessionFault::core(now, &error).into(),
    })?;
    let body = json!({
        "sessionId": session.id, "channelId": session.channel_id, "agentId": session.agent_id,
        "userId": session.user_id, "createdAt": instant::iso(session.created_at),
        "metadata": session.metadata, "expiresAt": instant::iso(session.expires_at),
        "timeoutConfig": shown(session.timeout),
    });
    json(StatusCode::CREATED, &body)
}

fn not_there(call: &Call, agent: AgentId, error: ElizaError) -> ElizaError {
    match error {
        ElizaError::Core {
            error: CoreError::AgentNotFound(_) | CoreError::NotRunning { .. },
            ..
        } => {
            let kind = (StatusCode::NOT_FOUND, "AGENT_NOT_FOUND");
            SessionFault::new(call.now(), kind, format!("Agent with ID '{agent}' not found")).into()
        }
        error => error,
    }
}

/// The metadata of a request, if it is not too much.
fn metadata(fields: &Fields, now: UnixMillis) -> Result<Map<String, Value>, ElizaError> {
    let invalid = |reason: String, given: &Value| {
        let details = json!({"reason": reason, "providedMetadata": given});
        ElizaError::from(SessionFault::invalid(now, format!("Invalid metadata: {reason}"), details))
    };
    match given::any(fields, "metadata") {
        None => Ok(Map::new()),
        Some(metadata) if characters(&metadata.to_string()) > METADATA_MAX => Err(invalid(
            format!("Metadata exceeds maximum size of {METADATA_MAX} bytes"),
            &metadata,
        )),
        Some(Value::Object(metadata)) => Ok(metadata),
        Some(other) => Err(invalid("Metadata must be an object".to_owned(), &other)),
    }
}

/// The length of a text as JavaScript has it.
pub(super) fn characters(text: &str) -> usize {
    text.encode_utf16().count()
}

/// `GET /sessions/:sessionId`.
pub(super) async fn get(call: Call) -> Answer {
    let session = there(&call).await?;
    json(StatusCode::OK, &info(&session, call.now()))
}

/// The session of the path.
async fn there(call: &Call) -> Result<Session, ElizaError> {
    let id = id(call)?;
    call.messaging().session(id).await.map_err(|error| fault(call, &error))
}

fn id(call: &Call) -> Result<SessionId, ElizaError> {
    let text = call.part("session");
    text.parse().map_err(|_not_an_id| missing(call, text))
}

fn missing(call: &Call, id: &str) -> ElizaError {
    let message = format!("Session with ID '{id}' not found");
    SessionFault::new(call.now(), NOT_FOUND, message).into()
}

fn fault(call: &Call, error: &SessionsError) -> ElizaError {
    let now = call.now();
    match error {
        SessionsError::NotFound(id) => missing(call, &id.to_string()),
        SessionsError::Expired { id, at } => {
            let message = format!("Session '{id}' expired at {}", instant::iso(*at));
            SessionFault::new(now, (StatusCode::GONE, "SESSION_EXPIRED"), message).into()
        }
        SessionsError::Spent { id, created_at, max_duration_minutes } => {
            let kind = (StatusCode::BAD_REQUEST, "SESSION_RENEWAL_FAILED");
            let message = format!("Cannot renew session '{id}': Maximum duration reached");
            let details = json!({
                "maxDuration": max_duration_minutes,
                "createdAt": instant::iso(*created_at),
                "timeSinceCreation": millis(now.since(*created_at)),
            });
            SessionFault::new(now, kind, message).with(details).into()
        }
        SessionsError::Core(error) => SessionFault::core(now, error).into(),
    }
}

/// `POST /sessions/:sessionId/renew`.
pub(super) async fn renew(call: Call) -> Answer {
    let session = call.messaging().renew_session(id(&call)?).await;
    let session = session.map_err(|error| fault(&call, &error))?;
    json(StatusCode::OK, &info(&session, call.now()))
}

/// `POST /sessions/:sessionId/heartbeat`.
pub(super) async fn heartbeat(call: Call) -> Answer {
    let touched = call.messaging().touch_session(id(&call)?).await;
    let touched = touched.map_err(|error| fault(&call, &error))?;
    json(StatusCode::OK, &info(&touched.session, call.now()))
}

/// `PATCH /sessions/:sessionId/timeout`.
pub(super) async fn retime(call: Call, body: SessionBody) -> Answer {
    let session = there(&call).await?;
    let config = body.whole().unwrap_or_else(|| json!({}));
    let wish = wish::read(&config, call.now())?;
    let rules = call.settings.sessions;
    let bounds = f64::from(rules.min_timeout_minutes)..=f64::from(rules.max_timeout_minutes);
    if wish.timeout_minutes.is_some_and(|minutes| !bounds.contains(&minutes)) {
        let (least, most) = (rules.min_timeout_minutes, rules.max_timeout_minutes);
        let reason = format!("Timeout must be between {least} and {most} minutes");
        return Err(wish::invalid(call.now(), &reason, &config).into());
    }
    let session = call.messaging().retime_session(session.id, wish, rules).await;
    let session = session.map_err(|error| fault(&call, &error))?;
    json(StatusCode::OK, &info(&session, call.now()))
}

/// `DELETE /sessions/:sessionId`.
pub(super) async fn remove(call: Call) -> Answer {
    let session = there(&call).await?;
    let ended = call.messaging().end_session(session.id).await;
    ended.map_err(|error| fault(&call, &error))?;
    let message = format!("Session {} deleted successfully", session.id);
    let data = json!({"success": true, "message": message});
    json(StatusCode::OK, &json!({"success": true, "message": message, "data": data}))
}

/// `POST /sessions/:sessionId/messages`.
pub(super) async fn send(call: Call, body: SessionBody) -> Answer {
    let now = call.now();
    let invalid = |reason: &str| {
        let message = format!("Invalid content: {reason}");
        SessionFault::invalid(now, message, json!({"reason": reason}))
    };
    let fields = body.fields()?;
    let transport = Transport::of(&fields).map_err(|reason| invalid(&reason))?;
    let content = match fields.0.get("content") {
        Some(Value::String(content)) => content.clone(),
        _ => return Err(invalid("Invalid message request format").into()),
    };
    let session = there(&call).await?;
    if content.is_empty() {
        return Err(invalid("Content cannot be empty").into());
    }
    if characters(&content) > CONTENT_MAX {
        let reason = format!("Content exceeds maximum length of {CONTENT_MAX} characters");
        return Err(invalid(&reason).into());
    }
    let metadata = metadata(&fields, now)?;
    let touched = call.messaging().touch_session(session.id).await;
    let touched = touched.map_err(|error| fault(&call, &error))?;
    let session = touched.session;
    let sending = |error: ElizaError| ElizaError::from(SessionFault::sending(call.now(), &error));
    let channel = call.messaging().channel(session.channel_id).await;
    let channel = channel.map_err(|error| sending(error.into()))?;
    let new = message(&session, &fields, content, channel.metadata.clone(), metadata);
    let listener = Listener { agent: session.agent_id, is_inside: true };
    let spoken = say(&call, &channel, new, listener, transport).await.map_err(sending)?;
    let (message, reply) = match spoken {
        Spoken::Kept(message) => (message, None),
        Spoken::Answered(message, reply) => (message, Some(reply)),
        Spoken::Streaming(answer) => return Ok(answer),
    };
    let mut answer = Map::new();
    let mut put = |key: &str, value: Value| drop(answer.insert(key.to_owned(), value));
    put("success", json!(true));
    put("userMessage", Value::Object(bus(&message, channel.server_id, None)));
    if let Some(reply) = reply {
        put("agentResponse", json!(reply));
    }
    let status = json!({
        "expiresAt": instant::iso(session.expires_at), "renewalCount": session.renewals,
        "wasRenewed": touched.was_renewed,
        // As elizaOS has it: something has just happened in it.
        "isNearExpiration": false,
    });
    put("sessionStatus", status);
    let data = answer.clone();
    // The older form: the message's own keys.
    for key in ["id", "content", "metadata"] {
        let value = data.get("userMessage").and_then(|message| message.get(key));
        answer.insert(key.to_owned(), value.cloned().unwrap_or_else(|| json!({})));
    }
    answer.insert("authorId".to_owned(), json!(message.author_id));
    answer.insert("createdAt".to_owned(), json!(instant::iso(message.created_at)));
    answer.insert("data".to_owned(), Value::Object(data));
    json(StatusCode::CREATED, &answer)
}

fn message(
    session: &Session,
    fields: &Fields,
    content: String,
    of_channel: Option<Map<String, Value>>,
    of_request: Map<String, Value>,
) -> NewMessage {
    let mut raw = Map::new();
    raw.insert("content".to_owned(), json!(content));
    let mut metadata = of_channel.unwrap_or_default();
    metadata.insert("sessionId".to_owned(), json!(session.id));
    metadata.extend(of_request);
    if let Some(attachments) = given::any(fields, "attachments").filter(Value::is_array) {
        raw.insert("attachments".to_owned(), attachments);
    }
    NewMessage {
        id: None,
        channel_id: session.channel_id,
        author_id: session.user_id,
        author_name: None,
        content,
        raw_message: Some(Value::Object(raw)),
        in_reply_to: None,
        source_type: "user".to_owned(),
        source_id: None,
        metadata,
    }
}

/// `GET /sessions/:sessionId/messages`.
pub(super) async fn messages(call: Call) -> Answer {
    let session = there(&call).await?;
    let query = call.query();
    let at = |parameter: &str| -> Result<Option<UnixMillis>, ElizaError> {
        let Some(value) = query.get(parameter) else { return Ok(None) };
        let reason = "Must be a valid timestamp";
        let details = json!({"parameter": parameter, "value": value, "reason": reason});
        let message = format!("Invalid pagination parameter '{parameter}': {reason}");
        let invalid = || SessionFault::invalid(call.now(), message, details).into();
        instant::read(value).map(Some).ok_or_else(invalid)
    };
    let limit = query.count(&["limit"]).unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let (before, after) = (at("before")?, at("after")?);
    // From a cursor on, those next to it.
    let is_oldest_first = before.is_none() && after.is_some();
    let wanted = MessageQuery {
        before,
        after,
        is_oldest_first,
        ..MessageQuery::of(session.channel_id, limit)
    };
    let found = call.messaging().messages(wanted).await;
    let mut found = found.map_err(|error| SessionFault::core(call.now(), &error))?;
    if is_oldest_first {
        found.reverse();
    }
    let has_more = u32::try_from(found.len()).is_ok_and(|count| count == limit);
    let views: Vec<_> = found.iter().map(listed).collect();
    let mut body = json!({"messages": views, "hasMore": has_more});
    if let (Some(newest), Some(oldest), Some(body)) =
        (found.first(), found.last(), body.as_object_mut())
    {
        let cursors = json!({"before": oldest.created_at, "after": newest.created_at});
        body.insert("cursors".to_owned(), cursors);
    }
    json(StatusCode::OK, &body)
}

fn listed(message: &ChannelMessage) -> Value {
    let mut metadata = Map::new();
    for key in ["thought", "actions"] {
        let lifted = message.raw_message.as_ref().and_then(|raw| raw.get(key));
        if let Some(lifted) = lifted.filter(|value| !value.is_null()) {
            metadata.insert(key.to_owned(), lifted.clone());
        }
    }
    metadata.extend(message.metadata.clone().unwrap_or_default());
    let metadata = with_urls(&metadata);
    json!({
        "id": message.id, "content": message.content, "authorId": message.author_id,
        "isAgent": message.source_type.as_deref() == Some("agent_response"),
        "createdAt": instant::iso(message.created_at), "metadata": metadata,
    })
}

fn info(session: &Session, now: UnixMillis) -> Value {
    json!({
        "sessionId": session.id, "channelId": session.channel_id, "agentId": session.agent_id,
        "userId": session.user_id, "createdAt": instant::iso(session.created_at),
        "lastActivity": instant::iso(session.last_activity_at), "metadata": session.metadata,
        "expiresAt": instant::iso(session.expires_at), "timeoutConfig": shown(session.timeout),
        "renewalCount": session.renewals,
        "timeRemaining": millis(session.expires_at.since(now)),
        "isNearExpiration": is_near_end(session, now),
    })
}

fn is_near_end(session: &Session, now: UnixMillis) -> bool {
    let left = session.expires_at.since(now).as_secs_f64();
    left > 0.0 && left <= session.timeout.warning_threshold_minutes * 60.0
}
