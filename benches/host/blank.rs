//! A store that holds a fleet without keeping it: what is measured over it is the runtime alone.

use std::future::ready;

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::approvals::Approval;
use greenroom_actors::budget::{Account, DayUsage, Level, UsageQuery};
use greenroom_actors::channels::{
    Addressed, Channel, ChannelEvent, ChannelMessage, Job, JobStatus, MessageServer, Session,
};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::directory::Listed;
use greenroom_actors::documents::Document;
use greenroom_actors::facts::{Batch, Committed, Epoch, Event};
use greenroom_actors::goals::Goal;
use greenroom_actors::ids::{
    AgentId, ApprovalId, ChannelId, ChannelMessageId, EntityId, FiringId, JobId, LetterId, LogId,
    MemoryId, RoomId, RunId, ServerId, SessionId, TriggerId, WorldId,
};
use greenroom_actors::letters::Letter;
use greenroom_actors::lifecycle::Autonomy;
use greenroom_actors::lines::LogLine;
use greenroom_actors::ports::{
    AgentQuery, AgentSizes, ApprovalQuery, Boot, Census, Dealt, DueQuery, FiringQuery, JobCensus,
    LastWork, LetterQuery, LogQuery, MemoryQuery, MessageQuery, Pruned, Retention, RunQuery,
    Scored, SearchQuery, Seed, Snapshot, SnapshotQuery, Store, StoreFuture, TriggerTotals,
    WorkDone, WorldQuery,
};
use greenroom_actors::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use greenroom_actors::runs::{Run, Step};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Firing, Trigger};

use crate::fleet;

/// Seeds that follow from their number; everything else is empty, and what is written is forgotten.
pub(crate) struct Blank {
    pub(crate) agents: u32,
    pub(crate) autonomy: Option<Autonomy>,
}

impl Blank {
    fn seed_of(&self, number: u32) -> Option<Seed> {
        (number < self.agents).then(|| Seed {
            id: fleet::agent(number),
            lifecycle: fleet::lifecycle(self.autonomy),
            reflected_at: None,
            has_letters: false,
            has_tasks: false,
            has_firings: false,
            has_resumable: false,
            has_news: false,
            has_goals: false,
        })
    }
}

/// The number of that agent of a [`fleet`].
fn number(agent: AgentId) -> u32 {
    u32::try_from(agent.0.as_u64_pair().0 >> 32).unwrap_or(u32::MAX)
}

fn answer<T: Send + 'static>(answer: T) -> StoreFuture<T> {
    ready(Ok(answer)).boxed()
}

/// Questions that are answered with nothing.
macro_rules! nothing {
    ($(fn $name:ident($($argument:ty),*) -> $answer:ty;)*) => {
        $(nothing!(@ $name ($($argument),*) $answer);)*
    };
    (@ $name:ident () $answer:ty) => {
        fn $name(&self) -> StoreFuture<$answer> { answer(<$answer>::default()) }
    };
    (@ $name:ident ($a:ty) $answer:ty) => {
        fn $name(&self, _: $a) -> StoreFuture<$answer> { answer(<$answer>::default()) }
    };
    (@ $name:ident ($a:ty, $b:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b) -> StoreFuture<$answer> { answer(<$answer>::default()) }
    };
    (@ $name:ident ($a:ty, $b:ty, $c:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b, _: $c) -> StoreFuture<$answer> {
            answer(<$answer>::default())
        }
    };
    (@ $name:ident ($a:ty, $b:ty, $c:ty, $d:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b, _: $c, _: $d) -> StoreFuture<$answer> {
            answer(<$answer>::default())
        }
    };
}

impl Store for Blank {
    fn boot(&self, _: UnixMillis) -> StoreFuture<Boot> {
        answer(Boot { epoch: Epoch(1), interrupted_runs: 0, unknown_calls: 0 })
    }

    fn seed(&self, id: AgentId) -> StoreFuture<Option<Seed>> {
        answer(self.seed_of(number(id)))
    }

