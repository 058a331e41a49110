//! The halt of the whole fleet, and its end.

use std::time::Duration;

use super::Registry;
use super::shard::Broadcast;
use crate::agent::Lifted;
use crate::error::{CoreError, StoreError};
use crate::facts::Fact;

/// How often a store that is too busy is asked again to keep a halt, and how long is waited before
/// that: some five seconds in all.
const HALT_TRIES: u32 = 100;
const HALT_RETRY: Duration = Duration::from_millis(50);

/// How long a halt waits for the record of how the runs ended.
const HALT_RECORDS: Duration = Duration::from_secs(3);

impl Registry {
    /// Halts the whole fleet: every run is cut off at once and none begins, also after a restart of
    /// the host, until it is lifted. Answers once that is durable; a store that is too busy to take
    /// it is asked again for a while. How the runs ended is recorded soon after at the latest.
    ///
    /// # Errors
    /// [`CoreError::Store`] if it could not be made durable; the fleet is silent all the same.
    pub async fn halt(&self) -> Result<(), CoreError> {
        let runtime = &self.inner.runtime;
        runtime.halt();
        let mut tries = HALT_TRIES;
        loop {
            match runtime.commit(vec![Fact::FleetHalted(true)]).await {
                Err(StoreError::Busy) if tries > 0 => tries -= 1,
                committed => {
                    committed?;
                    break;
                }
            }
            tokio::time::sleep(HALT_RETRY).await;
        }
        // The calls are gone already; what is waited for is the record of how they ended.
        if tokio::time::timeout(HALT_RECORDS, runtime.all_landed()).await.is_err() {
            tracing::warn!("halted; how some runs ended is still being recorded");
        }
        Ok(())
    }

    /// Does what calls a provider on behalf of an agent and is no run, unless the fleet is halted; a
    /// halt meanwhile cuts it off.
    ///
    /// # Errors
    /// [`CoreError::Halted`]. What had been done by then is unknown.
    pub async fn unless_halted<T>(&self, work: impl Future<Output = T>) -> Result<T, CoreError> {
        self.inner.runtime.unless_halted(work).await
    }

    /// Lets the fleet go on. What waited meanwhile is taken up.
    ///
    /// # Errors
    /// [`CoreError::Store`] if it could not be made durable; the fleet stays halted then.
    pub async fn lift(&self) -> Result<(), CoreError> {
        self.inner.runtime.commit(vec![Fact::FleetHalted(false)]).await?;
        self.inner.runtime.lift();
        for shard in &self.inner.shards {
            // A shard that is too busy to be told has agents that are told by their next message.
            drop(shard.try_send(Broadcast(Lifted)));
        }
        Ok(())
    }

    /// Whether the whole fleet is halted.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.inner.runtime.is_halted()
    }
}
