//! Channels, and who takes part in them.

use std::time::Duration;

use greenroom_actors::channels::{Channel, ChannelEvent, ChannelEventKind, NewChannelEvent};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::feed::ChannelEventStream;
use greenroom_actors::ids::{ChannelId, ChannelMessageId, EntityId, ServerId};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::Messaging;
use super::settings::double_texting;

/// A channel to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChannel {
    /// Its id; a new one if absent.
    pub id: Option<ChannelId>,
    /// The server it lies on.
    pub server_id: ServerId,
    /// Its name.
    pub name: String,
    /// What elizaOS calls the channel type.
    pub kind: String,
    /// Where it comes from.
    pub source_type: Option<String>,
    /// Its id there.
    pub source_id: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
    /// Who takes part from the start.
    pub participants: Vec<EntityId>,
}

/// What changes about a channel; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelPatch {
    /// Its name.
    pub name: Option<String>,
    /// Who takes part, in place of those before.
    pub participants: Option<Vec<EntityId>>,
    /// Anything else, in place of what was before.
    pub metadata: Option<Map<String, Value>>,
}

impl Messaging {
    /// Makes a channel with its participants; one of that id that is there already stays as it is.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] if its server is not there, [`CoreError::Invalid`] for metadata that
    /// cannot be, [`CoreError::Store`].
    pub async fn create_channel(&self, new: NewChannel) -> Result<Channel, CoreError> {
        double_texting(new.metadata.as_ref())?;
        let now = self.now();
        let channel = Channel {
            id: new.id.unwrap_or_default(),
            server_id: new.server_id,
            name: new.name,
            kind: new.kind,
            source_type: new.source_type,
            source_id: new.source_id,
            topic: new.topic,
            metadata: new.metadata,
            created_at: now,
            updated_at: now,
        };
        let id = channel.id;
        let mut facts = vec![Fact::ChannelMet(Box::new(channel))];
        facts.extend(joined(id, new.participants, now));
        self.registry.keep(facts).await.map_err(|error| match error {
            CoreError::Store(StoreError::Missing { id, .. }) => {
                CoreError::NotFound { what: "message server", id }
            }
            error => error,
        })?;
        self.channel(id).await
    }

    /// The channel that two have for each other on a server; made if they have none.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] if the server is not there, [`CoreError::Store`].
    pub async fn dm_channel(
        &self,
        server_id: ServerId,
        current: EntityId,
        target: EntityId,
    ) -> Result<Channel, CoreError> {
        let store = self.registry.store();
        if let Some(channel) = store.dm_channel(server_id, current, target).await? {
            return Ok(channel);
        }
        let (first, second) = (current.min(target), current.max(target));
        self.create_channel(NewChannel {
            id: None,
            server_id,
            name: format!("DM-{first}-{second}"),
            kind: "DM".to_owned(),
            source_type: None,
            source_id: None,
            topic: None,
            metadata: json!({"user1": first, "user2": second}).as_object().cloned(),
            participants: vec![current, target],
        })
        .await
    }

