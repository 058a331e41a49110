//! What the cases are made with: a booted store, and rows with everything in them.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::channels::{
    Channel, ChannelEventKind, ChannelMessage, Job, JobStatus, MessageServer, NewChannelEvent,
    Session, SessionTimeout,
};
use crate::character::{AgentRecord, Character};
use crate::error::StoreError;
use crate::facts::{Batch, Committed, Epoch, EventKind, Fact, NewEvent};
use crate::ids::{AgentId, LetterId, MemoryId};
use crate::letters::{Letter, LetterEnd, LetterStatus, Settled, Terms};
use crate::lifecycle::{Autonomy, Desired, Lifecycle};
use crate::ports::{Store, StoreFuture, WorldQuery, WorldsOf};
use crate::records::{MESSAGES, Memory, Participant, Room, World};
use crate::runs::{Run, RunEnd, RunKind, RunStatus, Step, StepKind, StepStatus, Usage};
use crate::time::UnixMillis;
use crate::triggers::{
    Firing, FiringSource, FiringStatus, Misfire, Overlap, Schedule, Trigger, Wake,
};

/// The two agents that most cases are about.
pub(super) const ADA: AgentId = AgentId(Uuid::from_u128(0xADA));
pub(super) const BOB: AgentId = AgentId(Uuid::from_u128(0xB0B));

/// A store under test, booted.
pub(super) struct Subject {
    pub(super) store: Arc<dyn Store>,
    pub(super) epoch: Epoch,
}

impl Subject {
    pub(super) fn worlds_of(&self, of: WorldsOf) -> StoreFuture<Vec<World>> {
        self.worlds(WorldQuery::of(of, u32::MAX))
    }

    pub(super) async fn boot(store: Arc<dyn Store>) -> Self {
        let epoch = store.boot(UnixMillis(1)).await.expect("a new store boots").epoch;
        Self { store, epoch }
    }

    /// The batch that this boot would write.
    pub(super) fn batch(&self, facts: impl Into<Vec<Fact>>) -> Batch {
        Batch { epoch: self.epoch, facts: facts.into() }
    }

    pub(super) async fn try_keep(
        &self,
        facts: impl Into<Vec<Fact>>,
    ) -> Result<Committed, StoreError> {
        self.store.commit(self.batch(facts)).await
    }

    pub(super) async fn keep(&self, facts: impl Into<Vec<Fact>>) -> Committed {
        let facts = facts.into();
        let count = facts.len();
        let committed = self.try_keep(facts).await.expect("the batch is committed");
        assert_eq!(committed.affected.len(), count, "each fact says how many rows it affected");
        committed
    }

    /// Keeps one fact; how many rows it affected.
    pub(super) async fn affected(&self, fact: Fact) -> u64 {
        self.keep([fact]).await.affected[0]
    }

    /// Creates [`ADA`] and [`BOB`].
    pub(super) async fn with_agents(self) -> Self {
        self.keep([created(ADA, "Ada"), created(BOB, "Bob")]).await;
        self
    }
}

impl Deref for Subject {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// The id of that number, of whatever kind.
pub(super) fn id<I: From<Uuid>>(number: u128) -> I {
    I::from(Uuid::from_u128(number))
}

/// The map of a JSON object.
pub(super) fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("{value} is not an object") };
    map
}

/// A map with a text and everything that is hard to keep.
pub(super) fn content(text: &str) -> Map<String, Value> {
    map(json!({
        "text": text,
        "nothing": null,
        "nested": {"list": [1, -2, 2.5, true, "drei"], "empty": {}, "none": []},
        "odd \"key\"": "line\nbreak, tab\t, nul \u{0}, quote ' and 🜁",
        "large": 9_007_199_254_740_993_i64,
    }))
}

pub(super) fn agent(id: AgentId, name: &str) -> AgentRecord {
    AgentRecord {
        id,
        handle: crate::character::slug(name),
        character: Character::named(name),
        enabled: true,
        lifecycle: Lifecycle::default(),
        created_at: UnixMillis(10),
        updated_at: UnixMillis(10),
    }
}

