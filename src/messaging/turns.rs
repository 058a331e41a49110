//! Turns: what reads and then writes one thing waits for whoever does so already.

use std::array::from_fn;

use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// How many turns there are. Things that share one wait for one another, which at so many is rare;
/// a lock for each would have to be forgotten again.
const TURNS: usize = 256;

/// A turn for each thing of one sort; some things share one.
pub(super) struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    /// Waits for the turn of that thing, and holds it.
    pub(super) async fn of(&self, id: Uuid) -> Option<MutexGuard<'_, ()>> {
        // The last bytes are random in every version of ids.
        let turns = u128::try_from(TURNS).unwrap_or(1);
        let nth = usize::try_from(id.as_u128() % turns).unwrap_or(0);
        Some(self.0.get(nth)?.lock().await)
    }
}
