//! What each fact changes. Nothing in here can fail: the batch was checked before.

use crate::approvals::{ApprovalEnd, ApprovalStatus};
use crate::channels::ChannelMessage;
use crate::character::{AgentRecord, Character};
use crate::facts::{Committed, Event, Fact, NewEvent};
use crate::ids::{AgentId, LetterId, MemoryId, RoomId, RunId};
use crate::letters::{Letter, LetterEnd, LetterStatus};
use crate::lines::{LINES_KEPT, LogLine};
use crate::records::{Embedding, Memory, Participant, Room};
use crate::runs::{Run, RunEnd, RunStatus, Step, StepEnd, StepStatus};
use crate::time::UnixMillis;

use super::budgets::Charged;
use super::queries::size;
use super::state::{Agent, Home, State};
use super::table::Kept;

impl State {
    /// Applies the fact; how many rows it wrote or removed, not counting what goes with them.
    pub(super) fn apply(&mut self, fact: Fact, committed: &mut Committed) -> u64 {
        match fact {
            Fact::AgentCreated(record) => self.create(*record, committed),
            // It was checked before.
            Fact::HandleClaimed { .. } => 0,
            Fact::AgentRevised { id, character, handle, at } => {
                self.revise(id, *character, (handle, at), committed)
            }
            Fact::LifecycleChanged { id, lifecycle } => {
                self.agents.get_mut(&id).map_or(0, |agent| {
                    agent.record.lifecycle = lifecycle;
                    1
                })
            }
            Fact::Reflected { id, at } => self.agents.get_mut(&id).map_or(0, |agent| {
                agent.reflected_at = Some(at);
                1
            }),
            Fact::AgentRemoved { id, keep_memories } => self.remove(id, keep_memories),
            Fact::ImportBegun { agent_id, at: _ } => {
                self.imports.insert(agent_id, true);
                1
            }
            Fact::ImportFinished { agent_id } => gone(self.imports.remove(&agent_id)),
            Fact::ImportAbandoned { agent_id } => {
                // All at once: nobody waits for memory as they do for a disk.
                let mark = self.imports.remove(&agent_id);
                if mark.is_some() {
                    self.homes.remove(&agent_id);
                }
                gone(mark)
            }
            Fact::Happened(event) => {
                committed.events.push(self.home_mut(event.agent_id).happened(event));
                1
            }
            Fact::RunStarted(run) => self.home_mut(run.agent_id).runs.meet(*run),
            Fact::RunEnded(end) => {
                let marks = self.ledger.end_run(end.run_id, end.ended_at);
                self.note(marks, committed);
                self.end_run(*end)
            }
            Fact::StepIntended(step) => self.intend(*step),
            Fact::Reserved(reservation) => self.ledger.reserve(*reservation),
            Fact::StepEnded(end) => {
                let charged = Charged::Usage(&end.usage);
                let marks = self.ledger.settle((end.run_id, end.index), &charged, end.ended_at);
                self.note(marks, committed);
                self.steps.get_mut(&(end.run_id, end.index)).map_or(0, |step| step.end(*end))
            }
            Fact::LetterSent(letter) => self.send(*letter),
            Fact::LetterTried(id) => self.waiting_letter(id).map_or(0, |letter| {
                letter.attempts = letter.attempts.saturating_add(1);
                1
            }),
            Fact::LetterSettled(end) => self.settle(*end),
            Fact::LetterRequeued { id, to, attempts } => self.requeue(id, to, attempts),
            Fact::TriggerSet { trigger, is_retimed } => {
                if self.has_trigger_of_another(&trigger) {
                    return 0;
                }
                self.home_mut(trigger.agent_id).set_trigger(*trigger, is_retimed)
            }
            Fact::TriggerRemoved { agent_id, id } => {
                self.removed(agent_id, |home| home.triggers.remove(id))
            }
            Fact::TriggerFired(fired) => self.home_mut(fired.agent_id).fire(*fired),
            Fact::FiringSet(firing) => self.home_mut(firing.agent_id).set_firing(*firing),
            Fact::FiringTried { agent_id, id, run_id, at } => {
                self.home_mut(agent_id).try_firing(id, run_id, at)
            }
            Fact::FiringSettled(end) => self.home_mut(end.agent_id).settle_firing(*end),
            Fact::LetterParked(id) => u64::from(self.set_aside(id, LetterStatus::Parked).is_some()),
            Fact::LetterUnparked(id) => self.unpark_letter(id),
            Fact::ApprovalAsked(approval) => match self.agents.contains_key(&approval.agent_id) {
                true => self.approvals.meet(*approval),
                false => 0,
            },
            Fact::ApprovalDecided(end) => self.decide(*end),
            Fact::RunParked(park) => {
                let is_parked = self.move_run(
                    (park.agent_id, park.run_id),
                    RunStatus::Started,
                    RunStatus::Parked,
                );
                is_parked.map_or(0, |run| {
                    run.usage = park.usage;
                    1
                })
            }
            Fact::RunResumed { agent_id, run_id } => {
                let moved =
                    self.move_run((agent_id, run_id), RunStatus::Parked, RunStatus::Started);
                u64::from(moved.is_some())
            }
            Fact::FleetHalted(is_halted) => {
                self.is_halted = is_halted;
                1
            }
            Fact::Remembered(memory) => self.home_mut(memory.agent_id).remember(*memory),
            Fact::Embedded { agent_id, memory_id, embedding } => {
                self.homes.get_mut(&agent_id).map_or(0, |home| home.embed(memory_id, embedding))
            }
            Fact::RoomSet(room) => self.home_mut(room.agent_id).rooms.set(*room),
            Fact::RoomMet(room) => self.home_mut(room.agent_id).rooms.meet(*room),
            Fact::WorldSet(world) => self.home_mut(world.agent_id).worlds.set(*world),
            Fact::WorldMet(world) => self.home_mut(world.agent_id).worlds.meet(*world),
            Fact::EntitySet(entity) => self.home_mut(entity.agent_id).entities.set(*entity),
            Fact::EntityMet(entity) => self.home_mut(entity.agent_id).entities.meet(*entity),
            Fact::Joined(participant) => self.home_mut(participant.agent_id).join(participant),
            Fact::ComponentSet(component) => {
                self.home_mut(component.agent_id).components.set(*component)
            }
            Fact::RelationshipSet(relationship) => {
                self.home_mut(relationship.agent_id).relationships.set(*relationship)
            }
            Fact::GoalSet(goal) => self.home_mut(goal.agent_id).goals.set(*goal),
            Fact::GoalRemoved { agent_id, id } => {
                self.removed(agent_id, |home| home.goals.remove(id))
            }
            Fact::TaskSet(task) => self.home_mut(task.agent_id).tasks.set(*task),
            Fact::Logged(entry) => self.home_mut(entry.agent_id).logs.meet(*entry),
            Fact::LineWritten(line) => match self.agents.contains_key(&line.agent_id) {
                true => self.home_mut(line.agent_id).write_line(*line),
                false => 0,
            },
            Fact::Forgot { agent_id, memory_id } => {
                self.removed(agent_id, |home| home.memories.remove(memory_id))
            }
            Fact::ForgotAll { agent_id, kind, room_id } => {
                self.homes.get_mut(&agent_id).map_or(0, |home| {
                    home.memories.remove_where(|Kept { memory, .. }| {
                        kind.as_ref().is_none_or(|kind| memory.kind == *kind)
                            && room_id.is_none_or(|room| memory.room_id == room)
                    })
                })
            }
            Fact::RoomRemoved { agent_id, room_id } => {
                self.removed(agent_id, |home| home.remove_room(room_id))
            }
            Fact::WorldRemoved { agent_id, world_id } => {
                self.removed(agent_id, |home| home.worlds.remove(world_id))
            }
            Fact::EntityRemoved { agent_id, entity_id } => self.removed(agent_id, |home| {
                home.components.remove_where(|component| component.entity_id == entity_id);
                home.relationships.remove_where(|relationship| {
                    [relationship.source_entity_id, relationship.target_entity_id]
                        .contains(&entity_id)
                });
                home.entities.remove(entity_id)
            }),
            Fact::Left { agent_id, room_id, entity_id } => {
                self.removed(agent_id, |home| home.participants.remove((room_id, entity_id)))
            }
            Fact::ComponentRemoved { agent_id, id } => {
                self.removed(agent_id, |home| home.components.remove(id))
            }
            Fact::RelationshipRemoved { agent_id, id } => {
                self.removed(agent_id, |home| home.relationships.remove(id))
            }
            Fact::TaskRemoved { agent_id, id } => {
                self.removed(agent_id, |home| home.tasks.remove(id))
            }
            Fact::LogRemoved { agent_id, id } => {
                self.removed(agent_id, |home| home.logs.remove(id))
            }
            Fact::ServerSet(server) => self.shared.servers.set(*server),
            Fact::ServerMet(server) => self.shared.servers.meet(*server),
            Fact::ServerRemoved(id) => self.shared.remove_server(id),
            Fact::Enlisted { server_id, agent_id, at } => {
                self.shared.enlist(server_id, agent_id, at)
            }
            Fact::Delisted { server_id, agent_id } => {
                gone(self.shared.enlistments.remove((server_id, agent_id)))
            }
            Fact::ChannelSet(channel) => self.shared.channels.set(*channel),
            Fact::ChannelMet(channel) => self.shared.channels.meet(*channel),
            Fact::ChannelRemoved(id) => self.shared.remove_channel(id),
            Fact::ChannelJoined { channel_id, user_id, at } => {
                self.shared.join(channel_id, user_id, at)
            }
            Fact::ChannelLeft { channel_id, user_id } => {
                gone(self.shared.presences.remove((channel_id, user_id)))
            }
            Fact::MessageSet(message) => self.shared.messages.set(*message),
            Fact::Addressed(addressed) => {
                let key = (addressed.message_id, addressed.agent_id);
                self.shared.addressed.insert(key, (self.epoch, *addressed));
                1
            }
            Fact::Reached { message_id, agent_id } => {
                gone(self.shared.addressed.remove(&(message_id, agent_id)))
            }
            Fact::MessageRemoved { channel_id, id } => {
                let messages = &mut self.shared.messages;
                let is_there = |message: &ChannelMessage| message.channel_id == channel_id;
                if messages.get(id).is_some_and(is_there) { gone(messages.remove(id)) } else { 0 }
            }
            Fact::ChannelCleared(id) => {
                self.shared.messages.remove_where(|message| message.channel_id == id)
            }
            Fact::ChannelHappened(event) => {
                committed.channel_events.push(self.shared.happened(event));
                1
            }
            Fact::SessionSet(session) => self.shared.sessions.set(*session),
            Fact::SessionRemoved(id) => gone(self.shared.sessions.remove(id)),
            Fact::JobSet(job) => self.shared.set_job(*job),
            Fact::JobRemoved(id) => gone(self.shared.jobs.remove(id)),
            Fact::DocumentSet(document) => {
                let key = (document.shelf.clone(), document.key.clone());
                self.shared.documents.insert(key, *document);
                1
            }
            Fact::DocumentRemoved { shelf, key } => {
                gone(self.shared.documents.remove(&(shelf, key)))
            }
        }
    }

