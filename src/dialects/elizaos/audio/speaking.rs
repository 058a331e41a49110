//! Words that become sound.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, ChannelMessageId, MemoryId, RoomId};
use serde_json::{Value, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::{Body, Fields};
use super::super::refusal::{self, Refusal};
use super::super::wire::{Answer, ok};
use crate::speech::sound::Format;
use crate::speech::{Manner, Spoken};

/// How a client wants it to sound.
#[derive(Default)]
pub(super) struct Sounding {
    voice: Option<String>,
    speed: Option<f64>,
    format: Format,
}

impl Sounding {
    /// What a body says. A format that is not made here is ignored: the answer says which one it has.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, ElizaError> {
        let format = fields.text("format")?;
        Ok(Self {
            voice: fields.text("voice")?,
            speed: fields.number("speed")?,
            format: Self::format(format.as_deref()),
        })
    }

    /// What a form says, which has no more than a format.
    pub(super) fn of_format(format: Option<&str>) -> Self {
        Self { format: Self::format(format), ..Self::default() }
    }

    fn format(name: Option<&str>) -> Format {
        name.and_then(Format::named).unwrap_or_default()
    }

    /// Says a text so, as an agent.
    pub(super) async fn say(
        &self,
        call: &Call,
        agent: AgentId,
        text: &str,
        room: Option<RoomId>,
        doing: &'static Refusal,
    ) -> Result<Spoken, ElizaError> {
        let Self { voice, speed, format } = self;
        let manner = Manner { voice: voice.as_deref(), speed: *speed, format: *format, room };
        let spoken = call.host.speech.speak_as(call.registry(), agent, text, manner).await;
        spoken.map_err(|error| ElizaError::Speech { error, doing })
    }
}

/// `POST /audio/:agentId/speech/generate`.
pub(super) async fn generate(call: Call, body: Body) -> Answer {
    let agent = call.agent()?;
    let mut fields = body.fields()?;
    let text = text(&mut fields, &refusal::SPEECH_TEXT)?;
    raw(said(&call, agent, &text, &mut fields).await?)
}

/// `POST /audio/:agentId/audio-messages/synthesize`: a text, or what a message says.
pub(super) async fn synthesize(call: Call, body: Body) -> Answer {
    let agent = call.agent()?;
    let mut fields = body.fields()?;
    if !fields.has("messageId") {
        let text = text(&mut fields, &refusal::SPEECH_TEXT)?;
        return raw(said(&call, agent, &text, &mut fields).await?);
    }
    let id = fields.id("messageId").map_err(|_not_an_id| ElizaError::Refused(&refusal::MESSAGE_ID));
    let id: Option<ChannelMessageId> = id?;
    call.running(agent).await?;
    let text = match id {
        Some(id) => of_message(&call, agent, id).await?,
        None => String::new(),
    };
    packed(&said(&call, agent, &text, &mut fields).await?)
}

/// `POST /agents/:agentId/speech/synthesize`.
pub(super) async fn synthesize_packed(call: Call, body: Body) -> Answer {
    let agent = call.agent()?;
    let mut fields = body.fields()?;
    let text = text(&mut fields, &refusal::SPEECH_TEXT)?;
    packed(&said(&call, agent, &text, &mut fields).await?)
}

/// A text that is to be said.
pub(super) fn text(fields: &mut Fields, missing: &'static Refusal) -> Result<String, ElizaError> {
    let text = fields.text("text").ok().flatten();
    text.filter(|text| !text.trim().is_empty()).ok_or(ElizaError::Refused(missing))
}

async fn said(
    call: &Call,
    agent: AgentId,
    text: &str,
    fields: &mut Fields,
) -> Result<Spoken, ElizaError> {
    Sounding::read(fields)?.say(call, agent, text, None, &refusal::SPEECH).await
}

/// What a message of a channel says, or a memory of the agent.
async fn of_message(
    call: &Call,
    agent: AgentId,
    id: ChannelMessageId,
) -> Result<String, ElizaError> {
    match call.messaging().message(id).await {
        Ok(message) => return Ok(message.content),
        Err(CoreError::NotFound { .. }) => {}
        Err(error) => return Err(error).doing(&refusal::SPEECH),
    }
    let memory = call.store().memory(agent, MemoryId(id.0)).await.doing(&refusal::SPEECH)?;
    let memory = memory.ok_or(ElizaError::Refused(&refusal::MESSAGE_NOT_FOUND))?;
    Ok(memory.text().to_owned())
}

/// The sound by itself.
pub(super) fn raw(spoken: Spoken) -> Answer {
    let media_type = spoken.format.media_type();
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, media_type)).body(spoken.bytes))
}

/// The sound in JSON.
fn packed(spoken: &Spoken) -> Answer {
    ok(json!({"audio": base64(spoken), "format": spoken.format.name()}))
}

/// The sound as text.
pub(super) fn base64(spoken: &Spoken) -> Value {
    Value::String(BASE64_STANDARD.encode(&spoken.bytes))
}
