//! What comes of a letter: its words piece by piece, then the whole.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::ids::LetterId;
use greenroom_actors::pieces::Piece;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// What comes of one letter, for whoever shows it as it comes.
pub struct Coming<T> {
    letter: LetterId,
    pieces: Receiver<Arc<Piece>>,
    are_pieces_over: bool,
    /// Gone once it has come.
    awaited: Option<BoxFuture<'static, T>>,
    /// The whole, while pieces from before it are still to be told.
    whole: Option<T>,
}

/// What came.
pub enum Came<T> {
    /// Further words. Some may be missed by one that is slow; they come with the whole.
    Piece(Arc<Piece>),
    /// The whole. Nothing comes after it.
    Whole(T),
}

impl<T> Coming<T> {
    /// What comes of that letter. The pieces have to be watched since before it was delivered, or its
    /// first words would be missed.
    pub fn of(
        letter: LetterId,
        pieces: Receiver<Arc<Piece>>,
        whole: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        let awaited = Some(whole.boxed());
        Self { letter, pieces, are_pieces_over: false, awaited, whole: None }
    }

    /// What comes next; `None` after the whole. A call that is dropped has taken nothing.
    pub async fn next(&mut self) -> Option<Came<T>> {
        while let Some(awaited) = &mut self.awaited {
            tokio::select! {
                piece = self.pieces.recv(), if !self.are_pieces_over => match piece {
                    Ok(piece) if piece.letter_id == self.letter => return Some(Came::Piece(piece)),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.are_pieces_over = true,
                },
                whole = awaited => {
                    self.awaited = None;
                    self.whole = Some(whole);
                }
            }
        }
        // The pieces that came before the whole are told before it.
        loop {
            match self.pieces.try_recv() {
                Ok(piece) if self.whole.is_some() && piece.letter_id == self.letter => {
                    return Some(Came::Piece(piece));
                }
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.whole.take().map(Came::Whole)
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::{AgentId, MemoryId};
    use tokio::sync::{broadcast, oneshot};

    use super::*;

    fn piece(letter_id: LetterId, text: &str) -> Arc<Piece> {
        let (agent_id, memory_id) = (AgentId::new(), MemoryId(letter_id.0));
        let text = text.to_owned();
        Arc::new(Piece { agent_id, letter_id, memory_id, heard: None, index: 0, text })
    }

    async fn words(coming: &mut Coming<&'static str>) -> String {
        match coming.next().await {
            Some(Came::Piece(piece)) => piece.text.clone(),
            Some(Came::Whole(whole)) => format!("[{whole}]"),
            None => "over".to_owned(),
        }
    }

    #[tokio::test]
    async fn pieces_come_before_the_whole_and_nothing_after_it() {
        let (ours, others) = (LetterId::new(), LetterId::new());
        let (tell, pieces) = broadcast::channel(8);
        let (answer, whole) = oneshot::channel();
        let mut coming = Coming::of(ours, pieces, async { whole.await.unwrap() });
        for (letter, text) in [(others, "x"), (ours, "a")] {
            tell.send(piece(letter, text)).unwrap();
        }
        assert_eq!(words(&mut coming).await, "a");
        // One that gives up waiting has lost nothing.
        assert!(coming.next().now_or_never().is_none());
        answer.send("abc").unwrap();
        for (letter, text) in [(ours, "b"), (others, "y"), (ours, "c")] {
            tell.send(piece(letter, text)).unwrap();
        }
        for expected in ["b", "c", "[abc]", "over", "over"] {
            assert_eq!(words(&mut coming).await, expected);
        }
    }

    #[tokio::test]
    async fn the_whole_comes_also_where_pieces_were_missed_or_nobody_tells_them() {
        let letter = LetterId::new();
        let (tell, pieces) = broadcast::channel(1);
        for text in ["a", "b", "c"] {
            tell.send(piece(letter, text)).unwrap();
        }
        drop(tell);
        let mut coming = Coming::of(letter, pieces, std::future::ready("abc"));
        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "over") {
            told.push(words(&mut coming).await);
        }
        assert_eq!(told, ["c", "[abc]", "over"]);
    }
}
