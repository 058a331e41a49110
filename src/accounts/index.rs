//! All accounts in memory, found by whatever requests name them by.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use greenroom_actors::ids::AgentId;
use uuid::Uuid;

use super::kept::Password;
use super::keys::{ApiKey, KeyDigest};
use super::user::{ADMIN_ID, User};
use super::whitelist::Listed;

/// The accounts of the host.
#[derive(Default)]
pub(super) struct Index {
    users: BTreeMap<i64, Arc<User>>,
    names: HashMap<String, i64>,
    emails: HashMap<String, i64>,
    passwords: HashMap<i64, Password>,
    keys: HashMap<Uuid, Arc<ApiKey>>,
    digests: HashMap<KeyDigest, Uuid>,
    agents: HashMap<AgentId, Uuid>,
    /// By address.
    pub(super) listed: BTreeMap<String, Arc<Listed>>,
}

impl Index {
    pub(super) fn user(&self, id: i64) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    pub(super) fn user_named(&self, username: &str) -> Option<&Arc<User>> {
        self.user(*self.names.get(username)?)
    }

    pub(super) fn user_of(&self, email: &str) -> Option<&Arc<User>> {
        self.user(*self.emails.get(email)?)
    }

    pub(super) fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    pub(super) fn next_user(&self) -> i64 {
        self.users.last_key_value().map_or(ADMIN_ID, |(id, _)| id.saturating_add(1))
    }

    pub(super) fn set_user(&mut self, user: Arc<User>) {
        self.names.insert(user.username.clone(), user.id);
        if let Some(email) = &user.email {
            self.emails.insert(email.clone(), user.id);
        }
        self.users.insert(user.id, user);
    }

    pub(super) fn password(&self, user: i64) -> Option<&Password> {
        self.passwords.get(&user)
    }

    pub(super) fn set_password(&mut self, user: i64, password: Password) {
        self.passwords.insert(user, password);
    }

    pub(super) fn key(&self, id: Uuid) -> Option<&Arc<ApiKey>> {
        self.keys.get(&id)
    }

    pub(super) fn key_of(&self, digest: &KeyDigest) -> Option<&Arc<ApiKey>> {
        self.key(*self.digests.get(digest)?)
    }

    pub(super) fn key_of_agent(&self, agent: AgentId) -> Option<&Arc<ApiKey>> {
        self.key(*self.agents.get(&agent)?)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<ApiKey>> {
        self.keys.values()
    }

    pub(super) fn set_key(&mut self, key: Arc<ApiKey>) {
        self.digests.insert(key.digest, key.id);
        if let Some(agent) = key.agent {
            self.agents.insert(agent, key.id);
        }
        self.keys.insert(key.id, key);
    }

    pub(super) fn remove_key(&mut self, key: &ApiKey) {
        self.keys.remove(&key.id);
        self.digests.remove(&key.digest);
        if let Some(agent) = key.agent {
            self.agents.remove(&agent);
        }
    }
}
