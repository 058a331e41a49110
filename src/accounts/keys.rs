//! Keys that programs and agents show instead of a login.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::kept::{Shelf, set};
use super::principal::{Credential, Principal};
use super::user::User;
use super::{Accounts, AccountsError};

/// What every key begins with.
pub const KEY_START: &str = "trinity_mcp_";

/// Characters of a key that are shown, to tell it from others.
const PREFIX_CHARS: usize = 20;

/// Characters of a key: its beginning and 32 bytes.
const KEY_CHARS: usize = KEY_START.len() + 43;

/// Keys that one user may make; those of agents are not among them.
const KEYS_MAX: usize = 1000;

/// The name of the key that is made for a user who has none.
pub const DEFAULT_KEY: &str = "Default MCP Key";

/// For whom a key speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For its user.
    User,
    /// For one agent, which acts for its owner.
    Agent,
    /// For the agent that looks after the host.
    System,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::System => "system",
        }
    }
}

/// The digest that a key is known by.
pub(super) type KeyDigest = [u8; 32];

/// A key, without the key itself, which nobody keeps.
#[derive(Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What its user calls it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it begins with.
    pub prefix: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Whether it is still taken.
    pub is_active: bool,
    /// Whose it is.
    pub user: i64,
    /// The agent that it speaks for.
    pub agent: Option<AgentId>,
    /// What that agent is called.
    pub agent_name: Option<String>,
    /// For whom it speaks.
    pub scope: Scope,
    pub(super) digest: KeyDigest,
    pub(super) usage: Arc<Usage>,
}

/// How often a key was shown, counted while requests go by and kept now and then.
#[derive(Debug, Default)]
pub(super) struct Usage {
    count: AtomicU64,
    /// 0: never.
    last: AtomicI64,
    /// Whether something was counted that is not kept yet.
    is_new: AtomicBool,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl ApiKey {
    /// How often it was shown.
    #[must_use]
    pub fn usage_count(&self) -> u64 {
        self.usage.count.load(Ordering::Relaxed)
    }

    /// When it was last shown.
    #[must_use]
    pub fn last_used_at(&self) -> Option<UnixMillis> {
        Some(self.usage.last.load(Ordering::Relaxed)).filter(|at| *at != 0).map(UnixMillis)
    }
}

/// A key as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptKey {
    id: Uuid,
    name: String,
    description: Option<String>,
    prefix: String,
    digest: String,
    created_at: UnixMillis,
    is_active: bool,
    user: i64,
    agent: Option<AgentId>,
    agent_name: Option<String>,
    scope: Scope,
    usage_count: u64,
    last_used_at: Option<UnixMillis>,
}

impl KeptKey {
    pub(super) fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            description: key.description.clone(),
            prefix: key.prefix.clone(),
            digest: URL_SAFE_NO_PAD.encode(key.digest),
            created_at: key.created_at,
            is_active: key.is_active,
            user: key.user,
            agent: key.agent,
            agent_name: key.agent_name.clone(),
            scope: key.scope,
            usage_count: key.usage_count(),
            last_used_at: key.last_used_at(),
        }
    }

    /// `None` where its digest cannot be read.
    pub(super) fn key(self) -> Option<ApiKey> {
        let digest = URL_SAFE_NO_PAD.decode(&self.digest).ok()?;
        let usage = Usage {
            count: AtomicU64::new(self.usage_count),
            last: AtomicI64::new(self.last_used_at.map_or(0, |at| at.0)),
            is_new: AtomicBool::new(false),
        };
        Some(ApiKey {
            id: self.id,
            name: self.name,
            description: self.description,
            prefix: self.prefix,
            created_at: self.created_at,
            is_active: self.is_active,
            user: self.user,
            agent: self.agent,
            agent_name: self.agent_name,
            scope: self.scope,
            digest: digest.try_into().ok()?,
            usage: Arc::new(usage),
        })
    }
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its user calls it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A key that was just made, with the key itself, which is shown this once.
#[derive(Clone, Debug)]
pub struct Made {
    /// What is known of it.
    pub key: Arc<ApiKey>,
    /// The key itself.
    pub secret: KeySecret,
}

/// The text of a key; forgotten when it is dropped, and shown only to whoever asks for it.
#[derive(Clone)]
pub struct KeySecret(Zeroizing<String>);

