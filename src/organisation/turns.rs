//! Turns to change what belongs to one and the same.

use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// How many. Those that share one wait for one another, which at so many is rare.
const TURNS: usize = 32;

pub(super) struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    pub(super) async fn of(&self, id: Uuid) -> Option<MutexGuard<'_, ()>> {
        let turns = u128::try_from(TURNS).unwrap_or(1);
        let nth = usize::try_from(id.as_u128() % turns).unwrap_or(0);
        Some(self.0.get(nth)?.lock().await)
    }
}
