//! Bodies of answers about message servers, channels and messages.

use std::borrow::Cow;

use greenroom_actors::channels::{Channel, ChannelMessage, MessageServer};
use greenroom_actors::ids::{ChannelId, ChannelMessageId, EntityId, ServerId};
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::http::instant;
use crate::media::{with_urls, with_urls_in};

/// A message server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ServerView<'a> {
    id: ServerId,
    name: &'a str,
    source_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
    created_at: String,
    updated_at: String,
}

impl<'a> ServerView<'a> {
    pub(in super::super) fn of(server: &'a MessageServer) -> Self {
        Self {
            id: server.id,
            name: &server.name,
            source_type: &server.source_type,
            source_id: server.source_id.as_deref(),
            metadata: server.metadata.as_ref(),
            created_at: instant::iso(server.created_at),
            updated_at: instant::iso(server.updated_at),
        }
    }
}

/// A channel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelView<'a> {
    id: ChannelId,
    message_server_id: ServerId,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
    created_at: String,
    updated_at: String,
}

impl<'a> ChannelView<'a> {
    pub(super) fn of(channel: &'a Channel) -> Self {
        Self {
            id: channel.id,
            message_server_id: channel.server_id,
            name: &channel.name,
            kind: &channel.kind,
            source_type: channel.source_type.as_deref(),
            source_id: channel.source_id.as_deref(),
            topic: channel.topic.as_deref(),
            metadata: channel.metadata.as_ref(),
            created_at: instant::iso(channel.created_at),
            updated_at: instant::iso(channel.updated_at),
        }
    }
}

/// Somebody who takes part in a channel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParticipantView {
    /// The same as the user's: one takes part once.
    pub(super) id: EntityId,
    pub(super) channel_id: ChannelId,
    pub(super) user_id: EntityId,
    pub(super) role: &'static str,
    pub(super) joined_at: String,
}

/// A message as it is kept.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageView<'a> {
    id: ChannelMessageId,
    channel_id: ChannelId,
    author_id: EntityId,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_message: Option<Cow<'a, Value>>,
    in_reply_to_root_message_id: Option<ChannelMessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<&'a str>,
    metadata: Map<String, Value>,
    created_at: String,
    updated_at: String,
}

impl<'a> MessageView<'a> {
    pub(super) fn of(message: &'a ChannelMessage) -> Self {
        Self {
            id: message.id,
            channel_id: message.channel_id,
            author_id: message.author_id,
            content: &message.content,
            raw_message: message.raw_message.as_ref().map(with_urls_in),
            in_reply_to_root_message_id: message.in_reply_to,
            source_type: message.source_type.as_deref(),
            source_id: message.source_id.as_deref(),
            metadata: message
                .metadata
                .as_ref()
                .map(|it| with_urls(it).into_owned())
                .unwrap_or_default(),
            created_at: instant::iso(message.created_at),
            updated_at: instant::iso(message.updated_at),
        }
    }
}

/// A message in a list: what its author's program said of it stands among its metadata.
#[derive(Serialize)]
pub(super) struct ListedMessage<'a> {
    #[serde(flatten)]
    message: MessageView<'a>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
}

impl<'a> ListedMessage<'a> {
    pub(super) fn of(message: &'a ChannelMessage) -> Self {
        let mut view = MessageView::of(message);
        for key in ["thought", "actions", "attachments"] {
            let lifted = view.raw_message.as_ref().and_then(|raw| raw.get(key));
            if let Some(lifted) = lifted.filter(|value| !value.is_null()) {
                view.metadata.insert(key.to_owned(), lifted.clone());
            }
        }
        Self { message: view, created_at: message.created_at, updated_at: message.updated_at }
    }
}

/// A message as it is handed to those who listen.
pub(super) fn bus(
    message: &ChannelMessage,
    server: ServerId,
    author_name: Option<&str>,
) -> Map<String, Value> {
    let mut bus = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            bus.insert(key.to_owned(), value);
        }
    };
    let metadata = message.metadata.as_ref().filter(|metadata| !metadata.is_empty());
    put("id", Some(json!(message.id)));
    put("channel_id", Some(json!(message.channel_id)));
    put("message_server_id", Some(json!(server)));
    put("author_id", Some(json!(message.author_id)));
    put("content", Some(json!(message.content)));
    put("created_at", Some(json!(message.created_at)));
    put("source_type", message.source_type.as_ref().map(|source| json!(source)));
    put("raw_message", message.raw_message.as_ref().map(|raw| with_urls_in(raw).into_owned()));
    put("metadata", metadata.map(|metadata| json!(with_urls(metadata))));
    put("author_display_name", author_name.map(|name| json!(name)));
    put("in_reply_to_message_id", message.in_reply_to.map(|id| json!(id)));
    put("source_id", message.source_id.as_ref().map(|source| json!(source)));
    put("authorId", Some(json!(message.author_id)));
    put("channelId", Some(json!(message.channel_id)));
    put("createdAt", Some(json!(instant::iso(message.created_at))));
    bus
}