    /// Keeps that budgets have come to their soft marks.
    pub(super) fn note(&mut self, marks: Vec<NewEvent>, committed: &mut Committed) {
        for mark in marks {
            committed.events.push(self.home_mut(mark.agent_id).happened(mark));
        }
    }

    fn removed<R>(&mut self, agent: AgentId, remove: impl FnOnce(&mut Home) -> Option<R>) -> u64 {
        gone(self.homes.get_mut(&agent).and_then(remove))
    }

    fn create(&mut self, mut record: AgentRecord, committed: &mut Committed) -> u64 {
        record.handle = self.take_handle(&record.handle, record.id);
        committed.handles.push((record.id, record.handle.clone()));
        self.agents.insert(record.id, Agent { record, reflected_at: None });
        1
    }

    fn revise(
        &mut self,
        id: AgentId,
        character: Character,
        (handle, at): (Option<String>, UnixMillis),
        committed: &mut Committed,
    ) -> u64 {
        let Some(mut agent) = self.agents.remove(&id) else { return 0 };
        if let Some(wanted) = handle {
            self.free_handle(&agent.record.handle);
            agent.record.handle = self.take_handle(&wanted, id);
            committed.handles.push((id, agent.record.handle.clone()));
        }
        agent.record.character = character;
        agent.record.updated_at = at;
        self.agents.insert(id, agent);
        1
    }

