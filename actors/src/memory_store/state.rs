//! What the store keeps, and how a batch is taken whole or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::approvals::Approval;
use crate::character::AgentRecord;
use crate::error::StoreError;
use crate::facts::{Batch, Committed, Epoch, Event};
use crate::goals::Goal;
use crate::ids::{AgentId, FiringId, LetterId, RunId};
use crate::letters::Letter;
use crate::lines::LogLine;
use crate::ports::Boot;
use crate::records::{Component, Entity, LogEntry, Participant, Relationship, Room, Task, World};
use crate::runs::{Run, RunStatus, Step, StepStatus};
use crate::time::UnixMillis;
use crate::triggers::{Firing, Trigger};

use super::budgets::Ledger;
use super::check::check;
use super::shared::Shared;
use super::table::{Kept, Table};

/// Everything that is kept.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) epoch: Epoch,
    pub(super) is_halted: bool,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    /// The agent of each handle.
    pub(super) handles: HashMap<String, AgentId>,
    /// Of handles that many want: below which number all are taken. Forgotten when any is freed.
    pub(super) taken_below: HashMap<String, u64>,
    /// What belongs to each agent; also what was kept of those that were removed.
    pub(super) homes: HashMap<AgentId, Home>,
    /// The agents on their way in, and whether somebody goes on with that.
    pub(super) imports: BTreeMap<AgentId, bool>,
    pub(super) steps: BTreeMap<(RunId, u32), Step>,
    pub(super) approvals: Table<Approval>,
    pub(super) letters: Table<Letter>,
    /// What belongs to no single agent.
    pub(super) shared: Shared,
    /// What was spent and what is reserved.
    pub(super) ledger: Ledger,
}

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) record: AgentRecord,
    pub(super) reflected_at: Option<UnixMillis>,
}

/// What belongs to one agent.
#[derive(Debug, Default)]
pub(super) struct Home {
    /// The kept end of its sequence, without gaps; never emptied, so that the sequence goes on.
    pub(super) events: VecDeque<Event>,
    /// The newest lines of its log.
    pub(super) lines: VecDeque<LogLine>,
    pub(super) runs: Table<Run>,
    pub(super) logs: Table<LogEntry>,
    pub(super) memories: Table<Kept>,
    pub(super) rooms: Table<Room>,
    pub(super) worlds: Table<World>,
    pub(super) entities: Table<Entity>,
    pub(super) participants: Table<Participant>,
    pub(super) components: Table<Component>,
    pub(super) relationships: Table<Relationship>,
    pub(super) tasks: Table<Task>,
    pub(super) goals: Table<Goal>,
    /// Every letter to it.
    pub(super) letters: BTreeSet<LetterId>,
    /// Those that wait for its conversation, oldest first.
    pub(super) waiting: BTreeSet<(UnixMillis, LetterId)>,
    /// Those that wait beside it, oldest first.
    pub(super) waiting_beside: BTreeSet<(UnixMillis, LetterId)>,
    pub(super) triggers: Table<Trigger>,
    pub(super) firings: Table<Firing>,
    /// The firings that something is still to come of, the longest due first.
    pub(super) open_firings: BTreeSet<(UnixMillis, FiringId)>,
}

impl State {
    pub(super) fn home(&self, agent: AgentId) -> Option<&Home> {
        self.homes.get(&agent)
    }

    pub(super) fn home_mut(&mut self, agent: AgentId) -> &mut Home {
        self.homes.entry(agent).or_default()
    }

    /// What belongs to the agents that are not just on their way in.
    pub(super) fn whole_homes(&self) -> impl Iterator<Item = &Home> {
        let whole = self.homes.iter().filter(|(agent, _)| !self.imports.contains_key(agent));
        whole.map(|(_, home)| home)
    }

    pub(super) fn steps_of(&self, run: RunId) -> impl Iterator<Item = &Step> {
        self.steps.range((run, 0)..=(run, u32::MAX)).map(|(_, step)| step)
    }

    /// Takes the batch whole or not at all: whether its facts can be is checked before the first is
    /// applied, and applying cannot fail.
    pub(super) fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        if batch.epoch < self.epoch {
            return Err(StoreError::Fenced);
        }
        check(self, &batch.facts)?;
        let mut committed = Committed::default();
        for fact in batch.facts {
            let affected = self.apply(fact, &mut committed);
            committed.affected.push(affected);
        }
        Ok(committed)
    }

    /// Begins a new boot and ends what the one before has left open.
    pub(super) fn boot(&mut self, now: UnixMillis) -> Boot {
        self.epoch.0 += 1;
        let (mut interrupted_runs, mut unknown_calls) = (0, 0);
        for home in self.homes.values_mut() {
            for run in home.runs.rows_mut().filter(|run| run.status == RunStatus::Started) {
                run.status = RunStatus::Interrupted;
                run.ended_at = Some(now);
                interrupted_runs += 1;
                for (_, step) in self.steps.range_mut((run.id, 0)..=(run.id, u32::MAX)) {
                    if step.status == StepStatus::Intended {
                        step.status = StepStatus::OutcomeUnknown;
                        unknown_calls += 1;
                    }
                }
            }
        }
        for is_open in self.imports.values_mut() {
            *is_open = false;
        }
        let marks = self.ledger.charge_all(now);
        self.note(marks, &mut Committed::default());
        Boot { epoch: self.epoch, interrupted_runs, unknown_calls }
    }
}
