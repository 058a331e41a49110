//! The audit log: who did what to which agent or account, and when. Durable and bounded: the oldest
//! entry gives way.

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
const PREFIX: &str = "audit/";

/// Entries at most.
const ENTRIES_MAX: i64 = 10_000;

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

/// The oldest entry that is kept, and the next one.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    first: i64,
    next: i64,
}

impl Numbers {
    /// The number of a new entry, and that of the one that gives way to it.
    fn take(&mut self) -> (i64, Option<i64>) {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let is_full = self.next.saturating_sub(self.first) > ENTRIES_MAX;
        let oldest = is_full.then_some(self.first);
        if is_full {
            self.first = self.first.saturating_add(1);
        }
        (number, oldest)
    }
}

impl Audit {
    /// Finds where the log ends.
    ///
    /// # Errors
    /// [`StoreError`], if it cannot be read.
    pub async fn open(registry: Registry) -> Result<Self, StoreError> {
        let mut numbers = Numbers { first: 1, next: 1 };
        let mut offset = 0;
        loop {
            let page = registry.store().documents(SHELF, PREFIX, offset, PAGE).await?;
            let mut found = page.iter().filter_map(|document| number(&document.key));
            if let (0, Some(first)) = (offset, found.next()) {
                numbers = Numbers { first, next: first.saturating_add(1) };
            }
            if let Some(last) = found.next_back() {
                numbers.next = last.saturating_add(1);
            }
            let count = u32::try_from(page.len()).unwrap_or(PAGE);
            if count < PAGE {
                break;
            }
            offset = offset.saturating_add(count);
        }
        Ok(Self { registry, numbers: Arc::new(Mutex::new(numbers)) })
    }

    /// Notes a deed. It is done whether or not it can be noted: a failure is told in the log.
    pub async fn note(&self, actor: Actor, deed: Deed) {
        let (number, oldest) = self.numbers.lock().unwrap_or_else(PoisonError::into_inner).take();
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
            key: key(number),
            value: serde_json::to_value(&noted).unwrap_or_default(),
            updated_at: now,
        }))];
        let gives_way =
            |number| Fact::DocumentRemoved { shelf: SHELF.to_owned(), key: key(number) };
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
        let mut found = Vec::new();
        let mut read = 0;
        loop {
            let page = self.registry.store().documents(SHELF, PREFIX, read, PAGE).await?;
            let count = u32::try_from(page.len()).unwrap_or(PAGE);
            let noted = page.into_iter().filter_map(|entry| {
                serde_json::from_value::<Noted>(entry.value).ok().filter(|noted| wanted.has(noted))
            });
            found.extend(noted);
            if count < PAGE {
                break;
            }
            read = read.saturating_add(count);
        }
        let total = found.len();
        Ok((found.into_iter().rev().skip(offset).take(limit).collect(), total))
    }
}

fn key(number: i64) -> String {
    format!("{PREFIX}{number:019}")
}

fn number(key: &str) -> Option<i64> {
    key.strip_prefix(PREFIX)?.parse().ok()
}

fn bounded(details: Map<String, Value>) -> Map<String, Value> {
    let bytes = serde_json::to_vec(&details).map_or(usize::MAX, |text| text.len());
    if bytes <= DETAILS_MAX_BYTES { details } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_once_it_is_full() {
        let mut numbers = Numbers { first: 1, next: ENTRIES_MAX };
        assert_eq!(numbers.take(), (ENTRIES_MAX, None));
        assert_eq!(numbers.take(), (ENTRIES_MAX + 1, Some(1)));
        assert_eq!(numbers.take(), (ENTRIES_MAX + 2, Some(2)));
        for (low, high) in [(1, 2), (9, 10), (99, 100), (ENTRIES_MAX, i64::MAX)] {
            assert!(key(low) < key(high), "they are in order by byte");
            assert_eq!(number(&key(high)), Some(high));
        }
    }
}