    /// Gives the agent the handle, or the first of its numbered forms that nobody has.
    fn take_handle(&mut self, wanted: &str, owner: AgentId) -> String {
        let wanted = if wanted.is_empty() { "agent" } else { wanted };
        let mut handle = wanted.to_owned();
        if self.handles.contains_key(wanted) {
            let number = self.taken_below.entry(handle.clone()).or_insert(2);
            while self.handles.contains_key(&handle) {
                handle = format!("{wanted}-{number}");
                *number += 1;
            }
        }
        self.handles.insert(handle.clone(), owner);
        handle
    }

    fn free_handle(&mut self, handle: &str) {
        self.handles.remove(handle);
        self.taken_below.clear();
    }

    fn remove(&mut self, id: AgentId, keep_memories: bool) -> u64 {
        self.ledger.remove_agent(id, UnixMillis(0));
        if let Some(home) = self.homes.remove(&id) {
            for run in home.runs.oldest_first() {
                self.drop_steps(run);
            }
            for letter in home.letters {
                self.letters.remove(letter);
            }
            if keep_memories && !home.memories.is_empty() {
                self.homes.insert(id, Home { memories: home.memories, ..Home::default() });
            }
        }
        self.agents.remove(&id).map_or(0, |agent| {
            self.free_handle(&agent.record.handle);
            self.shared.remove_agent(id);
            1
        })
    }

