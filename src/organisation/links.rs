//! Public links: whoever has one may talk to the agent that it is of, without an account.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::error::OrganisationError;
use super::happening::Happening;
use super::notices::at_most;
use super::turns::Turns;
use super::{Organisation, Resources, shelf};

/// Links of one agent at most.
const LINKS_MAX: usize = 100;

const NAME_MAX_BYTES: usize = 256;

/// Bytes of a token, of which clients see 32 characters.
const TOKEN_BYTES: usize = 24;

const PREFIX: &str = "link/";

/// What a token is known by without knowing it.
type TokenDigest = [u8; 32];

/// A link to one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its id.
    pub id: Uuid,
    /// Whom it leads to.
    pub agent: AgentId,
    /// What whoever has it shows.
    pub token: Zeroizing<String>,
    /// The name of the user who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
    /// Whether it leads anywhere now.
    pub is_enabled: bool,
    /// What its maker calls it.
    pub name: Option<String>,
    /// Messages that were said by it.
    pub messages: u64,
    /// When the last of them was.
    pub last_used_at: Option<UnixMillis>,
}

/// A link as it is kept: its token sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: Uuid,
    agent: AgentId,
    token: String,
    created_by: String,
    created_at: UnixMillis,
    expires_at: Option<UnixMillis>,
    is_enabled: bool,
    name: Option<String>,
    #[serde(default)]
    messages: u64,
    #[serde(default)]
    last_used_at: Option<UnixMillis>,
}

/// A link to be made.
#[derive(Clone, Debug, Default)]
pub struct NewLink {
    /// What its maker calls it.
    pub name: Option<String>,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
}

/// What changes about a link; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct LinkPatch {
    /// What its maker calls it.
    pub name: Option<String>,
    /// Whether it leads anywhere.
    pub is_enabled: Option<bool>,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
}

pub(super) struct Links {
    resources: Resources,
    tables: RwLock<Tables>,
    turns: Turns,
}

#[derive(Default)]
struct Tables {
    all: HashMap<Uuid, Arc<Link>>,
    by_token: HashMap<TokenDigest, Uuid>,
    by_agent: HashMap<AgentId, Vec<Uuid>>,
}

impl Tables {
    fn put(&mut self, link: Arc<Link>) {
        self.by_token.insert(digest(&link.token), link.id);
        let of_agent = self.by_agent.entry(link.agent).or_default();
        if !of_agent.contains(&link.id) {
            of_agent.push(link.id);
        }
        self.all.insert(link.id, link);
    }

    fn take(&mut self, id: Uuid) {
        let Some(link) = self.all.remove(&id) else { return };
        self.by_token.remove(&digest(&link.token));
        if let Some(ids) = self.by_agent.get_mut(&link.agent) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_agent.remove(&link.agent);
            }
        }
    }
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

impl Links {
    pub(super) async fn open(resources: &Resources) -> Result<Self, CoreError> {
        let mut tables = Tables::default();
        shelf::each(&resources.registry, PREFIX, |key, kept: Kept| {
            match resources.secrets.open(&kept.token) {
                Some(token) => tables.put(Arc::new(kept.link(token))),
                None => tracing::error!(key, "the token of a link cannot be opened"),
            }
        })
        .await?;
        let resources = resources.clone();
        Ok(Self { resources, tables: RwLock::new(tables), turns: Turns::default() })
    }

    pub(super) fn agents(&self) -> HashSet<AgentId> {
        self.read().by_agent.keys().copied().collect()
    }

    /// The links that an agent had.
    pub(super) async fn forget(&self, agent: AgentId) -> Result<Vec<Uuid>, CoreError> {
        let ids = self.read().by_agent.get(&agent).cloned().unwrap_or_default();
        shelf::clear(self.registry(), ids.iter().map(|id| key(*id)).collect()).await?;
        let mut tables = self.write();
        ids.iter().for_each(|id| tables.take(*id));
        Ok(ids)
    }

    async fn keep(&self, link: Link) -> Result<Arc<Link>, CoreError> {
        let kept = Kept::of(&link, self.resources.secrets.seal(&link.token));
        let fact = shelf::set(self.registry(), key(link.id), &kept)?;
        self.registry().keep(vec![fact]).await?;
        let link = Arc::new(link);
        self.write().put(Arc::clone(&link));
        Ok(link)
    }

