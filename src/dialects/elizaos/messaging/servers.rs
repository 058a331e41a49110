//! Message servers, and the agents that take part in them.

use greenroom_actors::channels::MessageServer;
use greenroom_actors::ids::{AgentId, ServerId};
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::Body;
use super::super::refusal::{self, Refusal};
use super::super::wire::{Answer, created, nothing, ok};
use super::given;
use super::wire::{ChannelView, ServerView};
use crate::messaging::{NewChannel, NewServer};

/// Channels of one synchronisation at most.
const SYNCED_MAX: usize = 1_000;

/// `GET /message-server/current`.
pub(super) async fn current() -> Answer {
    ok(json!({"messageServerId": MessageServer::DEFAULT}))
}

/// `GET /message-servers`.
pub(super) async fn list(call: Call) -> Answer {
    listed(&call, "messageServers").await
}

/// `GET /central-servers`.
pub(super) async fn list_central(call: Call) -> Answer {
    listed(&call, "servers").await
}

async fn listed(call: &Call, key: &str) -> Answer {
    let page = call.page(&call.query(), call.settings.list_max);
    let servers = call.messaging().servers().await.doing(&refusal::SERVERS)?;
    let views: Vec<_> = page.cut(&servers).map(ServerView::of).collect();
    ok(json!({ key: views }))
}

/// `POST /message-servers`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let fields = body.fields()?;
    let (name, source_type) = (given::text(&fields, "name"), given::text(&fields, "sourceType"));
    let (Some(name), Some(source_type)) = (name, source_type) else {
        return Err((&refusal::SERVER_FIELDS).into());
    };
    let new = NewServer {
        id: Some(call.id_of_new("server")),
        name,
        source_type,
        source_id: given::text(&fields, "sourceId"),
        metadata: given::object(&fields, "metadata"),
    };
    let server = call.messaging().create_server(new).await.doing(&refusal::SERVER_CREATE)?;
    // The client library looks for the server's own fields.
    let mut data = json!(ServerView::of(&server));
    let beside = data.clone();
    if let Some(data) = data.as_object_mut() {
        data.insert("server".to_owned(), beside);
    }
    created(data)
}

/// `DELETE /message-servers/:messageServerId`.
pub(super) async fn remove(call: Call) -> Answer {
    let server = call.id("server", &refusal::SERVER_ID)?;
    for channel in call.messaging().remove_server(server).await.doing(&refusal::SERVERS)? {
        call.media().forget_channel(channel).await.doing(&refusal::SERVERS)?;
    }
    nothing()
}

/// `GET /message-servers/:messageServerId/agents`.
pub(super) async fn agents(call: Call) -> Answer {
    let server = the_current(&call, &refusal::SERVER_ID, &refusal::OTHER_SERVER_READ)?;
    let agents = call.messaging().enlisted(server).await.doing(&refusal::SERVER_AGENTS)?;
    ok(told_twice(json!({"messageServerId": server, "agents": agents})))
}

/// `POST /message-servers/:messageServerId/agents`.
pub(super) async fn add_agent(call: Call, body: Body) -> Answer {
    let fields = body.fields()?;
    let malformed = &refusal::SERVER_OR_AGENT_ID;
    let agent: Option<AgentId> =
        given::id(&fields, "agentId").map_err(|_not_an_id| ElizaError::Refused(malformed))?;
    let _: ServerId = call.id("server", malformed)?;
    let agent = agent.ok_or(ElizaError::Refused(malformed))?;
    let server = the_current(&call, malformed, &refusal::OTHER_SERVER_WRITE)?;
    call.messaging().enlist(server, agent).await.doing(&refusal::SERVER_AGENT_ADD)?;
    let message = "Agent added to message server successfully";
    created(told_twice(json!({"messageServerId": server, "agentId": agent, "message": message})))
}