    /// The run, if it was in the first of the states and is in the second now.
    fn move_run(
        &mut self,
        (agent, run): (AgentId, RunId),
        from: RunStatus,
        to: RunStatus,
    ) -> Option<&mut Run> {
        let run = self.homes.get_mut(&agent)?.runs.get_mut(run)?;
        (run.status == from).then(|| {
            run.status = to;
            run
        })
    }

    /// The first decision stands.
    fn decide(&mut self, end: ApprovalEnd) -> u64 {
        let waiting = self
            .approvals
            .get(end.id)
            .filter(|approval| approval.status == ApprovalStatus::Waiting);
        waiting.cloned().map_or(0, |approval| self.approvals.set(approval.ended(end)))
    }

    /// Removes the steps and approvals that go with a run.
    pub(super) fn drop_steps(&mut self, run: &Run) {
        let indices: Vec<_> = self.steps_of(run.id).map(|step| step.index).collect();
        for index in indices {
            self.steps.remove(&(run.id, index));
        }
        self.approvals.remove_where(|approval| approval.run_id == run.id);
    }

    fn end_run(&mut self, end: RunEnd) -> u64 {
        let (run, at) = (end.run_id, end.ended_at);
        let home = self.homes.get_mut(&end.agent_id);
        let ended = home.and_then(|home| home.runs.get_mut(run)).map_or(0, |run| run.end(end));
        if ended > 0 {
            for (_, step) in self.steps.range_mut((run, 0)..=(run, u32::MAX)) {
                if step.status == StepStatus::Intended {
                    (step.status, step.ended_at) = (StepStatus::OutcomeUnknown, Some(at));
                }
            }
        }
        ended
    }

    fn intend(&mut self, step: Step) -> u64 {
        let key = (step.run_id, step.index);
        if self.steps.contains_key(&key) {
            return 0;
        }
        self.steps.insert(key, step);
        1
    }

    fn send(&mut self, letter: Letter) -> u64 {
        if self.letters.get(letter.id).is_some() {
            return 0;
        }
        let home = self.home_mut(letter.to);
        home.letters.insert(letter.id);
        if letter.status == LetterStatus::Waiting {
            home.wait(&letter);
        }
        self.letters.set(letter)
    }

    fn waiting_letter(&mut self, id: LetterId) -> Option<&mut Letter> {
        self.letters.get_mut(id).filter(|letter| letter.status == LetterStatus::Waiting)
    }

    fn settle(&mut self, end: LetterEnd) -> u64 {
        let Some(letter) = self.set_aside(end.id, end.status) else { return 0 };
        letter.settled = Some(Box::new(end.settled));
        1
    }

