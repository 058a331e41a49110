//! Ledgers: records of agents, newest first, as many of each as are worth keeping.
//!
//! What lists are chosen by is in memory, some tens of bytes for a record; the records themselves are
//! read when they are shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::error::OrganisationError;
use super::shelf;
use super::turns::Turns;

/// What a ledger is of.
pub(super) trait Record: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// What its keys begin with.
    const PREFIX: &'static str;
    /// How many an agent has at most: then the oldest gives way, one that is done with first.
    const KEPT_MAX: usize;
    /// What lists are chosen by.
    type Mark: Copy + Send + Sync;

    fn id(&self) -> Uuid;
    fn agent(&self) -> AgentId;
    fn created_at(&self) -> UnixMillis;
    fn mark(&self) -> Self::Mark;
    fn is_done(mark: Self::Mark) -> bool;
}

pub(super) struct Ledger<R: Record> {
    registry: Registry,
    index: RwLock<Index<R::Mark>>,
    turns: Turns,
}

/// When it came and which it is.
type Place = (UnixMillis, Uuid);

struct Index<M> {
    by_agent: HashMap<AgentId, BTreeMap<Place, M>>,
    by_id: HashMap<Uuid, (AgentId, UnixMillis)>,
}

impl<M> Default for Index<M> {
    fn default() -> Self {
        Self { by_agent: HashMap::new(), by_id: HashMap::new() }
    }
}

impl<M> Index<M> {
    fn put(&mut self, agent: AgentId, place: Place, mark: M) {
        self.by_agent.entry(agent).or_default().insert(place, mark);
        self.by_id.insert(place.1, (agent, place.0));
    }

    fn take(&mut self, id: Uuid) {
        let Some((agent, at)) = self.by_id.remove(&id) else { return };
        if let Some(records) = self.by_agent.get_mut(&agent) {
            records.remove(&(at, id));
            if records.is_empty() {
                self.by_agent.remove(&agent);
            }
        }
    }
}

impl<R: Record> Ledger<R> {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let mut index = Index::default();
        shelf::each(registry, R::PREFIX, |_, record: R| {
            index.put(record.agent(), (record.created_at(), record.id()), record.mark());
        })
        .await?;
        let index = RwLock::new(index);
        Ok(Self { registry: registry.clone(), index, turns: Turns::default() })
    }

    /// Files a record; whether it is new: one of that id is not filed again.
    pub(super) async fn add(&self, record: &R) -> Result<bool, CoreError> {
        let _turn = self.turns.of(record.agent().0).await;
        if self.read().by_id.contains_key(&record.id()) {
            return Ok(false);
        }
        let mut facts = vec![shelf::set(&self.registry, key(record), record)?];
        let crowded_out = self.crowded_out(record.agent());
        facts.extend(crowded_out.map(|id| shelf::gone(key_of::<R>(record.agent(), id))));
        self.registry.keep(facts).await?;
        let mut index = self.write();
        if let Some(id) = crowded_out {
            index.take(id);
        }
        index.put(record.agent(), (record.created_at(), record.id()), record.mark());
        Ok(true)
    }

    /// The record that gives way to another.
    fn crowded_out(&self, agent: AgentId) -> Option<Uuid> {
        let index = self.read();
        let records = index.by_agent.get(&agent)?;
        if records.len() < R::KEPT_MAX {
            return None;
        }
        let done = records.iter().find(|(_, mark)| R::is_done(**mark));
        done.or_else(|| records.iter().next()).map(|((_, id), _)| *id)
    }

    /// Whose it is, if there is one of that id.
    pub(super) fn whose(&self, id: Uuid) -> Option<AgentId> {
        self.read().by_id.get(&id).map(|(agent, _)| *agent)
    }

    pub(super) async fn get(&self, id: Uuid) -> Result<Option<R>, CoreError> {
        let Some(agent) = self.whose(id) else { return Ok(None) };
        shelf::one(&self.registry, &key_of::<R>(agent, id)).await
    }

    /// Changes a record: durable before it is seen, and not at all if `change` refuses.
    pub(super) async fn amend(
        &self,
        id: Uuid,
        what: &'static str,
        change: impl FnOnce(&mut R) -> Result<(), OrganisationError>,
    ) -> Result<R, OrganisationError> {
        let missing = || OrganisationError::Missing(what);
        let agent = self.whose(id).ok_or_else(missing)?;
        let _turn = self.turns.of(agent.0).await;
        let mut record = self.get(id).await?.ok_or_else(missing)?;
        change(&mut record)?;
        self.registry.keep(vec![shelf::set(&self.registry, key(&record), &record)?]).await?;
        self.write().put(agent, (record.created_at(), id), record.mark());
        Ok(record)
    }

    /// The ids of the records of some agents, or of all, that are wanted; newest first.
    pub(super) fn pick(
        &self,
        agents: Option<&[AgentId]>,
        is_wanted: impl Fn(UnixMillis, R::Mark) -> bool,
        (offset, limit): (usize, usize),
    ) -> Vec<Uuid> {
        let most = offset.saturating_add(limit);
        let mut found = Vec::new();
        let mut look = |records: &BTreeMap<Place, R::Mark>| {
            let wanted = records.iter().rev().filter(|((at, _), mark)| is_wanted(*at, **mark));
            found.extend(wanted.take(most).map(|(place, _)| *place));
        };
        let index = self.read();
        match agents {
            Some(agents) => {
                agents.iter().filter_map(|id| index.by_agent.get(id)).for_each(&mut look)
            }
            None => index.by_agent.values().for_each(&mut look),
        }
        drop(index);
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().skip(offset).take(limit).map(|(_, id)| id).collect()
    }

    /// The records of those ids; what has gone in between is left out.
    pub(super) async fn show(&self, ids: &[Uuid]) -> Result<Vec<R>, CoreError> {
        let mut shown = Vec::with_capacity(ids.len());
        for id in ids {
            shown.extend(self.get(*id).await?);
        }
        Ok(shown)
    }

    /// Looks at every mark of some agents, or of all.
    pub(super) fn survey(
        &self,
        agents: Option<&[AgentId]>,
        mut look: impl FnMut(AgentId, UnixMillis, R::Mark),
    ) {
        let index = self.read();
        let mut all = |agent: AgentId| {
            let records = index.by_agent.get(&agent).into_iter().flatten();
            records.for_each(|((at, _), mark)| look(agent, *at, *mark));
        };
        match agents {
            Some(agents) => agents.iter().copied().for_each(&mut all),
            None => index.by_agent.keys().copied().for_each(&mut all),
        }
    }

    /// The agents that have some.
    pub(super) fn agents(&self) -> Vec<AgentId> {
        self.read().by_agent.keys().copied().collect()
    }

    pub(super) async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        let _turn = self.turns.of(agent.0).await;
        let of = |index: &Index<R::Mark>| -> Vec<Uuid> {
            index.by_agent.get(&agent).into_iter().flatten().map(|((_, id), _)| *id).collect()
        };
        let ids = of(&self.read());
        let keys = ids.iter().map(|id| key_of::<R>(agent, *id)).collect();
        shelf::clear(&self.registry, keys).await?;
        let mut index = self.write();
        ids.into_iter().for_each(|id| index.take(id));
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Index<R::Mark>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index<R::Mark>> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key<R: Record>(record: &R) -> String {
    key_of::<R>(record.agent(), record.id())
}

fn key_of<R: Record>(agent: AgentId, id: Uuid) -> String {
    format!("{}{agent}/{id}", R::PREFIX)
}
