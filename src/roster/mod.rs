//! The roster: what people have said of each agent, beside who it is and what it remembers.
//!
//! Who owns it, with whom it is shared, which agents it may call, under which tags it is found. An agent
//! that nobody has said anything of is the administrator's. All of it is in memory, and durable before
//! it is seen; so access is judged without a question to the store.

mod access;
mod entry;
mod folders;
mod index;
mod ports;

use std::sync::Arc;

use greenroom_actors::directory::Listed;
use greenroom_actors::documents::Document;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

pub use access::Relation;
pub use entry::{
    AccessPolicy, Entry, Folders, Limits, Recorded, Resources, Share, Work, memory_bytes,
};

use crate::accounts::Principal;
use index::Index;

/// Where entries are kept.
const SHELF: &str = "roster";

/// Documents that are read at once.
const PAGE: u32 = 1_000;

/// Turns to change entries. Agents that share one wait for one another, which at so many is rare.
const TURNS: usize = 64;

/// What is kept about the agents for the people who use them. Clones share everything.
#[derive(Clone)]
pub struct Roster {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    index: Index,
    turns: [Arc<Mutex<()>>; TURNS],
    /// Told where somebody may use an agent who could not before, or no longer.
    changed: watch::Sender<()>,
}

/// An agent, as people know it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which agent.
    pub id: AgentId,
    /// Its name among people: its handle.
    pub name: String,
    /// What is so now.
    pub state: State,
    /// Whether it acts by itself.
    pub is_autonomous: bool,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When its character last changed.
    pub updated_at: UnixMillis,
    /// What was said of it.
    pub entry: Arc<Entry>,
}

impl Known {
    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }
}

