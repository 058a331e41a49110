//! Whether what is due fires.

use crate::time::UnixMillis;

/// Whether what is due fires.
///
/// While the fleet is halted nothing is due, and all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerHealth {
    /// It does, or nothing is due.
    Well,
    /// A slot of a trigger whose agent runs has been due for too long.
    Overdue {
        /// When it was due.
        due_at: UnixMillis,
    },
    /// Nothing was heard of the scheduler for too long.
    Silent {
        /// Since when.
        since: UnixMillis,
    },
}

impl SchedulerHealth {
    /// Whether all is well.
    #[must_use]
    pub fn is_well(self) -> bool {
        self == Self::Well
    }
}
