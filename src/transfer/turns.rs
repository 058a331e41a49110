//! Turns: deriving a key and packing take a core each for a while, and the agents need theirs.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::TransferError;

/// Gives out turns: as many at once as there are pairs of cores, to so many more that wait.
pub(super) struct Turns {
    at_once: Arc<Semaphore>,
    waiting: Semaphore,
}

/// A turn, until it is dropped.
pub(super) type Turn = OwnedSemaphorePermit;

impl Turns {
    pub(super) fn new(waiting_max: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let waiting = usize::try_from(waiting_max).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            at_once: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: Semaphore::new(waiting.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// A turn, at once or when others are done.
    ///
    /// # Errors
    /// [`TransferError::Overloaded`] where as many wait as may.
    pub(super) async fn take(&self) -> Result<Turn, TransferError> {
        if let Ok(turn) = Arc::clone(&self.at_once).try_acquire_owned() {
            return Ok(turn);
        }
        let place = self.waiting.try_acquire().map_err(|_full| TransferError::Overloaded)?;
        let turn = Arc::clone(&self.at_once).acquire_owned().await;
        drop(place);
        turn.map_err(|_closed| TransferError::ShuttingDown)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn some_wait_and_the_others_are_refused() {
        let turns = Turns::new(1);
        let free = turns.at_once.available_permits();
        let mut taken = Vec::new();
        for _ in 0..free {
            taken.push(turns.take().now_or_never().unwrap().unwrap());
        }
        let mut waits = Box::pin(turns.take());
        assert!(waits.as_mut().now_or_never().is_none());
        assert_eq!(turns.take().await.unwrap_err(), TransferError::Overloaded);
        taken.pop();
        drop(waits.await.unwrap());
        assert!(turns.take().now_or_never().is_some());
    }
}
