//! Rows by key, with their order in time.

use std::collections::{BTreeMap, BTreeSet};

use crate::approvals::Approval;
use crate::channels::{Channel, ChannelMessage, Job, MessageServer, Session};
use crate::goals::Goal;
use crate::ids::{
    AgentId, ApprovalId, ChannelId, ChannelMessageId, ComponentId, EntityId, FiringId, GoalId,
    JobId, LetterId, LogId, MemoryId, RelationshipId, RoomId, RunId, ServerId, SessionId, TaskId,
    TriggerId, WorldId,
};
use crate::letters::Letter;
use crate::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use crate::runs::Run;
use crate::time::UnixMillis;
use crate::triggers::{Firing, Trigger};

/// What a [`Table`] can hold.
pub(super) trait Row {
    /// What tells one row from another.
    type Key: Copy + Ord;

    /// Its key.
    fn key(&self) -> Self::Key;

    /// Its place in time.
    fn at(&self) -> UnixMillis;
}

/// Rows by key, with their order in time.
///
/// `order` names each row exactly once, with its [`Row::at`].
#[derive(Debug)]
pub(super) struct Table<R: Row> {
    rows: BTreeMap<R::Key, R>,
    order: BTreeSet<(UnixMillis, R::Key)>,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<R: Row> Table<R> {
    pub(super) fn get(&self, key: R::Key) -> Option<&R> {
        self.rows.get(&key)
    }

    /// The row to change; its key and its place in time must stay as they are.
    pub(super) fn get_mut(&mut self, key: R::Key) -> Option<&mut R> {
        self.rows.get_mut(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Makes the row, or replaces the one of that key.
    pub(super) fn set(&mut self, row: R) -> u64 {
        let (at, key) = (row.at(), row.key());
        if let Some(old) = self.rows.insert(key, row) {
            self.order.remove(&(old.at(), key));
        }
        self.order.insert((at, key));
        1
    }

    /// Makes the row, unless there is one of that key.
    pub(super) fn meet(&mut self, row: R) -> u64 {
        if self.rows.contains_key(&row.key()) { 0 } else { self.set(row) }
    }

    pub(super) fn remove(&mut self, key: R::Key) -> Option<R> {
        let row = self.rows.remove(&key)?;
        self.order.remove(&(row.at(), key));
        Some(row)
    }

    /// Removes the rows that match; how many they were.
    pub(super) fn remove_where(&mut self, matches: impl Fn(&R) -> bool) -> u64 {
        let Self { rows, order } = self;
        let before = rows.len();
        rows.retain(|key, row| {
            let goes = matches(row);
            if goes {
                order.remove(&(row.at(), *key));
            }
            !goes
        });
        count(before - rows.len())
    }

    /// Removes the rows before `cutoff` that match.
    pub(super) fn remove_before(
        &mut self,
        cutoff: UnixMillis,
        matches: impl Fn(&R) -> bool,
    ) -> Vec<R> {
        let old = self.order.iter().take_while(|(at, _)| *at < cutoff);
        let keys: Vec<_> = old
            .map(|(_, key)| *key)
            .filter(|key| self.rows.get(key).is_some_and(&matches))
            .collect();
        keys.into_iter().filter_map(|key| self.remove(key)).collect()
    }

    pub(super) fn oldest_first(&self) -> impl DoubleEndedIterator<Item = &R> + Clone {
        self.order.iter().filter_map(|(_, key)| self.rows.get(key))
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &R> {
        self.oldest_first().rev()
    }

    /// All rows, in no order that means anything.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.rows.values_mut()
    }
}

/// A number of things in memory, as the port counts.
pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A memory and its embedding.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) memory: Memory,
    pub(super) embedding: Option<Embedding>,
}

impl Row for Kept {
    type Key = MemoryId;

    fn key(&self) -> MemoryId {
        self.memory.id
    }

    fn at(&self) -> UnixMillis {
        self.memory.created_at
    }
}

impl Row for Participant {
    type Key = (RoomId, EntityId);

    fn key(&self) -> (RoomId, EntityId) {
        (self.room_id, self.entity_id)
    }

    fn at(&self) -> UnixMillis {
        self.created_at
    }
}

/// That somebody takes part in something shared.
#[derive(Debug)]
pub(super) struct Part<W, M> {
    pub(super) of: W,
    pub(super) member: M,
    pub(super) since: UnixMillis,
}

/// An agent's part in a message server.
pub(super) type Enlistment = Part<ServerId, AgentId>;

/// Somebody's part in a channel.
pub(super) type Presence = Part<ChannelId, EntityId>;

impl<W: Copy + Ord, M: Copy + Ord> Row for Part<W, M> {
    type Key = (W, M);

    fn key(&self) -> (W, M) {
        (self.of, self.member)
    }

    fn at(&self) -> UnixMillis {
        self.since
    }
}

macro_rules! rows {
    ($($row:ty, $key:ty, $at:ident;)*) => {$(
        impl Row for $row {
            type Key = $key;

            fn key(&self) -> $key {
                self.id
            }

            fn at(&self) -> UnixMillis {
                self.$at
            }
        }
    )*};
}

rows! {
    Room, RoomId, created_at;
    World, WorldId, created_at;
    Entity, EntityId, created_at;
    Component, ComponentId, created_at;
    Relationship, RelationshipId, created_at;
    Task, TaskId, created_at;
    Goal, GoalId, created_at;
    LogEntry, LogId, created_at;
    Run, RunId, started_at;
    Approval, ApprovalId, asked_at;
    Letter, LetterId, sent_at;
    Trigger, TriggerId, created_at;
    Firing, FiringId, due_at;
    MessageServer, ServerId, created_at;
    Channel, ChannelId, created_at;
    ChannelMessage, ChannelMessageId, created_at;
    Session, SessionId, created_at;
    Job, JobId, created_at;
}
