//! Visits: what somebody says to an agent who came by a public link.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greenroom_actors::agent::{Delivered, Delivery, Keep};
use greenroom_actors::directory::AgentChange;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{self, AgentId, EntityId, LetterId, RoomId};
use greenroom_actors::letters::{Letter, LetterStatus};
use greenroom_actors::ports::MemoryQuery;
use greenroom_actors::records::{MESSAGES, Memory, Room};
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::error::OrganisationError;
use super::happening::Happening;
use super::links::Link;
use super::notices::at_most;
use super::{Organisation, shelf};
use crate::accounts::{AccountsError, Allowance, Tries};
use crate::roster::Entry;

/// How long somebody is known who has proven their address.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Visitors of one link who are known at once; the one whose time ends first gives way.
const KNOWN_MAX: usize = 500;

/// How often something may be said by one link.
const SAID: Allowance = Allowance { tries: 120, within: Duration::from_secs(60) };

const SAID_MAX_BYTES: usize = 64 * 1024;

/// Bytes of what an unknown visitor is told apart by.
const NAME_MAX_BYTES: usize = 128;

/// Where letters come from that visitors bring.
const SOURCE: &str = "public";

const PREFIX: &str = "visit/";

/// Who came by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// Somebody whose address is proven, in lower case.
    Known(String),
    /// Somebody else, by the name that their client has for this talk.
    Unknown(String),
}

impl Visitor {
    /// An unknown visitor of that name, or of a new one.
    ///
    /// # Errors
    /// [`OrganisationError::Invalid`] for a name that is too long.
    pub fn unknown(name: Option<String>) -> Result<Self, OrganisationError> {
        let name = name.filter(|name| !name.is_empty());
        at_most("session_id", name.as_ref().map_or(0, String::len), NAME_MAX_BYTES)?;
        let fresh = || URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        Ok(Self::Unknown(name.unwrap_or_else(fresh)))
    }
}

/// A message that was said by a link, and what the agent said to it, if it did.
pub type SaidSoFar = (Letter, Option<Memory>);

/// Somebody has proven their address.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What they show from now on.
    pub token: Zeroizing<String>,
    /// Until when.
    pub expires_at: UnixMillis,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    link: Uuid,
    email: String,
    expires_at: UnixMillis,
}

pub(super) struct Visits {
    registry: Registry,
    /// By the digest of what they show, in hexadecimal digits.
    known: RwLock<HashMap<String, Kept>>,
    turn: Mutex<()>,
    said: Tries<Uuid>,
}

