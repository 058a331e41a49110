//! A client says something in a channel.

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{ChannelId, ChannelMessageId, EntityId, ServerId};
use serde_json::{Map, Value, json};
use socketioxide::extract::SocketRef;
use tokio::sync::oneshot;

use super::super::error::{Doing, ElizaError};
use super::super::messaging::Opening;
use super::super::refusal;
use super::super::said::Dialect;
use super::connection::{Connection, public_id};
use super::events::word;
use super::joining::RELAY_WITHIN;
use super::relay::{Awaited, Command};
use crate::messaging::NewMessage;

/// What is wrong with a message that cannot be.
const MISSING: &str = "For SEND_MESSAGE: channelId, messageServerId (message_server_id), senderId \
                       (author_id), and message are required.";

/// Keeps a message and brings it to the agents; the channel's relay tells everyone, its author too.
pub(super) async fn say(connection: &Connection, socket: &SocketRef, payload: Map<String, Value>) {
    let Some(new) = Saying::read(&payload) else { return connection.fail(socket, MISSING) };
    let channel = new.channel;
    let metadata = new.metadata(socket);
    let opening = Opening {
        channel,
        server: new.server,
        speaker: new.author,
        creator: "socketio_auto_creation",
        metadata: &new.about,
    };
    if let Err(error) = opening.channel(&connection.core.shared).await {
        let words = error.words(Dialect::Api);
        let is_of_server = matches!(error, ElizaError::Refusing(..));
        return connection.fail(
            socket,
            &match is_of_server {
                true => words,
                false => format!("Failed to create channel: {words}"),
            },
        );
    }
    let id = ChannelMessageId::new();
    let (ready, is_ready) = oneshot::channel();
    let (told, is_told) = oneshot::channel();
    let client_id = payload.get("messageId").filter(|id| !id.is_null()).cloned();
    let awaited = Awaited { socket: socket.clone(), client_id, ready: Some(ready), told };
    let relays = &connection.core.relays;
    relays.tell(channel, Command::Await(id, awaited));
    // Before it is said, or the relay might begin after it.
    let said = match tokio::time::timeout(RELAY_WITHIN, is_ready).await {
        Ok(Ok(())) => {
            let message = new.message(id, payload.clone(), metadata, connection);
            connection.core.shared.host.messaging.say(message).await.map(drop)
        }
        _ => Err(CoreError::Overloaded),
    };
    match said.doing(&refusal::MESSAGE) {
        Ok(()) => drop(tokio::time::timeout(RELAY_WITHIN, is_told).await),
        Err(error) => {
            if let Some(cause) = error.cause() {
                tracing::error!(cause, "a message over a socket failed");
            }
            let words = error.words(Dialect::Api);
            connection.fail(socket, &format!("Error processing your message: {words}"));
        }
    }
    relays.tell_open(channel, Command::Forget(id));
}

/// A message as a client sends it.
struct Saying<'a> {
    channel: ChannelId,
    server: ServerId,
    author: EntityId,
    author_name: Option<&'a str>,
    text: &'a str,
    source: &'a str,
    client_id: Option<&'a str>,
    attachments: Option<&'a Value>,
    /// What a channel that is made for it is to know.
    about: Map<String, Value>,
}

impl<'a> Saying<'a> {
    fn read(payload: &'a Map<String, Value>) -> Option<Self> {
        let id = |names: &[&str]| word(payload, names);
        let given = payload.get("metadata").and_then(Value::as_object);
        let mut about = given.cloned().unwrap_or_default();
        if let Some(target) = word(payload, &["targetUserId"]) {
            about.entry("targetUserId").or_insert_with(|| json!(target));
        }
        let server = id(&["messageServerId", "serverId"])?.parse::<ServerId>().ok()?;
        let attachments = payload.get("attachments");
        let attachments = attachments.or_else(|| given?.get("attachments"));
        Some(Self {
            channel: id(&["channelId", "roomId"])?.parse().ok()?,
            server,
            author: id(&["senderId"])?.parse().ok()?,
            author_name: word(payload, &["senderName"]),
            text: word(payload, &["message"])?,
            source: word(payload, &["source"]).unwrap_or("socketio_client"),
            client_id: word(payload, &["messageId"]),
            attachments: attachments.filter(|listed| listed.is_array()),
            about,
        })
    }

    fn metadata(&self, socket: &SocketRef) -> Map<String, Value> {
        let mut metadata = self.about.clone();
        if let Some(name) = self.author_name {
            metadata.insert("user_display_name".to_owned(), json!(name));
        }
        metadata.insert("socket_id".to_owned(), json!(public_id(socket)));
        metadata.insert("messageServerId".to_owned(), json!(self.server));
        if let Some(attachments) = self.attachments {
            metadata.insert("attachments".to_owned(), attachments.clone());
        }
        metadata
    }

    fn message(
        &self,
        id: ChannelMessageId,
        payload: Map<String, Value>,
        metadata: Map<String, Value>,
        connection: &Connection,
    ) -> NewMessage {
        let random = rand::random::<u32>();
        let unnamed = || format!("socketio-{}-{random:08x}", connection.core.shared.now().0);
        NewMessage {
            id: Some(id),
            channel_id: self.channel,
            author_id: self.author,
            author_name: self.author_name.map(str::to_owned),
            content: self.text.to_owned(),
            raw_message: Some(Value::Object(payload)),
            in_reply_to: None,
            source_type: self.source.to_owned(),
            source_id: Some(self.client_id.map_or_else(unnamed, str::to_owned)),
            metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::channels::MessageServer;

    use super::*;

    #[test]
    fn a_message_needs_a_channel_a_server_a_sender_and_words() {
        let id = "aaaaaaaa-0601-4000-8000-000000000601";
        let whole = json!({
            "channelId": id, "messageServerId": MessageServer::DEFAULT, "senderId": id,
            "message": "hello",
        });
        let with = |name: &str, value: Value| {
            let mut fields = whole.as_object().cloned().unwrap();
            fields.insert(name.to_owned(), value);
            fields
        };
        for (name, value, is_whole) in [
            ("source", json!("eliza_gui"), true),
            ("source", json!(""), true),
            ("channelId", json!("x"), false),
            ("messageServerId", json!("x"), false),
            ("senderId", json!("x"), false),
            ("senderId", json!(5), false),
            ("message", json!(""), false),
            ("message", json!({}), false),
        ] {
            let fields = with(name, value.clone());
            assert_eq!(Saying::read(&fields).is_some(), is_whole, "{name}: {value}");
        }
        let fields = with("targetUserId", json!(id));
        assert_eq!(Saying::read(&fields).unwrap().about.get("targetUserId"), Some(&json!(id)));
        let mut fields = with("roomId", json!(id));
        fields.remove("channelId");
        assert!(Saying::read(&fields).is_some());
    }
}
