//! What people may do changes: whatever they hold by a right that they have no longer ends with it.

use std::sync::Arc;

use tokio::sync::watch;

use super::Host;
use crate::accounts::{AccountsError, Principal, Role, User};

/// Tells those who hold something open when to look whether they still may.
pub struct Rights {
    accounts: watch::Receiver<()>,
    roster: watch::Receiver<()>,
}

impl Rights {
    /// Waits until somebody's rights have changed, whosever. May be dropped while it waits.
    pub async fn changed(&mut self) {
        let changed = tokio::select! {
            changed = self.accounts.changed() => changed,
            changed = self.roster.changed() => changed,
        };
        if changed.is_err() {
            // The host ends, and nothing changes any more.
            std::future::pending().await
        }
    }
}

impl Host {
    /// Changes of rights from now on.
    #[must_use]
    pub fn rights(&self) -> Rights {
        Rights { accounts: self.accounts.watch(), roster: self.roster.watch() }
    }

    /// Gives a user another role; nobody does so for themselves. What they hold only by the one that they
    /// had ends: access by SSH, and what their agents may call.
    ///
    /// # Errors
    /// As [`Accounts::set_role`](crate::accounts::Accounts::set_role).
    pub async fn set_role(
        &self,
        by: &User,
        username: &str,
        role: Role,
    ) -> Result<Arc<User>, AccountsError> {
        let user = self.accounts.set_role(by, username, role).await?;
        let (host, demoted) = (self.clone(), Arc::clone(&user));
        // To its end, also where its caller leaves.
        let ending = tokio::spawn(async move { host.end_what_needs_an_admin(&demoted).await });
        ending.await.unwrap_or_default();
        Ok(user)
    }

    /// The same for everybody, of whom a crash may have left something.
    pub(super) async fn end_what_nobody_may(&self) {
        for user in self.accounts.users() {
            self.end_what_needs_an_admin(&user).await;
        }
    }

    async fn end_what_needs_an_admin(&self, user: &Arc<User>) {
        if user.is_admin() {
            return;
        }
        let username = &user.username;
        if let Err(error) = self.ssh.revoke_of(username).await {
            tracing::error!(username, %error, "access by SSH that was taken back is still kept");
        }
        let principal = Principal::session(Arc::clone(user));
        for caller in self.roster.agents_of(username) {
            for target in &self.roster.entry(caller).permits {
                let entry = self.roster.entry(*target);
                if self.roster.relation(&principal, &entry).may_use() {
                    continue;
                }
                if let Err(error) = self.organisation.forbid(caller, *target).await {
                    tracing::error!(agent = %caller, %error, "it may still call another");
                }
            }
        }
    }
}
