//! Messaging: servers, channels, what is said in them, and who of the agents hears it.
//!
//! No HTTP in it. A message is durable before it is acknowledged, and so are the letters that bring
//! it to the agents. What an agent answers is committed together with the run that made it; every
//! live transport is a view of a channel's durable sequence of events.

mod agents;
mod channels;
mod coming;
mod jobs;
mod messages;
mod recipients;
mod servers;
mod sessions;
mod settings;
mod telling;
mod titles;
mod turns;
mod unfolding;

use std::sync::Arc;

use greenroom_actors::channels::MessageServer;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::letters::DoubleTexting;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;

pub use agents::{HOPS_MAX, Speech, Spoken};
pub use channels::{ChannelPatch, NewChannel};
pub use coming::{Came, Coming};
pub use jobs::NewJob;
pub use messages::{Letter, MessagePatch, NewMessage, Said, Told};
pub use servers::NewServer;
pub use sessions::{NewSession, Renewed, SessionRules, SessionsError, TimeoutWish, number, shown};
pub use settings::MessagingSettings;
pub use titles::{TitleWish, Titled};
pub use unfolding::{Rest, Unfolding};

use turns::Turns;

/// Servers, channels, messages, sessions and jobs over one registry. Clones share them.
#[derive(Clone)]
pub struct Messaging {
    registry: Registry,
    settings: MessagingSettings,
    /// Whose turn it is to change a session.
    turns: Arc<Turns>,
}

impl Messaging {
    /// Opens messaging; makes the default message server if it is not there.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn open(registry: Registry, settings: MessagingSettings) -> Result<Self, CoreError> {
        let now = registry.clock().now();
        let server = MessageServer {
            id: MessageServer::DEFAULT,
            name: "Default Server".to_owned(),
            source_type: "eliza_default".to_owned(),
            source_id: None,
            metadata: None,
            created_at: now,
            updated_at: now,
        };
        registry.keep(vec![Fact::ServerMet(Box::new(server))]).await?;
        Ok(Self { registry, settings, turns: Arc::default() })
    }

    /// What something said outside of channels does while a reply in the same room is in flight.
    #[must_use]
    pub fn double_texting(&self) -> DoubleTexting {
        self.settings.double_texting
    }

    /// The one way to the agents.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    fn now(&self) -> UnixMillis {
        self.registry.clock().now()
    }
}
