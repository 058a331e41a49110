//! The full-text indexes, which follow the rows at a little distance.
//!
//! FTS5 writes a segment for each transaction and merges segments afterwards: at a row to a
//! transaction that costs more than the row itself. So rows are taken in many at a time: when a
//! search wants them, when many wait, and when the writer has nothing else to do. Rows are numbered as
//! they come, so a number tells up to which one an index goes. It is written in the transaction that
//! takes them in; what a crash undoes is taken in again.

use greenroom_actors::channels::ChannelMessage;
use greenroom_actors::ids::{AgentId, ChannelId};
use greenroom_actors::records::Memory;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value};

use super::columns::{Columns, all, first, rows, run, unsigned};
use super::search::{channel_word, marked, words};

/// Rows that wait at most, so that nobody waits long for those that are taken in at last.
pub(super) const BEHIND_MAX: u64 = 1_024;

/// Rows that are read at a time.
const PAGE: u32 = 256;

/// A change to an index, to be made in the transaction that changes its row.
struct Change {
    table: Table,
    number: i64,
    /// What the row says from now on, if it is still there.
    entry: Option<Entry>,
}

/// What an index holds of a row.
enum Entry {
    /// The words of a memory, each with its agent's mark.
    Memory(String),
    /// The channel of a message as a word, and its words.
    Message(String, String),
}

/// The tables that are indexed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Memories,
    Messages,
}

/// How far an index goes.
#[derive(Default)]
struct Reach {
    /// The last row that is in it.
    through: i64,
    /// The same, as it is on the disk.
    kept: i64,
    /// The last row that there may be.
    newest: i64,
}

/// What the writer knows about the indexes.
#[derive(Default)]
pub(super) struct Words {
    memories: Reach,
    messages: Reach,
    changes: Vec<Change>,
    is_wanted: bool,
}

impl Words {
    /// As the database has it.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            memories: Reach::load(connection, Table::Memories)?,
            messages: Reach::load(connection, Table::Messages)?,
            ..Self::default()
        })
    }

    /// A new memory.
    pub(super) fn remembered(&mut self, number: i64, memory: &Memory) {
        self.added(Table::Memories, number, || Entry::of_memory(memory.agent_id, memory.text()));
    }

    /// A memory that says something else.
    pub(super) fn reworded(&mut self, number: i64, memory: &Memory) {
        self.forgotten(number);
        self.remembered(number, memory);
    }

    /// A memory that is gone.
    pub(super) fn forgotten(&mut self, number: i64) {
        self.gone(Table::Memories, number);
    }

    /// A new message.
    pub(super) fn said(&mut self, number: i64, message: &ChannelMessage) {
        let entry = || Entry::of_message(message.channel_id, &message.content);
        self.added(Table::Messages, number, entry);
    }

    /// A message that says something else.
    pub(super) fn amended(&mut self, number: i64, message: &ChannelMessage) {
        self.removed(number);
        self.said(number, message);
    }

    /// A message that is gone.
    pub(super) fn removed(&mut self, number: i64) {
        self.gone(Table::Messages, number);
    }

    fn added(&mut self, table: Table, number: i64, entry: impl FnOnce() -> Entry) {
        if self.reach(table).comes_late(number) {
            self.changes.push(Change { table, number, entry: Some(entry()) });
        }
    }

    fn gone(&mut self, table: Table, number: i64) {
        if self.reach(table).holds(number) {
            self.changes.push(Change { table, number, entry: None });
        }
    }

    fn reach(&mut self, table: Table) -> &mut Reach {
        match table {
            Table::Memories => &mut self.memories,
            Table::Messages => &mut self.messages,
        }
    }

    /// Lets all that waits be taken in with the transaction under way.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// How many rows may be waiting.
    pub(super) fn behind(&self) -> u64 {
        self.memories.behind().saturating_add(self.messages.behind())
    }

    /// How many changes there are, for [`undo`](Self::undo).
    pub(super) fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Forgets the changes after so many. What a row that was undone leaves behind is harmless: a
    /// number past the last row.
    pub(super) fn undo(&mut self, changes: usize) {
        self.changes.truncate(changes);
    }

    /// Makes the changes; takes in what waits if that is wanted, or more waits than may.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for change in self.changes.drain(..) {
            change.make(connection)?;
        }
        if self.is_wanted || self.behind() > BEHIND_MAX {
            self.catch_up(connection)?;
        }
        Ok(())
    }

    /// Takes in all that waits.
    pub(super) fn catch_up(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.memories.catch_up(connection, Table::Memories)?;
        self.messages.catch_up(connection, Table::Messages)
    }

    /// The transaction has reached the disk.
    pub(super) fn committed(&mut self) {
        self.is_wanted = false;
        self.memories.kept = self.memories.through;
        self.messages.kept = self.messages.through;
    }

    /// The transaction was undone.
    pub(super) fn rolled_back(&mut self) {
        self.is_wanted = false;
        self.changes.clear();
        self.memories.through = self.memories.kept;
        self.messages.through = self.messages.kept;
    }
}

