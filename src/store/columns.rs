//! Reading and writing columns: ids, times, JSON and the names of states.

use greenroom_actors::approvals::ApprovalStatus;
use greenroom_actors::channels::{ChannelEventKind, JobStatus};
use greenroom_actors::goals::GoalStatus;
use greenroom_actors::letters::LetterStatus;
use greenroom_actors::lifecycle::{Desired, State};
use greenroom_actors::runs::{RunKind, RunStatus, StepKind, StepStatus, Usage};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{FiringSource, FiringStatus, Wake};
use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A value that is stored under a name.
pub(super) trait Named: Sized + Copy + 'static {
    /// Each value with its name.
    const NAMES: &'static [(Self, &'static str)];

    /// Its name, as stored.
    fn name(self) -> &'static str;

    /// The value of that name.
    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, other)| *other == name).map(|(value, _)| *value)
    }
}

macro_rules! named {
    ($($type:ident { $($value:ident = $name:literal),* $(,)? })*) => {$(
        impl Named for $type {
            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$value, $name)),*];

            fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
        }
    )*};
}

named! {
    Desired { Stopped = "stopped", Running = "running", Paused = "paused" }
    State {
        Stopped = "stopped", Starting = "starting", Running = "running", Paused = "paused",
        Stopping = "stopping", Failed = "failed",
    }
    RunKind { Tick = "tick", Reply = "reply", Job = "job", Trigger = "trigger" }
    RunStatus {
        Started = "started", Parked = "parked", Completed = "completed", Failed = "failed", Cancelled = "cancelled",
        TimedOut = "timed_out", Interrupted = "interrupted",
    }
    StepKind { Model = "model", Tool = "tool" }
    StepStatus {
        Intended = "intended", Succeeded = "succeeded", Failed = "failed",
        OutcomeUnknown = "outcome_unknown",
    }
    LetterStatus {
        Waiting = "waiting", Parked = "parked", Answered = "answered", Dead = "dead",
        Cancelled = "cancelled",
    }
    ApprovalStatus {
        Waiting = "waiting", Granted = "granted", Denied = "denied", Expired = "expired",
    }
    GoalStatus { Open = "open", Reached = "reached", Dropped = "dropped" }
    FiringStatus {
        Waiting = "waiting", Running = "running", Ran = "ran", Missed = "missed",
        Skipped = "skipped", Failed = "failed",
    }
    FiringSource { Scheduler = "scheduler", Manual = "manual" }
    Wake { Now = "now", NextTick = "next_tick" }
    ChannelEventKind {
        Said = "said", Amended = "amended", Removed = "removed", Cleared = "cleared",
        Updated = "updated", Deleted = "deleted", Completed = "completed", Failed = "failed",
    }
    JobStatus {
        Pending = "pending", Processing = "processing", Completed = "completed",
        Failed = "failed", Timeout = "timeout",
    }
}

/// Takes the columns of a row from left to right.
pub(super) struct Columns<'row, 'statement> {
    row: &'row Row<'statement>,
    next: usize,
}

impl<'row, 'statement> Columns<'row, 'statement> {
    /// The columns of `row`, from the first.
    pub(super) fn of(row: &'row Row<'statement>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The next column, an id.
    pub(super) fn id<T: From<Uuid>>(&mut self) -> rusqlite::Result<T> {
        self.take::<Uuid>().map(T::from)
    }

    /// The next column, an id or NULL.
    pub(super) fn id_or_null<T: From<Uuid>>(&mut self) -> rusqlite::Result<Option<T>> {
        Ok(self.take::<Option<Uuid>>()?.map(T::from))
    }

    /// The next column, a time.
    pub(super) fn at(&mut self) -> rusqlite::Result<UnixMillis> {
        self.take().map(UnixMillis)
    }

    /// The next column, a time or NULL.
    pub(super) fn at_or_null(&mut self) -> rusqlite::Result<Option<UnixMillis>> {
        Ok(self.take::<Option<i64>>()?.map(UnixMillis))
    }

    /// The next column, a number that is not negative.
    pub(super) fn number(&mut self) -> rusqlite::Result<u64> {
        self.take().map(unsigned)
    }

    /// The next column, a number of 32 bits.
    pub(super) fn small(&mut self) -> rusqlite::Result<u32> {
        Ok(u32::try_from(self.number()?).unwrap_or(u32::MAX))
    }

    /// The next column, JSON.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<T> {
        let text = self.row.get_ref(self.next)?.as_str()?;
        let value = parsed(text).map_err(|error| self.unreadable(error))?;
        self.next += 1;
        Ok(value)
    }

