//! Users: found, made, and given roles.

use std::sync::Arc;

use super::kept::{KeptUser, Shelf, set};
use super::user::{ADMIN_ID, Role, User};
use super::{Accounts, AccountsError, address};

/// Users at most: all of them are held in memory.
const USERS_MAX: usize = 100_000;

/// What a new user is to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their e-mail address, which is their name as well.
    pub email: String,
    /// How much they may do.
    pub role: Role,
}

impl Accounts {
    /// The user of that name.
    #[must_use]
    pub fn user(&self, username: &str) -> Option<Arc<User>> {
        self.index().user_named(username).cloned()
    }

    /// The user of that id.
    #[must_use]
    pub fn user_by_id(&self, id: i64) -> Option<Arc<User>> {
        self.index().user(id).cloned()
    }

    /// The user of that address, in whichever case.
    #[must_use]
    pub fn user_by_email(&self, email: &str) -> Option<Arc<User>> {
        let email = address(email)?;
        self.index().user_of(&email).cloned()
    }

    /// Every user, the oldest first.
    #[must_use]
    pub fn users(&self) -> Vec<Arc<User>> {
        self.index().users().cloned().collect()
    }

    /// The user of that address, who is made where there is none.
    ///
    /// # Errors
    /// [`AccountsError::NotAnAddress`], [`AccountsError::TooMany`], [`AccountsError::Core`].
    pub async fn enrol(&self, new: NewUser) -> Result<Arc<User>, AccountsError> {
        let email = address(&new.email).ok_or(AccountsError::NotAnAddress)?;
        let accounts = self.clone();
        self.alone(async move {
            let (id, count) = {
                let index = accounts.index();
                if let Some(user) = index.user_of(&email) {
                    return Ok(Arc::clone(user));
                }
                (index.next_user(), index.users().count())
            };
            if count >= USERS_MAX {
                return Err(AccountsError::TooMany(USERS_MAX));
            }
            let user = User {
                id,
                username: email.clone(),
                email: Some(email),
                role: new.role,
                name: None,
                picture: None,
                created_at: accounts.now(),
                last_login: None,
            };
            let kept = KeptUser { user: user.clone(), password: None };
            accounts.keep(vec![set(Shelf::User(id), &kept, accounts.now())]).await?;
            let user = Arc::new(user);
            accounts.index_mut().set_user(Arc::clone(&user));
            Ok(user)
        })
        .await
    }

    /// Gives a user another role; nobody does so for themselves. The host's own administrator, by which
    /// a machine's operator can always get in, stays one; so does the last of all.
    ///
    /// # Errors
    /// [`AccountsError::OwnRole`], [`AccountsError::UnknownUser`], [`AccountsError::NeededAdmin`],
    /// [`AccountsError::Core`].
    pub async fn set_role(
        &self,
        by: &User,
        username: &str,
        role: Role,
    ) -> Result<Arc<User>, AccountsError> {
        if by.username == username {
            return Err(AccountsError::OwnRole);
        }
        let id = self.user(username).ok_or(AccountsError::UnknownUser)?.id;
        let accounts = self.clone();
        self.alone(async move {
            if role != Role::Admin && accounts.is_needed(id) {
                return Err(AccountsError::NeededAdmin);
            }
            accounts.change_user(id, |user| user.role = role).await
        })
        .await
    }

    /// Whether somebody is an administrator without whom nobody might govern the host any longer.
    fn is_needed(&self, id: i64) -> bool {
        let index = self.index();
        let is_one = index.user(id).is_some_and(|user| user.is_admin());
        let is_other = |user: &Arc<User>| user.is_admin() && user.id != id;
        is_one && (id == ADMIN_ID || !index.users().any(is_other))
    }
}
