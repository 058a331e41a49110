//! Saying something in a channel, and how the answer comes back.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use greenroom_actors::channels::{Channel, ChannelMessage, MessageServer};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{self, AgentId, ChannelId, EntityId};
use greenroom_actors::lifecycle::State;
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::{Body, Fields};
use super::super::refusal;
use super::super::wire::{Answer, json};
use super::given;
use super::opening::Opening;
use super::stream;
use super::transport::Transport;
use super::wire::{MessageView, bus};
use crate::media::with_urls;
use crate::messaging::NewMessage;

/// Who speaks where nobody says who it is.
const NOBODY: &str = "anonymous";

/// Why an agent cannot answer whoever waits for it.
const NOT_RUNNING: &str = "the agent is not running";

/// The agent that is to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    pub(super) agent: AgentId,
    /// Whether it takes part in the channel.
    pub(super) is_inside: bool,
}

/// What became of something said.
pub(super) enum Spoken {
    /// It is kept, and answered later.
    Kept(ChannelMessage),
    /// It is kept and dealt with; the answer's content, if it was answered.
    Answered(ChannelMessage, Option<Map<String, Value>>),
    /// The answer is on its way, piece by piece.
    Streaming(HttpResponse),
}

/// `POST /channels/:channelId/messages`.
pub(super) async fn post(call: Call, body: Body) -> Answer {
    let fields = body.fields()?;
    let transport = Transport::read(&fields)?;
    let missing = || ElizaError::Refused(&refusal::MESSAGE_FIELDS);
    let channel_id: ChannelId = call.id("channel", &refusal::MESSAGE_FIELDS)?;
    let author = given::id(&fields, "author_id").map_err(|_not_an_id| missing())?;
    let server = given::server(&fields).map_err(|_not_an_id| missing())?;
    let content = given::text(&fields, "content").ok_or_else(missing)?;
    let author_id = author.or_else(|| call.entity()).unwrap_or(EntityId(ids::derived(NOBODY)));
    let metadata = given::object(&fields, "metadata").unwrap_or_default();
    let opening = Opening {
        channel: channel_id,
        server: server.unwrap_or(MessageServer::DEFAULT),
        speaker: author_id,
        creator: "gui_auto_creation",
        metadata: &metadata,
    };
    let channel = opening.channel(&call).await?;
    let target = metadata.get("targetAgentId").and_then(Value::as_str);
    let target = target.and_then(|target| target.parse().ok());
    let new = message(&fields, channel_id, author_id, content, metadata);
    let Some(listener) = listener(&call, &channel, author_id, target).await? else {
        // It is said all the same, as elizaOS has it.
        call.messaging().post_unanswered(new, None).await.doing(&refusal::MESSAGE)?;
        return Err((&refusal::NO_AGENT).into());
    };
    let name = new.author_name.clone();
    let (message, response) = match say(&call, &channel, new, listener, transport).await? {
        Spoken::Kept(message) => (message, None),
        Spoken::Answered(message, reply) => (message, Some(reply)),
        Spoken::Streaming(answer) => return Ok(answer),
    };
    let user_message = bus(&message, channel.server_id, name.as_deref());
    let mut answer = Map::new();
    answer.insert("userMessage".to_owned(), Value::Object(user_message));
    if let Some(reply) = response {
        answer.insert("agentResponse".to_owned(), json!(reply));
    }
    // The client library takes what is in `data` for the message.
    let mut data = json!(MessageView::of(&message));
    if let Some(data) = data.as_object_mut() {
        data.extend(answer.clone());
    }
    answer.insert("success".to_owned(), json!(true));
    answer.insert("data".to_owned(), data);
    json(StatusCode::CREATED, &answer)
}

fn message(
    fields: &Fields,
    channel_id: ChannelId,
    author_id: EntityId,
    content: String,
    metadata: Map<String, Value>,
) -> NewMessage {
    let name = metadata.get("user_display_name").and_then(Value::as_str);
    NewMessage {
        id: None,
        channel_id,
        author_id,
        author_name: name.filter(|name| !name.is_empty()).map(str::to_owned),
        content,
        raw_message: given::any(fields, "raw_message"),
        // What is no id is ignored, as by elizaOS.
        in_reply_to: given::id(fields, "in_reply_to_message_id").ok().flatten(),
        source_type: given::text(fields, "source_type").unwrap_or_else(|| "eliza_gui".to_owned()),
        source_id: given::text(fields, "source_id"),
        metadata,
    }
}

