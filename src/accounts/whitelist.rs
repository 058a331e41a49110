//! The list of addresses that may log in by e-mail.

use std::sync::Arc;

use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::kept::{Shelf, set};
use super::user::Role;
use super::{Accounts, AccountsError, address};

/// Addresses at most: all of them are held in memory.
const LISTED_MAX: usize = 100_000;

/// An address that may log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its number in the list.
    pub id: i64,
    /// The address, in lower case.
    pub email: String,
    /// The name of the user who added it; `None` where it was asked for from outside.
    pub added_by: Option<String>,
    /// When it was added.
    pub added_at: UnixMillis,
    /// What whoever has it becomes at their first login.
    pub default_role: Role,
    /// Why it is there, in a word (`manual`, `agent_sharing`, `access_request`).
    pub source: String,
}

/// An address to add.
#[derive(Clone, Debug)]
pub struct NewListed {
    /// The address.
    pub email: String,
    /// The name of the user who adds it.
    pub added_by: Option<String>,
    /// What whoever has it becomes at their first login.
    pub default_role: Role,
    /// Why it is there, in a word.
    pub source: &'static str,
}

impl Accounts {
    /// Whether people may log in by e-mail.
    #[must_use]
    pub fn is_email_enabled(&self) -> bool {
        let configured = self.inner.is_email_enabled;
        self.inner.preferences.flag("email_auth_enabled", configured)
    }

    /// Every address that may log in, the newest first.
    #[must_use]
    pub fn listed(&self) -> Vec<Arc<Listed>> {
        let mut listed: Vec<_> = self.index().listed.values().cloned().collect();
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.id));
        listed
    }

    /// Whether that address may log in.
    #[must_use]
    pub fn is_listed(&self, email: &str) -> bool {
        address(email).is_some_and(|email| self.index().listed.contains_key(&email))
    }

    /// Adds an address.
    ///
    /// # Errors
    /// [`AccountsError::NotAnAddress`], [`AccountsError::Listed`], [`AccountsError::TooMany`],
    /// [`AccountsError::Core`].
    pub async fn list(&self, new: NewListed) -> Result<Arc<Listed>, AccountsError> {
        let email = address(&new.email).ok_or(AccountsError::NotAnAddress)?;
        let accounts = self.clone();
        self.alone(async move {
            let id = {
                let index = accounts.index();
                if index.listed.contains_key(&email) {
                    return Err(AccountsError::Listed(email));
                }
                if index.listed.len() >= LISTED_MAX {
                    return Err(AccountsError::TooMany(LISTED_MAX));
                }
                index
                    .listed
                    .values()
                    .map(|listed| listed.id)
                    .max()
                    .map_or(1, |id| id.saturating_add(1))
            };
            let listed = Listed {
                id,
                email,
                added_by: new.added_by,
                added_at: accounts.now(),
                default_role: new.default_role,
                source: new.source.to_owned(),
            };
            accounts.keep(vec![set(Shelf::Listed(&listed.email), &listed, accounts.now())]).await?;
            let listed = Arc::new(listed);
            accounts.index_mut().listed.insert(listed.email.clone(), Arc::clone(&listed));
            Ok(listed)
        })
        .await
    }

    /// Takes an address off the list. Who has logged in stays so until their token is over.
    ///
    /// # Errors
    /// [`AccountsError::NotListed`], [`AccountsError::Core`].
    pub async fn unlist(&self, email: &str) -> Result<(), AccountsError> {
        let email = address(email).unwrap_or_else(|| email.to_owned());
        let accounts = self.clone();
        self.alone(async move {
            if !accounts.index().listed.contains_key(&email) {
                return Err(AccountsError::NotListed(email));
            }
            accounts.keep(vec![Shelf::Listed(&email).removed()]).await?;
            accounts.index_mut().listed.remove(&email);
            Ok(())
        })
        .await
    }
}