impl Reach {
    fn load(connection: &Connection, table: Table) -> rusqlite::Result<Self> {
        let sql = "SELECT through FROM indexed WHERE rows_of = ?1";
        let through = first(connection, sql, (table.name(),), |row| row.get(0))?.unwrap_or(0);
        let sql = format!("SELECT max(number) FROM {}", table.name());
        let newest: Option<i64> = first(connection, &sql, [], |row| row.get(0))?.flatten();
        Ok(Self { through, kept: through, newest: newest.unwrap_or(0) })
    }

    fn holds(&self, number: i64) -> bool {
        number <= self.through
    }

    /// Notes a row; whether its turn is over: SQLite gives the number of a last row that was
    /// removed again to the next.
    fn comes_late(&mut self, number: i64) -> bool {
        self.newest = self.newest.max(number);
        self.holds(number)
    }

    fn behind(&self) -> u64 {
        unsigned(self.newest.saturating_sub(self.through))
    }

    fn catch_up(&mut self, connection: &Connection, table: Table) -> rusqlite::Result<()> {
        if self.behind() == 0 {
            return Ok(());
        }
        loop {
            let page =
                all(connection, table.waiting(), (self.through, PAGE), |row| table.read(row))?;
            let is_last = rows(page.len()) < u64::from(PAGE);
            for (number, entry) in page {
                self.through = number;
                entry.add(connection, number)?;
            }
            if is_last {
                break;
            }
        }
        self.through = self.through.max(self.newest);
        let sql = "UPDATE indexed SET through = ?2 WHERE rows_of = ?1";
        run(connection, sql, (table.name(), self.through)).map(drop)
    }
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Memories => "memories",
            Self::Messages => "messages",
        }
    }

    fn waiting(self) -> &'static str {
        match self {
            Self::Memories => {
                "SELECT number, agent, content FROM memories WHERE number > ?1
                 ORDER BY number LIMIT ?2"
            }
            Self::Messages => {
                "SELECT number, channel, content FROM messages WHERE number > ?1
                 ORDER BY number LIMIT ?2"
            }
        }
    }

    fn read(self, row: &Row<'_>) -> rusqlite::Result<(i64, Entry)> {
        let mut columns = Columns::of(row);
        let number = columns.take()?;
        let entry = match self {
            Self::Memories => {
                let agent = columns.id()?;
                let content: Map<String, Value> = columns.json()?;
                let text = content.get("text").and_then(Value::as_str).unwrap_or_default();
                Entry::of_memory(agent, text)
            }
            Self::Messages => {
                let channel = columns.id()?;
                Entry::of_message(channel, &columns.take::<String>()?)
            }
        };
        Ok((number, entry))
    }
}

impl Change {
    fn make(self, connection: &Connection) -> rusqlite::Result<()> {
        match (self.entry, self.table) {
            (Some(entry), _) => entry.add(connection, self.number),
            (None, Table::Memories) => {
                let sql = "DELETE FROM memory_words WHERE rowid = ?1";
                run(connection, sql, (self.number,)).map(drop)
            }
            (None, Table::Messages) => {
                let sql = "DELETE FROM message_words WHERE rowid = ?1";
                run(connection, sql, (self.number,)).map(drop)
            }
        }
    }
}

impl Entry {
    fn of_memory(agent: AgentId, text: &str) -> Self {
        Self::Memory(marked(agent, text))
    }

    fn of_message(channel: ChannelId, text: &str) -> Self {
        let said: Vec<_> = words(text).collect();
        Self::Message(channel_word(channel), said.join(" "))
    }

    fn add(self, connection: &Connection, number: i64) -> rusqlite::Result<()> {
        let added = match self {
            Self::Memory(words) if words.is_empty() => return Ok(()),
            Self::Memory(words) => {
                let sql = "INSERT INTO memory_words (rowid, words) VALUES (?1, ?2)";
                run(connection, sql, (number, words))
            }
            Self::Message(channel, words) => {
                let sql = "INSERT INTO message_words (rowid, channel_word, words)
                           VALUES (?1, ?2, ?3)";
                run(connection, sql, (number, channel, words))
            }
        };
        added.map(drop)
    }
}
