//! Who asks, and what they showed for it.

use std::sync::Arc;

use greenroom_actors::ids::AgentId;

use super::keys::{ApiKey, Scope};
use super::user::User;

/// Whoever asks: a person, or an agent that acts for one.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The person.
    pub user: Arc<User>,
    /// What was shown for it.
    pub by: Credential,
}

/// What a request shows to say who asks.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token that was given at a login.
    Session,
    /// A key that somebody made.
    Key(Arc<ApiKey>),
}

impl Principal {
    /// The person, after a login.
    #[must_use]
    pub fn session(user: Arc<User>) -> Self {
        Self { user, by: Credential::Session }
    }

    /// Whether everything is allowed: the person is an administrator. An agent of theirs is none, for
    /// it does what it reads; but for the host's own.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.user.is_admin() && self.key().is_none_or(|key| key.scope != Scope::Agent)
    }

    /// The key that was shown, if it was one.
    #[must_use]
    pub fn key(&self) -> Option<&Arc<ApiKey>> {
        match &self.by {
            Credential::Session => None,
            Credential::Key(key) => Some(key),
        }
    }

    /// The agent that asks, where it is an agent with a key of its own.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        self.key().filter(|key| key.scope != Scope::User).and_then(|key| key.agent)
    }
}
