//! Message servers, and the agents that take part in them.

use greenroom_actors::channels::MessageServer;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, ChannelId, ServerId};
use serde_json::{Map, Value};

use super::Messaging;

/// Channels that are removed between two looks at what is left.
const AT_ONCE: u32 = 256;

/// A message server to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewServer {
    /// Its id; a new one if absent.
    pub id: Option<ServerId>,
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub source_type: String,
    /// Its id where it comes from.
    pub source_id: Option<String>,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
}

impl Messaging {
    /// Every message server, oldest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn servers(&self) -> Result<Vec<MessageServer>, CoreError> {
        Ok(self.registry.store().message_servers().await?)
    }

    /// One message server.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn server(&self, id: ServerId) -> Result<MessageServer, CoreError> {
        let server = self.registry.store().message_server(id).await?;
        server.ok_or(CoreError::NotFound { what: "message server", id: id.0 })
    }

    /// Makes a message server; one of that id that is there already stays as it is.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn create_server(&self, new: NewServer) -> Result<MessageServer, CoreError> {
        let now = self.now();
        let server = MessageServer {
            id: new.id.unwrap_or_default(),
            name: new.name,
            source_type: new.source_type,
            source_id: new.source_id,
            metadata: new.metadata,
            created_at: now,
            updated_at: now,
        };
        self.registry.keep(vec![Fact::ServerMet(Box::new(server.clone()))]).await?;
        Ok(server)
    }

    /// Removes a message server with its channels, and what agents remember of those; answers with
    /// the channels.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for the default one, [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn remove_server(&self, id: ServerId) -> Result<Vec<ChannelId>, CoreError> {
        if id == MessageServer::DEFAULT {
            let reason = "the default server stays".to_owned();
            return Err(CoreError::Invalid { field: "messageServerId", reason });
        }
        self.server(id).await?;
        let mut removed = Vec::new();
        loop {
            let channels = self.channels(id, 0, AT_ONCE).await?;
            if channels.is_empty() {
                break;
            }
            for channel in channels {
                self.remove_channel(channel.id).await?;
                removed.push(channel.id);
            }
        }
        self.registry.keep(vec![Fact::ServerRemoved(id)]).await?;
        Ok(removed)
    }

    /// The agents that take part in a message server, longest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn enlisted(&self, server: ServerId) -> Result<Vec<AgentId>, CoreError> {
        Ok(self.registry.store().enlisted(server).await?)
    }

    /// The message servers that an agent takes part in, longest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn servers_of(&self, agent: AgentId) -> Result<Vec<ServerId>, CoreError> {
        Ok(self.registry.store().servers_of(agent).await?)
    }

    /// Lets an agent take part in a message server; one that does already stays.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn enlist(&self, server_id: ServerId, agent_id: AgentId) -> Result<(), CoreError> {
        self.registry.record(agent_id).await?;
        self.server(server_id).await?;
        let at = self.now();
        self.registry.keep(vec![Fact::Enlisted { server_id, agent_id, at }]).await?;
        Ok(())
    }

    /// Lets an agent no longer take part in a message server.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn delist(&self, server_id: ServerId, agent_id: AgentId) -> Result<(), CoreError> {
        self.registry.keep(vec![Fact::Delisted { server_id, agent_id }]).await?;
        Ok(())
    }
}
