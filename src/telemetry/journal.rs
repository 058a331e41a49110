//! The log lines of late, kept in memory for those who ask over the API.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::Masks;
use greenroom_actors::time::UnixMillis;
use tokio::sync::broadcast;
use tracing::Level;

/// Lines kept where nothing else is asked for: what elizaOS answers at most.
pub(super) const LINES_KEPT: usize = 1_000;

/// Bytes kept of one message: a line is for reading, and a thousand of them must stay small.
const MESSAGE_MAX_BYTES: usize = 4_096;

/// Lines that one who watches may lag behind before the oldest are left out.
const LAG_MAX: usize = 1_024;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub time: UnixMillis,
    /// How grave it is, in elizaOS' numbers: fatal 60, error 50, warn 40, info 30, debug 20,
    /// trace 10.
    pub level: u8,
    /// What it says.
    pub msg: String,
    /// Which part of the program it is from, or who sent it.
    pub source: Cow<'static, str>,
    /// The name of the agent it is about.
    pub agent_name: Option<String>,
    /// The id of the agent it is about.
    pub agent_id: Option<String>,
}

/// The newest lines of the log. The oldest give way.
#[derive(Debug)]
pub struct LogBuffer {
    lines: Mutex<VecDeque<LogLine>>,
    capacity: usize,
    watched: broadcast::Sender<Arc<LogLine>>,
    masks: MaskedBy,
}

/// What hides agents' secrets, once it is there.
#[derive(Default)]
struct MaskedBy(OnceLock<Arc<dyn Masks>>);

impl fmt::Debug for MaskedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskedBy(hidden)")
    }
}

impl MaskedBy {
    /// Hides the secrets of the agent that a line is about.
    fn hide_in(&self, line: &mut LogLine) {
        let Some(masks) = self.0.get().filter(|masks| !masks.is_empty()) else { return };
        let agent = line.agent_id.as_deref().and_then(|agent| agent.parse::<AgentId>().ok());
        if let Some(mask) = agent.and_then(|agent| masks.of(agent)) {
            mask.hide(&mut line.msg);
        }
    }
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self::with_capacity(LINES_KEPT)
    }
}

impl LogBuffer {
    /// A buffer of the newest `capacity` lines.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let watched = broadcast::channel(LAG_MAX).0;
        let masks = MaskedBy::default();
        Self { lines: Mutex::default(), capacity: capacity.max(1), watched, masks }
    }

    /// From now on, lines that are about an agent tell none of its secrets. Only the first counts.
    pub fn mask_by(&self, masks: Arc<dyn Masks>) {
        drop(self.masks.0.set(masks));
    }

    /// The lines that come from now on, but those that sending a line brings about. Who lags
    /// behind misses the oldest.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<LogLine>> {
        self.watched.subscribe()
    }

    /// Adds a line; of a long message the beginning.
    pub fn push(&self, mut line: LogLine) {
        self.masks.hide_in(&mut line);
        line.msg.truncate(line.msg.floor_char_boundary(MESSAGE_MAX_BYTES));
        if self.watched.receiver_count() > 0 {
            // Nobody minds if the last watcher has gone meanwhile.
            drop(self.watched.send(Arc::new(line.clone())));
        }
        self.push_unwatched(line);
    }

    /// Adds a line that those who watch are not sent: one that sending a line brings about.
    pub(super) fn push_unwatched(&self, mut line: LogLine) {
        self.masks.hide_in(&mut line);
        line.msg.truncate(line.msg.floor_char_boundary(MESSAGE_MAX_BYTES));
        let mut lines = self.lock();
        while lines.len() >= self.capacity {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<LogLine> {
        self.lock().iter().cloned().collect()
    }

    /// Forgets all lines; answers how many there were.
    pub fn clear(&self) -> usize {
        std::mem::take(&mut *self.lock()).len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LogLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number that elizaOS gives to a level.
pub(super) fn number_of(level: Level) -> u8 {
    match level {
        Level::ERROR => 50,
        Level::WARN => 40,
        Level::INFO => 30,
        Level::DEBUG => 20,
        Level::TRACE => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(msg: &str) -> LogLine {
        LogLine {
            time: UnixMillis(0),
            level: 30,
            msg: msg.to_owned(),
            source: "server".into(),
            agent_name: None,
            agent_id: None,
        }
    }

    #[test]
    fn the_oldest_lines_give_way() {
        let buffer = LogBuffer::with_capacity(2);
        for msg in ["a", "b", "c"] {
            buffer.push(line(msg));
        }
        let kept: Vec<_> = buffer.entries().into_iter().map(|line| line.msg).collect();
        assert_eq!(kept, ["b", "c"]);
        assert_eq!(buffer.clear(), 2);
        assert!(buffer.entries().is_empty());
    }

    #[test]
    fn lines_are_watched_but_those_that_watching_makes() {
        let buffer = LogBuffer::default();
        buffer.push(line("before"));
        let mut watch = buffer.watch();
        buffer.push_unwatched(line("sent"));
        buffer.push(line("after"));
        assert_eq!(watch.try_recv().unwrap().msg, "after");
        assert!(watch.try_recv().is_err());
        assert_eq!(buffer.entries().len(), 3);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let buffer = LogBuffer::default();
        buffer.push(line(&"é".repeat(MESSAGE_MAX_BYTES)));
        let kept = buffer.entries();
        assert!(kept[0].msg.len() <= MESSAGE_MAX_BYTES);
        assert!(kept[0].msg.chars().all(|c| c == 'é'));
    }
}
