//! The directory: every agent of the host by id and by handle, in memory.
//!
//! It is filled before a host begins and follows each commit from then on, so that it is complete
//! whenever it can be asked, also while agents are not hosted yet. It costs some 200 bytes for each
//! agent, of which the actor knows nothing.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::broadcast;

use crate::error::StoreError;
use crate::facts::{Committed, Fact};
use crate::ids::AgentId;
use crate::lifecycle::{Autonomy, Lifecycle, State};
use crate::ports::Store;
use crate::time::UnixMillis;

/// Agents that one question to the store asks for.
const PAGE: u32 = 10_000;

/// Changes that a watcher may lag behind before it is told that it has missed some.
const CHANGES_MAX: usize = 1_024;

/// An agent as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: AgentId,
    /// Its handle, unique on this host.
    pub handle: Arc<str>,
    /// How it stands, as its durable lifecycle says.
    pub state: State,
    /// Whether it acts by itself, and how often.
    pub autonomy: Option<Autonomy>,
    /// When it was last started; nothing of a stopped one.
    pub started_at: Option<UnixMillis>,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When its character last changed.
    pub updated_at: UnixMillis,
}

/// Something changed about an agent; told once it is durable and the directory says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentChange {
    /// Which agent.
    pub id: AgentId,
    /// Its handle after the change; of one that was removed, the last that it had.
    pub handle: Arc<str>,
    /// What changed.
    pub what: Changed,
}

/// What changed about an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is there.
    Created,
    /// It is gone.
    Removed,
    /// It has another handle. [`Revised`](Self::Revised) follows.
    Renamed {
        /// The handle before.
        old: Arc<str>,
        /// The handle now.
        new: Arc<str>,
    },
    /// Its durable lifecycle changed; both states are the same where only its autonomy did, or where
    /// it was restarted.
    Lifecycle {
        /// How it stood.
        old: State,
        /// How it stands.
        new: State,
    },
    /// Its character changed.
    Revised,
}

/// Every agent of the host, by id and by handle. Questions are answered at once.
#[derive(Debug)]
pub struct Directory {
    /// One lock for both ways to an agent, so that a rename is seen as a whole. Writes are as rare as
    /// commands of operators.
    tables: RwLock<Tables>,
    changes: broadcast::Sender<AgentChange>,
}

#[derive(Debug, Default)]
struct Tables {
    agents: HashMap<AgentId, Row>,
    handles: HashMap<Arc<str>, AgentId>,
}

#[derive(Clone, Debug)]
struct Row {
    handle: Arc<str>,
    state: State,
    autonomy: Option<Autonomy>,
    started_at: Option<UnixMillis>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
}

impl Row {
    fn listed(&self, id: AgentId) -> Listed {
        let Self { handle, state, autonomy, started_at, created_at, updated_at } = self.clone();
        Listed { id, handle, state, autonomy, started_at, created_at, updated_at }
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self { tables: RwLock::default(), changes: broadcast::Sender::new(CHANGES_MAX) }
    }
}

impl Directory {
    /// The agent of that handle, by each letter of it.
    #[must_use]
    pub fn resolve(&self, handle: &str) -> Option<AgentId> {
        self.read().handles.get(handle).copied()
    }

    /// An agent.
    #[must_use]
    pub fn get(&self, id: AgentId) -> Option<Listed> {
        self.read().agents.get(&id).map(|row| row.listed(id))
    }

    /// The agent of that handle, by each letter of it.
    #[must_use]
    pub fn find(&self, handle: &str) -> Option<Listed> {
        let tables = self.read();
        let id = *tables.handles.get(handle)?;
        tables.agents.get(&id).map(|row| row.listed(id))
    }

    /// Those of these agents that are there, in the order given, as they stand at one moment.
    #[must_use]
    pub fn get_all(&self, ids: impl IntoIterator<Item = AgentId>) -> Vec<Listed> {
        let tables = self.read();
        let listed = |id| tables.agents.get(&id).map(|row| row.listed(id));
        ids.into_iter().filter_map(listed).collect()
    }

