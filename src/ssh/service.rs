//! The service: gives access, ends it in time, and finds who may come in.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use greenroom_actors::directory::{AgentChange, Changed};
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use russh::keys::HashAlg;
use russh::server::Config;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::connection;
use super::door::Door;
use super::error::SshError;
use super::grant::{Grant, Granted, NewGrant, SHELF, Secret, TTL_MAX, TTL_MIN};
use super::host_key;
use super::settings::SshSettings;
use super::startups::Startups;
use crate::http::rate::{Limiter, Quota};
use crate::messaging::Messaging;
use crate::workspace::Workspaces;

/// How many may have access to one agent at once.
const GRANTS_MAX: usize = 64;

/// Grants that are read at once.
const PAGE: u32 = 256;

/// How often somebody at one address may be wrong. A password cannot be found by trying; this keeps
/// the trying from costing anything.
const FAILURES: Quota = Quota { max: 20, window: Duration::from_secs(600) };

/// Access to agents by SSH. Clones share everything.
#[derive(Clone)]
pub struct Ssh {
    inner: Option<Arc<Inner>>,
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh").field("is_enabled", &self.is_enabled()).finish()
    }
}

pub(super) struct Inner {
    pub(super) settings: SshSettings,
    pub(super) config: Arc<Config>,
    pub(super) messaging: Messaging,
    pub(super) workspaces: Workspaces,
    pub(super) startups: Arc<Startups>,
    pub(super) sessions: Semaphore,
    pub(super) failures: Limiter,
    fingerprint: String,
    /// Agents that somebody has access to.
    doors: Mutex<HashMap<AgentId, Door>>,
    /// Whose turn it is to change what access there is.
    turn: tokio::sync::Mutex<()>,
    /// Told when another grant may be the next to expire.
    changed: Notify,
    upkeep: Mutex<Vec<AbortHandle>>,
}

/// A grant in force.
pub(super) struct Live {
    pub(super) grant: Arc<Grant>,
    /// Whoever came in by it leaves when this changes, or is dropped.
    pub(super) held: watch::Sender<()>,
}

/// Somebody who may come in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) grant: Arc<Grant>,
    /// Changes when the session has to end.
    pub(super) held: watch::Receiver<()>,
}

impl Ssh {
    /// No SSH.
    #[must_use]
    pub fn disabled() -> Self {
        Self { inner: None }
    }

    /// SSH as it is configured: makes the host's key if there is none, and listens again for those
    /// whose access has not ended meanwhile.
    ///
    /// # Errors
    /// [`SshError::HostKey`], [`SshError::Core`].
    pub async fn open(
        settings: &SshSettings,
        data_dir: &Path,
        messaging: Messaging,
        workspaces: Workspaces,
    ) -> Result<Self, SshError> {
        if !settings.enabled {
            return Ok(Self::disabled());
        }
        let key = host_key::read_or_make(data_dir)?;
        let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let sessions = usize::try_from(settings.sessions_max).unwrap_or(Semaphore::MAX_PERMITS);
        let inner = Arc::new(Inner {
            config: Arc::new(connection::config(settings, key)),
            settings: settings.clone(),
            messaging,
            workspaces,
            startups: Arc::default(),
            sessions: Semaphore::new(sessions.min(Semaphore::MAX_PERMITS)),
            failures: Limiter::new(FAILURES),
            fingerprint,
            doors: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            upkeep: Mutex::default(),
        });
        // Before anybody has access, or the end of their agent might be missed.
        let changes = inner.registry().watch_agents();
        inner.resume().await?;
        let expiring = tokio::spawn(expire(Arc::downgrade(&inner))).abort_handle();
        let watching = tokio::spawn(watch_agents(Arc::downgrade(&inner), changes)).abort_handle();
        inner.upkeep().extend([expiring, watching]);
        Ok(Self { inner: Some(inner) })
    }