pub(super) fn created(id: AgentId, name: &str) -> Fact {
    Fact::AgentCreated(Box::new(agent(id, name)))
}

pub(super) fn running() -> Lifecycle {
    Lifecycle {
        desired: Desired::Running,
        started_at: Some(UnixMillis(5)),
        autonomy: Some(Autonomy { every_ms: 60_000 }),
        overrides: Some(Box::new(map(json!({"temperature": 0.5})))),
        failure: None,
        pause: None,
    }
}

pub(super) fn happened(agent_id: AgentId, at: i64) -> Fact {
    let data = map(json!({"at": at}));
    Fact::Happened(NewEvent { agent_id, at: UnixMillis(at), kind: EventKind::Ticked, data })
}

pub(super) fn memory(agent_id: AgentId, number: u128, at: i64, text: &str) -> Memory {
    Memory {
        id: id(number),
        agent_id,
        kind: MESSAGES.into(),
        room_id: id(1),
        world_id: None,
        entity_id: id(2),
        content: content(text),
        metadata: map(json!({"type": "message"})),
        unique: true,
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at),
    }
}

pub(super) fn remembered(memory: &Memory) -> Fact {
    Fact::Remembered(Box::new(memory.clone()))
}

pub(super) fn room(agent_id: AgentId, number: u128, at: i64) -> Room {
    Room {
        id: id(number),
        agent_id,
        name: format!("room {number}"),
        channel_id: Some("channel".into()),
        message_server_id: Some(id(77)),
        world_id: Some(id(1)),
        kind: "GROUP".into(),
        source: "test".into(),
        metadata: Some(content("about the room")),
        created_at: UnixMillis(at),
    }
}

pub(super) fn world(agent_id: AgentId, number: u128, at: i64) -> World {
    World {
        id: id(number),
        agent_id,
        name: format!("world {number}"),
        message_server_id: Some(id(77)),
        metadata: Some(content("about the world")),
        created_at: UnixMillis(at),
    }
}

pub(super) fn participant(agent_id: AgentId, room: u128, entity: u128, at: i64) -> Participant {
    Participant {
        agent_id,
        room_id: id(room),
        entity_id: id(entity),
        state: None,
        created_at: UnixMillis(at),
    }
}

pub(super) fn run(agent_id: AgentId, number: u128, at: i64) -> Run {
    Run {
        id: id(number),
        agent_id,
        kind: RunKind::Reply,
        status: RunStatus::Started,
        room_id: id(1),
        entity_id: id(2),
        letter_id: Some(id(3)),
        firing_id: Some(id(4)),
        resumes: Some(id(5)),
        started_at: UnixMillis(at),
        ended_at: None,
        error: None,
        usage: Usage::default(),
    }
}

pub(super) fn started(run: &Run) -> Fact {
    Fact::RunStarted(Box::new(run.clone()))
}

/// The end of a run, `status` at `at`.
pub(super) fn end(run: &Run, status: RunStatus, at: i64) -> RunEnd {
    RunEnd {
        run_id: run.id,
        agent_id: run.agent_id,
        status,
        ended_at: UnixMillis(at),
        error: (status != RunStatus::Completed).then(|| format!("{status:?}, it's over")),
        usage: usage(),
    }
}

pub(super) fn usage() -> Usage {
    Usage {
        model: Some("doctor".into()),
        input_tokens: 5_000_000_000,
        output_tokens: 7,
        cost_micros: Some(42),
    }
}

pub(super) fn step(run: &Run, index: u32) -> Step {
    Step {
        run_id: run.id,
        agent_id: run.agent_id,
        index,
        kind: StepKind::Model,
        name: "doctor".into(),
        status: StepStatus::Intended,
        intent: Value::Object(content("what shall I say?")),
        outcome: None,
        started_at: run.started_at,
        ended_at: None,
        usage: Usage::default(),
    }
}