    /// The next column, JSON or NULL.
    pub(super) fn json_or_null<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Option<T>> {
        match self.row.get_ref(self.next)?.as_str_or_null()? {
            None => {
                self.next += 1;
                Ok(None)
            }
            Some(_) => self.json().map(Some),
        }
    }

    /// The next column, the name of a value.
    pub(super) fn named<T: Named>(&mut self) -> rusqlite::Result<T> {
        let name = self.row.get_ref(self.next)?.as_str()?;
        let value = T::named(name).ok_or_else(|| self.unreadable(format!("unknown: {name}")))?;
        self.next += 1;
        Ok(value)
    }

    /// The next column, the name of a value or NULL.
    pub(super) fn named_or_null<T: Named>(&mut self) -> rusqlite::Result<Option<T>> {
        match self.row.get_ref(self.next)?.as_str_or_null()? {
            None => {
                self.next += 1;
                Ok(None)
            }
            Some(_) => self.named().map(Some),
        }
    }

    /// The next four columns, a usage.
    pub(super) fn usage(&mut self) -> rusqlite::Result<Usage> {
        Ok(Usage {
            model: self.take()?,
            input_tokens: self.number()?,
            output_tokens: self.number()?,
            cost_micros: self.take::<Option<i64>>()?.map(unsigned),
        })
    }

    /// That the next column does not hold what it should.
    pub(super) fn unreadable(
        &self,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(self.next, Type::Text, error.into())
    }
}

/// The value of a JSON text of any depth: the edges bound how deep a value is when it comes, and
/// what wraps it before it is written must not make it unreadable.
fn parsed<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// `value` as JSON text.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The same, NULL where there is nothing.
pub(super) fn json_or_null(value: Option<&Map<String, Value>>) -> rusqlite::Result<Option<String>> {
    value.map(json).transpose()
}

/// A count as SQLite holds it; stops at the end of the range.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count as SQLite held it; nothing below zero is ever written.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// How many, as the port counts.
pub(super) fn rows(changed: usize) -> u64 {
    u64::try_from(changed).unwrap_or(u64::MAX)
}

/// All rows of a question.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// The first row of a question, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    use rusqlite::OptionalExtension;
    connection.prepare_cached(sql)?.query_row(params, read).optional()
}

/// Carries out one statement; how many rows it changed.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<u64> {
    connection.prepare_cached(sql)?.execute(params).map(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips<T: Named + PartialEq + std::fmt::Debug + Serialize>() {
        for (value, name) in T::NAMES {
            assert_eq!(T::named(name), Some(*value));
            assert_eq!(value.name(), *name);
            assert_eq!(serde_json::to_value(value).unwrap(), Value::from(*name));
        }
    }

    #[test]
    fn stored_names_are_the_names_on_the_wire() {
        round_trips::<Desired>();
        round_trips::<State>();
        round_trips::<RunKind>();
        round_trips::<RunStatus>();
        round_trips::<StepKind>();
        round_trips::<StepStatus>();
        round_trips::<GoalStatus>();
        round_trips::<LetterStatus>();
        round_trips::<FiringStatus>();
        round_trips::<FiringSource>();
        round_trips::<Wake>();
        round_trips::<ApprovalStatus>();
        round_trips::<ChannelEventKind>();
        round_trips::<JobStatus>();
    }
}