    /// Whether there is SSH.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.inner.is_some()
    }

    /// What clients see of the host's key, as `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.inner.as_ref().map(|inner| inner.fingerprint.as_str())
    }

    /// Whether agents are reached from this machine alone.
    #[must_use]
    pub fn is_on_loopback(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.settings.bind.to_canonical().is_loopback())
    }

    /// Gives access; answers once it is durable and somebody listens.
    ///
    /// # Errors
    /// [`SshError::Disabled`], [`SshError::Key`], [`SshError::TooMany`], [`SshError::Port`], and
    /// [`SshError::Core`] where the agent is not there or the store fails.
    pub async fn grant(&self, wish: NewGrant) -> Result<Granted, SshError> {
        self.inner.as_ref().ok_or(SshError::Disabled)?.grant(wish).await
    }

    /// Takes all access to an agent back, ends its sessions and closes its port; answers how many had
    /// access.
    ///
    /// # Errors
    /// [`SshError::Core`]; nobody gets in any more then either, until the host starts again.
    pub async fn revoke(&self, agent: AgentId) -> Result<usize, SshError> {
        match &self.inner {
            Some(inner) => inner.revoke(|grant| grant.agent == agent).await,
            None => Ok(0),
        }
    }

    /// Takes all access back that a user was given, to whatever agent.
    ///
    /// # Errors
    /// As of [`revoke`](Self::revoke).
    pub async fn revoke_of(&self, user: &str) -> Result<usize, SshError> {
        match &self.inner {
            Some(inner) => inner.revoke(|grant| grant.user == user).await,
            None => Ok(0),
        }
    }

    /// Ends all sessions and closes all ports. Access that was given lasts over the next start.
    pub async fn close(&self) {
        let Some(inner) = &self.inner else { return };
        inner.upkeep().drain(..).for_each(|task| task.abort());
        let doors = std::mem::take(&mut *inner.doors());
        for door in doors.into_values() {
            door.close().await;
        }
    }
}

