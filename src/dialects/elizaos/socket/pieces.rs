//! The words of agents as they come, brought to the relays: one task for all sockets.

use std::sync::{Arc, Weak};

use greenroom_actors::pieces::Piece;
use tokio::runtime::Handle;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot};

use super::Core;

/// Relays that wait at once to know that all pieces are brought; more of them wait for a place.
const ASKERS_MAX: usize = 64;

/// The way to the task.
pub(super) struct Pieces {
    asked: mpsc::Sender<oneshot::Sender<()>>,
}

impl Pieces {
    /// Begins to bring pieces, until the sockets are gone.
    pub(super) fn start(pieces: Receiver<Arc<Piece>>, core: Weak<Core>, on: &Handle) -> Self {
        let (asked, asks) = mpsc::channel(ASKERS_MAX);
        on.spawn(bring(pieces, core, asks));
        Self { asked }
    }

    /// Is ready once every piece that was given out before is brought.
    pub(super) async fn settle(&self) {
        let (settled, is_settled) = oneshot::channel();
        if self.asked.send(settled).await.is_ok() {
            // Without the task nothing is brought any more.
            let _ = is_settled.await;
        }
    }
}

async fn bring(
    mut pieces: Receiver<Arc<Piece>>,
    core: Weak<Core>,
    mut asks: mpsc::Receiver<oneshot::Sender<()>>,
) {
    loop {
        tokio::select! {
            // An asker's turn is when no piece is at hand.
            biased;
            piece = pieces.recv() => match piece {
                Ok(piece) => {
                    if let Some(core) = core.upgrade() {
                        core.relays.bring(&piece);
                    }
                }
                // What is missed comes with the whole answer.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            asked = asks.recv() => match asked {
                // Who waits no longer has given up.
                Some(settled) => {
                    let _ = settled.send(());
                }
                None => return,
            },
        }
    }
}
