//! What each fact does to the tables.

use greenroom_actors::error::StoreError;
use greenroom_actors::facts::{Batch, Committed, Fact};
use greenroom_actors::ids::AgentId;

use super::columns::run;
use super::fault::Fault;
use super::places::Upsert;
use super::sqlite::Writing;
use super::{
    addressed, agents, approvals, budgets, channel_events, channels, documents, events, firings,
    goals, imports, jobs, letters, lines, logs, memories, messages, people, places, runs, servers,
    sessions, tasks, triggers,
};

/// Applies a batch, unless a newer boot has begun.
pub(super) fn batch(writing: &mut Writing<'_>, batch: Batch) -> Result<Committed, Fault> {
    if batch.epoch < runs::epoch(writing.connection)? {
        return Err(StoreError::Fenced.into());
    }
    let mut committed = Committed::default();
    committed.affected.reserve(batch.facts.len());
    for fact in batch.facts {
        let affected = apply(writing, fact, &mut committed)?;
        committed.affected.push(affected);
    }
    Ok(committed)
}

fn apply(writing: &mut Writing<'_>, fact: Fact, committed: &mut Committed) -> Result<u64, Fault> {
    let connection = writing.connection;
    let affected = match fact {
        Fact::AgentCreated(record) => {
            let handle = agents::create(connection, &record)?;
            committed.handles.push((record.id, handle));
            1
        }
        Fact::AgentRevised { id, character, handle, at } => {
            let handle = agents::revise(connection, id, &character, handle.as_deref(), at)?;
            committed.handles.extend(handle.map(|handle| (id, handle)));
            1
        }
        Fact::HandleClaimed { agent_id, handle } => agents::claim(connection, agent_id, &handle)?,
        Fact::LifecycleChanged { id, lifecycle } => agents::change(connection, id, &lifecycle)?,
        Fact::Reflected { id, at } => agents::reflect(connection, id, at)?,
        Fact::AgentRemoved { id, keep_memories } => remove_agent(writing, id, keep_memories)?,
        Fact::ImportBegun { agent_id, at } => imports::begin(connection, agent_id, at)?,
        Fact::ImportFinished { agent_id } => imports::finish(connection, agent_id)?,
        Fact::ImportAbandoned { agent_id } => imports::abandon(writing, agent_id)?,
        Fact::Happened(event) => {
            let event = events::append(connection, &mut writing.sequences.agents, event)?;
            committed.events.push(event);
            1
        }
        Fact::RunStarted(run) => runs::start(connection, &run)?,
        Fact::RunEnded(end) => {
            committed.events.extend(budgets::end_run(writing, end.run_id, end.ended_at)?);
            runs::end(connection, &end)?
        }
        Fact::StepIntended(step) => runs::intend(connection, &step)?,
        Fact::StepEnded(end) => {
            let step = (end.run_id, end.index);
            let marks = budgets::settle(writing, step, Some(&end.usage), end.ended_at)?;
            committed.events.extend(marks);
            runs::settle(connection, &end)?
        }
        Fact::Reserved(reservation) => budgets::reserve(connection, &reservation)?,
        Fact::LetterSent(letter) => letters::send(connection, &letter)?,
        Fact::LetterTried(id) => letters::attempt(connection, id)?,
        Fact::LetterSettled(end) => letters::settle(connection, &end)?,
        Fact::ApprovalAsked(approval) => approvals::ask(connection, &approval)?,
        Fact::ApprovalDecided(end) => approvals::decide(connection, &end)?,
        Fact::RunParked(park) => approvals::park(connection, &park)?,
        Fact::RunResumed { agent_id, run_id } => approvals::resume(connection, agent_id, run_id)?,
        Fact::LetterParked(id) => letters::park(connection, id)?,
        Fact::LetterUnparked(id) => approvals::unpark_letter(connection, id)?,
        Fact::LetterRequeued { id, to, attempts } => {
            letters::requeue(connection, id, to, attempts)?
        }
        Fact::Remembered(memory) => memories::remember(writing, &memory)?,
        Fact::Embedded { agent_id, memory_id, embedding } => {
            memories::embed(connection, agent_id, memory_id, &embedding)?
        }
        Fact::Forgot { agent_id, memory_id } => memories::forget(writing, agent_id, memory_id)?,
        Fact::ForgotAll { agent_id, kind, room_id } => {
            memories::forget_all(writing, agent_id, kind.as_deref(), room_id)?
        }
        Fact::RoomSet(room) => places::set_room(connection, &room, Upsert::Set)?,
        Fact::RoomMet(room) => places::set_room(connection, &room, Upsert::Met)?,
        Fact::RoomRemoved { agent_id, room_id } => {
            memories::forget_all(writing, agent_id, None, Some(room_id))?;
            places::remove_room(connection, agent_id, room_id)?
        }
        Fact::WorldSet(world) => places::set_world(connection, &world, Upsert::Set)?,
        Fact::WorldMet(world) => places::set_world(connection, &world, Upsert::Met)?,
        Fact::WorldRemoved { agent_id, world_id } => {
            places::remove_world(connection, agent_id, world_id)?
        }
        Fact::EntitySet(entity) => people::set_entity(connection, &entity, Upsert::Set)?,
        Fact::EntityMet(entity) => people::set_entity(connection, &entity, Upsert::Met)?,
        Fact::EntityRemoved { agent_id, entity_id } => {
            people::remove_entity(connection, agent_id, entity_id)?
        }
        Fact::Joined(participant) => places::join(connection, &participant)?,
        Fact::Left { agent_id, room_id, entity_id } => {
            places::leave(connection, agent_id, room_id, entity_id)?
        }
        Fact::ComponentSet(component) => people::set_component(connection, &component)?,
        Fact::ComponentRemoved { agent_id, id } => {
            people::remove_component(connection, agent_id, id)?
        }
        Fact::RelationshipSet(relationship) => people::set_relationship(connection, &relationship)?,
        Fact::RelationshipRemoved { agent_id, id } => {
            people::remove_relationship(connection, agent_id, id)?
        }
        Fact::GoalSet(goal) => goals::set(connection, &goal)?,
        Fact::GoalRemoved { agent_id, id } => goals::remove(connection, agent_id, id)?,
        Fact::TaskSet(task) => tasks::set(connection, &task)?,
        Fact::TaskRemoved { agent_id, id } => tasks::remove(connection, agent_id, id)?,
        Fact::LineWritten(line) => lines::write(connection, &line)?,
        Fact::Logged(entry) => logs::write(connection, &entry)?,
        Fact::LogRemoved { agent_id, id } => logs::remove(connection, agent_id, id)?,
        Fact::TriggerSet { trigger, is_retimed } => {
            triggers::set(connection, &trigger, is_retimed)?
        }
        Fact::TriggerRemoved { agent_id, id } => triggers::remove(connection, agent_id, id)?,
        Fact::TriggerFired(fired) => triggers::fire(connection, &fired)?,
        Fact::FiringSet(firing) => firings::set(connection, &firing)?,
        Fact::FiringTried { agent_id, id, run_id, at } => {
            firings::attempt(connection, agent_id, id, run_id, at)?
        }
        Fact::FiringSettled(end) => firings::settle(connection, &end)?,
        Fact::FleetHalted(is_halted) => runs::halt(connection, is_halted)?,
        Fact::ServerSet(server) => servers::set(connection, &server, Upsert::Set)?,
        Fact::ServerMet(server) => servers::set(connection, &server, Upsert::Met)?,
        Fact::ServerRemoved(id) => servers::remove(writing, id)?,
        Fact::Enlisted { server_id, agent_id, at } => {
            servers::enlist(connection, server_id, agent_id, at)?
        }
        Fact::Delisted { server_id, agent_id } => servers::delist(connection, server_id, agent_id)?,
        Fact::ChannelSet(channel) => channels::set(connection, &channel, Upsert::Set)?,
        Fact::ChannelMet(channel) => channels::set(connection, &channel, Upsert::Met)?,
        Fact::ChannelRemoved(id) => channels::remove(writing, id)?,
        Fact::ChannelJoined { channel_id, user_id, at } => {
            channels::join(connection, channel_id, user_id, at)?
        }
        Fact::ChannelLeft { channel_id, user_id } => {
            channels::leave(connection, channel_id, user_id)?
        }
        Fact::MessageSet(message) => messages::set(writing, &message)?,
        Fact::Addressed(addressed) => addressed::send(connection, &addressed)?,
        Fact::Reached { message_id, agent_id } => {
            addressed::reach(connection, message_id, agent_id)?
        }
        Fact::MessageRemoved { channel_id, id } => messages::remove(writing, channel_id, id)?,
        Fact::ChannelCleared(id) => messages::clear(writing, id)?,
        Fact::ChannelHappened(event) => {
            let numbers = &mut writing.sequences.channels;
            let event = channel_events::append(connection, numbers, event)?;
            committed.channel_events.push(event);
            1
        }
        Fact::SessionSet(session) => sessions::set(connection, &session)?,
        Fact::SessionRemoved(id) => sessions::remove(connection, id)?,
        Fact::JobSet(job) => jobs::set(connection, &job)?,
        Fact::JobRemoved(id) => jobs::remove(connection, id)?,
        Fact::DocumentSet(document) => documents::set(connection, &document)?,
        Fact::DocumentRemoved { shelf, key } => documents::remove(connection, &shelf, &key)?,
    };
    Ok(affected)
}