impl KeySecret {
    fn of(bytes: &[u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(KEY_CHARS));
        text.push_str(KEY_START);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn prefix(&self) -> String {
        self.0.chars().take(PREFIX_CHARS).collect()
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret(hidden)")
    }
}

fn digest(secret: &str) -> KeyDigest {
    Sha256::digest(secret.as_bytes()).into()
}

/// What the key of an agent is called.
fn name_of_agents(agent_name: &str) -> String {
    format!("agent-{agent_name}-key")
}

impl Accounts {
    /// Whoever shows that key.
    pub(super) fn by_key(&self, secret: &str) -> Option<Principal> {
        if secret.len() != KEY_CHARS || !secret.starts_with(KEY_START) {
            return None;
        }
        let digest = digest(secret);
        let (key, user) = {
            let index = self.index();
            let key = index.key_of(&digest)?;
            (Arc::clone(key), Arc::clone(index.user(key.user)?))
        };
        let is_it = key.is_active & bool::from(key.digest.ct_eq(&digest));
        is_it.then_some(Principal { user, by: Credential::Key(key) })
    }

    /// Counts one more use of a key; kept by [`keep_usage`](Self::keep_usage).
    pub(super) fn count(&self, key: &ApiKey) {
        key.usage.count.fetch_add(1, Ordering::Relaxed);
        key.usage.last.store(self.now().0, Ordering::Relaxed);
        key.usage.is_new.store(true, Ordering::Release);
    }

    /// One key.
    #[must_use]
    pub fn key(&self, id: Uuid) -> Option<Arc<ApiKey>> {
        self.index().key(id).cloned()
    }

    /// The keys of one user, or of all, the newest first.
    #[must_use]
    pub fn keys(&self, user: Option<i64>) -> Vec<Arc<ApiKey>> {
        let mut keys: Vec<_> = {
            let index = self.index();
            let all = index.keys();
            all.filter(|key| user.is_none_or(|user| key.user == user)).cloned().collect()
        };
        keys.sort_by_key(|key| (std::cmp::Reverse(key.created_at), key.id));
        keys
    }

    /// Makes a key of that user.
    ///
    /// # Errors
    /// [`AccountsError::TooManyKeys`], [`AccountsError::Core`].
    pub async fn make_key(&self, user: &User, new: NewKey) -> Result<Made, AccountsError> {
        let (accounts, user) = (self.clone(), user.id);
        self.alone(async move { accounts.keep_new_key(user, new).await }).await
    }

    /// Makes the default key of a user who has no key of their own; `None` where there is one.
    ///
    /// # Errors
    /// [`AccountsError::Core`].
    pub async fn ensure_key(&self, user: &User) -> Result<Option<Made>, AccountsError> {
        let (accounts, user) = (self.clone(), user.id);
        self.alone(async move {
            let has_one = {
                let index = accounts.index();
                index
                    .keys()
                    .any(|key| key.user == user && key.scope == Scope::User && key.is_active)
            };
            if has_one {
                return Ok(None);
            }
            let description = Some("Made when there was none".to_owned());
            let new = NewKey { name: DEFAULT_KEY.to_owned(), description };
            accounts.keep_new_key(user, new).await.map(Some)
        })
        .await
    }

    async fn keep_new_key(&self, user: i64, new: NewKey) -> Result<Made, AccountsError> {
        let count = {
            let index = self.index();
            index.keys().filter(|key| key.user == user && key.scope == Scope::User).count()
        };
        if count >= KEYS_MAX {
            return Err(AccountsError::TooManyKeys(KEYS_MAX));
        }
        let secret = KeySecret::of(&rand::random());
        let key = ApiKey {
            id: Uuid::new_v4(),
            name: new.name,
            description: new.description,
            prefix: secret.prefix(),
            created_at: self.now(),
            is_active: true,
            user,
            agent: None,
            agent_name: None,
            scope: Scope::User,
            digest: digest(secret.reveal()),
            usage: Arc::default(),
        };
        let key = self.keep_key(key).await?;
        Ok(Made { key, secret })
    }

    /// Ends the use of a key, which stays in the list.
    ///
    /// # Errors
    /// [`AccountsError::UnknownKey`], [`AccountsError::Core`].
    pub async fn revoke_key(&self, id: Uuid) -> Result<Arc<ApiKey>, AccountsError> {
        let accounts = self.clone();
        self.alone(async move {
            let key = accounts.key(id).ok_or(AccountsError::UnknownKey)?;
            accounts.keep_key(ApiKey { is_active: false, ..ApiKey::clone(&key) }).await
        })
        .await
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`AccountsError::UnknownKey`], [`AccountsError::Core`].
    pub async fn remove_key(&self, id: Uuid) -> Result<(), AccountsError> {
        let accounts = self.clone();
        self.alone(async move {
            let key = accounts.key(id).ok_or(AccountsError::UnknownKey)?;
            accounts.keep(vec![Shelf::Key(id).removed()]).await?;
            accounts.index_mut().remove_key(&key);
            Ok(())
        })
        .await
    }