/// The agent that is to answer: the first other one of the channel that runs, else the one that is
/// meant, else whoever else is there.
async fn listener(
    call: &Call,
    channel: &Channel,
    author: EntityId,
    target: Option<AgentId>,
) -> Result<Option<Listener>, ElizaError> {
    let others = call.messaging().participants(channel.id).await.doing(&refusal::MESSAGE)?;
    let others: Vec<_> = others.into_iter().filter(|other| *other != author).collect();
    for other in &others {
        let agent = AgentId(other.0);
        if is_running(call, agent).await? {
            return Ok(Some(Listener { agent, is_inside: true }));
        }
    }
    let first = others.first().map(|other| AgentId(other.0));
    Ok(target.or(first).map(|agent| {
        let is_inside = others.contains(&agent.into());
        Listener { agent, is_inside }
    }))
}

async fn is_running(call: &Call, agent: AgentId) -> Result<bool, ElizaError> {
    match call.registry().record(agent).await {
        Ok(record) => Ok(record.lifecycle.state() == State::Running),
        Err(CoreError::AgentNotFound(_)) => Ok(false),
        Err(error) => Err(error).doing(&refusal::MESSAGE),
    }
}

/// Says something, and brings the answer back as the transport has it.
pub(super) async fn say(
    call: &Call,
    channel: &Channel,
    new: NewMessage,
    listener: Listener,
    transport: Transport,
) -> Result<Spoken, ElizaError> {
    let Listener { agent, is_inside } = listener;
    // Whoever waits would wait for nothing: nobody answers before the fleet goes on.
    if transport != Transport::Websocket && call.registry().is_halted() {
        return Err(CoreError::Halted.into());
    }
    let is_running = is_running(call, agent).await?;
    let messaging = call.messaging();
    match transport {
        Transport::Websocket => {
            // Where the one that is meant does not run, those inside are told, be it nobody: then
            // the message is dealt with at once.
            let said = if is_running && !is_inside {
                messaging.say_to(new, agent).await
            } else {
                messaging.say(new).await
            };
            Ok(Spoken::Kept(said.doing(&refusal::MESSAGE)?.message))
        }
        Transport::Http if !is_running => {
            let by = Some((agent, NOT_RUNNING));
            messaging.post_unanswered(new, by).await.doing(&refusal::MESSAGE)?;
            Err((&refusal::HTTP_TRANSPORT).into())
        }
        Transport::Http => {
            let said = messaging.say_to(new, agent).await.map_err(unanswered(call))?;
            let told = said.told.into_iter().next();
            let letter = told.map(|told| told.outcome).transpose().map_err(unanswered(call))?;
            let reply = match letter.and_then(|letter| letter.reply) {
                Some(reply) => {
                    reply.within(call.settings.reply_within()).await.map_err(unanswered(call))?
                }
                None => None,
            };
            let reply = reply.map(|reply| with_urls(&reply.content).into_owned());
            Ok(Spoken::Answered(said.message, reply))
        }
        Transport::Sse => {
            let name = new.author_name.clone();
            // Before it is said, or the first words would be missed.
            let pieces = call.registry().watch_pieces();
            let (message, told) = if is_running {
                let said = messaging.say_to(new, agent).await.map_err(unanswered(call))?;
                (said.message, said.told.into_iter().next())
            } else {
                let by = Some((agent, NOT_RUNNING));
                (messaging.post_unanswered(new, by).await.doing(&refusal::MESSAGE)?, None)
            };
            let user_message = bus(&message, channel.server_id, name.as_deref());
            let answer = match told.map(|told| told.outcome) {
                Some(Ok(letter)) => {
                    stream::of(user_message, letter, pieces, call.settings.reply_within())
                }
                Some(Err(error)) => stream::failed(user_message, &stream::words(&error)),
                None => {
                    stream::failed(user_message, &format!("Agent {agent} not found in registry"))
                }
            };
            Ok(Spoken::Streaming(answer))
        }
    }
}

/// That no answer came, in elizaOS' words where it has any.
fn unanswered(call: &Call) -> impl Fn(CoreError) -> ElizaError + Copy + '_ {
    move |error| match error {
        // What is cut off since the host ends is taken up at its next start.
        _ if call.host.stop.is_requested() => CoreError::ShuttingDown.into(),
        CoreError::Model(_)
        | CoreError::Crashed(_)
        | CoreError::Cancelled(_)
        | CoreError::NotRunning { .. }
        | CoreError::Failed { .. }
        | CoreError::AgentNotFound(_) => ElizaError::Refused(&refusal::HTTP_TRANSPORT),
        error => ElizaError::Core { error, doing: Some(&refusal::HTTP_TRANSPORT) },
    }
}
