//! Logging in with a password, and the tokens that stand for a login.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::kept::{KeptUser, Password, Shelf, set};
use super::password::PASSWORD_MAX;
use super::principal::Principal;
use super::token::Mode;
use super::tries::Allowance;
use super::user::User;
use super::{Accounts, AccountsError};

/// How often one client may get a password wrong.
pub(super) const LOGIN_TRIES: Allowance =
    Allowance { tries: 5, within: Duration::from_secs(10 * 60) };

/// A login.
pub struct Session {
    /// Who logged in.
    pub user: Arc<User>,
    /// What they show from now on.
    pub token: Zeroizing<String>,
}

impl Accounts {
    /// Logs a user in with a password. `client` is where it comes from: whoever gets it wrong too
    /// often from there has to wait. A name that nobody has takes as long as a wrong password.
    ///
    /// # Errors
    /// [`AccountsError::SetupRequired`], [`AccountsError::TooManyTries`],
    /// [`AccountsError::WrongPassword`], [`AccountsError::Busy`], [`AccountsError::Core`].
    pub async fn login(
        &self,
        username: &str,
        password: Zeroizing<String>,
        client: u128,
    ) -> Result<Session, AccountsError> {
        if !self.is_set_up() {
            return Err(AccountsError::SetupRequired);
        }
        let logins = &self.inner.logins;
        logins.admit(client, self.now()).map_err(AccountsError::TooManyTries)?;
        // Nobody could have chosen that one.
        if password.chars().count() > PASSWORD_MAX {
            return Err(AccountsError::WrongPassword);
        }
        let (user, kept) = {
            let index = self.index();
            let user = index.user_named(username).cloned();
            let kept = user.as_ref().and_then(|user| index.password(user.id)).cloned();
            (user, kept)
        };
        let is_it = self.inner.hasher.is(password, kept.map(|kept| kept.hash)).await;
        if is_it.is_err() {
            logins.take_back(&client);
        }
        let user = user.filter(|_| matches!(is_it, Ok(true)));
        is_it?;
        let user = user.ok_or(AccountsError::WrongPassword)?;
        logins.forgive(&client);
        self.begin(user.id, Mode::Admin).await
    }

    /// Gives a user a token, and notes that they logged in.
    pub(super) async fn begin(&self, user: i64, mode: Mode) -> Result<Session, AccountsError> {
        let accounts = self.clone();
        let user = self
            .alone(async move {
                let now = accounts.now();
                accounts.change_user(user, |user| user.last_login = Some(now)).await
            })
            .await?;
        let token = self.token(&user, mode).ok_or(AccountsError::Failed)?;
        Ok(Session { user, token })
    }

    /// A token for that user; `None` if it could not be made.
    #[must_use]
    pub fn token(&self, user: &User, mode: Mode) -> Option<Zeroizing<String>> {
        let since = self.index().password(user.id).map(Password::tokens_since);
        let now = since.map_or(self.now(), |since| self.now().max(since));
        self.signet().sign(&user.username, mode, now).map(Zeroizing::new)
    }

    /// Whoever shows that token of a login.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<Principal> {
        let bearer = self.signet().read(token, self.now())?;
        let index = self.index();
        let user = index.user_named(&bearer.username)?;
        // Whoever learned a password may have logged in with it before it was changed.
        let since = index.password(user.id).map(Password::tokens_since);
        let is_of_now = since.is_none_or(|since| bearer.issued_at >= since);
        is_of_now.then(|| Principal::session(Arc::clone(user)))
    }

    /// Changes one user; to be called by whoever holds the right to.
    pub(super) async fn change_user(
        &self,
        id: i64,
        change: impl FnOnce(&mut User),
    ) -> Result<Arc<User>, AccountsError> {
        let (user, password) = {
            let index = self.index();
            let user = index.user(id).ok_or(AccountsError::UnknownUser)?;
            (User::clone(user), index.password(id).cloned())
        };
        let mut kept = KeptUser { user, password };
        change(&mut kept.user);
        self.keep(vec![set(Shelf::User(id), &kept, self.now())]).await?;
        let user = Arc::new(kept.user);
        self.index_mut().set_user(Arc::clone(&user));
        Ok(user)
    }
}