impl Inner {
    pub(super) fn registry(&self) -> &Registry {
        self.messaging.registry()
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.registry().clock().now()
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<AgentId, Door>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upkeep(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn grant(self: &Arc<Self>, wish: NewGrant) -> Result<Granted, SshError> {
        let NewGrant { agent, user, port, means, ttl } = wish;
        let (secret, password) = Secret::of(&means)?;
        self.registry().status(agent).await?;
        let _turn = self.turn.lock().await;
        let now = self.now();
        let expires_at = now.plus(ttl.clamp(TTL_MIN, TTL_MAX));
        let open = self.doors().get(&agent).map(|door| (door.port, door.lives.len()));
        let (port, fresh) = match open {
            Some((_, grants)) if grants >= GRANTS_MAX => {
                return Err(SshError::TooMany { what: "grants for this agent", limit: GRANTS_MAX });
            }
            Some((port, _)) => (port, None),
            None => {
                let door = self.open_door(agent, port).await?;
                (door.port, Some(door))
            }
        };
        let id = Uuid::now_v7();
        let grant = Grant { id, agent, user, port, secret, expires_at };
        // Dropped with what failed, a fresh door is closed again.
        self.registry().keep(vec![Fact::DocumentSet(Box::new(grant.document(now)))]).await?;
        if let Some(door) = fresh {
            self.doors().insert(agent, door);
        }
        self.admit(grant);
        self.changed.notify_one();
        tracing::info!(%agent, port, %expires_at, "gave access by SSH");
        Ok(Granted { id, port, password, expires_at })
    }

    async fn open_door(self: &Arc<Self>, agent: AgentId, port: u16) -> Result<Door, SshError> {
        let limit = usize::try_from(self.settings.ports_max).unwrap_or(usize::MAX);
        if self.doors().len() >= limit {
            return Err(SshError::TooMany { what: "agents that are reached by SSH", limit });
        }
        Door::open(self, agent, port).await.map_err(|source| SshError::Port { port, source })
    }

    fn admit(&self, grant: Grant) {
        if let Some(door) = self.doors().get_mut(&grant.agent) {
            door.lives.push(Live { grant: Arc::new(grant), held: watch::Sender::new(()) });
        }
    }

    /// Takes up what an earlier process gave.
    async fn resume(self: &Arc<Self>) -> Result<(), SshError> {
        let mut kept = Vec::new();
        loop {
            let offset = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            let page = self.registry().store().documents(SHELF, "", offset, PAGE).await?;
            let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            kept.extend(page);
            if is_last {
                break;
            }
        }
        let now = self.now();
        let mut over = Vec::new();
        for document in kept {
            match serde_json::from_value::<Grant>(document.value) {
                Ok(grant) if grant.expires_at > now && self.is_there(grant.agent).await? => {
                    self.resume_one(grant).await;
                }
                Ok(_) => over.push(document.key),
                Err(error) => {
                    tracing::warn!(%error, "access that cannot be read is forgotten");
                    over.push(document.key);
                }
            }
        }
        Ok(self.forget(over).await?)
    }

    /// Whether an agent is there: it may have gone while there was no SSH.
    async fn is_there(&self, agent: AgentId) -> Result<bool, SshError> {
        let found = self.registry().store().agent(agent).await.map_err(CoreError::Store)?;
        Ok(found.is_some())
    }

    async fn resume_one(self: &Arc<Self>, grant: Grant) {
        let (agent, port) = (grant.agent, grant.port);
        let is_open = self.doors().contains_key(&agent);
        if !is_open {
            match self.open_door(agent, port).await {
                Ok(door) => drop(self.doors().insert(agent, door)),
                // It is kept: the next start may have more luck, and a new grant another port.
                Err(error) => {
                    tracing::warn!(%agent, %error, "access by SSH cannot be taken up");
                    return;
                }
            }
        }
        self.admit(grant);
    }

    async fn revoke(&self, is_meant: impl Fn(&Grant) -> bool) -> Result<usize, SshError> {
        let _turn = self.turn.lock().await;
        let (ids, doors) = self.remove(is_meant);
        let count = ids.len();
        for door in doors {
            door.close().await;
        }
        self.forget(ids.iter().map(Uuid::to_string).collect()).await?;
        Ok(count)
    }

    /// Ends the access of those who are meant, at once; their sessions too. Answers with what nobody
    /// needs any more.
    fn remove(&self, is_meant: impl Fn(&Grant) -> bool) -> (Vec<Uuid>, Vec<Door>) {
        let mut ids = Vec::new();
        let mut doors = self.doors();
        for door in doors.values_mut() {
            ids.extend(
                door.lives.extract_if(.., |live| is_meant(&live.grant)).map(|it| it.grant.id),
            );
        }
        let left =
            doors.extract_if(|_, door| door.lives.is_empty()).map(|(_, door)| door).collect();
        (ids, left)
    }

    async fn forget(&self, keys: Vec<String>) -> Result<(), CoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let gone = |key| Fact::DocumentRemoved { shelf: SHELF.to_owned(), key };
        self.registry().keep(keys.into_iter().map(gone).collect()).await.map(drop)
    }

    /// Whoever may come in to an agent by a secret: if more than one, the one who may stay longest.
    pub(super) fn find(&self, agent: AgentId, is_it: impl Fn(&Secret) -> bool) -> Option<Admitted> {
        let now = self.now();
        let doors = self.doors();
        let lives = doors.get(&agent)?.lives.iter();
        let live = lives
            .filter(|live| live.grant.expires_at > now && is_it(&live.grant.secret))
            .max_by_key(|live| live.grant.expires_at)?;
        Some(Admitted { grant: Arc::clone(&live.grant), held: live.held.subscribe() })
    }

    /// Whether an agent hears anybody.
    pub(super) async fn is_running(&self, agent: AgentId) -> bool {
        let status = self.registry().status(agent).await;
        status.is_ok_and(|status| status.state == State::Running)
    }

    /// Ends the sessions of an agent; those who have access may come again.
    pub(super) fn hang_up(&self, agent: AgentId) {
        if let Some(door) = self.doors().get(&agent) {
            for live in &door.lives {
                live.held.send_replace(());
            }
        }
    }

    /// Ends the sessions of agents that hear nobody any more, and all access to those that are gone.
    async fn heed_all(&self) {
        let agents: Vec<_> = self.doors().keys().copied().collect();
        for agent in agents {
            let listed = self.registry().directory().get(agent);
            match listed.map(|listed| listed.state) {
                Some(State::Running) => {}
                Some(_) => self.hang_up(agent),
                None => self.leave(agent).await,
            }
        }
    }

    /// Ends all access to an agent that is gone.
    async fn leave(&self, agent: AgentId) {
        if let Err(error) = self.revoke(|grant| grant.agent == agent).await {
            tracing::warn!(%agent, %error, "access to an agent that is gone is still kept");
        }
    }

    /// Whether somebody at that address was wrong too often.
    pub(super) fn is_barred(&self, peer: IpAddr) -> bool {
        self.failures.foresee(peer, self.now()).is_refused
    }

    fn next_expiry(&self) -> Option<UnixMillis> {
        let doors = self.doors();
        let lives = doors.values().flat_map(|door| &door.lives);
        lives.map(|live| live.grant.expires_at).min()
    }
}

/// Ends access in time, over and over.
async fn expire(service: Weak<Inner>) {
    loop {
        let Some(inner) = service.upgrade() else { return };
        let next = inner.next_expiry();
        let clock = Arc::clone(inner.registry().clock());
        let due = async {
            match next {
                Some(next) => clock.sleep(next.since(clock.now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = inner.changed.notified() => {}
        }
        let now = inner.now();
        if let Err(error) = inner.revoke(|grant| grant.expires_at <= now).await {
            // Nobody gets in by it all the same, and the next start forgets it.
            tracing::warn!(%error, "access that has ended is still kept");
        }
    }
}

/// Heeds what becomes of the agents that somebody has access to.
async fn watch_agents(service: Weak<Inner>, mut changes: broadcast::Receiver<AgentChange>) {
    loop {
        let change = changes.recv().await;
        let Some(inner) = service.upgrade() else { return };
        match change {
            Ok(AgentChange { id, what: Changed::Removed, .. }) => inner.leave(id).await,
            Ok(AgentChange { id, what: Changed::Lifecycle { new, .. }, .. }) => {
                if new != State::Running {
                    inner.hang_up(id);
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => inner.heed_all().await,
            Err(RecvError::Closed) => return,
        }
    }
}