pub(super) fn intended(step: &Step) -> Fact {
    Fact::StepIntended(Box::new(step.clone()))
}

pub(super) fn letter(to: AgentId, number: u128, at: i64) -> Letter {
    Letter {
        id: id(number),
        to,
        from: id(2),
        from_agent: Some(BOB),
        room_id: id(1),
        memory_id: id(4),
        content: content("a letter"),
        expects_reply: true,
        may_be_ignored: false,
        heard: None,
        askers: Vec::new(),
        in_reply_to: Some(id(5)),
        status: LetterStatus::Waiting,
        attempts: 0,
        sent_at: UnixMillis(at),
        terms: None,
        settled: None,
    }
}

/// The same, to be dealt with beside the conversation.
pub(super) fn task(to: AgentId, number: u128, at: i64) -> Letter {
    let terms = Terms {
        is_beside: true,
        deadline_s: Some(60),
        wait_max_s: Some(120),
        model: Some("small".into()),
        system: Some("be \"brief\"".into()),
        allowed_tools: Some(vec!["kettle".into()]),
        rounds_max: Some(4),
        labels: content("by hand"),
    };
    Letter { terms: Some(Box::new(terms)), ..letter(to, number, at) }
}

pub(super) fn sent(letter: &Letter) -> Fact {
    Fact::LetterSent(Box::new(letter.clone()))
}

/// That the letter of that number ends so.
pub(super) fn settled(id: LetterId, status: LetterStatus) -> Fact {
    Fact::LetterSettled(Box::new(LetterEnd { id, status, settled: settlement(status) }))
}

/// How that is.
pub(super) fn settlement(status: LetterStatus) -> Settled {
    let reply = (status == LetterStatus::Answered).then_some(MemoryId(Uuid::from_u128(6)));
    let reason = reply.is_none().then(|| "nobody was there".to_owned());
    Settled { at: UnixMillis(77), reason, reply }
}

pub(super) fn server(number: u128, at: i64) -> MessageServer {
    MessageServer {
        id: id(number),
        name: format!("server {number}"),
        source_type: "eliza_default".into(),
        source_id: Some("guild 1".into()),
        metadata: Some(content("about the server")),
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at + 1),
    }
}

pub(super) fn server_set(server: &MessageServer) -> Fact {
    Fact::ServerSet(Box::new(server.clone()))
}

/// A channel on the server of number 1.
pub(super) fn channel(number: u128, at: i64) -> Channel {
    Channel {
        id: id(number),
        server_id: id(1),
        name: format!("channel {number}"),
        kind: "GROUP".into(),
        source_type: Some("test".into()),
        source_id: Some(format!("source {number}")),
        topic: Some("tea".into()),
        metadata: Some(content("about the channel")),
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at + 1),
    }
}

pub(super) fn channel_set(channel: &Channel) -> Fact {
    Fact::ChannelSet(Box::new(channel.clone()))
}

pub(super) fn joined(channel: u128, user: u128, at: i64) -> Fact {
    Fact::ChannelJoined { channel_id: id(channel), user_id: id(user), at: UnixMillis(at) }
}

pub(super) fn message(channel: u128, number: u128, at: i64, text: &str) -> ChannelMessage {
    ChannelMessage {
        id: id(number),
        channel_id: id(channel),
        author_id: id(2),
        content: text.into(),
        raw_message: Some(Value::Object(content("as it was sent"))),
        in_reply_to: Some(id(8)),
        source_type: Some("eliza_gui".into()),
        source_id: Some("m 1".into()),
        metadata: Some(content("about the message")),
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at + 1),
    }
}

pub(super) fn message_set(message: &ChannelMessage) -> Fact {
    Fact::MessageSet(Box::new(message.clone()))
}

pub(super) fn channel_happened(channel: u128, at: i64) -> Fact {
    Fact::ChannelHappened(NewChannelEvent {
        channel_id: id(channel),
        at: UnixMillis(at),
        kind: ChannelEventKind::Said,
        data: map(json!({"at": at})),
    })
}

