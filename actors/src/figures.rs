//! What is measured of each agent: its time, its bytes, its context.
//!
//! Only agents that have worked since the host started have an entry; an idle one costs nothing here.

mod recall;
mod tally;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::ids::AgentId;
use crate::time::UnixMillis;

pub(crate) use recall::recall;
pub use tally::Tally;
pub(crate) use tally::metered;

/// What is measured of an agent since the host started. What nobody knows is 0 or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// When it last began or ended a run, earlier boots included.
    pub last_active_at: Option<UnixMillis>,
    /// Runs of its own in flight.
    pub runs_in_flight: u32,
    /// What its last call of a model read, earlier boots included.
    pub context: Option<ContextUse>,
    /// CPU time of its own runs on the host's threads.
    pub cpu: Duration,
    /// CPU time of the child processes that worked for it.
    pub children_cpu: Duration,
    /// Bytes that its child processes hold in memory now.
    pub children_bytes: u64,
    /// Bytes sent to providers and tools on its behalf, as far as they tell.
    pub sent_bytes: u64,
    /// Bytes received from them.
    pub received_bytes: u64,
    /// Bytes that it holds in memory now, estimated: its actor, and the prompt of a run in flight.
    pub memory_bytes: u64,
    /// When it was last started; nothing of a stopped one.
    pub started_at: Option<UnixMillis>,
}

/// How much of its window a model has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextUse {
    /// Tokens read, as the provider counts them.
    pub tokens: u64,
    /// Tokens that the model reads at once, where that is known.
    pub window: Option<u32>,
}

/// The entries of all agents that have worked.
#[derive(Debug, Default)]
pub(crate) struct Tallies(RwLock<HashMap<AgentId, Tally>>);

impl Tallies {
    /// An agent's entry, made with the first call.
    pub(crate) fn of(&self, id: AgentId) -> Tally {
        if let Some(tally) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return tally.clone();
        }
        let mut tallies = self.0.write().unwrap_or_else(PoisonError::into_inner);
        tallies.entry(id).or_insert_with(Tally::counting).clone()
    }

    /// An agent's entry, if it has worked.
    pub(crate) fn find(&self, id: AgentId) -> Option<Tally> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<(AgentId, Tally)> {
        let tallies = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tallies.iter().map(|(id, tally)| (*id, tally.clone())).collect()
    }

    pub(crate) fn forget(&self, id: AgentId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
