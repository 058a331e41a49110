//! Places of requests in flight: one more than there are is refused at once.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests in flight that govern agents or the host, or tell how they do. A constant, because whoever
/// lowers the limit of the others must not lock themselves out; and far more than operators and
/// probes have under way at once.
pub const CONTROL_MAX: u32 = 256;

/// A number of places.
#[derive(Debug)]
pub struct Places {
    free: Semaphore,
    max: usize,
}

impl Places {
    /// So many places.
    #[must_use]
    pub fn new(max: u32) -> Self {
        let max = places(max);
        Self { free: Semaphore::new(max), max }
    }

    /// A place, if one is free.
    #[must_use]
    pub fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.free.try_acquire().ok()
    }

    /// Places that are taken now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.max.saturating_sub(self.free.available_permits())
    }
}

/// So many places of a semaphore.
#[must_use]
pub fn places(max: u32) -> usize {
    usize::try_from(max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}
