//! Talking with an agent: something is said to it, aloud or in writing, and its answer is heard.

use actix_web::web::Payload;
use greenroom_actors::agent::Delivery;
use greenroom_actors::ids::{self, AgentId, EntityId, RoomId, WorldId};
use greenroom_actors::records::{Room, World};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::{Body, Fields};
use super::super::refusal;
use super::super::wire::{Answer, ok};
use super::speaking::{Sounding, base64, raw, text};
use crate::http::upload::Form;
use crate::speech::SpeechError;

/// Who speaks where nobody says who it is, as elizaOS has it.
const NOBODY: &str = "Anon";

/// Where messages of these routes come from.
const SOURCE: &str = "audio";

/// `POST /audio/:agentId/speech/conversation` with a text: answers with sound.
pub(super) async fn by_text(call: Call, body: Body) -> Answer {
    let agent = call.agent()?;
    let mut fields = body.fields()?;
    let said = text(&mut fields, &refusal::CONVERSATION_TEXT)?;
    let sounding = Sounding::read(&mut fields)?;
    let setting = Setting::read(&mut fields)?;
    could_speak(&call, agent).await?;
    let reply = reply(&call, agent, said, setting).await?;
    let (speech, doing) = (&call.host.speech, &refusal::CONVERSATION);
    let text = speech.speakable(&reply.text);
    raw(sounding.say(&call, agent, text, Some(reply.room), doing).await?)
}

/// The same with sound, and `POST /agents/:agentId/speech/conversation`.
pub(super) async fn by_sound(call: Call, payload: Payload) -> Answer {
    talk(&call, payload, true).await
}

/// `POST /audio/:agentId/speech`: the same, and the answer is in words alone where nothing can speak.
pub(super) async fn process(call: Call, payload: Payload) -> Answer {
    talk(&call, payload, false).await
}

async fn talk(call: &Call, payload: Payload, must_speak: bool) -> Answer {
    let mut form = super::form(call, payload).await?;
    let agent = call.agent()?;
    let upload = super::sound(call, agent, form.file.take()).await?;
    let setting = Setting::of_form(&form)?;
    let sounding = Sounding::of_format(form.texts.get("format").map(String::as_str));
    let doing = &refusal::CONVERSATION;
    let speaks = match could_speak(call, agent).await {
        Err(ElizaError::Speech { error: SpeechError::NoSynthesizer, .. }) if !must_speak => false,
        could => could.map(|()| true)?,
    };
    let (speech, path) = (&call.host.speech, upload.file.path());
    let heard = speech.listen_as(call.registry(), agent, path, super::language(&form)).await;
    let heard = heard.map_err(|error| ElizaError::Speech { error, doing })?;
    // While the agent thinks, its file is of no use.
    drop(upload);
    let reply = reply(call, agent, heard.clone(), setting).await?;
    let mut data = Map::new();
    if speaks {
        let text = speech.speakable(&reply.text);
        let spoken = sounding.say(call, agent, text, Some(reply.room), doing).await?;
        data.insert("audio".to_owned(), base64(&spoken));
        data.insert("format".to_owned(), json!(spoken.format.name()));
    }
    data.insert("text".to_owned(), json!(reply.text));
    data.insert("transcription".to_owned(), json!(heard));
    ok(data)
}

/// Whether the answer could be said at all: better known before the agent is asked.
async fn could_speak(call: &Call, agent: AgentId) -> Result<(), ElizaError> {
    let could = call.host.speech.could_speak(call.registry(), agent).await;
    could.map_err(|error| ElizaError::Speech { error, doing: &refusal::CONVERSATION })
}

/// What an agent said, and where.
struct Reply {
    text: String,
    room: RoomId,
}

/// Says something to an agent, and waits for its answer.
async fn reply(
    call: &Call,
    agent: AgentId,
    text: String,
    setting: Setting,
) -> Result<Reply, ElizaError> {
    let doing = &refusal::CONVERSATION;
    let delivery = setting.delivery(call, agent, text).await?;
    let room = delivery.room.id;
    let delivered = call.registry().deliver(agent, delivery).await.doing(doing)?;
    let reply = match delivered.reply {
        Some(reply) => reply.within(call.settings.reply_within()).await.doing(doing)?,
        None => None,
    };
    let text = reply.map(|reply| reply.text().to_owned()).unwrap_or_default();
    if text.trim().is_empty() {
        return Err((&refusal::NO_RESPONSE).into());
    }
    Ok(Reply { text, room })
}

/// Who speaks, and where.
#[derive(Default)]
struct Setting {
    room: Option<String>,
    world: Option<String>,
    from: Option<String>,
    from_name: Option<String>,
}

impl Setting {
    fn read(fields: &mut Fields) -> Result<Self, ElizaError> {
        let name = fields.words("name")?;
        Ok(Self {
            room: fields.words("roomId")?,
            world: fields.words("worldId")?,
            from: fields.words("entityId")?,
            from_name: fields.words("userName")?.or(name),
        })
    }

    /// What a form says: in fields of its own, or in those of its `metadata`.
    fn of_form(form: &Form) -> Result<Self, ElizaError> {
        let metadata = form.texts.get("metadata").and_then(|text| serde_json::from_str(text).ok());
        let mut fields = match metadata {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        let texts = form.texts.iter().filter(|(name, _)| name.as_str() != "metadata");
        fields.extend(texts.map(|(name, text)| (name.clone(), json!(text))));
        Self::read(&mut Fields(fields))
    }

    async fn delivery(
        self,
        call: &Call,
        agent: AgentId,
        text: String,
    ) -> Result<Delivery, ElizaError> {
        let from = self.from.as_deref().unwrap_or(NOBODY);
        let mut content = Map::new();
        content.insert("text".to_owned(), Value::String(text));
        content.insert("source".to_owned(), json!(SOURCE));
        let world = self.world.map(|world| World {
            id: WorldId(ids::derived(&world)),
            agent_id: agent,
            name: "Direct".to_owned(),
            message_server_id: None,
            metadata: None,
            // The agent dates what it meets.
            created_at: UnixMillis::default(),
        });
        let base = self.room.unwrap_or_else(|| format!("default-room-{agent}"));
        let id = RoomId(ids::derived(&base));
        let known = call.store().room(agent, id).await.doing(&refusal::CONVERSATION)?;
        let room = known.unwrap_or_else(|| Room {
            id: RoomId(ids::seen_by(agent, &base)),
            agent_id: agent,
            name: self
                .from_name
                .as_ref()
                .map_or_else(|| "Chat".to_owned(), |name| format!("Chat with {name}")),
            channel_id: Some(base),
            message_server_id: None,
            world_id: world.as_ref().map(|world| world.id),
            kind: "API".to_owned(),
            source: SOURCE.to_owned(),
            metadata: None,
            created_at: UnixMillis::default(),
        });
        let asking = Delivery::asking(EntityId(ids::derived(from)), room, content);
        let double_texting = call.messaging().double_texting();
        Ok(Delivery { from_name: self.from_name, world, double_texting, ..asking })
    }
}
