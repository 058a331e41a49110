//! Channels, and who takes part in them.

use greenroom_actors::channels::MessageServer;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, ChannelId, EntityId, ServerId};
use serde_json::{Map, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::Body;
use super::super::refusal;
use super::super::wire::{Answer, created, nothing, ok};
use super::given;
use super::servers::told_twice;
use super::wire::{ChannelView, ParticipantView};
use crate::http::instant;
use crate::messaging::{ChannelPatch, NewChannel};

/// Who takes part in one channel at most.
const PARTICIPANTS_MAX: usize = 1_000;

/// Where a channel keeps, for clients, who takes part in it.
const PARTICIPANTS: &str = "participantCentralUserIds";

/// `POST /channels`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let fields = body.fields()?;
    let server = given::server(&fields).ok().flatten();
    let server_id = server.ok_or(ElizaError::Refused(&refusal::CHANNEL_SERVER_ID))?;
    let payload = || ElizaError::Refused(&refusal::CHANNEL_PAYLOAD);
    let name = given::text(&fields, "name").ok_or_else(payload)?;
    let metadata = given::object(&fields, "metadata").unwrap_or_default();
    let participants = match given::any(&fields, PARTICIPANTS) {
        Some(listed) => given::ids(&listed).ok_or_else(payload)?,
        // The client library names them there, or not at all.
        None => ["participants", PARTICIPANTS]
            .into_iter()
            .find_map(|key| given::ids(metadata.get(key)?))
            .unwrap_or_default(),
    };
    bounded(&participants)?;
    let new = NewChannel {
        id: Some(call.id_of_new("channel")),
        server_id,
        name,
        kind: given::text(&fields, "type").unwrap_or_else(|| "GROUP".to_owned()),
        source_type: None,
        source_id: None,
        topic: None,
        metadata: Some(metadata),
        participants,
    };
    let channel = call.messaging().create_channel(new).await.doing(&refusal::CHANNEL_CREATE)?;
    created(ChannelView::of(&channel))
}

fn bounded(participants: &[EntityId]) -> Result<(), ElizaError> {
    if participants.len() > PARTICIPANTS_MAX {
        let reason = format_args!("at most {PARTICIPANTS_MAX} take part");
        return Err(ElizaError::field(PARTICIPANTS, reason));
    }
    Ok(())
}

/// `GET /dm-channel`.
pub(super) async fn direct(call: Call) -> Answer {
    let query = call.query();
    let user = |key: &str| query.get(key)?.parse::<EntityId>().ok();
    let (Some(current), Some(target)) = (user("currentUserId"), user("targetUserId")) else {
        return Err((&refusal::DM_IDS).into());
    };
    if current == target {
        return Err((&refusal::DM_SELF).into());
    }
    let asked = query.get("dmServerId").and_then(|text| text.parse::<ServerId>().ok());
    let server = match asked {
        Some(server) => match call.messaging().server(server).await {
            Ok(server) => server.id,
            Err(CoreError::NotFound { .. }) => MessageServer::DEFAULT,
            Err(error) => return Err(error).doing(&refusal::DM_CHANNEL),
        },
        None => MessageServer::DEFAULT,
    };
    let channel = call.messaging().dm_channel(server, current, target).await;
    ok(ChannelView::of(&channel.doing(&refusal::DM_CHANNEL)?))
}

/// `GET /channels/:channelId/details`.
pub(super) async fn details(call: Call) -> Answer {
    let id = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    let mut channel = call.messaging().channel(id).await.doing(&refusal::CHANNELS)?;
    let participants = call.messaging().participants(id).await.doing(&refusal::CHANNELS)?;
    let metadata = channel.metadata.get_or_insert_with(Map::new);
    metadata.insert(PARTICIPANTS.to_owned(), json!(participants));
    ok(ChannelView::of(&channel))
}

/// `GET /channels/:channelId/participants`.
pub(super) async fn participants(call: Call) -> Answer {
    let id: ChannelId = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    let members = match call.messaging().members(id).await {
        Err(CoreError::NotFound { .. }) => Vec::new(),
        members => members.doing(&refusal::CHANNELS)?,
    };
    let views = members.into_iter().map(|(user_id, joined_at)| ParticipantView {
        id: user_id,
        channel_id: id,
        user_id,
        role: "member",
        joined_at: instant::iso(joined_at),
    });
    ok(json!({"participants": views.collect::<Vec<_>>()}))
}

