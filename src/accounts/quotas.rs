//! How many agents a person may own.

use super::user::{Role, User};
use super::{Accounts, AccountsError};

/// How many agents the people of one role may own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentQuota {
    /// The role.
    pub role: Role,
    /// The preference that says it.
    pub key: &'static str,
    /// The number where nobody has said another; 0: any.
    pub default: u64,
    /// What it is, for people.
    pub description: &'static str,
}

/// The quotas, the highest role first. Administrators own as many as they like.
pub const QUOTAS: [AgentQuota; 3] = [
    AgentQuota {
        role: Role::Creator,
        key: "max_agents_creator",
        default: 10,
        description: "Agents that a creator may own (0: any number)",
    },
    AgentQuota {
        role: Role::Operator,
        key: "max_agents_operator",
        default: 3,
        description: "Agents that an operator may own (0: any number)",
    },
    AgentQuota {
        role: Role::User,
        key: "max_agents_user",
        default: 1,
        description: "Agents that a user may own (0: any number)",
    },
];

impl Accounts {
    /// How many agents a user may own; `None`: any number.
    #[must_use]
    pub fn agents_max(&self, user: &User) -> Option<u64> {
        let quota = QUOTAS.into_iter().find(|quota| quota.role == user.role)?;
        let max = self.inner.preferences.number(quota.key, quota.default);
        Some(max).filter(|max| *max > 0)
    }

    /// Whether a user who owns so many agents may own one more.
    ///
    /// # Errors
    /// [`AccountsError::Quota`].
    pub fn check_quota(&self, user: &User, current: u64) -> Result<(), AccountsError> {
        self.check_quota_for(user, current, 1)
    }

    /// Whether a user who owns so many agents may own so many more.
    ///
    /// # Errors
    /// [`AccountsError::Quota`].
    pub fn check_quota_for(
        &self,
        user: &User,
        current: u64,
        more: u64,
    ) -> Result<(), AccountsError> {
        match self.agents_max(user) {
            Some(limit) if current.saturating_add(more) > limit => {
                Err(AccountsError::Quota { current, limit })
            }
            _ => Ok(()),
        }
    }
}
