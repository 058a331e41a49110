//! The questions that are more than one look-up.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

use crate::approvals::{Approval, ApprovalStatus};
use crate::character::AgentRecord;
use crate::directory::Listed;
use crate::facts::Event;
use crate::goals::GoalStatus;
use crate::ids::{AgentId, EntityId, MemoryId, RoomId, WorldId};
use crate::letters::{Letter, LetterStatus};
use crate::lifecycle::State as Observed;
use crate::lines::LogLine;
use crate::ports::{
    AgentQuery, ApprovalQuery, Census, Dealt, LastWork, LetterQuery, LogQuery, MemoryQuery,
    RunQuery, Seed, TriggerTotals, WorkDone, WorldQuery, WorldsOf,
};
use crate::records::{Component, Embedding, LogEntry, Memory, Participant, Room, World};
use crate::runs::{Run, RunKind, RunStatus, StepKind, StepStatus};
use crate::time::UnixMillis;
use crate::triggers::Trigger;

use super::state::{Agent, Home, State};
use super::table::{Kept, Row, Table, count};

impl State {
    pub(super) fn seed(&self, id: AgentId) -> Option<Seed> {
        self.agents.get(&id).map(|agent| self.seed_of(agent))
    }

    pub(super) fn seeds(&self, after: Option<AgentId>, limit: u32) -> Vec<Seed> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let agents = self.agents.range((from, Bound::Unbounded));
        agents.map(|(_, agent)| self.seed_of(agent)).take(size(limit)).collect()
    }

    fn seed_of(&self, agent: &Agent) -> Seed {
        let id = agent.record.id;
        Seed {
            id,
            lifecycle: agent.record.lifecycle.clone(),
            reflected_at: agent.reflected_at,
            has_goals: self.home(id).is_some_and(|home| {
                home.goals.oldest_first().any(|goal| goal.status == GoalStatus::Open)
            }),
            has_letters: self.home(id).is_some_and(|home| !home.waiting.is_empty()),
            has_tasks: self.home(id).is_some_and(|home| !home.waiting_beside.is_empty()),
            has_resumable: self.resumable(id).next().is_some(),
            has_news: self.home(id).is_some_and(|home| {
                let newest = home.memories.newest_first().next();
                newest.is_some_and(|Kept { memory, .. }| {
                    agent.reflected_at.is_none_or(|last| memory.created_at > last)
                })
            }),
            has_firings: self.home(id).is_some_and(|home| !home.open_firings.is_empty()),
        }
    }

    pub(super) fn listed(&self, after: Option<AgentId>, limit: u32) -> Vec<Listed> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let agents = self.agents.range((from, Bound::Unbounded));
        let listed = agents.map(|(id, Agent { record, .. })| Listed {
            id: *id,
            handle: record.handle.as_str().into(),
            state: record.lifecycle.state(),
            autonomy: record.lifecycle.autonomy,
            started_at: record.lifecycle.started_at,
            created_at: record.created_at,
            updated_at: record.updated_at,
        });
        listed.take(size(limit)).collect()
    }

    pub(super) fn last_work(&self, after: Option<AgentId>, limit: u32) -> Vec<LastWork> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let agents = self.agents.range((from, Bound::Unbounded));
        let work = agents.filter_map(|(id, _)| {
            let run = self.home(*id)?.runs.newest_first().next()?;
            let asked = self.steps_of(run.id).filter(|step| step.kind == StepKind::Model).last();
            let answered = asked.filter(|step| step.status == StepStatus::Succeeded);
            Some(LastWork {
                agent_id: *id,
                at: run.ended_at.unwrap_or(run.started_at),
                model: asked.map(|step| step.name.clone()),
                input_tokens: answered.map(|step| step.usage.input_tokens),
            })
        });
        work.take(size(limit)).collect()
    }

    pub(super) fn trigger_totals(&self) -> Vec<TriggerTotals> {
        let totals = self.agents.keys().filter_map(|id| {
            let triggers = &self.home(*id)?.triggers;
            let count = |is_counted: fn(&Trigger) -> bool| {
                let counted = triggers.oldest_first().filter(|trigger| is_counted(trigger));
                u64::try_from(counted.count()).unwrap_or(u64::MAX)
            };
            let total = count(|_| true);
            let enabled = count(|trigger| trigger.is_enabled);
            (total > 0).then_some(TriggerTotals { agent_id: *id, total, enabled })
        });
        totals.collect()
    }

    pub(super) fn lines(&self, agent: AgentId, limit: u32) -> Vec<LogLine> {
        let Some(home) = self.home(agent) else { return Vec::new() };
        let passed = home.lines.len().saturating_sub(size(limit));
        home.lines.iter().skip(passed).cloned().collect()
    }

    pub(super) fn agent_by_handle(&self, handle: &str) -> Option<AgentRecord> {
        Some(self.agents.get(self.handles.get(handle)?)?.record.clone())
    }

    pub(super) fn agents(&self, query: &AgentQuery) -> Vec<AgentRecord> {
        let mut found: Vec<_> = self
            .agents
            .values()
            .map(|agent| (agent.record.lifecycle.state(), &agent.record))
            .filter(|(state, _)| query.state.is_none_or(|wanted| *state == wanted))
            .collect();
        found.sort_by_key(|(state, record)| {
            (*state != Observed::Running, record.character.name.as_str(), record.id)
        });
        page(found.into_iter().map(|(_, record)| record), query.offset, query.limit)
    }

    pub(super) fn census(&self) -> Census {
        let mut census = Census::default();
        for agent in self.agents.values() {
            match agent.record.lifecycle.state() {
                Observed::Running | Observed::Starting => census.running += 1,
                Observed::Paused => census.paused += 1,
                Observed::Stopped | Observed::Stopping => census.stopped += 1,
                Observed::Failed => census.failed += 1,
            }
        }
        census
    }

    pub(super) fn memories(&self, query: &MemoryQuery) -> Vec<Memory> {
        page(self.matching_memories(query), query.offset, query.limit)
    }

    pub(super) fn count_memories(&self, query: &MemoryQuery) -> u64 {
        count(self.matching_memories(query).count())
    }

    fn matching_memories(&self, query: &MemoryQuery) -> impl Iterator<Item = &Memory> {
        let memories =
            self.home(query.agent_id).into_iter().flat_map(|home| home.memories.newest_first());
        memories.map(|kept| &kept.memory).filter(|memory| {
            query.kind.as_ref().is_none_or(|kind| memory.kind == *kind)
                && query.room_id.is_none_or(|room| memory.room_id == room)
                && query.rooms.as_ref().is_none_or(|rooms| rooms.contains(&memory.room_id))
                && query.entity_id.is_none_or(|entity| memory.entity_id == entity)
                && query.before.is_none_or(|before| memory.created_at < before)
                && query.after.is_none_or(|after| memory.created_at > after)
        })
    }

    pub(super) fn embeddings(
        &self,
        agent: AgentId,
        ids: &[MemoryId],
    ) -> Vec<(MemoryId, Embedding)> {
        let Some(home) = self.home(agent) else { return Vec::new() };
        let embedding = |id: &MemoryId| Some((*id, home.memories.get(*id)?.embedding.clone()?));
        ids.iter().filter_map(embedding).collect()
    }

    pub(super) fn unembedded(&self, embedder: &str, limit: u32) -> Vec<Memory> {
        let lacks = |kept: &&Kept| {
            !kept.memory.text().is_empty()
                && kept.embedding.as_ref().is_none_or(|known| known.embedder != embedder)
        };
        // No more than `limit` of each agent can be among the oldest of all.
        let mut found: Vec<_> = self
            .whole_homes()
            .flat_map(|home| home.memories.oldest_first().filter(lacks).take(size(limit)))
            .map(|kept| &kept.memory)
            .collect();
        found.sort_by_key(|memory| (memory.created_at, memory.id));
        page(found.into_iter(), 0, limit)
    }

    pub(super) fn rooms(&self, agent: AgentId) -> Vec<Room> {
        let Some(home) = self.home(agent) else { return Vec::new() };
        let itself = EntityId::from(agent);
        let takes_part = |room: &&Room| home.participants.get((room.id, itself)).is_some();
        home.rooms.oldest_first().filter(takes_part).cloned().collect()
    }

    pub(super) fn rooms_of_world(&self, world: WorldId, agent: Option<AgentId>) -> Vec<Room> {
        let rooms = self.of_one_or_all(agent, |home| &home.rooms);
        oldest_first(rooms.filter(|room| room.world_id == Some(world)))
    }

    pub(super) fn worlds(&self, query: WorldQuery) -> Vec<World> {
        let agent = match query.of {
            WorldsOf::Agent(agent) => Some(agent),
            WorldsOf::Running | WorldsOf::All => None,
        };
        let is_running = |id| {
            let agent = self.agents.get(&id);
            agent.is_some_and(|agent| agent.record.lifecycle.state() == Observed::Running)
        };
        let worlds = self.of_one_or_all(agent, |home| &home.worlds).filter(|world| {
            query.id.is_none_or(|id| world.id == id)
                && (query.of != WorldsOf::Running || is_running(world.agent_id))
        });
        page(oldest_first(worlds).iter(), query.offset, query.limit)
    }

    fn of_one_or_all<'a, R: Row + 'a>(
        &'a self,
        agent: Option<AgentId>,
        table: fn(&Home) -> &Table<R>,
    ) -> impl Iterator<Item = &'a R> {
        let one = agent.and_then(|agent| self.home(agent));
        let all = agent.is_none().then(|| self.whole_homes()).into_iter().flatten();
        one.into_iter().chain(all).flat_map(move |home| table(home).oldest_first())
    }

    pub(super) fn participants(&self, agent: AgentId, room: RoomId) -> Vec<Participant> {
        let all = self.home(agent).into_iter().flat_map(|home| home.participants.oldest_first());
        all.filter(|participant| participant.room_id == room).cloned().collect()
    }

    pub(super) fn components(&self, agent: AgentId, entity: Option<EntityId>) -> Vec<Component> {
        let all = self.home(agent).into_iter().flat_map(|home| home.components.oldest_first());
        all.filter(|component| entity.is_none_or(|entity| component.entity_id == entity))
            .cloned()
            .collect()
    }

    /// One whole table of an agent, oldest first.
    pub(super) fn list<R: Row + Clone>(
        &self,
        agent: AgentId,
        table: fn(&Home) -> &Table<R>,
    ) -> Vec<R> {
        self.home(agent).map_or_else(Vec::new, |home| table(home).oldest_first().cloned().collect())
    }

    pub(super) fn runs(&self, query: &RunQuery) -> Vec<Run> {
        page(self.matching_runs(query), query.offset, query.limit)
    }

    pub(super) fn open_runs(&self, limit: u32) -> Vec<Run> {
        let runs = self.homes.values().flat_map(|home| home.runs.oldest_first());
        let mut open: Vec<_> = runs.filter(|run| run.status == RunStatus::Started).collect();
        open.sort_by_key(|run| run.id);
        page(open.into_iter(), 0, limit)
    }

    pub(super) fn count_runs(&self, query: &RunQuery) -> u64 {
        count(self.matching_runs(query).count())
    }

    fn matching_runs(&self, query: &RunQuery) -> impl Iterator<Item = &Run> {
        let runs = self.home(query.agent_id).into_iter().flat_map(|home| home.runs.newest_first());
        runs.filter(|run| {
            query.room_id.is_none_or(|room| run.room_id == room)
                && query.letter_id.is_none_or(|letter| run.letter_id == Some(letter))
                && query.firing_id.is_none_or(|firing| run.firing_id == Some(firing))
                && (query.statuses.is_empty() || query.statuses.contains(&run.status))
                && is_within(run.started_at, query.from, query.to)
        })
    }

    pub(super) fn resumable(&self, agent: AgentId) -> impl Iterator<Item = &Run> {
        let runs = self.home(agent).into_iter().flat_map(|home| home.runs.oldest_first());
        runs.filter(|run| run.status == RunStatus::Parked).filter(|run| {
            let waits = |approval: &Approval| {
                approval.run_id == run.id && approval.status == ApprovalStatus::Waiting
            };
            !self.approvals.oldest_first().any(waits)
        })
    }

    pub(super) fn approvals(&self, query: &ApprovalQuery) -> Vec<Approval> {
        page(self.matching_approvals(query), query.offset, query.limit)
    }

    pub(super) fn count_approvals(&self, query: &ApprovalQuery) -> u64 {
        count(self.matching_approvals(query).count())
    }

    fn matching_approvals(&self, query: &ApprovalQuery) -> impl Iterator<Item = &Approval> {
        self.approvals.oldest_first().filter(|approval| {
            query.agent_id.is_none_or(|agent| approval.agent_id == agent)
                && (query.run_ids.is_empty() || query.run_ids.contains(&approval.run_id))
                && query.status.is_none_or(|status| approval.status == status)
                && query.expires_by.is_none_or(|at| approval.expires_at <= at)
        })
    }

    pub(super) fn logs(&self, query: &LogQuery) -> Vec<LogEntry> {
        let search = query.search.as_ref().map(|search| search.to_lowercase());
        let exclude: Vec<_> = query.exclude.iter().map(|kind| kind.to_lowercase()).collect();
        let all = self.home(query.agent_id).into_iter().flat_map(|home| home.logs.newest_first());
        let found = all.filter(|entry| {
            query.room_id.is_none_or(|room| entry.room_id == room)
                && query.run_id.is_none_or(|run| entry.run_id == Some(run))
                && query.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
                && !query.exclude.contains(&entry.kind)
                && !has_model_of(entry, &exclude)
                && (!query.errors_only || is_error(entry))
                && search.as_ref().is_none_or(|search| says(entry, search))
                && is_within(entry.created_at, query.from, query.to)
        });
        page(found, query.offset, query.limit)
    }

    pub(super) fn events(&self, agent: AgentId, after: u64, limit: u32) -> Vec<Event> {
        let Some(home) = self.home(agent) else { return Vec::new() };
        let oldest = home.events.front().map_or(1, |event| event.seq);
        let passed = usize::try_from((after.saturating_add(1)).saturating_sub(oldest));
        home.events.iter().skip(passed.unwrap_or(usize::MAX)).take(size(limit)).cloned().collect()
    }

    pub(super) fn waiting_letters(&self, to: AgentId, limit: u32) -> Vec<Letter> {
        let waiting = self.home(to).into_iter().flat_map(|home| &home.waiting).take(size(limit));
        waiting.filter_map(|(_, id)| self.letters.get(*id)).cloned().collect()
    }

    pub(super) fn waiting_beside(&self, to: AgentId, limit: u32) -> Vec<Letter> {
        let home = self.home(to).into_iter();
        let waiting = home.flat_map(|home| &home.waiting_beside).take(size(limit));
        waiting.filter_map(|(_, id)| self.letters.get(*id)).cloned().collect()
    }

    pub(super) fn dealt(&self, query: &LetterQuery) -> Vec<Dealt> {
        let letters = self.letters.newest_first().filter(|letter| {
            letter.to == query.to
                && query.room_id.is_none_or(|room| letter.room_id == room)
                && query.rooms.as_ref().is_none_or(|rooms| rooms.contains(&letter.room_id))
                && (query.statuses.is_empty() || query.statuses.contains(&letter.status))
                && (!query.with_terms || letter.terms.is_some())
                && query.from.is_none_or(|from| letter.sent_at >= from)
        });
        let letters = page(letters, query.offset, query.limit).into_iter();
        let run_of = |letter: &Letter| {
            let mut runs = self.home(letter.to)?.runs.newest_first();
            runs.find(|run| run.letter_id == Some(letter.id)).cloned()
        };
        letters.map(|letter| Dealt { run: run_of(&letter), letter }).collect()
    }

    pub(super) fn work_since(&self, from: UnixMillis) -> Vec<WorkDone> {
        let mut done = BTreeMap::new();
        let runs = self.homes.values().flat_map(|home| home.runs.newest_first());
        let counted = runs.filter(|run| {
            run.started_at >= from
                && run.kind != RunKind::Tick
                && run.status != RunStatus::Interrupted
        });
        for run in counted {
            let of = done.entry(run.agent_id).or_insert(WorkDone::none(run.agent_id));
            of.total += 1;
            match run.status {
                RunStatus::Started | RunStatus::Parked => of.open += 1,
                RunStatus::Completed => of.completed += 1,
                RunStatus::Failed | RunStatus::TimedOut => of.failed += 1,
                RunStatus::Cancelled | RunStatus::Interrupted => {}
            }
            of.cost_micros += run.usage.cost_micros.unwrap_or(0);
            of.last_started_at = of.last_started_at.max(run.started_at);
        }
        done.into_values().collect()
    }

    /// Newest first.
    pub(super) fn dead_letters(&self, to: Option<AgentId>) -> impl Iterator<Item = &Letter> {
        self.letters.newest_first().filter(move |letter| {
            letter.status == LetterStatus::Dead && to.is_none_or(|to| letter.to == to)
        })
    }
}

