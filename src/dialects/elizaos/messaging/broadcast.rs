//! What happens in a channel, as those who follow it live are told: the names and payloads that
//! elizaOS' clients know.

use greenroom_actors::channels::{ChannelEvent, ChannelEventKind, ChannelMessage};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, ChannelId, ChannelMessageId, EntityId, ServerId};
use serde_json::{Map, Value, json};

use super::completion::{self, LOOK_BACK, Open};
use super::wire::ChannelView;
use crate::media::{with_urls, with_urls_in};
use crate::messaging::Messaging;

/// Something that followers of a channel are told.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Broadcast {
    /// What clients call it.
    pub(in super::super) name: &'static str,
    /// What it says. `offset` is the number of the event in the channel's sequence.
    pub(in super::super) payload: Map<String, Value>,
    /// Who sent what it tells of over a socket, and what that client calls it.
    pub(in super::super) sender: Option<Sender>,
}

/// Who sent a message over a socket.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Sender {
    /// Its author.
    pub(in super::super) author: EntityId,
    /// What its client calls it.
    pub(in super::super) client_id: Value,
}

/// Words the events of one channel, which are to be given in their order.
pub(in super::super) struct Broadcasts {
    messaging: Messaging,
    channel: ChannelId,
    /// The server that the channel lies on, once it was looked up: it never changes.
    server: Option<ServerId>,
    open: Open,
}

impl Broadcasts {
    pub(in super::super) fn of(messaging: Messaging, channel: ChannelId) -> Self {
        Self { messaging, channel, server: None, open: Open::default() }
    }

    /// What followers are told of an event: mostly one thing, and nothing of what is gone meanwhile
    /// or not for others to hear.
    ///
    /// # Errors
    /// [`CoreError::Store`]; asking again may succeed.
    pub(in super::super) async fn word(
        &mut self,
        event: &ChannelEvent,
    ) -> Result<Vec<Broadcast>, CoreError> {
        let server = self.server().await?;
        let mut told = match event.kind {
            ChannelEventKind::Said | ChannelEventKind::Amended => {
                self.spoken(event, server).await?
            }
            ChannelEventKind::Removed => {
                let payload = json!({"messageId": event.data.get("messageId")});
                vec![self.plain("messageDeleted", payload)]
            }
            ChannelEventKind::Cleared => vec![self.plain("channelCleared", json!({}))],
            ChannelEventKind::Deleted => vec![self.plain("channelDeleted", json!({}))],
            ChannelEventKind::Updated => match self.messaging.channel(self.channel).await {
                Ok(channel) => {
                    let payload = json!({"updates": ChannelView::of(&channel)});
                    vec![self.plain("channelUpdated", payload)]
                }
                Err(CoreError::NotFound { .. }) => Vec::new(),
                Err(error) => return Err(error),
            },
            ChannelEventKind::Completed | ChannelEventKind::Failed => {
                let mut told = Vec::new();
                if event.kind == ChannelEventKind::Failed {
                    told.push(self.plain("messageStreamError", json!(event.data)));
                }
                if self.is_last(event).await? {
                    told.push(self.complete(event, server));
                }
                told
            }
        };
        for broadcast in &mut told {
            broadcast.payload.insert("offset".to_owned(), json!(event.seq));
        }
        Ok(told)
    }