    /// All agents as they stand at one moment, in no order.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Listed> {
        self.read().agents.iter().map(|(id, row)| row.listed(*id)).collect()
    }

    /// How many agents there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.read().agents.len()
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<AgentChange> {
        self.changes.subscribe()
    }

    /// Takes in every agent of the store.
    pub(crate) async fn fill(&self, store: &Arc<dyn Store>) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = store.listed(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut tables = self.write();
            for Listed { id, handle, state, autonomy, started_at, created_at, updated_at } in page {
                let handle_of_row = Arc::clone(&handle);
                tables.handles.insert(handle, id);
                let handle = handle_of_row;
                let row = Row { handle, state, autonomy, started_at, created_at, updated_at };
                tables.agents.insert(id, row);
            }
        }
    }

    /// Takes in what a commit did, and tells those who watch.
    ///
    /// Commits may be heard of in another order than they were made in. What is of one agent is not:
    /// each is awaited before the next is made. Nor is a handle taken from whoever has it now by
    /// somebody who gave it up before.
    pub(crate) fn apply(&self, news: Vec<News>, committed: &Committed) {
        let mut tables = self.write();
        for news in news {
            for change in tables.apply(news, &committed.handles) {
                // Nobody minds if nobody watches. Under the lock, so that what is told is in the order
                // in which it became so here.
                drop(self.changes.send(change));
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a fact says that the directory has to know.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) id: AgentId,
    what: What,
}

#[derive(Debug)]
enum What {
    Created { standing: Standing, created_at: UnixMillis, updated_at: UnixMillis },
    Revised(UnixMillis),
    Changed(Standing),
    Removed,
}

#[derive(Debug)]
struct Standing {
    state: State,
    autonomy: Option<Autonomy>,
    started_at: Option<UnixMillis>,
}

impl From<&Lifecycle> for Standing {
    fn from(lifecycle: &Lifecycle) -> Self {
        let Lifecycle { autonomy, started_at, .. } = *lifecycle;
        Self { state: lifecycle.state(), autonomy, started_at }
    }
}

impl News {
    /// What these facts say that the directory has to know: mostly nothing.
    pub(crate) fn of(facts: &[Fact]) -> Vec<Self> {
        let news = |fact: &Fact| {
            let (id, what) = match fact {
                Fact::AgentCreated(record) => {
                    let standing = Standing::from(&record.lifecycle);
                    let (created_at, updated_at) = (record.created_at, record.updated_at);
                    (record.id, What::Created { standing, created_at, updated_at })
                }
                Fact::AgentRevised { id, at, .. } => (*id, What::Revised(*at)),
                Fact::LifecycleChanged { id, lifecycle } => {
                    (*id, What::Changed(Standing::from(lifecycle)))
                }
                Fact::AgentRemoved { id, .. } => (*id, What::Removed),
                _ => return None,
            };
            Some(Self { id, what })
        };
        facts.iter().filter_map(news).collect()
    }

    /// Whether the agent is gone.
    pub(crate) fn is_removal(&self) -> bool {
        matches!(self.what, What::Removed)
    }
}

impl Tables {
    /// `given`: the handles that the store gave.
    fn apply(&mut self, News { id, what }: News, given: &[(AgentId, String)]) -> Vec<AgentChange> {
        let given = || {
            let given = given.iter().find(|(agent, _)| *agent == id);
            given.map(|(_, handle)| Arc::<str>::from(handle.as_str()))
        };
        let told = |handle: &Arc<str>, what| AgentChange { id, handle: Arc::clone(handle), what };
        match what {
            What::Created { standing, created_at, updated_at } => {
                let Some(handle) = given() else { return Vec::new() };
                let Standing { state, autonomy, started_at } = standing;
                self.handles.insert(Arc::clone(&handle), id);
                let told = told(&handle, Changed::Created);
                let row = Row { handle, state, autonomy, started_at, created_at, updated_at };
                self.agents.insert(id, row);
                vec![told]
            }
            What::Revised(at) => {
                let Some(row) = self.agents.get_mut(&id) else { return Vec::new() };
                row.updated_at = at;
                let mut changes = Vec::new();
                if let Some(new) = given().filter(|new| *new != row.handle) {
                    let old = std::mem::replace(&mut row.handle, Arc::clone(&new));
                    if self.handles.get(&old) == Some(&id) {
                        self.handles.remove(&old);
                    }
                    self.handles.insert(Arc::clone(&new), id);
                    changes.push(told(&row.handle, Changed::Renamed { old, new }));
                }
                changes.push(told(&row.handle, Changed::Revised));
                changes
            }
            What::Changed(Standing { state, autonomy, started_at }) => {
                let Some(row) = self.agents.get_mut(&id) else { return Vec::new() };
                let old = std::mem::replace(&mut row.state, state);
                (row.autonomy, row.started_at) = (autonomy, started_at);
                vec![told(&row.handle, Changed::Lifecycle { old, new: state })]
            }
            What::Removed => {
                let Some(Row { handle, .. }) = self.agents.remove(&id) else { return Vec::new() };
                if self.handles.get(&handle) == Some(&id) {
                    self.handles.remove(&handle);
                }
                vec![told(&handle, Changed::Removed)]
            }
        }
    }
}