pub(super) fn page<'a, T: Clone + 'a>(
    rows: impl Iterator<Item = &'a T>,
    offset: u32,
    limit: u32,
) -> Vec<T> {
    rows.skip(size(offset)).take(size(limit)).cloned().collect()
}

pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn oldest_first<'a, R: Row + Clone + 'a>(rows: impl Iterator<Item = &'a R>) -> Vec<R> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| (row.at(), row.key()));
    rows.into_iter().cloned().collect()
}

fn is_within(at: UnixMillis, from: Option<UnixMillis>, to: Option<UnixMillis>) -> bool {
    from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
}

fn has_model_of(entry: &LogEntry, lower_case: &[String]) -> bool {
    let Some(model) = entry.body.get("modelType").and_then(Value::as_str) else { return false };
    let model = model.to_lowercase();
    lower_case.iter().any(|part| model.contains(part))
}

fn is_error(entry: &LogEntry) -> bool {
    let has_error = entry
        .body
        .get("error")
        .is_some_and(|error| !matches!(error, Value::Null | Value::Bool(false)));
    let status = entry.body.get("status").and_then(Value::as_str);
    let success = entry.body.get("result").and_then(|result| result.get("success"));
    has_error
        || matches!(status, Some("error" | "failed" | "timeout"))
        || success == Some(&Value::Bool(false))
}

fn says(entry: &LogEntry, lower_case: &str) -> bool {
    // A map of JSON values always has a text.
    serde_json::to_string(&entry.body).is_ok_and(|body| body.to_lowercase().contains(lower_case))
}
