//! A client joins a channel.

use std::time::Duration;

use greenroom_actors::ids::ChannelId;
use serde_json::{Map, Value, json};
use socketioxide::extract::SocketRef;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::events::word;
use super::relay::{Command, Joiner};

/// How long a relay may take to do what it is told.
pub(super) const RELAY_WITHIN: Duration = Duration::from_secs(10);

/// Lets a socket into the room of a channel, which need not exist.
pub(super) async fn join(connection: &Connection, socket: &SocketRef, payload: Map<String, Value>) {
    let Some(name) = word(&payload, &["channelId", "roomId"]) else {
        return connection.fail(socket, "channelId is required for joining.");
    };
    let agent = word(&payload, &["agentId"]);
    let Ok(channel) = name.parse::<ChannelId>() else {
        // As elizaOS does it: a room in which nothing will ever be heard.
        let joined = joined(socket, name, agent, None);
        connection.core.emit(socket, "channel_joined", &joined);
        connection.core.emit(socket, "room_joined", &joined);
        return;
    };
    if !connection.may_join(channel) {
        let max = connection.core.shared.settings.socket_channels_max;
        return connection.fail(socket, &format!("At most {max} channels may be joined."));
    }
    let (done, is_done) = oneshot::channel();
    let joiner = Joiner {
        socket: socket.clone(),
        entity: connection.entity,
        offset: payload.get("offset").and_then(Value::as_u64),
        answer: joined(socket, name, agent, Some(0)),
        done,
    };
    connection.core.relays.tell(channel, Command::Join(joiner));
    // A relay that does not say so has nobody to let in any more.
    if tokio::time::timeout(RELAY_WITHIN, is_done).await.is_err() {
        connection.fail(socket, "The channel cannot be followed at present.");
    }
}

/// What one who joined is told; `offset` is the number of what last happened there.
fn joined(
    socket: &SocketRef,
    channel: &str,
    agent: Option<&str>,
    offset: Option<u64>,
) -> Map<String, Value> {
    let message = format!("Socket {} successfully joined channel {channel}.", socket.id);
    let mut answer = Map::new();
    answer.insert("message".to_owned(), json!(message));
    answer.insert("channelId".to_owned(), json!(channel));
    answer.insert("roomId".to_owned(), json!(channel));
    if let Some(agent) = agent {
        answer.insert("agentId".to_owned(), json!(agent));
    }
    if let Some(offset) = offset {
        answer.insert("offset".to_owned(), json!(offset));
    }
    answer
}
