//! Follows the primary agent, whichever that is.

use std::sync::{Arc, Weak};
use std::time::Duration;

use greenroom_actors::error::CoreError;
use greenroom_actors::facts::{Event, EventKind};
use greenroom_actors::feed::Fed;
use greenroom_actors::ids::{AgentId, RoomId};
use greenroom_actors::time::UnixMillis;

use super::translate::Translator;
use crate::dialects::milady::chat::SOURCE;
use crate::dialects::milady::proactive::Proactive;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::socket::Sockets;
use crate::host::Host;

/// How long is waited where the store cannot be read.
const RETRY: Duration = Duration::from_secs(1);

/// Puts what the primary agent does among the envelopes.
pub(in super::super) struct Follower {
    pub(in super::super) host: Host,
    pub(in super::super) sockets: Arc<Sockets>,
    /// What it belongs to, and does not keep.
    pub(in super::super) shared: Weak<Shared>,
}

impl Follower {
    /// Follows it for ever.
    pub(in super::super) async fn run(self) {
        let mut primary = self.host.primary.watch();
        // All of an agent is news that was made since then: while another was followed, or none.
        let mut since = self.host.started_at;
        loop {
            let begun = self.host.registry.clock().now();
            let agent = *primary.borrow_and_update();
            let over = async {
                if let Some(agent) = agent {
                    self.follow(agent, since).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                changed = primary.changed() => if changed.is_err() { return },
                () = over => {}
            }
            since = begun;
        }
    }

    /// Follows one agent, until nothing comes any more.
    async fn follow(&self, agent: AgentId, since: UnixMillis) {
        let after = self.beginning(agent, since).await;
        let mut events = self.host.registry.subscribe(agent, after);
        let mut translator = Translator::default();
        loop {
            match events.next().await {
                Ok(Fed::Event(event)) => self.take(&event, &mut translator).await,
                // Nobody knows what that was; the numbers of clients have no gap.
                Ok(Fed::Gap { through }) => tracing::debug!(%agent, through, "events are missing"),
                Err(CoreError::Store(error)) => {
                    tracing::error!(%agent, %error, "the agent's events cannot be read");
                    self.host.registry.clock().sleep(RETRY).await;
                }
                Err(_ending) => return,
            }
        }
    }

    /// The number of the last event that is no news: none of an agent that was made since then.
    async fn beginning(&self, agent: AgentId, since: UnixMillis) -> u64 {
        loop {
            let registry = &self.host.registry;
            match registry.record(agent).await {
                Ok(record) if record.created_at >= since => return 0,
                Ok(_) | Err(_) => {}
            }
            match registry.store().event_bounds(agent).await {
                Ok(bounds) => return bounds.map_or(0, |(_oldest, newest)| newest),
                Err(error) => tracing::error!(%agent, %error, "the agent's events cannot be read"),
            }
            registry.clock().sleep(RETRY).await;
        }
    }

    async fn take(&self, event: &Event, translator: &mut Translator) {
        let is_chat = event.kind == EventKind::Said && self.is_chat(event).await;
        let drafts = translator.translate(event, is_chat);
        let proactive: Vec<Proactive> = drafts.iter().filter_map(Proactive::of).collect();
        self.sockets.publish(drafts);
        for said in proactive {
            let Some(shared) = self.shared.upgrade() else { return };
            if let Err(error) = said.bring(&shared).await {
                tracing::error!(agent = %event.agent_id, %error, "words of the agent are lost");
            }
        }
        // What it came up with is told at once, other changes with the next status.
        if matches!(event.kind, EventKind::Crashed | EventKind::Failed | EventKind::Restarted) {
            self.sockets.refresh();
        }
    }

    /// Whether something was said to a person over this dialect.
    async fn is_chat(&self, event: &Event) -> bool {
        let room = event.data.get("roomId").and_then(|room| room.as_str()?.parse::<RoomId>().ok());
        let Some(room) = room else { return false };
        match self.host.registry.store().room(event.agent_id, room).await {
            Ok(room) => room.is_some_and(|room| room.source == SOURCE),
            Err(error) => {
                tracing::error!(agent = %event.agent_id, %error, "a room cannot be read");
                false
            }
        }
    }
}
