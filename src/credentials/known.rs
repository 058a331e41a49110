//! The secrets of all agents, in memory: what their masks are made of.
//!
//! They come from the files of agents and from the sealed secrets of their characters. Both are kept as
//! sealed documents, so that a start need not read every folder and every character. What was once a
//! secret of a file stays one for a while: a key that was just changed still opens doors.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use greenroom_actors::character::Character;
use greenroom_actors::documents::Document;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::{Mask, Masks};
use greenroom_actors::ports::Store;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::found::{BYTES_MAX, Found, SECRETS_MAX};
use crate::secrets::{Secrets, is_sealed};

/// The shelf of what is kept of them.
pub const SHELF: &str = "credentials";

/// Where the secrets of a character stand in its settings.
const SECRETS: &str = "secrets";

/// What the key of a document ends with that holds a character's.
const OF_CHARACTER: &str = "/character";

/// Documents that are read at once.
const PAGE: u32 = 1_000;

/// Secrets of one sort, newest first.
type Values = Vec<Zeroizing<String>>;

/// The secrets of all agents.
pub struct Known {
    secrets: Arc<Secrets>,
    agents: RwLock<HashMap<AgentId, Agent>>,
    is_any: AtomicBool,
}

/// What is known of one agent.
#[derive(Default)]
struct Agent {
    of_files: Values,
    of_character: Values,
    mask: Option<Arc<Mask>>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({} agents)", self.read().len())
    }
}

impl Known {
    /// Nothing yet; what is to be kept of it is sealed by `secrets`.
    #[must_use]
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Self { secrets, agents: RwLock::default(), is_any: AtomicBool::new(false) }
    }

    /// All that is kept of it in a store. Read before any agent begins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(store: &dyn Store, secrets: Arc<Secrets>) -> Result<Self, StoreError> {
        let known = Self::new(secrets);
        let mut offset = 0;
        loop {
            let page = store.documents(SHELF, "", offset, PAGE).await?;
            page.iter().for_each(|document| known.recall(document));
            offset = offset.saturating_add(PAGE);
            if u32::try_from(page.len()).unwrap_or(PAGE) < PAGE {
                return Ok(known);
            }
        }
    }

    fn recall(&self, document: &Document) {
        let (agent, is_of_character) = match document.key.strip_suffix(OF_CHARACTER) {
            Some(agent) => (agent, true),
            None => (document.key.as_str(), false),
        };
        let Ok(agent) = agent.parse::<AgentId>() else { return };
        let Some(values) = self.opened(&document.value) else {
            tracing::warn!(%agent, "what is kept of an agent's secrets does not open; another salt?");
            return;
        };
        self.set(agent, |held| {
            *(if is_of_character { &mut held.of_character } else { &mut held.of_files }) = values;
        });
    }

    /// Takes secrets that stand in an agent's files now. Answers with what is to be kept, where that
    /// has changed.
    pub(super) fn stand(&self, agent: AgentId, now: Values, at: UnixMillis) -> Option<Fact> {
        let mut values = now;
        if values.is_empty() && !self.read().contains_key(&agent) {
            return None;
        }
        let mut changed = None;
        self.set(agent, |held| {
            let is_new = values.iter().any(|value| !held.of_files.contains(value));
            if !is_new {
                return;
            }
            let former = held.of_files.iter().filter(|value| !values.contains(value)).cloned();
            let former: Values = former.collect();
            values.extend(former);
            bounded(&mut values);
            changed = Some(values.clone());
            held.of_files = values;
        });
        let value = self.sealed(&changed?)?;
        Some(self.document(agent.to_string(), value, at))
    }

    /// Changes what is known of an agent, and makes its mask anew.
    fn set(&self, agent: AgentId, change: impl FnOnce(&mut Agent)) {
        let mut agents = self.write();
        let held = agents.entry(agent).or_default();
        change(held);
        let all = held.of_files.iter().chain(&held.of_character).map(|value| value.as_str());
        held.mask = Mask::over(all).map(Arc::new);
        if held.mask.is_none() {
            agents.remove(&agent);
        }
        self.is_any.store(!agents.is_empty(), Ordering::Release);
    }

    fn document(&self, key: String, value: Value, at: UnixMillis) -> Fact {
        let shelf = SHELF.to_owned();
        Fact::DocumentSet(Box::new(Document { shelf, key, value, updated_at: at }))
    }

    fn sealed(&self, values: &Values) -> Option<Value> {
        let plain: Vec<_> = values.iter().map(|value| value.as_str()).collect();
        let plain = Zeroizing::new(serde_json::to_string(&plain).ok()?);
        Some(json!({"sealed": self.secrets.seal(&plain)}))
    }

    fn opened(&self, value: &Value) -> Option<Values> {
        let plain = self.secrets.open(value.get("sealed")?.as_str()?)?;
        let values: Vec<String> = serde_json::from_str(&plain).ok()?;
        Some(values.into_iter().map(Zeroizing::new).collect())
    }

    /// The secrets of a character, opened.
    fn of_character(&self, character: &Character) -> Values {
        let mut found = Found::default();
        let secrets = character.setting(SECRETS).and_then(Value::as_object);
        for text in secrets.into_iter().flatten().filter_map(|(_, value)| value.as_str()) {
            match self.secrets.open(text) {
                Some(secret) => found.secret(&secret),
                None if !is_sealed(text) => found.secret(text),
                None => {}
            }
        }
        let mut values = found.into_secrets();
        bounded(&mut values);
        values
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<AgentId, Agent>> {
        // Each change is whole before a panic could come.
        self.agents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<AgentId, Agent>> {
        self.agents.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Masks for Known {
    fn is_empty(&self) -> bool {
        !self.is_any.load(Ordering::Acquire)
    }

    fn of(&self, agent: AgentId) -> Option<Arc<Mask>> {
        self.read().get(&agent)?.mask.clone()
    }

    fn met(&self, agent: AgentId, character: &Character, at: UnixMillis) -> Option<Fact> {
        let values = self.of_character(character);
        let held = self.read().get(&agent).map(|held| held.of_character.clone());
        if held.as_deref().unwrap_or_default() == values.as_slice() {
            return None;
        }
        let key = format!("{agent}{OF_CHARACTER}");
        let fact = match values.is_empty() {
            true => Fact::DocumentRemoved { shelf: SHELF.to_owned(), key },
            false => self.document(key, self.sealed(&values)?, at),
        };
        self.set(agent, |held| held.of_character = values);
        Some(fact)
    }

    fn leaving(&self, agent: AgentId) -> Vec<Fact> {
        if !self.read().contains_key(&agent) {
            return Vec::new();
        }
        let keys = [agent.to_string(), format!("{agent}{OF_CHARACTER}")];
        keys.map(|key| Fact::DocumentRemoved { shelf: SHELF.to_owned(), key }).into()
    }

    fn left(&self, agent: AgentId) {
        self.set(agent, |held| *held = Agent::default());
    }
}

/// Keeps the first as far as there may be so many.
fn bounded(values: &mut Values) {
    values.truncate(SECRETS_MAX);
    let mut room = BYTES_MAX;
    values.retain(|value| match room.checked_sub(value.len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
