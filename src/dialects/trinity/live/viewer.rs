//! Who listens, and what they may see now.

use greenroom_actors::ids::AgentId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::hub::Told;
use crate::accounts::{Credential, Principal};
use crate::host::Host;
use crate::organisation::desk_of;
use crate::roster::Entry;

/// Somebody who listens. What they may see is asked anew each time.
pub(in super::super) struct Viewer {
    host: Host,
    shown: Shown,
}

/// What they have shown.
enum Shown {
    Token(Zeroizing<String>),
    Key(Uuid),
}

impl Viewer {
    /// Whoever shows that token.
    pub(super) fn by_token(host: &Host, token: &str) -> Option<(Self, Principal)> {
        let shown = Shown::Token(Zeroizing::new(token.to_owned()));
        let viewer = Self { host: host.clone(), shown };
        let principal = viewer.principal()?;
        Some((viewer, principal))
    }

    /// Whoever shows that, token or key.
    pub(in super::super) fn by_either(host: &Host, shown: &str) -> Option<Self> {
        let viewer = Self::by_token(host, shown).or_else(|| Self::by_key(host, shown));
        viewer.map(|(viewer, _)| viewer)
    }

    /// Whoever shows that key.
    pub(super) fn by_key(host: &Host, key: &str) -> Option<(Self, Principal)> {
        let principal = host.accounts.authenticate(key)?;
        let shown = Shown::Key(principal.key()?.id);
        Some((Self { host: host.clone(), shown }, principal))
    }

    /// Who that is now; nobody any more where what they have shown is no longer good.
    pub(super) fn principal(&self) -> Option<Principal> {
        let accounts = &self.host.accounts;
        match &self.shown {
            Shown::Token(token) => accounts.by_token(token),
            Shown::Key(id) => {
                let key = accounts.key(*id).filter(|key| key.is_active)?;
                let user = accounts.user_by_id(key.user)?;
                Some(Principal { user, by: Credential::Key(key) })
            }
        }
    }

    /// Whether they may use an agent now; `None` where they are nobody any more.
    pub(in super::super) fn may_use(&self, agent: AgentId) -> Option<bool> {
        let principal = self.principal()?;
        let entry = self.host.roster.entry(agent);
        Some(self.host.roster.relation(&principal, &entry).may_use())
    }

    /// Whether that may be told to them now; `None` where they are nobody any more.
    pub(super) fn may_hear(&self, told: &Told) -> Option<bool> {
        let principal = self.principal()?;
        let may = |(id, last): &(AgentId, Option<std::sync::Arc<Entry>>)| {
            let roster = &self.host.roster;
            let entry = last.clone().unwrap_or_else(|| roster.entry(*id));
            // What somebody says themselves is filed under their desk.
            roster.relation(&principal, &entry).may_use() || *id == desk_of(principal.user.id)
        };
        Some(told.about.iter().all(may))
    }
}
