//! How somebody stands to an agent.

use super::entry::Entry;
use crate::accounts::Principal;

/// How somebody stands to an agent; from the most to the least that they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// An administrator, who may do everything.
    Admin,
    /// Its owner.
    Owner,
    /// Somebody it is shared with.
    Shared,
    /// Nobody it knows.
    Stranger,
}

impl Relation {
    pub(super) fn of(principal: &Principal, entry: &Entry) -> Self {
        let user = &principal.user;
        if principal.is_admin() {
            Self::Admin
        } else if entry.owner == user.username {
            Self::Owner
        } else if user.email.as_deref().is_some_and(|email| entry.share_with(email).is_some()) {
            Self::Shared
        } else {
            Self::Stranger
        }
    }

    /// Whether they may see and use it.
    #[must_use]
    pub fn may_use(self) -> bool {
        self != Self::Stranger
    }

    /// Whether they may change what it is.
    #[must_use]
    pub fn may_own(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }
}
