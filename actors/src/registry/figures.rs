//! What is measured of agents, and their logs as lines of text.

use std::mem::size_of;

use actix::prelude::*;

use super::Registry;
use crate::agent::Agent;
use crate::directory::Listed;
use crate::error::CoreError;
use crate::facts::Fact;
use crate::figures::{Figures, Tally};
use crate::ids::AgentId;
use crate::lines::{LINES_AT_ONCE, LINES_KEPT, LogLine};

/// What an agent's places in the tables of the host take, roughly: the directory, its shard, its mailbox,
/// its timer.
const PLACES_BYTES: usize = 1_024;

impl Registry {
    /// What is measured of an agent since the host started; zeros for one that has not worked, or is
    /// not there.
    #[must_use]
    pub fn figures(&self, id: AgentId) -> Figures {
        match self.directory().get(id) {
            Some(listed) => self.figures_of(&listed),
            None => Figures::default(),
        }
    }

    /// The same, of an agent that the [`directory`](Self::directory) told of.
    #[must_use]
    pub fn figures_of(&self, listed: &Listed) -> Figures {
        let tally = self.inner.runtime.tallies.find(listed.id).unwrap_or_default();
        let figures = tally.figures();
        let idle = size_of::<Agent>() + size_of::<Context<Agent>>() + PLACES_BYTES;
        let idle = u64::try_from(idle).unwrap_or(0);
        let memory_bytes = figures.memory_bytes.saturating_add(idle);
        Figures { memory_bytes, started_at: listed.started_at, ..figures }
    }

    /// What is measured of every agent that has worked, in no order.
    #[must_use]
    pub fn all_figures(&self) -> Vec<(AgentId, Figures)> {
        let all = self.inner.runtime.tallies.all();
        let listed = all.into_iter().filter_map(|(id, _)| self.directory().get(id));
        listed.map(|listed| (listed.id, self.figures_of(&listed))).collect()
    }

    /// Where what is done on an agent's behalf is counted.
    #[must_use]
    pub fn tally(&self, id: AgentId) -> Tally {
        match self.directory().get(id) {
            Some(_) => self.inner.runtime.tallies.of(id),
            None => Tally::default(),
        }
    }

    /// The newest lines of an agent's log, oldest first: as many as are wanted and kept.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn lines(&self, id: AgentId, tail: u32) -> Result<Vec<LogLine>, CoreError> {
        Ok(self.store().lines(id, tail.min(LINES_KEPT)).await?)
    }

    /// Writes lines into an agent's log, such as what a program says that works for it; whole or not at
    /// all. Each is cut to its bound; nothing happens if there is no such agent.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if there are more than [`LINES_AT_ONCE`]; [`CoreError::Store`].
    pub async fn write_lines(&self, id: AgentId, lines: &[String]) -> Result<(), CoreError> {
        if lines.len() > LINES_AT_ONCE {
            let reason = format!("at most {LINES_AT_ONCE} at once");
            return Err(CoreError::Invalid { field: "lines", reason });
        }
        let at = self.inner.runtime.now();
        let written = |text: &String| Fact::LineWritten(Box::new(LogLine::new(id, at, text)));
        self.inner.runtime.commit(lines.iter().map(written).collect()).await?;
        Ok(())
    }
}
