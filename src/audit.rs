//! The audit log: who did what to which agent or account, and when. Durable and bounded: the oldest
//! entry gives way. What anybody can bring about without being known gives way only to its like.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use greenroom_actors::documents::Document;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::accounts::Principal;

/// Where entries are kept. Their keys end in their numbers, so that they are in order.
const SHELF: &str = "trinity";

/// Where a sort of deeds is kept, and how many of it are at most.
#[derive(Clone, Copy, Debug)]
struct Room {
    prefix: &'static str,
    entries_max: usize,
}

/// Of those who are known.
const KNOWN: Room = Room { prefix: "audit/", entries_max: 10_000 };

/// Of those who are not.
const STRANGERS: Room = Room { prefix: "audit-strangers/", entries_max: 2_000 };

/// Entries that are read at once.
const PAGE: u32 = 500;

/// Bytes of an entry's details; larger ones are left out.
const DETAILS_MAX_BYTES: usize = 4096;

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Actor {
    /// `user`, `agent`, `mcp_client` or `system`.
    pub kind: String,
    /// The user's id, or the agent's name.
    pub id: Option<String>,
    /// The user's address, or their name where they have none.
    pub email: Option<String>,
    /// Where the request came from.
    pub ip: Option<String>,
    /// The key that was shown.
    pub key: Option<Uuid>,
    /// What that key is called.
    pub key_name: Option<String>,
    /// For whom that key speaks.
    pub key_scope: Option<String>,
}

impl Actor {
    /// Whoever asked.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        let user = &principal.user;
        let key = principal.key();
        let agent = principal.agent().and_then(|_| key.and_then(|key| key.agent_name.clone()));
        let kind = match (&agent, key) {
            (Some(_), _) => "agent",
            (None, Some(_)) => "mcp_client",
            (None, None) => "user",
        };
        Self {
            kind: kind.to_owned(),
            id: agent.or_else(|| Some(user.id.to_string())),
            email: user.email.clone().or_else(|| Some(user.username.clone())),
            ip: None,
            key: key.map(|key| key.id),
            key_name: key.map(|key| key.name.clone()),
            key_scope: key.map(|key| key.scope.as_str().to_owned()),
        }
    }

    /// The host itself, or somebody whom it does not know.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: "system".to_owned(), ..Self::default() }
    }
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Deed {
    /// Its sort, in a word: `agent_lifecycle`, `authentication`, `sharing`, …
    pub event_type: &'static str,
    /// What exactly: `create`, `delete`, `login_success`, …
    pub action: &'static str,
    /// What it was done to: its sort (`agent`, `user`, …) and its name.
    pub target: Option<(&'static str, String)>,
    /// What else is worth knowing. No secrets.
    pub details: Map<String, Value>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The way it came: `api`, `mcp`, `cli`, `scheduler`.
    pub source: &'static str,
    /// The method and path of the request.
    pub endpoint: Option<String>,
    /// Whether whoever did it is not known: such deeds never push out those of others.
    pub is_of_stranger: bool,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// Its number; numbers only grow.
    pub id: i64,
    /// Its id.
    pub event_id: Uuid,
    /// When it was done.
    pub at: UnixMillis,
    /// Who did it.
    pub actor: Actor,
    /// Its sort.
    pub event_type: String,
    /// What exactly.
    pub action: String,
    /// The sort of what it was done to.
    pub target_type: Option<String>,
    /// The name of what it was done to.
    pub target_id: Option<String>,
    /// What else is worth knowing.
    pub details: Map<String, Value>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The way it came.
    pub source: String,
    /// The method and path of the request.
    pub endpoint: Option<String>,
}

/// Which entries are meant; what is absent holds for all.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The sort of deed.
    pub event_type: Option<String>,
    /// What exactly.
    pub action: Option<String>,
    /// The sort of actor.
    pub actor_type: Option<String>,
    /// The actor.
    pub actor_id: Option<String>,
    /// The sort of what it was done to.
    pub target_type: Option<String>,
    /// What it was done to.
    pub target_id: Option<String>,
    /// The way it came.
    pub source: Option<String>,
    /// From then on.
    pub from: Option<UnixMillis>,
    /// Until then, exclusively.
    pub until: Option<UnixMillis>,
}

impl Wanted {
    fn has(&self, noted: &Noted) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&self.event_type, Some(&noted.event_type))
            && is(&self.action, Some(&noted.action))
            && is(&self.actor_type, Some(&noted.actor.kind))
            && is(&self.actor_id, noted.actor.id.as_deref())
            && is(&self.target_type, noted.target_type.as_deref())
            && is(&self.target_id, noted.target_id.as_deref())
            && is(&self.source, Some(&noted.source))
            && self.from.is_none_or(|from| noted.at >= from)
            && self.until.is_none_or(|until| noted.at < until)
    }
}

/// The audit log. Clones share it.
#[derive(Clone)]
pub struct Audit {
    registry: Registry,
    numbers: Arc<Mutex<Numbers>>,
}

/// The entries that are kept, and the number of the next one.
#[derive(Debug, Default)]
struct Numbers {
    next: i64,
    known: VecDeque<i64>,
    strangers: VecDeque<i64>,
}

