//! A word with an agent, from the command line.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use greenroom_actors::agent::Delivery;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, RoomId, derived, seen_by};
use greenroom_actors::records::{Memory, Room};
use serde_json::{Map, Value};

use crate::host::Host;

use super::Answer;
use super::body::Fields;
use super::lookup::Who;
use super::wire::{Exchange, Success};

/// Bytes of one message.
const TEXT_MAX_BYTES: usize = 64 * 1024;

/// Bytes of a speaker's name.
const NAME_MAX_BYTES: usize = 200;

/// Delivers a message and waits for the reply.
pub(super) async fn say(
    who: Path<Who>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<Exchange> {
    let fields = Fields::read(&request, payload).await?;
    let text = fields.required("text", TEXT_MAX_BYTES)?;
    let speaker = match fields.text("from")? {
        None => "operator",
        Some(_) => fields.required("from", NAME_MAX_BYTES)?,
    };
    let agent = who.find(&host.registry).await?.id;
    let (message_id, reply) = Speech { source: SOURCE, speaker, text }.to(agent, &host).await?;
    let reply = reply.map(|reply| reply.text().to_owned());
    Ok(Success::of(Exchange { message_id, reply }))
}

/// Where such messages come from.
const SOURCE: &str = "greenroom-cli";

/// What somebody says to one agent.
pub(crate) struct Speech<'a> {
    /// Where it comes from, in one word.
    pub(crate) source: &'a str,
    /// Who says it, by name.
    pub(crate) speaker: &'a str,
    /// The words.
    pub(crate) text: &'a str,
}

impl Speech<'_> {
    /// Says it, and waits for the reply: what the agent keeps of it, and what it says.
    pub(crate) async fn to(
        &self,
        agent: AgentId,
        host: &Host,
    ) -> Result<(MemoryId, Option<Memory>), CoreError> {
        let Self { source, speaker, text } = *self;
        let content = Map::from_iter([
            ("text".to_owned(), Value::from(text)),
            ("source".to_owned(), Value::from(source)),
        ]);
        let from = EntityId(derived(&format!("{source}:{speaker}")));
        let asking = Delivery::asking(from, self.room(agent, host), content);
        let double_texting = host.messaging.double_texting();
        let delivery = Delivery { from_name: Some(speaker.to_owned()), double_texting, ..asking };
        let delivered = host.registry.deliver(agent, delivery).await?;
        let reply = match delivered.reply {
            Some(reply) => host.registry.reply(reply).await?,
            None => None,
        };
        Ok((delivered.memory.id, reply))
    }

    /// One room for each agent and speaker, so that both find their conversation again.
    fn room(&self, agent: AgentId, host: &Host) -> Room {
        let Self { source, speaker, .. } = *self;
        let channel = derived(&format!("{source}:{speaker}:{agent}")).to_string();
        Room {
            id: RoomId(seen_by(agent, &channel)),
            agent_id: agent,
            name: speaker.to_owned(),
            channel_id: Some(channel),
            message_server_id: None,
            world_id: None,
            kind: "DM".to_owned(),
            source: source.to_owned(),
            metadata: None,
            created_at: host.registry.clock().now(),
        }
    }
}
