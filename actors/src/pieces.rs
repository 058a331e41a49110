//! Answers as they come: the pieces of what agents say, before the whole is durable.
//!
//! Pieces are for whoever watches now. They are not kept: one who misses some has the whole answer
//! soon after, as a memory and as an event.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::ids::{AgentId, LetterId, MemoryId};
use crate::ports::Delta;

/// How many pieces a watcher may lag behind before it misses the oldest. At the speed of a fast
/// model some ten seconds of one answer.
const LAG_MAX: usize = 1_024;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Who speaks.
    pub agent_id: AgentId,
    /// The letter that is answered.
    pub letter_id: LetterId,
    /// The memory that the whole answer will be.
    pub memory_id: MemoryId,
    /// Its place in the answer, from 0.
    pub index: u32,
    /// The words.
    pub text: String,
}

/// Hands pieces to those who watch now.
pub(crate) struct Pieces {
    watched: broadcast::Sender<Arc<Piece>>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { watched: broadcast::channel(LAG_MAX).0 }
    }
}

impl Pieces {
    /// The pieces of all agents from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<Piece>> {
        self.watched.subscribe()
    }

    /// Hands out the words of an answer to a letter, as a model gives them.
    pub(crate) fn of(
        &self,
        agent_id: AgentId,
        letter_id: LetterId,
        memory_id: MemoryId,
    ) -> impl FnMut(&Delta) {
        let mut index = 0;
        move |delta| {
            let Delta::Text(text) = delta else { return };
            if self.watched.receiver_count() > 0 {
                let text = text.clone();
                let piece = Piece { agent_id, letter_id, memory_id, index, text };
                // Nobody minds if the last watcher has gone meanwhile.
                drop(self.watched.send(Arc::new(piece)));
            }
            index += 1;
        }
    }
}