    /// The letter, if it waited; it does not any more.
    fn set_aside(&mut self, id: LetterId, status: LetterStatus) -> Option<&mut Letter> {
        let letter = self.letters.get_mut(id);
        let letter = letter.filter(|letter| letter.status == LetterStatus::Waiting)?;
        letter.status = status;
        if let Some(home) = self.homes.get_mut(&letter.to) {
            home.waiting.remove(&(letter.sent_at, id));
            home.waiting_beside.remove(&(letter.sent_at, id));
        }
        Some(letter)
    }

    fn unpark_letter(&mut self, id: LetterId) -> u64 {
        let letter = self.letters.get_mut(id);
        let Some(letter) = letter.filter(|letter| letter.status == LetterStatus::Parked) else {
            return 0;
        };
        letter.status = LetterStatus::Waiting;
        self.homes.entry(letter.to).or_default().wait(letter);
        1
    }

    fn requeue(&mut self, id: LetterId, to: AgentId, attempts: u32) -> u64 {
        let found = self.letters.get_mut(id).filter(|letter| letter.to == to);
        let Some(letter) = found.filter(|letter| letter.status == LetterStatus::Dead) else {
            return 0;
        };
        (letter.status, letter.settled) = (LetterStatus::Waiting, None);
        letter.attempts = attempts;
        self.homes.entry(to).or_default().wait(letter);
        1
    }
}

/// How many rows went.
fn gone<R>(row: Option<R>) -> u64 {
    u64::from(row.is_some())
}

impl Home {
    fn wait(&mut self, letter: &Letter) {
        let waiting = match letter.is_beside() {
            true => &mut self.waiting_beside,
            false => &mut self.waiting,
        };
        waiting.insert((letter.sent_at, letter.id));
    }

    fn happened(&mut self, event: NewEvent) -> Event {
        let seq = self.events.back().map_or(1, |newest| newest.seq + 1);
        let NewEvent { agent_id, at, kind, data } = event;
        let event = Event { agent_id, seq, at, kind, data };
        self.events.push_back(event.clone());
        event
    }

    fn write_line(&mut self, line: LogLine) -> u64 {
        self.lines.push_back(line);
        if self.lines.len() > size(LINES_KEPT) {
            self.lines.pop_front();
        }
        1
    }

    fn remember(&mut self, memory: Memory) -> u64 {
        let embedding = self
            .memories
            .remove(memory.id)
            .and_then(|old| old.embedding.filter(|_| old.memory.text() == memory.text()));
        self.memories.set(Kept { memory, embedding })
    }

    fn embed(&mut self, id: MemoryId, embedding: Embedding) -> u64 {
        self.memories.get_mut(id).map_or(0, |kept| {
            kept.embedding = Some(embedding);
            1
        })
    }

    /// Takes the participant in; one who takes part already has done so since then.
    fn join(&mut self, participant: Participant) -> u64 {
        let created_at = self
            .participants
            .get((participant.room_id, participant.entity_id))
            .map_or(participant.created_at, |known| known.created_at);
        self.participants.set(Participant { created_at, ..participant })
    }

    fn remove_room(&mut self, room: RoomId) -> Option<Room> {
        self.participants.remove_where(|participant| participant.room_id == room);
        self.memories.remove_where(|kept| kept.memory.room_id == room);
        self.rooms.remove(room)
    }
}

impl Run {
    /// The first outcome stands.
    fn end(&mut self, end: RunEnd) -> u64 {
        if self.status != RunStatus::Started {
            return 0;
        }
        let RunEnd { run_id: _, agent_id: _, status, ended_at, error, usage } = end;
        (self.status, self.ended_at, self.error, self.usage) =
            (status, Some(ended_at), error, usage);
        1
    }
}

impl Step {
    /// The first outcome stands.
    fn end(&mut self, end: StepEnd) -> u64 {
        if self.status != StepStatus::Intended {
            return 0;
        }
        let StepEnd { run_id: _, index: _, status, outcome, ended_at, usage } = end;
        self.status = status;
        self.outcome = Some(outcome);
        self.ended_at = Some(ended_at);
        self.usage = usage;
        1
    }
}