/// `GET /channels/:channelId/agents`.
pub(super) async fn agents(call: Call) -> Answer {
    let id: ChannelId = call.id("channel", &refusal::CHANNEL_ID_FORMAT)?;
    let participants = call.messaging().participants(id).await.doing(&refusal::CHANNELS)?;
    ok(json!({"channelId": id, "participants": participants}))
}

/// `POST /channels/:channelId/agents`.
pub(super) async fn add_agent(call: Call, body: Body) -> Answer {
    let malformed = &refusal::CHANNEL_OR_AGENT_ID;
    let channel: ChannelId = call.id("channel", malformed)?;
    let agent: Option<EntityId> = given::id(&body.fields()?, "agentId").ok().flatten();
    let agent = agent.ok_or(ElizaError::Refused(malformed))?;
    call.messaging().join(channel, agent).await.doing(&refusal::CHANNEL_UPDATE)?;
    let message = "Agent added to channel successfully";
    created(json!({"channelId": channel, "agentId": agent, "message": message, "success": true}))
}

/// `DELETE /channels/:channelId/agents/:agentId`.
pub(super) async fn remove_agent(call: Call) -> Answer {
    let malformed = &refusal::CHANNEL_OR_AGENT_ID;
    let channel: ChannelId = call.id("channel", malformed)?;
    let agent: EntityId = call.id("agent", malformed)?;
    if !call.messaging().leave(channel, agent).await.doing(&refusal::CHANNEL_UPDATE)? {
        return Err((&refusal::NOT_A_PARTICIPANT).into());
    }
    let message = "Agent removed from channel successfully";
    ok(json!({"channelId": channel, "agentId": agent, "message": message, "success": true}))
}

/// `PATCH /channels/:channelId`.
pub(super) async fn patch(call: Call, body: Body) -> Answer {
    let id = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    let mut fields = body.fields()?;
    let participants = match given::any(&fields, PARTICIPANTS) {
        Some(listed) => {
            let wrong = || ElizaError::field(PARTICIPANTS, "expected an array of ids");
            Some(given::ids(&listed).ok_or_else(wrong)?)
        }
        None => None,
    };
    bounded(participants.as_deref().unwrap_or_default())?;
    let name = fields.words("name")?;
    let metadata = fields.object("metadata")?.map(|mut metadata| {
        // Shown with the details, and sent back with them.
        metadata.shift_remove(PARTICIPANTS);
        metadata
    });
    let patch = ChannelPatch { name, participants, metadata };
    let channel = call.messaging().amend_channel(id, patch).await;
    let channel = channel.doing(&refusal::CHANNEL_UPDATE)?;
    ok(told_twice(json!(ChannelView::of(&channel))))
}

/// `DELETE /channels/:channelId`.
pub(super) async fn remove(call: Call) -> Answer {
    let id = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    call.messaging().remove_channel(id).await.doing(&refusal::CHANNEL_DELETE)?;
    call.media().forget_channel(id).await.doing(&refusal::CHANNEL_DELETE)?;
    nothing()
}

/// `GET /api/channels/:channelId/members`.
pub(in super::super) async fn members(call: Call) -> Answer {
    let id = call.id("channel", &refusal::CHANNEL_ID)?;
    let joined = call.messaging().members(id).await.doing(&refusal::CHANNELS)?;
    let mut members = Vec::with_capacity(joined.len());
    for (user, at) in joined {
        let name = match call.registry().record(AgentId(user.0)).await {
            Ok(record) => name_of(&record),
            Err(CoreError::AgentNotFound(_)) => {
                format!("User-{}", user.to_string().get(..8).unwrap_or_default())
            }
            Err(error) => return Err(error).doing(&refusal::CHANNELS),
        };
        members.push(json!({"userId": user, "name": name, "role": "member", "joinedAt": at}));
    }
    ok(json!({"members": members}))
}

fn name_of(record: &AgentRecord) -> String {
    record.character.name.clone()
}