impl Roster {
    /// Reads what was said of all agents; what was said of those that are gone is let go.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub async fn open(registry: Registry) -> Result<Self, CoreError> {
        let index = Index::default();
        let mut offset = 0;
        loop {
            let page = registry.store().documents(SHELF, "", offset, PAGE).await?;
            let read = u32::try_from(page.len()).unwrap_or(PAGE);
            for document in page {
                let Some(id) = document.key.parse().ok().map(AgentId) else { continue };
                match serde_json::from_value(document.value) {
                    Ok(entry) => {
                        permit(&registry, id, &entry);
                        index.set(id, Some(Arc::new(entry)));
                    }
                    Err(error) => {
                        let reason = format!("the roster's entry of {id}: {error}");
                        return Err(StoreError::Failed(reason).into());
                    }
                }
            }
            if read < PAGE {
                break;
            }
            offset = offset.saturating_add(read);
        }
        let turns = std::array::from_fn(|_| Arc::default());
        Ok(Self {
            inner: Arc::new(Inner { registry, index, turns, changed: watch::Sender::new(()) }),
        })
    }

    /// The agent of that name, by each letter of it.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn find(&self, name: &str) -> Result<Option<Known>, CoreError> {
        Ok(self.inner.registry.directory().find(name).map(|listed| self.known(&listed)))
    }

    /// An agent by its id.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn get(&self, id: AgentId) -> Result<Option<Known>, CoreError> {
        Ok(self.inner.registry.directory().get(id).map(|listed| self.known(&listed)))
    }

    /// The agents that somebody may see, newest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn visible_to(&self, principal: &Principal) -> Result<Vec<Known>, CoreError> {
        let directory = self.inner.registry.directory();
        let listed = match self.inner.index.of(principal) {
            None => directory.snapshot(),
            Some(ids) => directory.get_all(ids),
        };
        let mut seen: Vec<_> = listed.iter().map(|listed| self.known(listed)).collect();
        seen.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
        Ok(seen)
    }

    /// The agents that somebody may see, by their ids; `None`: all there are.
    #[must_use]
    pub fn ids_visible_to(&self, principal: &Principal) -> Option<Vec<AgentId>> {
        self.inner.index.of(principal)
    }

    /// What was said of every agent of which something was.
    #[must_use]
    pub fn entries(&self) -> Vec<(AgentId, Arc<Entry>)> {
        self.inner.index.all()
    }

    /// Whether something was said of an agent.
    #[must_use]
    pub fn knows(&self, id: AgentId) -> bool {
        self.inner.index.get(id).is_some()
    }

    /// What was said of an agent.
    #[must_use]
    pub fn entry(&self, id: AgentId) -> Arc<Entry> {
        self.inner.index.get(id).unwrap_or_else(|| Arc::new(Entry::of_nobody(id)))
    }

    /// The agents of which something was said.
    #[must_use]
    pub fn ids(&self) -> Vec<AgentId> {
        self.inner.index.ids()
    }

    /// How somebody stands to an agent.
    #[must_use]
    pub fn relation(&self, principal: &Principal, entry: &Entry) -> Relation {
        Relation::of(principal, entry)
    }

    /// How many agents somebody owns, the system's own left out.
    #[must_use]
    pub fn owned_by(&self, username: &str) -> usize {
        self.inner.index.owned_by(username)
    }

    /// Their agents.
    #[must_use]
    pub fn agents_of(&self, username: &str) -> Vec<AgentId> {
        self.inner.index.agents_of(username)
    }

    /// Writes down what is said of an agent that is about to be created, with a port: the one that is
    /// wanted, or the lowest that is free.
    ///
    /// # Errors
    /// `None` in the place of the port if it is taken; [`CoreError::Store`].
    pub async fn enter(
        &self,
        id: AgentId,
        mut entry: Entry,
        wanted: Option<u16>,
    ) -> Result<Option<Arc<Entry>>, CoreError> {
        let turn = self.turn(id).await;
        let Some(port) = self.inner.index.reserve(wanted) else { return Ok(None) };
        entry.port = port;
        self.keep_with_port(turn, id, entry).await.map(Some)
    }

    /// The port that an agent has for itself; one that was made where nobody asked for any is given the
    /// lowest that is free, 0 if none is.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`] and [`CoreError::Store`].
    pub async fn port_of(&self, id: AgentId) -> Result<u16, CoreError> {
        let turn = self.turn(id).await;
        self.check_hosted(id)?;
        let mut entry = Entry::clone(&self.entry(id));
        if entry.port == 0 {
            entry.port = self.inner.index.reserve(None).unwrap_or(0);
        }
        if entry.port == self.entry(id).port {
            return Ok(entry.port);
        }
        self.keep_with_port(turn, id, entry).await.map(|kept| kept.port)
    }

    /// Keeps an entry whose port was just reserved, or lets go of the port.
    async fn keep_with_port(
        &self,
        turn: Turn,
        id: AgentId,
        entry: Entry,
    ) -> Result<Arc<Entry>, CoreError> {
        let roster = self.clone();
        whole(async move {
            let port = entry.port;
            let kept = roster.keep(turn, id, entry).await;
            if kept.is_err() {
                roster.inner.index.release(port);
            }
            kept
        })
        .await
    }

    /// Nothing is said any more of an agent that is gone: nobody would ever let go of it.
    fn check_hosted(&self, id: AgentId) -> Result<(), CoreError> {
        let is_there = self.knows(id) || self.inner.registry.directory().get(id).is_some();
        is_there.then_some(()).ok_or(CoreError::AgentNotFound(id))
    }

    /// Changes what was said of an agent: durable before it is seen, and not at all if `change` refuses.
    ///
    /// # Errors
    /// What `change` refuses with; [`CoreError::AgentNotFound`] and [`CoreError::Store`], as one of those.
    pub async fn amend<T, E: From<CoreError>>(
        &self,
        id: AgentId,
        change: impl FnOnce(&mut Entry) -> Result<T, E>,
    ) -> Result<T, E> {
        let turn = self.turn(id).await;
        self.check_hosted(id)?;
        let before = self.entry(id);
        let mut entry = Entry::clone(&before);
        let said = change(&mut entry)?;
        if entry != *before {
            let roster = self.clone();
            whole(async move { roster.keep(turn, id, entry).await }).await?;
        }
        Ok(said)
    }

    /// Forgets what was said of an agent that is gone, by others too: nobody may call it any more.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn forget(&self, id: AgentId) -> Result<(), CoreError> {
        for caller in self.inner.index.permitted_to_call(id) {
            self.amend(caller, |entry| {
                entry.permits.remove(&id);
                Ok::<_, CoreError>(())
            })
            .await?;
        }
        let turn = self.turn(id).await;
        let roster = self.clone();
        whole(async move {
            let _turn = turn;
            let Inner { registry, index, changed, .. } = &*roster.inner;
            let gone = Fact::DocumentRemoved { shelf: SHELF.to_owned(), key: id.to_string() };
            registry.keep(vec![gone]).await?;
            registry.permits().set(id, None);
            index.set(id, None);
            changed.send_replace(());
            Ok(())
        })
        .await
    }

    /// Is told that something has changed about whose agents are, and with whom they are shared.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    /// The agents that share folders, or see those of others.
    #[must_use]
    pub fn sharing(&self) -> Vec<AgentId> {
        self.inner.index.sharing()
    }

    /// The agents that may call this one.
    #[must_use]
    pub fn callers_of(&self, id: AgentId) -> Vec<AgentId> {
        self.inner.index.permitted_to_call(id)
    }

    async fn keep(&self, _: Turn, id: AgentId, entry: Entry) -> Result<Arc<Entry>, CoreError> {
        let value = serde_json::to_value(&entry)
            .map_err(|error| CoreError::Store(StoreError::Failed(error.to_string())))?;
        let document = Document {
            shelf: SHELF.to_owned(),
            key: id.to_string(),
            value,
            updated_at: self.inner.registry.clock().now(),
        };
        self.inner.registry.keep(vec![Fact::DocumentSet(Box::new(document))]).await?;
        let entry = Arc::new(entry);
        permit(&self.inner.registry, id, &entry);
        let before = self.inner.index.get(id);
        self.inner.index.set(id, Some(Arc::clone(&entry)));
        let is_as_before =
            |before: Arc<Entry>| before.owner == entry.owner && before.shares == entry.shares;
        if !before.is_some_and(is_as_before) {
            self.inner.changed.send_replace(());
        }
        Ok(entry)
    }

    fn known(&self, listed: &Listed) -> Known {
        Known {
            id: listed.id,
            name: listed.handle.as_ref().to_owned(),
            state: listed.state,
            is_autonomous: listed.autonomy.is_some(),
            created_at: listed.created_at,
            updated_at: listed.updated_at,
            entry: self.entry(listed.id),
        }
    }

    async fn turn(&self, id: AgentId) -> Turn {
        let turns = u128::try_from(TURNS).unwrap_or(1);
        let nth = usize::try_from(id.0.as_u128() % turns).unwrap_or(0);
        Some(Arc::clone(self.inner.turns.get(nth)?).lock_owned().await)
    }
}

/// The turn to change an entry, for as long as it is held.
type Turn = Option<OwnedMutexGuard<()>>;

/// Carries something out to its end, also where its caller leaves: what is durable is also seen.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, CoreError>> + Send + 'static,
) -> Result<T, CoreError> {
    tokio::spawn(work).await.unwrap_or(Err(CoreError::ShuttingDown))
}

/// Lets an agent write to those that it may call, where people say which.
fn permit(registry: &Registry, id: AgentId, entry: &Entry) {
    registry.permits().set(id, entry.permits_decide.then_some(&entry.permits));
}