impl Visits {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let mut known = HashMap::new();
        shelf::each(registry, PREFIX, |key, kept: Kept| {
            if let Some(digest) = key.rsplit('/').next() {
                known.insert(digest.to_owned(), kept);
            }
        })
        .await?;
        let (known, turn) = (RwLock::new(known), Mutex::default());
        Ok(Self { registry: registry.clone(), known, turn, said: Tries::new(SAID) })
    }

    /// Ends the visits of a link.
    pub(super) async fn forget(&self, link: Uuid) -> Result<(), CoreError> {
        let _turn = self.turn.lock().await;
        self.clear(link, |_| true).await
    }

    async fn clear(&self, link: Uuid, is_over: impl Fn(&Kept) -> bool) -> Result<(), CoreError> {
        let over: Vec<_> = {
            let known = self.read();
            let over = known.iter().filter(|(_, kept)| kept.link == link && is_over(kept));
            over.map(|(digest, _)| digest.clone()).collect()
        };
        let keys = over.iter().map(|digest| key(link, digest)).collect();
        shelf::clear(&self.registry, keys).await?;
        let mut known = self.write();
        over.iter().for_each(|digest| drop(known.remove(digest)));
        Ok(())
    }

    async fn begin(&self, link: Uuid, email: String) -> Result<Visit, CoreError> {
        let _turn = self.turn.lock().await;
        let now = self.registry.clock().now();
        let mut ends: Vec<_> = {
            let known = self.read();
            known.values().filter(|kept| kept.link == link).map(|kept| kept.expires_at).collect()
        };
        ends.sort_unstable();
        let crowded = ends.len().saturating_add(1).saturating_sub(KNOWN_MAX);
        let last = crowded.checked_sub(1).and_then(|nth| ends.get(nth)).copied();
        let over = last.map_or(now, |last| last.max(now));
        self.clear(link, |kept| kept.expires_at <= over).await?;
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let kept = Kept { link, email, expires_at: now.plus(KNOWN_FOR) };
        let (digest, expires_at) = (digest(&token), kept.expires_at);
        let fact = shelf::set(&self.registry, key(link, &digest), &kept)?;
        self.registry.keep(vec![fact]).await?;
        self.write().insert(digest, kept);
        Ok(Visit { token, expires_at })
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Kept>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Kept>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(link: Uuid, digest: &str) -> String {
    format!("{PREFIX}{link}/{digest}")
}

impl Link {
    /// The room of a visitor, in the agent's eyes, and the visitor.
    fn place(&self, visitor: &Visitor) -> (Room, EntityId, String) {
        let (who, name) = match visitor {
            Visitor::Known(email) => (format!("known:{email}"), email.clone()),
            Visitor::Unknown(name) => (format!("unknown:{name}"), "Visitor".to_owned()),
        };
        let channel = ids::derived(&format!("public:{}:{who}", self.id));
        let room = Room {
            id: RoomId(ids::seen_by(self.agent, &channel.to_string())),
            agent_id: self.agent,
            name: format!("Public chat with {name}"),
            channel_id: Some(channel.to_string()),
            message_server_id: None,
            world_id: None,
            kind: "DM".to_owned(),
            source: SOURCE.to_owned(),
            metadata: None,
            created_at: UnixMillis::default(),
        };
        (room, EntityId(ids::derived(&format!("visitor:{}:{who}", self.id))), name)
    }

    /// What a proof of an address is for.
    fn purpose(&self) -> String {
        format!("link {}", self.id)
    }
}

impl Organisation {
    /// Whether whoever has proven that address may talk to an agent by its links, as its access policy
    /// says: everybody, or those who may use it.
    #[must_use]
    pub fn may_visit(&self, entry: &Entry, email: &str) -> bool {
        if entry.access.is_open || entry.share_with(email).is_some() {
            return true;
        }
        let user = self.accounts().user_by_email(email);
        user.is_some_and(|user| user.is_admin() || user.username == entry.owner)
    }

    /// Sends a code to somebody who wants to prove an address, for one link alone.
    ///
    /// # Errors
    /// [`AccountsError::NotAnAddress`], [`AccountsError::TooManyTries`].
    pub fn send_visit_code(&self, link: &Link, email: &str) -> Result<(), AccountsError> {
        self.accounts().send_proof(&link.purpose(), email)
    }

    /// Knows whoever has read the code, for a day.
    ///
    /// # Errors
    /// [`AccountsError::WrongCode`], [`AccountsError::TooManyTries`], [`AccountsError::Core`].
    pub async fn begin_visit(
        &self,
        link: &Link,
        email: &str,
        code: &str,
    ) -> Result<Visit, AccountsError> {
        let email = self.accounts().prove(&link.purpose(), email, code)?;
        Ok(self.inner.visits.begin(link.id, email).await?)
    }

    /// Whoever shows that, if they have proven an address for that link.
    #[must_use]
    pub fn visitor(&self, link: &Link, token: &str) -> Option<Visitor> {
        let now = self.registry().clock().now();
        let known = self.inner.visits.read();
        let kept = known.get(&digest(token))?;
        (kept.link == link.id && now < kept.expires_at).then(|| Visitor::Known(kept.email.clone()))
    }

    /// Somebody who came by a link says something; the agent answers.
    ///
    /// # Errors
    /// [`OrganisationError::Invalid`], [`OrganisationError::TooOften`], and as a [`Delivery`] fails.
    pub async fn say_by(
        &self,
        link: &Link,
        visitor: &Visitor,
        text: &str,
    ) -> Result<Delivered, OrganisationError> {
        at_most("message", text.len(), SAID_MAX_BYTES)?;
        let now = self.registry().clock().now();
        self.inner.visits.said.admit(link.id, now).map_err(OrganisationError::TooOften)?;
        let (room, entity, name) = link.place(visitor);
        let mut content = Map::new();
        content.insert("text".to_owned(), json!(text));
        content.insert("source".to_owned(), json!(SOURCE));
        content.insert("link".to_owned(), json!(link.id));
        let delivery =
            Delivery { from_name: Some(name), ..Delivery::asking(entity, room, content) };
        let delivered = self.registry().deliver(link.agent, delivery).await?;
        self.count_use(link).await?;
        Ok(delivered)
    }

    /// What was said between a visitor and the agent, the oldest first; at most the last `limit`.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn said_by(
        &self,
        link: &Link,
        visitor: &Visitor,
        limit: u32,
    ) -> Result<Vec<Memory>, CoreError> {
        let (room, ..) = link.place(visitor);
        let query = MemoryQuery {
            kind: Some(MESSAGES.to_owned()),
            room_id: Some(room.id),
            ..MemoryQuery::of(link.agent, limit)
        };
        let mut said = self.registry().store().memories(query).await?;
        // The store knows the order also of what was said within one millisecond.
        said.reverse();
        Ok(said)
    }

    /// Forgets what was said between a visitor and the agent; whether there was anything.
    ///
    /// # Errors
    /// [`OrganisationError::Core`].
    pub async fn forget_said(
        &self,
        link: &Link,
        visitor: &Visitor,
    ) -> Result<(), OrganisationError> {
        let (room, ..) = link.place(visitor);
        let facts = vec![Fact::RoomRemoved { agent_id: link.agent, room_id: room.id }];
        self.registry().ask(link.agent, Keep { facts, while_running: false }).await?;
        Ok(())
    }

    /// A message that was said by a link, and what the agent said to it; `None` if there is none.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn said_so_far(
        &self,
        link: &Link,
        id: LetterId,
    ) -> Result<Option<SaidSoFar>, CoreError> {
        let store = self.registry().store();
        let is_of_link = |letter: &Letter| {
            letter.to == link.agent && letter.content.get("link") == Some(&json!(link.id))
        };
        let Some(letter) = store.letter(id).await?.filter(is_of_link) else { return Ok(None) };
        let reply = letter.settled.as_ref().and_then(|settled| settled.reply);
        let reply = match reply.filter(|_| letter.status == LetterStatus::Answered) {
            Some(reply) => store.memory(link.agent, reply).await?,
            None => None,
        };
        Ok(Some((letter, reply)))
    }

    /// The same once the agent has dealt with it; `None` also where the link leads to it no longer.
    ///
    /// # Errors
    /// [`CoreError::Store`]; [`CoreError::ShuttingDown`] where nothing more happens.
    pub async fn said_in_the_end(
        &self,
        link: &Link,
        id: LetterId,
    ) -> Result<Option<SaidSoFar>, CoreError> {
        let registry = self.registry();
        // All of it watched before the first look, so that nothing happens in between.
        let (mut agents, mut happenings) = (registry.watch_agents(), self.watch());
        let seen = registry.store().event_bounds(link.agent).await?.map_or(0, |(_, newest)| newest);
        let mut events = registry.subscribe(link.agent, seen);
        loop {
            let Some(good) = self.link_by_token(&link.token) else { return Ok(None) };
            let Some(said) = self.said_so_far(link, id).await? else { return Ok(None) };
            if said.0.settled.is_some() {
                return Ok(Some(said));
            }
            let over = async {
                match good.expires_at {
                    Some(at) => registry.clock().sleep(at.since(registry.clock().now())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.next() => drop(event?),
                () = of_agent(&mut agents, link.agent) => {}
                () = of_link(&mut happenings, link.id) => {}
                () = over => {}
            }
        }
    }
}

/// Waits until something changes about an agent.
async fn of_agent(changes: &mut Receiver<AgentChange>, agent: AgentId) {
    loop {
        match changes.recv().await {
            Ok(change) if change.id != agent => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Waits until something changes about a link.
async fn of_link(happenings: &mut Receiver<Arc<Happening>>, link: Uuid) {
    loop {
        match happenings.recv().await.as_deref() {
            Ok(Happening::LinkChanged(it) | Happening::LinkRemoved(it)) if it.id == link => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