impl Numbers {
    /// The number of a new entry, and that of the one that gives way to it.
    fn take(&mut self, is_of_stranger: bool) -> (i64, Option<i64>) {
        self.next = self.next.saturating_add(1);
        let (room, kept) = match is_of_stranger {
            true => (STRANGERS, &mut self.strangers),
            false => (KNOWN, &mut self.known),
        };
        kept.push_back(self.next);
        let oldest = if kept.len() > room.entries_max { kept.pop_front() } else { None };
        (self.next, oldest)
    }
}

impl Audit {
    /// Finds where the log ends.
    ///
    /// # Errors
    /// [`StoreError`], if it cannot be read.
    pub async fn open(registry: Registry) -> Result<Self, StoreError> {
        let mut numbers = Numbers::default();
        for (room, kept) in [(KNOWN, &mut numbers.known), (STRANGERS, &mut numbers.strangers)] {
            each(&registry, room, |document| kept.extend(number(&document.key))).await?;
        }
        let newest = [&numbers.known, &numbers.strangers].map(|kept| kept.back().copied());
        numbers.next = newest.into_iter().flatten().max().unwrap_or(0);
        Ok(Self { registry, numbers: Arc::new(Mutex::new(numbers)) })
    }

    /// Notes a deed. It is done whether or not it can be noted: a failure is told in the log.
    pub async fn note(&self, actor: Actor, deed: Deed) {
        let room = if deed.is_of_stranger { STRANGERS } else { KNOWN };
        let (number, oldest) = {
            let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.take(deed.is_of_stranger)
        };
        let now = self.registry.clock().now();
        let (target_type, target_id) = deed.target.unzip();
        let noted = Noted {
            id: number,
            event_id: Uuid::new_v4(),
            at: now,
            actor,
            event_type: deed.event_type.to_owned(),
            action: deed.action.to_owned(),
            target_type: target_type.map(str::to_owned),
            target_id,
            details: bounded(deed.details),
            request_id: deed.request_id,
            source: deed.source.to_owned(),
            endpoint: deed.endpoint,
        };
        let mut facts = vec![Fact::DocumentSet(Box::new(Document {
            shelf: SHELF.to_owned(),
            key: key(room, number),
            value: serde_json::to_value(&noted).unwrap_or_default(),
            updated_at: now,
        }))];
        let gives_way =
            |number| Fact::DocumentRemoved { shelf: SHELF.to_owned(), key: key(room, number) };
        facts.extend(oldest.map(gives_way));
        if let Err(error) = self.registry.keep(facts).await {
            let (event_type, action) = (&noted.event_type, &noted.action);
            tracing::error!(%error, event_type, action, "a deed could not be noted for the audit");
        }
    }

    /// The entries that are wanted, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// [`StoreError`], if they cannot be read.
    pub async fn list(
        &self,
        wanted: &Wanted,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<Noted>, usize), StoreError> {
        let mut found: Vec<Noted> = Vec::new();
        for room in [KNOWN, STRANGERS] {
            each(&self.registry, room, |document| {
                let noted = serde_json::from_value::<Noted>(document.value).ok();
                found.extend(noted.filter(|noted| wanted.has(noted)));
            })
            .await?;
        }
        found.sort_unstable_by_key(|noted| noted.id);
        let total = found.len();
        Ok((found.into_iter().rev().skip(offset).take(limit).collect(), total))
    }
}

/// Every entry of a room, the oldest first.
async fn each(
    registry: &Registry,
    room: Room,
    mut take: impl FnMut(Document),
) -> Result<(), StoreError> {
    let mut offset = 0;
    loop {
        let page = registry.store().documents(SHELF, room.prefix, offset, PAGE).await?;
        let count = u32::try_from(page.len()).unwrap_or(PAGE);
        page.into_iter().for_each(&mut take);
        if count < PAGE {
            return Ok(());
        }
        offset = offset.saturating_add(count);
    }
}

fn key(room: Room, number: i64) -> String {
    format!("{}{number:019}", room.prefix)
}

fn number(key: &str) -> Option<i64> {
    key.rsplit('/').next()?.parse().ok()
}

fn bounded(details: Map<String, Value>) -> Map<String, Value> {
    let bytes = serde_json::to_vec(&details).map_or(usize::MAX, |text| text.len());
    if bytes <= DETAILS_MAX_BYTES { details } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_to_its_like_once_it_is_full() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.take(false), (1, None));
        for stranger in 2..2_002 {
            assert_eq!(numbers.take(true), (stranger, None));
        }
        assert_eq!(numbers.take(true), (2_002, Some(2)));
        for known in 2_003..12_002 {
            assert_eq!(numbers.take(false), (known, None));
        }
        assert_eq!(numbers.take(false), (12_002, Some(1)));
        assert_eq!(numbers.take(true), (12_003, Some(3)));
        for (low, high) in [(1, 2), (9, 10), (99, 100), (10_000, i64::MAX)] {
            assert!(key(KNOWN, low) < key(KNOWN, high), "they are in order by byte");
            assert_eq!(number(&key(STRANGERS, high)), Some(high));
        }
    }
}
