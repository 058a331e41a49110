//! Accounts: who may use the host, how they show it, and how much each of them may do.
//!
//! Everything is kept as documents and held in memory, so that to tell who asks needs neither the
//! store nor a wait. A change is durable before it is seen, and one is made after the other.

mod codes;
mod common;
mod email;
mod error;
mod handover;
mod hs256;
mod index;
mod kept;
mod keys;
mod mail;
mod opening;
mod password;
mod people;
mod principal;
mod proofs;
mod quotas;
mod secret;
mod session;
mod settings;
mod setup;
mod token;
mod tries;
mod user;
mod whitelist;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use tokio::sync::watch;

pub use codes::CODE_LIFE;
pub use email::address;
pub use error::AccountsError;
pub use handover::{Handover, HandoverError};
pub use keys::{ApiKey, DEFAULT_KEY, KEY_START, KeySecret, Made, NewKey, Scope};
pub use mail::{Courier, Letter, LogCourier, courier};
pub use opening::Resources;
pub use password::{PASSWORD_MAX, PASSWORD_MIN, Weakness, judge};
pub use people::NewUser;
pub use principal::{Credential, Principal};
pub use quotas::{AgentQuota, QUOTAS};
pub use secret::Confidential;
pub use session::Session;
pub use settings::{AccountsSettings, EmailSettings, SmtpSecurity, SmtpSettings};
pub use token::{Mode, TOKEN_LIFE};
pub(crate) use tries::{Allowance, Tries};
pub use user::{ADMIN, Role, User};
pub use whitelist::{Listed, NewListed};

use codes::Codes;
use index::Index;
use password::Hasher;
use token::Signet;

use crate::preferences::Preferences;

/// The accounts of a host. Clones share everything.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    preferences: Preferences,
    courier: Arc<dyn Courier>,
    is_email_enabled: bool,
    index: RwLock<Index>,
    signet: Signet,
    hasher: Hasher,
    /// Failed logins with a password, by client.
    logins: Tries<u128>,
    codes: Codes,
    /// Those that prove that an address is somebody's, without a login.
    proofs: Codes,
    /// What the first setup asks for.
    setup_token: Confidential,
    /// Where the machine's operator hands a password over.
    handover: Option<Handover>,
    /// Held by whoever changes something.
    change: tokio::sync::Mutex<()>,
    /// Told after each change.
    changed: watch::Sender<()>,
}

impl Accounts {
    /// Whoever shows that token or key; `None` if it is not good.
    ///
    /// From memory alone. A key's use is counted.
    #[must_use]
    pub fn authenticate(&self, shown: &str) -> Option<Principal> {
        if let Some(principal) = self.by_token(shown) {
            return Some(principal);
        }
        let principal = self.by_key(shown)?;
        if let Some(key) = principal.key() {
            self.count(key);
        }
        Some(principal)
    }

    /// Is told that something has changed about who may use the host, and what else it may be.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        // Each change to the index is whole, whatever a panic interrupted.
        self.inner.index.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.inner.index.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn signet(&self) -> &Signet {
        &self.inner.signet
    }

    fn now(&self) -> UnixMillis {
        self.inner.registry.clock().now()
    }

    async fn keep(&self, facts: Vec<Fact>) -> Result<(), AccountsError> {
        self.inner.registry.keep(facts).await?;
        Ok(())
    }

    /// Carries out a change when no other is, and to its end, also where its caller leaves.
    async fn alone<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, AccountsError>> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let accounts = self.clone();
        let change = tokio::spawn(async move {
            let _alone = accounts.inner.change.lock().await;
            let done = change.await;
            accounts.inner.changed.send_replace(());
            done
        });
        change.await.unwrap_or(Err(CoreError::ShuttingDown.into()))
    }
}
