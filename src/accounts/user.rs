//! People who may use the host, and how much each of them may do.

use std::fmt;

use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// The name of the built-in administrator.
pub const ADMIN: &str = "admin";

/// The id of the built-in administrator.
pub(super) const ADMIN_ID: i64 = 1;

/// How much a person may do; each role may do what the lower ones may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Uses the agents that are shared with them.
    #[default]
    User,
    /// The same, and looks after agents.
    Operator,
    /// May create agents.
    Creator,
    /// May do everything.
    Admin,
}

impl Role {
    /// Every role, the lowest first.
    pub const ALL: [Self; 4] = [Self::User, Self::Operator, Self::Creator, Self::Admin];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Creator => "creator",
            Self::Admin => "admin",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person who may use the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// 1 for the built-in administrator; never used again.
    pub id: i64,
    /// What they are called: the e-mail address, unless they log in with a password.
    pub username: String,
    /// Their e-mail address, in lower case.
    pub email: Option<String>,
    /// How much they may do.
    pub role: Role,
    /// The name that is shown.
    #[serde(default)]
    pub name: Option<String>,
    /// The address of a picture.
    #[serde(default)]
    pub picture: Option<String>,
    /// When they came into being.
    pub created_at: UnixMillis,
    /// When they last logged in.
    #[serde(default)]
    pub last_login: Option<UnixMillis>,
}

impl User {
    /// Whether they may do everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_an_order_and_a_word_each() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        for word in ["", "Admin", "root", " user"] {
            assert_eq!(Role::parse(word), None, "{word}");
        }
    }
}
