//! A word with an agent, from the command line.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use greenroom_actors::agent::Delivery;
use greenroom_actors::ids::{AgentId, EntityId, RoomId, derived, seen_by};
use greenroom_actors::records::Room;
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
    let content = Map::from_iter([
        ("text".to_owned(), Value::from(text)),
        ("source".to_owned(), Value::from(SOURCE)),
    ]);
    let from = EntityId(derived(&format!("{SOURCE}:{speaker}")));
    let asking = Delivery::asking(from, room(agent, speaker, &host), content);
    let double_texting = host.messaging.double_texting();
    let delivery = Delivery { from_name: Some(speaker.to_owned()), double_texting, ..asking };
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