/// Removes everything that was an agent's own and its part in what is shared, and answers whether
/// there was one.
fn remove_agent(writing: &mut Writing<'_>, id: AgentId, keep_memories: bool) -> Result<u64, Fault> {
    let connection = writing.connection;
    let removed = agents::remove(connection, id)?;
    if removed == 0 {
        return Ok(0);
    }
    if !keep_memories {
        memories::forget_all(writing, id, None, None)?;
    }
    budgets::remove_of(writing, id)?;
    writing.sequences.agents.forget(id.0);
    letters::remove_to(connection, id)?;
    runs::remove_of(connection, id)?;
    for sql in [
        "DELETE FROM approvals WHERE agent = ?1",
        "DELETE FROM events WHERE agent = ?1",
        "DELETE FROM rooms WHERE agent = ?1",
        "DELETE FROM participants WHERE agent = ?1",
        "DELETE FROM worlds WHERE agent = ?1",
        "DELETE FROM entities WHERE agent = ?1",
        "DELETE FROM components WHERE agent = ?1",
        "DELETE FROM relationships WHERE agent = ?1",
        "DELETE FROM tasks WHERE agent = ?1",
        "DELETE FROM goals WHERE agent = ?1",
        "DELETE FROM logs WHERE agent = ?1",
        "DELETE FROM lines WHERE agent = ?1",
        "DELETE FROM triggers WHERE agent = ?1",
        "DELETE FROM firings WHERE agent = ?1",
        "DELETE FROM enlistments WHERE agent = ?1",
        "DELETE FROM members WHERE user = ?1",
        "DELETE FROM sessions WHERE agent = ?1",
        "DELETE FROM jobs WHERE agent = ?1",
        "DELETE FROM addressed WHERE agent = ?1",
    ] {
        run(connection, sql, (id.0,))?;
    }
    Ok(removed)
}
