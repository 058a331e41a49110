//! The entries in memory, and the ways to find them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use greenroom_actors::ids::AgentId;

use super::entry::{Entry, Folders};
use super::ports::Ports;
use crate::accounts::Principal;

#[derive(Default)]
pub(super) struct Index {
    tables: RwLock<Tables>,
}

#[derive(Default)]
struct Tables {
    entries: HashMap<AgentId, Arc<Entry>>,
    /// By the owner's name.
    owned: HashMap<String, HashSet<AgentId>>,
    /// By the address it is shared with, in lower case.
    shared: HashMap<String, HashSet<AgentId>>,
    /// Who may call an agent.
    callers: HashMap<AgentId, BTreeSet<AgentId>>,
    ports: Ports,
}

impl Index {
    pub(super) fn get(&self, id: AgentId) -> Option<Arc<Entry>> {
        self.read().entries.get(&id).map(Arc::clone)
    }

    pub(super) fn all(&self) -> Vec<(AgentId, Arc<Entry>)> {
        let tables = self.read();
        tables.entries.iter().map(|(id, entry)| (*id, Arc::clone(entry))).collect()
    }

    pub(super) fn ids(&self) -> Vec<AgentId> {
        self.read().entries.keys().copied().collect()
    }

    /// Puts an entry in the place of the one that was there; nothing takes it away.
    pub(super) fn set(&self, id: AgentId, entry: Option<Arc<Entry>>) {
        let mut tables = self.write();
        if let Some(old) = tables.entries.remove(&id) {
            tables.take_out(id, &old);
        }
        if let Some(entry) = entry {
            tables.put_in(id, &entry);
            tables.entries.insert(id, entry);
        }
    }

    /// The agents that somebody may see; `None`: all there are.
    pub(super) fn of(&self, principal: &Principal) -> Option<Vec<AgentId>> {
        if principal.is_admin() {
            return None;
        }
        let (tables, user) = (self.read(), &principal.user);
        let owned = tables.owned.get(&user.username);
        let email = user.email.as_ref().map(|email| email.to_ascii_lowercase());
        let shared = email.and_then(|email| tables.shared.get(&email));
        let seen: HashSet<_> = owned.into_iter().chain(shared).flatten().copied().collect();
        Some(seen.into_iter().collect())
    }

    /// All agents of an owner.
    pub(super) fn agents_of(&self, username: &str) -> Vec<AgentId> {
        self.read().owned.get(username).into_iter().flatten().copied().collect()
    }

    /// The agents that share folders, or see those of others.
    pub(super) fn sharing(&self) -> Vec<AgentId> {
        let tables = self.read();
        let shares = |entry: &Entry| entry.folders != Folders::default();
        let sharing = tables.entries.iter().filter(|(_, entry)| shares(entry));
        sharing.map(|(id, _)| *id).collect()
    }

    pub(super) fn owned_by(&self, username: &str) -> usize {
        let tables = self.read();
        let owned = tables.owned.get(username).into_iter().flatten();
        owned.filter(|id| tables.entries.get(id).is_some_and(|entry| !entry.is_system)).count()
    }

    pub(super) fn permitted_to_call(&self, id: AgentId) -> Vec<AgentId> {
        self.read().callers.get(&id).into_iter().flatten().copied().collect()
    }

    /// A port that nobody else has from now on: the wanted one, or the lowest that is free; `None` if
    /// it is taken.
    pub(super) fn reserve(&self, wanted: Option<u16>) -> Option<u16> {
        self.write().ports.reserve(wanted)
    }

    pub(super) fn release(&self, port: u16) {
        self.write().ports.release(port);
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn put_in(&mut self, id: AgentId, entry: &Entry) {
        self.owned.entry(entry.owner.clone()).or_default().insert(id);
        for share in &entry.shares {
            self.shared.entry(share.email.to_ascii_lowercase()).or_default().insert(id);
        }
        for callee in &entry.permits {
            self.callers.entry(*callee).or_default().insert(id);
        }
        self.ports.take(entry.port);
    }

    fn take_out(&mut self, id: AgentId, entry: &Entry) {
        drop_from(&mut self.owned, &entry.owner, id);
        for share in &entry.shares {
            drop_from(&mut self.shared, &share.email.to_ascii_lowercase(), id);
        }
        for callee in &entry.permits {
            if let Some(callers) = self.callers.get_mut(callee) {
                callers.remove(&id);
                if callers.is_empty() {
                    self.callers.remove(callee);
                }
            }
        }
        self.ports.release(entry.port);
    }
}

fn drop_from(table: &mut HashMap<String, HashSet<AgentId>>, key: &str, id: AgentId) {
    if let Some(ids) = table.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            table.remove(key);
        }
    }
}
