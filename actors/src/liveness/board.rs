//! What was found of late, for whoever watches.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::Finding;
use crate::ids::AgentId;
use crate::time::UnixMillis;

/// Findings that are shown.
const SHOWN: usize = 100;

/// Something that was wrong with an agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Which agent.
    pub agent_id: AgentId,
    /// What it was.
    pub finding: Finding,
    /// What was done about it.
    pub remedy: &'static str,
    /// When.
    pub at: UnixMillis,
}

/// A thread that does not answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// The number of the thread.
    pub thread: usize,
    /// The agent that was last handled there; it may well be what blocks it.
    pub last_handled: Option<AgentId>,
    /// Since when it is known.
    pub since: UnixMillis,
}

/// How the agents get on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How often all agents were looked at.
    pub rounds: u64,
    /// When they last were.
    pub last_round_at: Option<UnixMillis>,
    /// What was found of late, newest first.
    pub recent: Vec<Found>,
    /// The threads that do not answer now.
    pub blocked: Vec<Blocked>,
}

/// Where findings are put up.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Posted>);

#[derive(Debug, Default)]
struct Posted {
    rounds: u64,
    last_round_at: Option<UnixMillis>,
    recent: VecDeque<Found>,
    blocked: BTreeMap<usize, Blocked>,
}

impl Board {
    pub(crate) fn found(&self, agent_id: AgentId, finding: Finding, at: UnixMillis) {
        let mut posted = self.lock();
        posted.recent.truncate(SHOWN - 1);
        posted.recent.push_front(Found { agent_id, finding, remedy: finding.remedy(), at });
    }

    /// A thread does not answer; whether that is new.
    pub(crate) fn blocked(&self, blocked: Blocked) -> bool {
        self.lock().blocked.insert(blocked.thread, blocked).is_none()
    }

    /// A thread answers.
    pub(crate) fn answers(&self, thread: usize) -> Option<Blocked> {
        self.lock().blocked.remove(&thread)
    }

    pub(crate) fn went_round(&self, at: UnixMillis) {
        let mut posted = self.lock();
        posted.rounds = posted.rounds.saturating_add(1);
        posted.last_round_at = Some(at);
    }

    pub(crate) fn report(&self) -> Report {
        let posted = self.lock();
        Report {
            rounds: posted.rounds,
            last_round_at: posted.last_round_at,
            recent: posted.recent.iter().cloned().collect(),
            blocked: posted.blocked.values().cloned().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
