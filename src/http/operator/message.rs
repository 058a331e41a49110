//! A word with an agent, from the command line.

use actix_web::web::{Data, Json, Path};
use greenroom_actors::agent::Delivery;
use greenroom_actors::ids::{AgentId, EntityId, RoomId, derived, seen_by};
use greenroom_actors::records::Room;
use serde_json::{Map, Value};

use crate::host::Host;

use super::Answer;
use super::error::OperatorError;
use super::lookup::Who;
use super::wire::{Exchange, Success, Words};

/// Bytes of one message.
const TEXT_MAX_BYTES: usize = 64 * 1024;

/// Characters of a speaker's name.
const NAME_MAX: usize = 100;

/// Delivers a message and waits for the reply.
pub(super) async fn say(who: Path<Who>, words: Json<Words>, host: Data<Host>) -> Answer<Exchange> {
    let speaker = words.speaker()?;
    let text = words.text()?;
    let agent = who.find(&host.registry).await?.id;
    let content = Map::from_iter([
        ("text".to_owned(), Value::from(text)),
        ("source".to_owned(), Value::from(SOURCE)),
    ]);
    let delivery = Delivery {
        from: EntityId(derived(&format!("{SOURCE}:{speaker}"))),
        from_name: Some(speaker.to_owned()),
        from_agent: None,
        room: room(agent, speaker, &host),
        content,
        metadata: Map::new(),
        memory_id: None,
        expects_reply: true,
        refuse_unless_running: true,
    };
    let delivered = host.registry.deliver(agent, delivery).await?;
    let message_id = delivered.memory.id;
    let reply = match delivered.reply {
        Some(reply) => host.registry.reply(reply).await?,
        None => None,
    };
    let reply = reply.map(|reply| reply.text().to_owned());
    Ok(Success::of(Exchange { message_id, reply }))
}

/// Where such messages come from.
const SOURCE: &str = "greenroom-cli";

/// One room for each agent and speaker, so that both find their conversation again.
fn room(agent: AgentId, speaker: &str, host: &Host) -> Room {
    let channel = derived(&format!("{SOURCE}:{speaker}:{agent}")).to_string();
    Room {
        id: RoomId(seen_by(agent, &channel)),
        agent_id: agent,
        name: speaker.to_owned(),
        channel_id: Some(channel),
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: SOURCE.to_owned(),
        metadata: None,
        created_at: host.registry.clock().now(),
    }
}

impl Words {
    fn text(&self) -> Result<&str, OperatorError> {
        let text = self.text.trim();
        if text.is_empty() || text.len() > TEXT_MAX_BYTES {
            let reason = format!("must be 1 to {TEXT_MAX_BYTES} bytes long");
            return Err(OperatorError::Invalid { field: "text", reason });
        }
        Ok(text)
    }

    fn speaker(&self) -> Result<&str, OperatorError> {
        let name = self.from.as_deref().unwrap_or("operator").trim();
        if name.is_empty() || name.chars().count() > NAME_MAX {
            let reason = format!("must be 1 to {NAME_MAX} characters long");
            return Err(OperatorError::Invalid { field: "from", reason });
        }
        Ok(name)
    }
}