    /// One channel.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn channel(&self, id: ChannelId) -> Result<Channel, CoreError> {
        let channel = self.registry.store().channel(id).await?;
        channel.ok_or(CoreError::NotFound { what: "channel", id: id.0 })
    }

    /// The channels of a server, oldest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn channels(
        &self,
        server: ServerId,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Channel>, CoreError> {
        Ok(self.registry.store().channels(server, offset, limit).await?)
    }

    /// Who takes part in a channel, longest first; nobody in one that is not there.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn participants(&self, id: ChannelId) -> Result<Vec<EntityId>, CoreError> {
        let participants = self.registry.store().channel_participants(id).await?;
        Ok(participants.into_iter().map(|(user, _)| user).collect())
    }

    /// Who takes part in a channel and since when, longest first.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn members(&self, id: ChannelId) -> Result<Vec<(EntityId, UnixMillis)>, CoreError> {
        self.channel(id).await?;
        Ok(self.registry.store().channel_participants(id).await?)
    }

    /// The channel of a server that stands for a channel elsewhere.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn channel_from(
        &self,
        server: ServerId,
        source_id: &str,
    ) -> Result<Option<Channel>, CoreError> {
        Ok(self.registry.store().channel_by_source(server, source_id).await?)
    }

    /// Lets somebody take part in a channel.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn join(&self, channel_id: ChannelId, user_id: EntityId) -> Result<(), CoreError> {
        self.channel(channel_id).await?;
        let at = self.now();
        self.registry.keep(vec![Fact::ChannelJoined { channel_id, user_id, at }]).await?;
        Ok(())
    }

    /// Lets somebody no longer take part in a channel; whether they did.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn leave(&self, channel_id: ChannelId, user_id: EntityId) -> Result<bool, CoreError> {
        self.channel(channel_id).await?;
        let left = self.registry.keep(vec![Fact::ChannelLeft { channel_id, user_id }]).await?;
        Ok(left.affected.iter().any(|rows| *rows > 0))
    }

    /// Changes a channel; those who follow it are told.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Invalid`] for metadata that cannot be,
    /// [`CoreError::Store`].
    pub async fn amend_channel(
        &self,
        id: ChannelId,
        patch: ChannelPatch,
    ) -> Result<Channel, CoreError> {
        double_texting(patch.metadata.as_ref())?;
        let before = self.channel(id).await?;
        let now = self.now();
        let channel = Channel {
            name: patch.name.unwrap_or(before.name),
            metadata: patch.metadata.or(before.metadata),
            updated_at: now,
            ..before
        };
        let mut facts = vec![Fact::ChannelSet(Box::new(channel.clone()))];
        if let Some(participants) = patch.participants {
            for user_id in self.participants(id).await? {
                if !participants.contains(&user_id) {
                    facts.push(Fact::ChannelLeft { channel_id: id, user_id });
                }
            }
            facts.extend(joined(id, participants, now));
        }
        facts.push(self.channel_event(id, ChannelEventKind::Updated, json!({})));
        self.registry.keep(facts).await?;
        Ok(channel)
    }

    /// Removes a channel and what its agents remember of it; those who follow it are told. One that
    /// is not there stays so.
    ///
    /// # Errors
    /// [`CoreError::Store`], and what forgetting fails with; the channel is gone then.
    pub async fn remove_channel(&self, id: ChannelId) -> Result<(), CoreError> {
        if self.registry.store().channel(id).await?.is_none() {
            return Ok(());
        }
        let agents = self.agents_in(id).await?;
        let deleted = self.channel_event(id, ChannelEventKind::Deleted, json!({}));
        self.registry.keep(vec![Fact::ChannelRemoved(id), deleted]).await?;
        self.forget_channel(id, agents).await
    }

    /// Tells those who follow a channel that a message, or whatever was last said, is dealt with.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn complete(
        &self,
        id: ChannelId,
        message: Option<ChannelMessageId>,
    ) -> Result<(), CoreError> {
        self.channel(id).await?;
        let data = message.map_or_else(|| json!({}), |message| json!({"messageId": message}));
        let completed = self.channel_event(id, ChannelEventKind::Completed, data);
        self.registry.keep(vec![completed]).await?;
        Ok(())
    }

    /// What happened in a channel after a number, as far as it is kept, ascending.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn events(
        &self,
        id: ChannelId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ChannelEvent>, CoreError> {
        Ok(self.registry.store().channel_events(id, after, limit).await?)
    }

    /// The number of what last happened in a channel; 0 if nothing did.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn last_event(&self, id: ChannelId) -> Result<u64, CoreError> {
        let bounds = self.registry.store().channel_event_bounds(id).await?;
        Ok(bounds.map_or(0, |(_, newest)| newest))
    }

    /// What happens in a channel from a number on.
    #[must_use]
    pub fn follow(&self, id: ChannelId, after: u64) -> ChannelEventStream {
        self.registry.subscribe_channel(id, after)
    }

    pub(super) fn channel_event(
        &self,
        channel_id: ChannelId,
        kind: ChannelEventKind,
        data: Value,
    ) -> Fact {
        let data = data.as_object().cloned().unwrap_or_default();
        Fact::ChannelHappened(NewChannelEvent { channel_id, at: self.now(), kind, data })
    }
}

/// That these take part, in this order: who joined first is asked first, so that no two join in the
/// same millisecond.
fn joined(
    channel_id: ChannelId,
    users: Vec<EntityId>,
    now: UnixMillis,
) -> impl Iterator<Item = Fact> {
    users.into_iter().zip(0_u64..).map(move |(user_id, nth)| {
        let at = now.plus(Duration::from_millis(nth));
        Fact::ChannelJoined { channel_id, user_id, at }
    })
}