/// `DELETE /message-servers/:messageServerId/agents/:agentId`.
pub(super) async fn remove_agent(call: Call) -> Answer {
    let malformed = &refusal::SERVER_OR_AGENT_ID;
    let agent: AgentId = call.id("agent", malformed)?;
    let server = the_current(&call, malformed, &refusal::OTHER_SERVER_WRITE)?;
    call.messaging().delist(server, agent).await.doing(&refusal::SERVER_AGENT_REMOVE)?;
    let message = "Agent removed from message server successfully";
    ok(told_twice(json!({"messageServerId": server, "agentId": agent, "message": message})))
}

/// `GET /agents/:agentId/message-servers`.
pub(super) async fn of_agent(call: Call) -> Answer {
    let agent: AgentId = call.id("agent", &refusal::AGENT_ID_CAMEL)?;
    let servers = call.messaging().servers_of(agent).await.doing(&refusal::SERVERS)?;
    ok(told_twice(json!({"agentId": agent, "messageServers": servers})))
}

/// `GET /message-servers/:messageServerId/channels`.
pub(super) async fn channels(call: Call) -> Answer {
    let server: ServerId = call.id("server", &refusal::SERVER_ID_SHORT)?;
    let page = call.page(&call.query(), call.settings.list_max);
    let channels = call.messaging().channels(server, page.offset, page.limit).await;
    let channels = channels.doing(&refusal::CHANNELS)?;
    let views: Vec<_> = channels.iter().map(ChannelView::of).collect();
    ok(json!({"channels": views}))
}

/// `POST /message-servers/:messageServerId/sync-channels`.
pub(super) async fn sync_channels(call: Call, body: Body) -> Answer {
    let server_id: ServerId = call.id("server", &refusal::SERVER_ID)?;
    let listed = body.fields()?.list("channels")?;
    let listed = listed.ok_or_else(|| ElizaError::field("channels", "is required"))?;
    if listed.len() > SYNCED_MAX {
        let reason = format_args!("at most {SYNCED_MAX} channels");
        return Err(ElizaError::field("channels", reason));
    }
    let mut wanted = Vec::new();
    for (index, listed) in listed.iter().enumerate() {
        let word = |key: &str| listed.get(key).and_then(Value::as_str).filter(|w| !w.is_empty());
        let (Some(name), Some(source_id)) = (word("name"), word("sourceId")) else {
            let reason = "expected an object with name and sourceId";
            return Err(ElizaError::field(&format!("channels.{index}"), reason));
        };
        wanted.push((
            name.to_owned(),
            word("type").unwrap_or("GROUP").to_owned(),
            source_id.to_owned(),
        ));
    }
    call.messaging().server(server_id).await.doing(&refusal::CHANNELS)?;
    let synced = wanted.len();
    for (name, kind, source_id) in wanted {
        let found = call.messaging().channel_from(server_id, &source_id).await;
        if found.doing(&refusal::CHANNELS)?.is_some() {
            continue;
        }
        let new = NewChannel {
            id: None,
            server_id,
            name,
            kind,
            source_type: None,
            source_id: Some(source_id),
            topic: None,
            metadata: Some(serde_json::Map::new()),
            participants: Vec::new(),
        };
        call.messaging().create_channel(new).await.doing(&refusal::CHANNEL_CREATE)?;
    }
    ok(json!({"synced": synced}))
}

/// The server of the path, which must be the current one.
fn the_current(
    call: &Call,
    malformed: &'static Refusal,
    other: &'static Refusal,
) -> Result<ServerId, ElizaError> {
    let server = call.id("server", malformed)?;
    if server == MessageServer::DEFAULT { Ok(server) } else { Err(other.into()) }
}

/// The real web client looks for an envelope within the envelope.
pub(super) fn told_twice(data: Value) -> Value {
    let mut outer = data.clone();
    if let Some(outer) = outer.as_object_mut() {
        outer.insert("success".to_owned(), json!(true));
        outer.insert("data".to_owned(), data);
    }
    outer
}
