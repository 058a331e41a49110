//! Which of many the store is asked for.

use crate::approvals::ApprovalStatus;
use crate::ids::{
    AgentId, ChannelId, EntityId, FiringId, LetterId, RoomId, RunId, TriggerId, WorldId,
};
use crate::letters::LetterStatus;
use crate::lifecycle::State;
use crate::records::Embedding;
use crate::runs::RunStatus;
use crate::time::UnixMillis;

/// Which agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentQuery {
    /// Only those in this state ([`State::Starting`] and [`State::Stopping`] match none).
    pub state: Option<State>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Which worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldQuery {
    /// Whose.
    pub of: WorldsOf,
    /// Of which id; any if absent.
    pub id: Option<WorldId>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Whose worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldsOf {
    /// One agent's.
    Agent(AgentId),
    /// Those of the agents that run.
    Running,
    /// Everybody's.
    All,
}

impl WorldQuery {
    /// Up to `limit` worlds of one agent, of those that run, or of all.
    #[must_use]
    pub fn of(of: WorldsOf, limit: u32) -> Self {
        Self { of, id: None, offset: 0, limit }
    }
}

/// Which memories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// Of which kind; any if absent.
    pub kind: Option<String>,
    /// Of which room; any if absent.
    pub room_id: Option<RoomId>,
    /// Of one of these rooms; any if absent.
    pub rooms: Option<Vec<RoomId>>,
    /// Of which entity; any if absent.
    pub entity_id: Option<EntityId>,
    /// Made before this, exclusive.
    pub before: Option<UnixMillis>,
    /// Made after this, exclusive.
    pub after: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl MemoryQuery {
    /// All memories of an agent, up to `limit`.
    #[must_use]
    pub fn of(agent_id: AgentId, limit: u32) -> Self {
        Self {
            agent_id,
            kind: None,
            room_id: None,
            rooms: None,
            entity_id: None,
            before: None,
            after: None,
            offset: 0,
            limit,
        }
    }
}

/// What to look for among an agent's memories.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// Of which kind; any if absent.
    pub kind: Option<String>,
    /// Of which room; any if absent.
    pub room_id: Option<RoomId>,
    /// The words; any characters, never a query language.
    pub text: String,
    /// The meaning, compared only with vectors of the same embedder.
    pub embedding: Option<Embedding>,
    /// How many at most.
    pub limit: u32,
}

/// Which runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// In which room; any if absent.
    pub room_id: Option<RoomId>,
    /// That answer this letter; any if absent.
    pub letter_id: Option<LetterId>,
    /// That carry out this firing; any if absent.
    pub firing_id: Option<FiringId>,
    /// Only in one of these states; any if empty.
    pub statuses: Vec<RunStatus>,
    /// Begun at or after this.
    pub from: Option<UnixMillis>,
    /// Begun at or before this.
    pub to: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl RunQuery {
    /// All runs of an agent, up to `limit`.
    #[must_use]
    pub fn of(agent_id: AgentId, limit: u32) -> Self {
        Self {
            agent_id,
            room_id: None,
            letter_id: None,
            firing_id: None,
            statuses: Vec::new(),
            from: None,
            to: None,
            offset: 0,
            limit,
        }
    }

    /// The runs of an agent that are in flight, as far as is recorded.
    #[must_use]
    pub fn open(agent_id: AgentId) -> Self {
        Self { statuses: vec![RunStatus::Started], ..Self::of(agent_id, u32::MAX) }
    }
}

/// Which letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterQuery {
    /// To whom.
    pub to: AgentId,
    /// Of which room; any if absent.
    pub room_id: Option<RoomId>,
    /// Of one of these rooms; any if absent.
    pub rooms: Option<Vec<RoomId>>,
    /// Only in one of these states; any if empty.
    pub statuses: Vec<LetterStatus>,
    /// Only those whose writer has said [more than the words](crate::letters::Terms).
    pub with_terms: bool,
    /// Sent at or after this.
    pub from: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl LetterQuery {
    /// All letters to an agent, up to `limit`.
    #[must_use]
    pub fn of(to: AgentId, limit: u32) -> Self {
        Self {
            to,
            room_id: None,
            rooms: None,
            statuses: Vec::new(),
            with_terms: false,
            from: None,
            offset: 0,
            limit,
        }
    }
}

/// Which triggers that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueQuery {
    /// Due at this time or before.
    pub now: UnixMillis,
    /// Whether those that are late by more than their grace are wanted, or the others.
    pub is_late: bool,
    /// How many at most.
    pub limit: u32,
}

/// Which firings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// Of which trigger; any if absent.
    pub trigger_id: Option<TriggerId>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Which approvals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalQuery {
    /// Whose; anybody's if absent.
    pub agent_id: Option<AgentId>,
    /// Only those of one of these runs; of any if empty.
    pub run_ids: Vec<RunId>,
    /// Of which status; any if absent.
    pub status: Option<ApprovalStatus>,
    /// Only those that expire at or before this.
    pub expires_by: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl ApprovalQuery {
    /// The approvals that wait, up to `limit`.
    #[must_use]
    pub fn waiting(agent_id: Option<AgentId>, limit: u32) -> Self {
        Self { agent_id, status: Some(ApprovalStatus::Waiting), limit, ..Self::default() }
    }
}

/// Which log entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// In which room; any if absent.
    pub room_id: Option<RoomId>,
    /// Of one run; any if absent.
    pub run_id: Option<RunId>,
    /// Of exactly this kind; any if absent.
    pub kind: Option<String>,
    /// None of exactly these kinds, and none whose `body.modelType` contains one of them, in
    /// whatever case.
    pub exclude: Vec<String>,
    /// Only those of something that went wrong: whose body has an `error` that is neither null nor
    /// false, a `status` of `error`, `failed` or `timeout`, or a `result.success` of false.
    pub errors_only: bool,
    /// Only those whose body, as JSON text, contains this, in whatever case.
    pub search: Option<String>,
    /// Written at or after this.
    pub from: Option<UnixMillis>,
    /// Written at or before this.
    pub to: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl LogQuery {
    /// All entries of an agent's log, up to `limit`.
    #[must_use]
    pub fn of(agent_id: AgentId, limit: u32) -> Self {
        Self {
            agent_id,
            room_id: None,
            run_id: None,
            kind: None,
            exclude: Vec::new(),
            errors_only: false,
            search: None,
            from: None,
            to: None,
            offset: 0,
            limit,
        }
    }
}

/// Which messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Of which channel; any if absent.
    pub channel_id: Option<ChannelId>,
    /// Of which author; any if absent.
    pub author_id: Option<EntityId>,
    /// With all of these words, in whatever case, in any order; any characters, never a query
    /// language. A text without a word finds nothing; of more different words than
    /// [`WORDS_MAX`](Self::WORDS_MAX) the first so many count.
    pub text: Option<String>,
    /// Said before this, exclusive.
    pub before: Option<UnixMillis>,
    /// Said after this, exclusive.
    pub after: Option<UnixMillis>,
    /// Whether the oldest come first.
    pub is_oldest_first: bool,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl MessageQuery {
    /// Different words of a text that are looked for; more say little and cost much.
    pub const WORDS_MAX: usize = 32;

    /// The newest messages of a channel, up to `limit`.
    #[must_use]
    pub fn of(channel_id: ChannelId, limit: u32) -> Self {
        Self { channel_id: Some(channel_id), limit, ..Self::default() }
    }
}
