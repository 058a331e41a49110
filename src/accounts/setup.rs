//! The first setup, and the administrator's password.

use zeroize::Zeroizing;

use super::password::judge;
use super::user::ADMIN_ID;
use super::{Accounts, AccountsError};
use crate::telemetry;

impl Accounts {
    /// Whether the administrator has a password, without which nobody may log in.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.index().password(ADMIN_ID).is_some()
    }

    /// Tells whoever reads the log how to set the first password, while there is none.
    pub fn announce_setup(&self) {
        if self.is_set_up() {
            return;
        }
        // Not into what is kept of the log: whoever may read that need not be an administrator.
        tracing::warn!(
            target: telemetry::UNKEPT,
            setup_token = self.inner.setup_token.reveal().as_str(),
            "`admin` has no password yet: set one with this one-time token, or with `greenroom admin \
             password`"
        );
    }

    /// Sets the administrator's first password, for whoever has the token of the log.
    ///
    /// # Errors
    /// [`AccountsError::SetupCompleted`], [`AccountsError::WrongSetupToken`],
    /// [`AccountsError::WeakPassword`], [`AccountsError::Busy`], [`AccountsError::Core`].
    pub async fn set_up(
        &self,
        token: &str,
        password: Zeroizing<String>,
    ) -> Result<(), AccountsError> {
        self.check_setup(token)?;
        judge(&password).map_err(AccountsError::WeakPassword)?;
        self.keep_password(password, true).await
    }

    /// Whether the first setup may be made with that token.
    ///
    /// # Errors
    /// [`AccountsError::SetupCompleted`], [`AccountsError::WrongSetupToken`].
    pub fn check_setup(&self, token: &str) -> Result<(), AccountsError> {
        if self.is_set_up() {
            return Err(AccountsError::SetupCompleted);
        }
        let token = super::Confidential::new(token);
        if token.as_ref() != Some(&self.inner.setup_token) {
            return Err(AccountsError::WrongSetupToken);
        }
        Ok(())
    }

    /// Sets the administrator's password, for whoever governs the machine. Tokens from before are
    /// good no longer.
    ///
    /// # Errors
    /// [`AccountsError::WeakPassword`], [`AccountsError::Busy`], [`AccountsError::Core`].
    pub async fn reset_password(&self, password: Zeroizing<String>) -> Result<(), AccountsError> {
        judge(&password).map_err(AccountsError::WeakPassword)?;
        self.keep_password(password, false).await
    }

    async fn keep_password(
        &self,
        password: Zeroizing<String>,
        is_first: bool,
    ) -> Result<(), AccountsError> {
        let hash = self.inner.hasher.hash(password).await?;
        let accounts = self.clone();
        self.alone(async move {
            // Of two at once, one comes first.
            if is_first && accounts.is_set_up() {
                return Err(AccountsError::SetupCompleted);
            }
            accounts.keep_hash(hash).await
        })
        .await
    }

    /// The token that the first setup asks for; a test has no log to read it from.
    #[cfg(test)]
    pub(crate) fn setup_token(&self) -> &str {
        self.inner.setup_token.reveal()
    }
}