    /// Makes the key of an agent, which acts for its owner. An agent that has one keeps it.
    ///
    /// # Errors
    /// [`AccountsError::Core`].
    pub async fn make_agent_key(
        &self,
        agent: AgentId,
        name: &str,
        owner: &User,
        scope: Scope,
    ) -> Result<Arc<ApiKey>, AccountsError> {
        let (accounts, name, owner) = (self.clone(), name.to_owned(), owner.id);
        self.alone(async move {
            let before = accounts.agent_key(agent);
            // One that does not follow from the host's secret any more is of no use to the agent.
            if let Some(key) = before.clone().filter(|_| accounts.agent_secret(agent).is_some()) {
                return Ok(key);
            }
            let id = Uuid::new_v4();
            let secret = accounts.secret_of(id).ok_or(AccountsError::Failed)?;
            let key = ApiKey {
                id,
                name: name_of_agents(&name),
                description: None,
                prefix: secret.prefix(),
                created_at: accounts.now(),
                is_active: true,
                user: owner,
                agent: Some(agent),
                agent_name: Some(name),
                scope,
                digest: digest(secret.reveal()),
                usage: Arc::default(),
            };
            if let Some(before) = before {
                accounts.keep(vec![Shelf::Key(before.id).removed()]).await?;
                accounts.index_mut().remove_key(&before);
            }
            accounts.keep_key(key).await
        })
        .await
    }

    /// The key of an agent.
    #[must_use]
    pub fn agent_key(&self, agent: AgentId) -> Option<Arc<ApiKey>> {
        self.index().key_of_agent(agent).cloned()
    }

    /// The text of an agent's key, for the agent itself and nobody else.
    ///
    /// It is kept nowhere: it follows from the host's secret and the key's id. `None` where there is
    /// no such key any more, and where the host's secret is another than when it was made.
    #[must_use]
    pub fn agent_secret(&self, agent: AgentId) -> Option<KeySecret> {
        let key = self.agent_key(agent).filter(|key| key.is_active)?;
        let secret = self.secret_of(key.id)?;
        bool::from(digest(secret.reveal()).ct_eq(&key.digest)).then_some(secret)
    }

    /// Calls the key of an agent by the agent's new name.
    ///
    /// # Errors
    /// [`AccountsError::Core`].
    pub async fn rename_agent_key(&self, agent: AgentId, name: &str) -> Result<(), AccountsError> {
        let (accounts, name) = (self.clone(), name.to_owned());
        self.alone(async move {
            let Some(key) = accounts.agent_key(agent) else { return Ok(()) };
            let renamed = ApiKey {
                name: name_of_agents(&name),
                agent_name: Some(name),
                ..ApiKey::clone(&key)
            };
            accounts.keep_key(renamed).await.map(drop)
        })
        .await
    }

    /// Removes the key of an agent that goes.
    ///
    /// # Errors
    /// [`AccountsError::Core`].
    pub async fn remove_agent_key(&self, agent: AgentId) -> Result<(), AccountsError> {
        let accounts = self.clone();
        self.alone(async move {
            let Some(key) = accounts.agent_key(agent) else { return Ok(()) };
            accounts.keep(vec![Shelf::Key(key.id).removed()]).await?;
            accounts.index_mut().remove_key(&key);
            Ok(())
        })
        .await
    }

    /// Keeps how often keys were shown since it was last kept; many in one go.
    ///
    /// # Errors
    /// [`AccountsError::Core`]; what was counted is then kept the next time.
    pub async fn keep_usage(&self) -> Result<(), AccountsError> {
        let accounts = self.clone();
        self.alone(async move {
            let used: Vec<_> = {
                let index = accounts.index();
                let new = |key: &&Arc<ApiKey>| key.usage.is_new.swap(false, Ordering::Acquire);
                index.keys().filter(new).cloned().collect()
            };
            if used.is_empty() {
                return Ok(());
            }
            let now = accounts.now();
            let facts = used.iter().map(|key| accounts.fact(key, now)).collect();
            let kept = accounts.keep(facts).await;
            if kept.is_err() {
                used.iter().for_each(|key| key.usage.is_new.store(true, Ordering::Release));
            }
            kept
        })
        .await
    }

    /// The text of the key that an agent is given.
    fn secret_of(&self, id: Uuid) -> Option<KeySecret> {
        let mut purpose = b"agent key ".to_vec();
        purpose.extend_from_slice(id.as_bytes());
        self.signet().derive(&purpose).map(|bytes| KeySecret::of(&bytes))
    }

    fn fact(&self, key: &ApiKey, now: UnixMillis) -> Fact {
        set(Shelf::Key(key.id), &KeptKey::of(key), now)
    }

    async fn keep_key(&self, key: ApiKey) -> Result<Arc<ApiKey>, AccountsError> {
        self.keep(vec![self.fact(&key, self.now())]).await?;
        let key = Arc::new(key);
        self.index_mut().set_key(Arc::clone(&key));
        Ok(key)
    }
}
