//! How often something may be tried.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use greenroom_actors::time::UnixMillis;
use moka::sync::Cache;

/// Whoever tries, kept at once at most: the one unseen for longest gives way. An entry is about a
/// hundred bytes.
const TRIERS_MAX: u64 = 50_000;

/// So often in so long a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) tries: u32,
    pub(crate) within: Duration,
}

/// Counts tries. The time of each who tries begins with their first.
#[derive(Debug)]
pub(crate) struct Tries<K: Hash + Eq + Send + Sync + 'static> {
    allowance: Allowance,
    counts: Cache<K, Arc<Mutex<Count>>>,
}

#[derive(Debug)]
struct Count {
    since: UnixMillis,
    tries: u32,
}

impl<K: Hash + Eq + Send + Sync + 'static> Tries<K> {
    pub(crate) fn new(allowance: Allowance) -> Self {
        let counts =
            Cache::builder().max_capacity(TRIERS_MAX).time_to_idle(allowance.within).build();
        Self { allowance, counts }
    }

    /// Counts one more.
    ///
    /// It is counted before it is known how it ends, or many at once would go uncounted.
    ///
    /// # Errors
    /// How long to wait, if it is one too many. Such a one does not count.
    pub(crate) fn admit(&self, who: K, now: UnixMillis) -> Result<(), Duration> {
        let fresh = || Arc::new(Mutex::new(Count { since: now, tries: 0 }));
        let count = self.counts.get_with(who, fresh);
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(count.since) >= self.allowance.within {
            *count = Count { since: now, tries: 0 };
        }
        if count.tries >= self.allowance.tries {
            return Err(count.since.plus(self.allowance.within).since(now));
        }
        count.tries = count.tries.saturating_add(1);
        Ok(())
    }

    /// Forgets whatever that one tried.
    pub(crate) fn forgive(&self, who: &K) {
        self.counts.invalidate(who);
    }

    /// Takes back one try, which came to nothing by no fault of theirs.
    pub(crate) fn take_back(&self, who: &K) {
        if let Some(count) = self.counts.get(who) {
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            count.tries = count.tries.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_so_long_a_time_and_each_on_their_own() {
        let minute = Duration::from_secs(60);
        let tries = Tries::new(Allowance { tries: 2, within: minute });
        let at = |s: i64| UnixMillis(s * 1000);
        assert_eq!(tries.admit(1, at(0)), Ok(()));
        assert_eq!(tries.admit(1, at(10)), Ok(()));
        assert_eq!(tries.admit(1, at(20)), Err(Duration::from_secs(40)));
        assert_eq!(tries.admit(2, at(20)), Ok(()));
        assert_eq!(tries.admit(1, at(59)), Err(Duration::from_secs(1)));
        assert_eq!(tries.admit(1, at(60)), Ok(()));
        assert_eq!(tries.admit(1, at(61)), Ok(()));
        tries.take_back(&1);
        assert_eq!(tries.admit(1, at(62)), Ok(()));
        assert!(tries.admit(1, at(63)).is_err());
        tries.forgive(&1);
        assert_eq!(tries.admit(1, at(64)), Ok(()));
    }
}