    fn registry(&self) -> &Registry {
        &self.resources.registry
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn of(link: &Link, token: String) -> Self {
        Self {
            id: link.id,
            agent: link.agent,
            token,
            created_by: link.created_by.clone(),
            created_at: link.created_at,
            expires_at: link.expires_at,
            is_enabled: link.is_enabled,
            name: link.name.clone(),
            messages: link.messages,
            last_used_at: link.last_used_at,
        }
    }

    fn link(self, token: Zeroizing<String>) -> Link {
        Link {
            id: self.id,
            agent: self.agent,
            token,
            created_by: self.created_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            is_enabled: self.is_enabled,
            name: self.name,
            messages: self.messages,
            last_used_at: self.last_used_at,
        }
    }
}

fn key(id: Uuid) -> String {
    format!("{PREFIX}{id}")
}

impl Organisation {
    /// Makes a link to an agent.
    ///
    /// # Errors
    /// [`OrganisationError::Invalid`], [`OrganisationError::TooMany`], [`OrganisationError::Core`].
    pub async fn make_link(
        &self,
        agent: AgentId,
        by: &str,
        new: NewLink,
    ) -> Result<Arc<Link>, OrganisationError> {
        at_most("name", new.name.as_ref().map_or(0, String::len), NAME_MAX_BYTES)?;
        let (this, by) = (self.clone(), by.to_owned());
        self.whole(async move {
            let links = &this.inner.links;
            let _turn = links.turns.of(agent.0).await;
            if this.links_of(agent).len() >= LINKS_MAX {
                return Err(OrganisationError::TooMany { what: "public links", limit: LINKS_MAX });
            }
            let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>());
            let link = Link {
                id: Uuid::new_v4(),
                agent,
                token: Zeroizing::new(token),
                created_by: by,
                created_at: this.registry().clock().now(),
                expires_at: new.expires_at,
                is_enabled: true,
                name: new.name,
                messages: 0,
                last_used_at: None,
            };
            let link = links.keep(link).await?;
            this.tell(Happening::LinkMade(Arc::clone(&link)));
            Ok(link)
        })
        .await
    }

    /// The links to an agent, newest first.
    #[must_use]
    pub fn links_of(&self, agent: AgentId) -> Vec<Arc<Link>> {
        let tables = self.inner.links.read();
        let ids = tables.by_agent.get(&agent).into_iter().flatten();
        let mut links: Vec<_> = ids.filter_map(|id| tables.all.get(id)).map(Arc::clone).collect();
        links.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        links
    }

    /// One link to an agent, if it is there.
    #[must_use]
    pub fn link(&self, agent: AgentId, id: Uuid) -> Option<Arc<Link>> {
        self.inner.links.read().all.get(&id).filter(|link| link.agent == agent).map(Arc::clone)
    }

    /// The link of that token, if it leads anywhere now.
    #[must_use]
    pub fn link_by_token(&self, token: &str) -> Option<Arc<Link>> {
        let tables = self.inner.links.read();
        let link = tables.by_token.get(&digest(token)).and_then(|id| tables.all.get(id))?;
        let now = self.registry().clock().now();
        let is_good = link.is_enabled && link.expires_at.is_none_or(|at| now < at);
        is_good.then(|| Arc::clone(link))
    }

    /// Changes a link.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Invalid`], [`OrganisationError::Core`].
    pub async fn amend_link(
        &self,
        agent: AgentId,
        id: Uuid,
        patch: LinkPatch,
    ) -> Result<Arc<Link>, OrganisationError> {
        at_most("name", patch.name.as_ref().map_or(0, String::len), NAME_MAX_BYTES)?;
        let link = self.change_link(agent, id, move |link| {
            link.name = patch.name.or(link.name.take());
            link.is_enabled = patch.is_enabled.unwrap_or(link.is_enabled);
            link.expires_at = patch.expires_at.or(link.expires_at);
        });
        let link = link.await?;
        self.tell(Happening::LinkChanged(Arc::clone(&link)));
        Ok(link)
    }

    /// Counts a message that is said by a link.
    pub(super) async fn count_use(&self, link: &Link) -> Result<(), OrganisationError> {
        let now = self.registry().clock().now();
        let used = self.change_link(link.agent, link.id, move |link| {
            link.messages = link.messages.saturating_add(1);
            link.last_used_at = Some(now);
        });
        used.await.map(drop)
    }

    async fn change_link(
        &self,
        agent: AgentId,
        id: Uuid,
        change: impl FnOnce(&mut Link) + Send + 'static,
    ) -> Result<Arc<Link>, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let links = &this.inner.links;
            let _turn = links.turns.of(agent.0).await;
            let link = this.link(agent, id).ok_or(OrganisationError::Missing("public link"))?;
            let mut link = Link::clone(&link);
            change(&mut link);
            Ok(links.keep(link).await?)
        })
        .await
    }

    /// Ends a link, and whatever was begun by it.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Core`].
    pub async fn remove_link(
        &self,
        agent: AgentId,
        id: Uuid,
    ) -> Result<Arc<Link>, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let links = &this.inner.links;
            let _turn = links.turns.of(agent.0).await;
            let link = this.link(agent, id).ok_or(OrganisationError::Missing("public link"))?;
            this.registry().keep(vec![shelf::gone(key(id))]).await?;
            links.write().take(id);
            this.inner.visits.forget(id).await?;
            this.tell(Happening::LinkRemoved(Arc::clone(&link)));
            Ok(link)
        })
        .await
    }
}
