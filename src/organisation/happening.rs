//! What happens here, for those who watch.

use std::sync::Arc;

use greenroom_actors::ids::AgentId;

use super::asks::Ask;
use super::links::Link;
use super::notices::Notice;
use super::signals::Emission;

/// Something that happened, durable already.
#[derive(Clone, Debug)]
pub enum Happening {
    /// An agent was shared with that address.
    Shared(AgentId, String),
    /// An agent is not shared with that address any longer.
    Unshared(AgentId, String),
    /// Somebody is told something.
    Noticed(Arc<Notice>),
    /// An agent has told others of an event.
    Emitted(Arc<Emission>),
    /// An agent asks people something.
    Asked(Arc<Ask>),
    /// Somebody has answered.
    AskAnswered(Arc<Ask>),
    /// The agent has read the answer.
    AskAcknowledged(Arc<Ask>),
    /// Anybody may talk to an agent by that link.
    LinkMade(Arc<Link>),
    /// A link has changed.
    LinkChanged(Arc<Link>),
    /// A link is no more.
    LinkRemoved(Arc<Link>),
}

impl Happening {
    /// The agent that it is about.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        match self {
            Self::Shared(agent, _) | Self::Unshared(agent, _) => *agent,
            Self::Noticed(notice) => notice.agent,
            Self::Emitted(emission) => emission.source,
            Self::Asked(ask) | Self::AskAnswered(ask) | Self::AskAcknowledged(ask) => ask.agent,
            Self::LinkMade(link) | Self::LinkChanged(link) | Self::LinkRemoved(link) => link.agent,
        }
    }
}
