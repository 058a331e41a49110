//! The channel that something is said in: made if it is not there, since the web client speaks first.

use greenroom_actors::channels::Channel;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{ChannelId, EntityId, ServerId};
use serde_json::{Map, Value, json};

use super::super::error::{Doing, ElizaError};
use super::super::refusal;
use super::super::shared::Shared;
use crate::http::instant;
use crate::messaging::NewChannel;

/// What is known of a channel when something is said in it.
pub(in super::super) struct Opening<'a> {
    pub(in super::super) channel: ChannelId,
    /// The server that it is made on.
    pub(in super::super) server: ServerId,
    pub(in super::super) speaker: EntityId,
    /// What the channel says that it was made by.
    pub(in super::super) creator: &'static str,
    /// The metadata of what is said.
    pub(in super::super) metadata: &'a Map<String, Value>,
}

impl Opening<'_> {
    /// The channel, made if it is not there.
    pub(in super::super) async fn channel(&self, shared: &Shared) -> Result<Channel, ElizaError> {
        let messaging = &shared.host.messaging;
        match messaging.channel(self.channel).await {
            Ok(channel) => return Ok(channel),
            Err(CoreError::NotFound { .. }) => {}
            Err(error) => return Err(error).doing(&refusal::MESSAGE),
        }
        let at = instant::iso(shared.now());
        match messaging.create_channel(self.made(&at)).await {
            Err(CoreError::NotFound { .. }) => {
                let words = format!("Server {} does not exist", self.server);
                Err(ElizaError::Refusing(&refusal::SERVER_MISSING, words))
            }
            made => made.doing(&refusal::MESSAGE),
        }
    }

    fn made(&self, at: &str) -> NewChannel {
        let word = |key: &str| self.metadata.get(key).and_then(Value::as_str);
        let kind = word("channelType").or_else(|| word("channel_type"));
        let is_dm = self.metadata.get("isDm") == Some(&Value::Bool(true)) || kind == Some("DM");
        let kind = if is_dm { "DM" } else { "GROUP" };
        let mut about = Map::new();
        let mut put = |key: &str, value: Value| drop(about.insert(key.to_owned(), value));
        put("created_by", json!(self.creator));
        put("created_for_user", json!(self.speaker));
        put("created_at", json!(at));
        put("channel_type", json!(kind));
        about.extend(self.metadata.clone());
        let other = word("targetUserId").or_else(|| word("recipientId"));
        let other: Option<EntityId> = other.filter(|_| is_dm).and_then(|other| other.parse().ok());
        let start: String = self.channel.to_string().chars().take(8).collect();
        NewChannel {
            id: Some(self.channel),
            server_id: self.server,
            name: format!("{} {start}", if is_dm { "DM" } else { "Chat" }),
            kind: kind.to_owned(),
            source_type: Some("auto_created".to_owned()),
            source_id: None,
            topic: None,
            metadata: Some(about),
            participants: [Some(self.speaker), other].into_iter().flatten().collect(),
        }
    }
}