    fn seeds(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Seed>> {
        let first = after.map_or(0, |last| number(last) + 1);
        answer((first..first + limit).map_while(|number| self.seed_of(number)).collect())
    }

    fn listed(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Listed>> {
        let first = after.map_or(0, |last| number(last) + 1);
        let lifecycle = fleet::lifecycle(self.autonomy);
        let listed = |number: u32| {
            (number < self.agents).then(|| Listed {
                id: fleet::agent(number),
                handle: format!("agent-{number}").into(),
                state: lifecycle.state(),
                autonomy: lifecycle.autonomy,
                started_at: lifecycle.started_at,
                created_at: UnixMillis(0),
                updated_at: UnixMillis(0),
            })
        };
        answer((first..first + limit).map_while(listed).collect())
    }

    fn snapshot(&self, _: SnapshotQuery) -> Snapshot {
        stream::empty().boxed()
    }

    nothing! {
        fn commit(Batch) -> Committed;
        fn agent(AgentId) -> Option<AgentRecord>;
        fn agent_by_handle(&str) -> Option<AgentRecord>;
        fn agents(AgentQuery) -> Vec<AgentRecord>;
        fn census() -> Census;
        fn last_work(Option<AgentId>, u32) -> Vec<LastWork>;
        fn trigger_totals() -> Vec<TriggerTotals>;
        fn lines(AgentId, u32) -> Vec<LogLine>;
        fn is_halted() -> bool;
        fn memory(AgentId, MemoryId) -> Option<Memory>;
        fn memories(MemoryQuery) -> Vec<Memory>;
        fn count_memories(MemoryQuery) -> u64;
        fn embeddings(AgentId, Vec<MemoryId>) -> Vec<(MemoryId, Embedding)>;
        fn unembedded(&str, u32) -> Vec<Memory>;
        fn search(SearchQuery) -> Vec<Scored>;
        fn room(AgentId, RoomId) -> Option<Room>;
        fn rooms(AgentId) -> Vec<Room>;
        fn rooms_of_world(WorldId, Option<AgentId>) -> Vec<Room>;
        fn participants(AgentId, RoomId) -> Vec<Participant>;
        fn world(AgentId, WorldId) -> Option<World>;
        fn worlds(WorldQuery) -> Vec<World>;
        fn entity(AgentId, EntityId) -> Option<Entity>;
        fn entities(AgentId) -> Vec<Entity>;
        fn components(AgentId, Option<EntityId>) -> Vec<Component>;
        fn relationships(AgentId) -> Vec<Relationship>;
        fn tasks(AgentId) -> Vec<Task>;
        fn levels(Vec<Account>) -> Vec<Level>;
        fn usage(UsageQuery) -> Vec<DayUsage>;
        fn open_reservations() -> u64;
        fn document(&str, &str) -> Option<Document>;
        fn documents(&str, &str, u32, u32) -> Vec<Document>;
        fn goals(AgentId) -> Vec<Goal>;
        fn trigger(AgentId, TriggerId) -> Option<Trigger>;
        fn triggers(AgentId) -> Vec<Trigger>;
        fn due_triggers(DueQuery) -> Vec<Trigger>;
        fn next_due() -> Option<UnixMillis>;
        fn firing(AgentId, FiringId) -> Option<Firing>;
        fn firings(FiringQuery) -> Vec<Firing>;
        fn open_firings(AgentId, Option<TriggerId>, u32) -> Vec<Firing>;
        fn run(AgentId, RunId) -> Option<Run>;
        fn runs(RunQuery) -> Vec<Run>;
        fn open_runs(u32) -> Vec<Run>;
        fn count_runs(RunQuery) -> u64;
        fn resumable_runs(AgentId, u32) -> Vec<Run>;
        fn approval(ApprovalId) -> Option<Approval>;
        fn approvals(ApprovalQuery) -> Vec<Approval>;
        fn count_approvals(ApprovalQuery) -> u64;
        fn steps(Vec<RunId>) -> Vec<Step>;
        fn log(AgentId, LogId) -> Option<LogEntry>;
        fn logs(LogQuery) -> Vec<LogEntry>;
        fn events(AgentId, u64, u32) -> Vec<Event>;
        fn event_bounds(AgentId) -> Option<(u64, u64)>;
        fn channel_event_bounds(ChannelId) -> Option<(u64, u64)>;
        fn letter(LetterId) -> Option<Letter>;
        fn waiting_letters(AgentId, u32) -> Vec<Letter>;
        fn waiting_beside(AgentId, u32) -> Vec<Letter>;
        fn letters(LetterQuery) -> Vec<Dealt>;
        fn work_since(UnixMillis) -> Vec<WorkDone>;
        fn dead_letters(Option<AgentId>, u32, u32) -> Vec<Letter>;
        fn count_dead_letters(Option<AgentId>) -> u64;
        fn message_server(ServerId) -> Option<MessageServer>;
        fn message_servers() -> Vec<MessageServer>;
        fn enlisted(ServerId) -> Vec<AgentId>;
        fn servers_of(AgentId) -> Vec<ServerId>;
        fn channel(ChannelId) -> Option<Channel>;
        fn channels(ServerId, u32, u32) -> Vec<Channel>;
        fn channel_by_source(ServerId, &str) -> Option<Channel>;
        fn dm_channel(ServerId, EntityId, EntityId) -> Option<Channel>;
        fn channel_participants(ChannelId) -> Vec<(EntityId, UnixMillis)>;
        fn message(ChannelMessageId) -> Option<ChannelMessage>;
        fn messages(MessageQuery) -> Vec<ChannelMessage>;
        fn channel_events(ChannelId, u64, u32) -> Vec<ChannelEvent>;
        fn undelivered(u32) -> Vec<Addressed>;
        fn session(SessionId) -> Option<Session>;
        fn sessions(u32, u32) -> Vec<Session>;
        fn expired_sessions(UnixMillis, u32) -> Vec<SessionId>;
        fn job(JobId) -> Option<Job>;
        fn job_of_channel(ChannelId) -> Option<Job>;
        fn jobs(Option<JobStatus>, u32, u32) -> Vec<Job>;
        fn job_census() -> JobCensus;
        fn sizes_of(AgentId) -> AgentSizes;
        fn left_imports(u32) -> Vec<AgentId>;
        fn prune(Retention, UnixMillis) -> Pruned;
    }
}