pub(super) fn session(agent_id: AgentId, channel: u128, number: u128, at: i64) -> Session {
    Session {
        id: id(number),
        agent_id,
        channel_id: id(channel),
        user_id: id(2),
        metadata: content("about the session"),
        timeout: SessionTimeout {
            timeout_minutes: 0.5,
            auto_renew: true,
            max_duration_minutes: 720.0,
            warning_threshold_minutes: 0.1,
        },
        renewals: 3,
        created_at: UnixMillis(at),
        last_activity_at: UnixMillis(at + 1),
        expires_at: UnixMillis(at + 2),
    }
}

pub(super) fn session_set(session: &Session) -> Fact {
    Fact::SessionSet(Box::new(session.clone()))
}

pub(super) fn job(agent_id: AgentId, channel: u128, number: u128, at: i64) -> Job {
    Job {
        id: id(number),
        agent_id,
        user_id: id(2),
        channel_id: id(channel),
        prompt: "what is \"tea\"?".into(),
        metadata: content("about the job"),
        status: JobStatus::Pending,
        answer_id: None,
        error: None,
        created_at: UnixMillis(at),
        expires_at: UnixMillis(at + 100),
        ended_at: None,
    }
}

/// The job, ended as `status` at `at`.
pub(super) fn ended(job: &Job, status: JobStatus, at: i64) -> Job {
    let is_answered = status == JobStatus::Completed;
    Job {
        status,
        answer_id: is_answered.then(|| id(7)),
        error: (!is_answered).then(|| format!("{status:?}, it's over")),
        ended_at: Some(UnixMillis(at)),
        ..job.clone()
    }
}

pub(super) fn job_set(job: &Job) -> Fact {
    Fact::JobSet(Box::new(job.clone()))
}

pub(super) fn trigger(agent_id: AgentId, number: u128, at: i64) -> Trigger {
    Trigger {
        id: id(number),
        agent_id,
        name: "tea \"at five\"".into(),
        instructions: "make tea, it's time".into(),
        schedule: Schedule::Cron {
            expression: "0 17 * * *".into(),
            time_zone: "Europe/London".into(),
        },
        misfire: Misfire::RunAll { max: 3 },
        grace_s: 60,
        overlap: Overlap::QueueOne,
        wake: Wake::NextTick,
        needs_autonomy: false,
        is_enabled: true,
        max_runs: Some(2),
        run_count: 0,
        created_by: "a test".into(),
        model: Some("small".into()),
        allowed_tools: Some(vec!["kettle".into()]),
        timeout_s: Some(30),
        retries_max: 2,
        retry_after_s: 90,
        metadata: content("about the trigger"),
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at + 1),
        next_due_at: Some(UnixMillis(at + 100)),
        last_fired_at: None,
        last_status: None,
        last_error: None,
    }
}

pub(super) fn trigger_set(trigger: &Trigger) -> Fact {
    Fact::TriggerSet { trigger: Box::new(trigger.clone()), is_retimed: true }
}

/// A firing of the agent's trigger of that number.
pub(super) fn firing(
    agent_id: AgentId,
    number: u128,
    due_at: i64,
    status: FiringStatus,
    trigger: u128,
) -> Firing {
    let was_run = status.was_run() || status == FiringStatus::Running;
    Firing {
        id: id(number),
        trigger_id: id(trigger),
        agent_id,
        due_at: UnixMillis(due_at),
        status,
        run_id: was_run.then(|| id(7)),
        reason: (!status.is_open()).then(|| "it's over".into()),
        source: FiringSource::Scheduler,
        wake: Wake::Now,
        count: 1,
        attempts: u32::from(was_run),
        started_at: was_run.then_some(UnixMillis(due_at + 1)),
        ended_at: (!status.is_open()).then_some(UnixMillis(due_at + 2)),
    }
}