    async fn server(&mut self) -> Result<Option<ServerId>, CoreError> {
        if self.server.is_none() {
            self.server = match self.messaging.channel(self.channel).await {
                Ok(channel) => Some(channel.server_id),
                Err(CoreError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(self.server)
    }

    async fn spoken(
        &mut self,
        event: &ChannelEvent,
        server: Option<ServerId>,
    ) -> Result<Vec<Broadcast>, CoreError> {
        let Some(id) = message_of(event) else { return Ok(Vec::new()) };
        if event.kind == ChannelEventKind::Said {
            self.open.said(id, completion::told(event));
        }
        let message = match self.messaging.message(id).await {
            Ok(message) => message,
            Err(CoreError::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        if is_of_session(&message) {
            return Ok(Vec::new());
        }
        let payload = spoken(&message, server, event);
        Ok(vec![Broadcast { name: "messageBroadcast", payload, sender: sender(&message) }])
    }

    /// Whether nobody is waited for any more after this event.
    async fn is_last(&mut self, event: &ChannelEvent) -> Result<bool, CoreError> {
        let agent = event.data.get("agentId").and_then(Value::as_str);
        let agent: Option<AgentId> = agent.and_then(|agent| agent.parse().ok());
        // A program may call something done that no agent was told of.
        let (Some(id), Some(agent)) = (message_of(event), agent) else { return Ok(true) };
        if let Some(is_last) = self.open.ended(id, agent) {
            return Ok(is_last);
        }
        let after = event.seq.saturating_sub(LOOK_BACK.saturating_add(1));
        let limit = u32::try_from(LOOK_BACK).unwrap_or(u32::MAX);
        let before = self.messaging.events(self.channel, after, limit).await?;
        let before = before.into_iter().filter(|earlier| earlier.seq < event.seq);
        Ok(completion::is_last(before, id, agent))
    }

    fn complete(&self, event: &ChannelEvent, server: Option<ServerId>) -> Broadcast {
        let mut broadcast = self.plain("messageComplete", json!({"roomId": self.channel}));
        if let Some(server) = server {
            broadcast.payload.insert("serverId".to_owned(), json!(server));
        }
        if let Some(message) = event.data.get("messageId") {
            broadcast.payload.insert("messageId".to_owned(), message.clone());
        }
        broadcast
    }

    fn plain(&self, name: &'static str, payload: Value) -> Broadcast {
        let mut all = Map::new();
        all.insert("channelId".to_owned(), json!(self.channel));
        if let Value::Object(payload) = payload {
            all.extend(payload);
        }
        Broadcast { name, payload: all, sender: None }
    }
}

/// The message that an event is about.
pub(in super::super) fn message_of(event: &ChannelEvent) -> Option<ChannelMessageId> {
    event.data.get("messageId")?.as_str()?.parse().ok()
}

/// Who sent a message, if it came over a socket.
fn sender(message: &ChannelMessage) -> Option<Sender> {
    message.metadata.as_ref()?.get("socket_id")?;
    let client_id = message.raw_message.as_ref()?.get("messageId")?;
    Some(Sender { author: message.author_id, client_id: client_id.clone() })
}

/// What a person says in a session is between the two, as elizaOS has it.
fn is_of_session(message: &ChannelMessage) -> bool {
    let has_session = |metadata: &Map<String, Value>| metadata.contains_key("sessionId");
    message.source_type.as_deref() == Some("user")
        && message.metadata.as_ref().is_some_and(has_session)
}

/// A message, whoever said it.
fn spoken(
    message: &ChannelMessage,
    server: Option<ServerId>,
    event: &ChannelEvent,
) -> Map<String, Value> {
    let source = message.source_type.as_deref().unwrap_or_default();
    let is_action = source == "agent_action";
    let is_agents = is_action || source == "agent_response";
    let raw = message.raw_message.as_ref().map(with_urls_in);
    let metadata = message.metadata.as_ref().map(with_urls);
    let of_raw = |key: &str| raw.as_ref()?.get(key).filter(|value| !value.is_null());
    let of_metadata = |key: &str| metadata.as_ref()?.get(key);
    let name =
        [event.data.get("authorName"), of_metadata("user_display_name"), of_metadata("agentName")];
    let name = name.into_iter().flatten().filter_map(Value::as_str).find(|name| !name.is_empty());
    let mut payload = Map::new();
    let mut put = |key: &str, value: Value| drop(payload.insert(key.to_owned(), value));
    put("id", json!(message.id));
    put("senderId", json!(message.author_id));
    put("senderName", json!(name.unwrap_or(if is_agents { "Agent" } else { "User" })));
    put("text", json!(message.content));
    put("channelId", json!(message.channel_id));
    put("roomId", json!(message.channel_id));
    if let Some(server) = server {
        put("messageServerId", json!(server));
        put("serverId", json!(server));
    }
    put("createdAt", json!(message.created_at));
    put("source", json!(source));
    let attachments = of_metadata("attachments").or_else(|| of_raw("attachments"));
    let is_some = |listed: &&Value| listed.as_array().is_some_and(|listed| !listed.is_empty());
    if let Some(attachments) = attachments.filter(is_some) {
        put("attachments", attachments.clone());
    }
    if is_agents {
        for key in ["thought", "actions"] {
            if let Some(value) = of_raw(key) {
                put(key, value.clone());
            }
        }
    }
    if is_action || event.kind == ChannelEventKind::Amended {
        put("updatedAt", json!(message.updated_at));
    }
    if is_action && let Some(raw) = &raw {
        put("rawMessage", raw.clone().into_owned());
    }
    payload
}

#[cfg(test)]
mod tests {
    use greenroom_actors::time::UnixMillis;

    use super::*;

    fn id(number: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(number)
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn message(source: &str, raw: Value, metadata: Value) -> ChannelMessage {
        ChannelMessage {
            id: ChannelMessageId(id(1)),
            channel_id: ChannelId(id(2)),
            author_id: id(3).into(),
            content: "hello".to_owned(),
            raw_message: Some(raw).filter(|raw| !raw.is_null()),
            in_reply_to: None,
            source_type: Some(source.to_owned()),
            source_id: None,
            metadata: Some(object(metadata)),
            created_at: UnixMillis(5),
            updated_at: UnixMillis(6),
        }
    }

    fn event(kind: ChannelEventKind, data: Value) -> ChannelEvent {
        let data = object(data);
        ChannelEvent { channel_id: ChannelId(id(2)), seq: 7, at: UnixMillis(5), kind, data }
    }

    #[test]
    fn each_sort_of_message_has_its_payload() {
        let said = event(ChannelEventKind::Said, json!({"authorName": "Uma"}));
        let unnamed = event(ChannelEventKind::Said, json!({"authorName": null}));
        let amended = event(ChannelEventKind::Amended, json!({}));
        let file = format!("uploads/agents/{}/a.png", id(4));
        let kept = json!([{"url": format!("/srv/data/{file}")}]);
        let raw = json!({"thought": "th", "actions": ["REPLY"], "attachments": kept});
        for (event, message, more) in [
            (
                &said,
                message("eliza_gui", json!({"thought": "no"}), json!({})),
                json!({"senderName": "Uma", "source": "eliza_gui"}),
            ),
            (
                &unnamed,
                message("socketio_client", json!({}), json!({"attachments": []})),
                json!({"senderName": "User", "source": "socketio_client"}),
            ),
            (
                &unnamed,
                message("agent_response", raw, json!({"agentName": "Golden"})),
                json!({
                    "senderName": "Golden", "source": "agent_response",
                    "attachments": [{"url": format!("/media/{file}")}], "thought": "th", "actions": ["REPLY"],
                }),
            ),
            (
                &amended,
                message("agent_action", json!({"actionStatus": "completed"}), json!({})),
                json!({
                    "senderName": "Agent", "source": "agent_action", "updatedAt": 6,
                    "rawMessage": {"actionStatus": "completed"},
                }),
            ),
        ] {
            let mut expected = object(json!({
                "id": id(1), "senderId": id(3), "text": "hello", "channelId": id(2),
                "roomId": id(2), "messageServerId": id(0), "serverId": id(0), "createdAt": 5,
            }));
            expected.extend(object(more));
            let payload = spoken(&message, Some(ServerId(id(0))), event);
            assert_eq!(Value::Object(payload), Value::Object(expected));
        }
    }

    #[test]
    fn only_a_sessions_words_are_between_the_two() {
        let of_session = json!({"sessionId": "s"});
        for (source, metadata, expected) in [
            ("user", of_session.clone(), true),
            ("user", json!({}), false),
            ("agent_response", of_session, false),
        ] {
            assert_eq!(is_of_session(&message(source, Value::Null, metadata)), expected);
        }
    }
}
