//! Answers as they come: the pieces of what agents say, before the whole is durable.
//!
//! Pieces are for whoever watches now. They are not kept: one who misses some has the whole answer
//! soon after, as a memory and as an event.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::ids::{AgentId, LetterId, MemoryId};
use crate::letters::{Heard, Letter};
use crate::masks::{Mask, Sieve};
use crate::ports::{Delta, Prompt};

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
    /// Where the letter was said, if others heard it.
    pub heard: Option<Heard>,
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
    ///
    /// Where the model may find that the letter is not for it, the word that says so is not handed
    /// out: words are held back until they can no longer be that, or the beginning of a secret.
    pub(crate) fn of<'a>(
        &'a self,
        agent_id: AgentId,
        letter: &Letter,
        memory_id: MemoryId,
        may_ignore: bool,
        mask: Option<Arc<Mask>>,
    ) -> impl FnMut(&Delta) + use<'a> {
        let (letter_id, heard) = (letter.id, letter.heard);
        let mut index = 0;
        let mut held = may_ignore.then(String::new);
        let mut sieve = mask.map(Sieve::new);
        move |delta| {
            let text = match (delta, &mut sieve) {
                (Delta::Text(text), None) => Cow::Borrowed(text),
                (Delta::Text(text), Some(sieve)) => Cow::Owned(sieve.push(text)),
                (Delta::Done(_), Some(sieve)) => Cow::Owned(sieve.finish()),
                _ => return,
            };
            if text.is_empty() {
                return;
            }
            let text = match held.take() {
                None => text.into_owned(),
                Some(before) => {
                    let so_far = before + &*text;
                    if may_be_silence(&so_far) {
                        held = Some(so_far);
                        return;
                    }
                    so_far
                }
            };
            if self.watched.receiver_count() > 0 {
                let piece = Piece { agent_id, letter_id, memory_id, heard, index, text };
                // Nobody minds if the last watcher has gone meanwhile.
                drop(self.watched.send(Arc::new(piece)));
            }
            index += 1;
        }
    }
}

/// Whether an answer that begins so may still come to nothing but [`Prompt::IGNORE`].
fn may_be_silence(so_far: &str) -> bool {
    let word = so_far.trim();
    Prompt::IGNORE.starts_with(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ChannelId, ChannelMessageId, EntityId, RoomId};
    use crate::letters::LetterStatus;
    use crate::time::UnixMillis;

    fn letter() -> Letter {
        Letter {
            id: LetterId::new(),
            to: AgentId::new(),
            from: EntityId::new(),
            from_agent: None,
            room_id: RoomId::new(),
            memory_id: MemoryId::new(),
            content: serde_json::Map::new(),
            expects_reply: true,
            may_be_ignored: true,
            heard: Some(Heard {
                channel_id: ChannelId::new(),
                message_id: ChannelMessageId::new(),
            }),
            askers: Vec::new(),
            in_reply_to: None,
            status: LetterStatus::Waiting,
            attempts: 1,
            sent_at: UnixMillis(0),
            terms: None,
            settled: None,
        }
    }

    #[test]
    fn the_word_for_silence_is_heard_by_nobody() {
        for (may_ignore, given, expected) in [
            (true, &["IGN", "ORE"][..], &[][..]),
            (true, &["IGN", "ORE", "\n"], &[]),
            (true, &["I", " am", " here"], &["I am", " here"]),
            (true, &["IGNORE", " him"], &["IGNORE him"]),
            (true, &["", "Yes", "!"], &["Yes", "!"]),
            (false, &["IGN", "ORE"], &["IGN", "ORE"]),
        ] {
            let pieces = Pieces::default();
            let mut heard = pieces.watch();
            let letter = letter();
            let mut hand_out = pieces.of(letter.to, &letter, MemoryId::new(), may_ignore, None);
            for text in given {
                hand_out(&Delta::Text((*text).to_owned()));
            }
            let mut texts = Vec::new();
            while let Ok(piece) = heard.try_recv() {
                assert_eq!(piece.index, u32::try_from(texts.len()).unwrap());
                assert_eq!(piece.heard, letter.heard);
                texts.push(piece.text.clone());
            }
            assert_eq!(texts, expected, "{given:?}");
        }
    }
}
