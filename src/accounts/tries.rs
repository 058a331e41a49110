//! How often something may be tried.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use greenroom_actors::time::UnixMillis;

/// Whoever tries, counted at once at most. A further one is refused until the time of one of them is
/// over: if one gave way instead, many made-up names would make a host forget what was tried. An
/// entry is about two hundred bytes.
const TRIERS_MAX: usize = 100_000;

/// Counts whose time is over that are let go at each try.
const LET_GO: usize = 8;

/// So often in so long a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) tries: u32,
    pub(crate) within: Duration,
}

/// Counts tries. The time of each who tries begins with their first.
#[derive(Debug)]
pub(crate) struct Tries<K> {
    allowance: Allowance,
    triers_max: usize,
    counts: Mutex<Counts<K>>,
}

#[derive(Debug)]
struct Counts<K> {
    by_trier: HashMap<K, Count>,
    /// In the order in which their time is over.
    by_age: BTreeMap<Age, K>,
    next: u64,
}

/// When a count began, and a number that tells it from others of that moment.
type Age = (UnixMillis, u64);

#[derive(Debug)]
struct Count {
    age: Age,
    tries: u32,
}

impl<K: Hash + Eq + Clone> Tries<K> {
    pub(crate) fn new(allowance: Allowance) -> Self {
        Self::of_at_most(TRIERS_MAX, allowance)
    }

    fn of_at_most(triers_max: usize, allowance: Allowance) -> Self {
        let counts = Counts { by_trier: HashMap::new(), by_age: BTreeMap::new(), next: 0 };
        Self { allowance, triers_max, counts: Mutex::new(counts) }
    }

    /// Counts one more.
    ///
    /// It is counted before it is known how it ends, or many at once would go uncounted.
    ///
    /// # Errors
    /// How long to wait, if it is one too many. Such a one does not count.
    pub(crate) fn admit(&self, who: K, now: UnixMillis) -> Result<(), Duration> {
        let Allowance { tries, within } = self.allowance;
        let mut counts = self.counts();
        for _ in 0..LET_GO {
            let Some(oldest) = counts.by_age.first_entry() else { break };
            if now.since(oldest.key().0) < within {
                break;
            }
            let gone = oldest.remove();
            counts.by_trier.remove(&gone);
        }
        if counts.by_trier.get(&who).is_some_and(|count| now.since(count.age.0) >= within) {
            counts.forget(&who);
        }
        if let Some(count) = counts.by_trier.get_mut(&who) {
            if count.tries >= tries {
                return Err(count.age.0.plus(within).since(now));
            }
            count.tries = count.tries.saturating_add(1);
            return Ok(());
        }
        if let Some((oldest, _)) = counts.by_age.first_key_value()
            && counts.by_trier.len() >= self.triers_max
        {
            return Err(oldest.0.plus(within).since(now));
        }
        let age = (now, counts.next);
        counts.next = counts.next.wrapping_add(1);
        counts.by_age.insert(age, who.clone());
        counts.by_trier.insert(who, Count { age, tries: 1 });
        Ok(())
    }

    /// Forgets whatever that one tried.
    pub(crate) fn forgive(&self, who: &K) {
        self.counts().forget(who);
    }

    /// Takes back one try, which came to nothing by no fault of theirs.
    pub(crate) fn take_back(&self, who: &K) {
        let mut counts = self.counts();
        if let Some(count) = counts.by_trier.get_mut(who) {
            count.tries = count.tries.saturating_sub(1);
            if count.tries == 0 {
                counts.forget(who);
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts<K>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Counts<K> {
    fn forget(&mut self, who: &K) {
        if let Some(count) = self.by_trier.remove(who) {
            self.by_age.remove(&count.age);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(s: i64) -> UnixMillis {
        UnixMillis(s * 1000)
    }

    #[test]
    fn so_many_in_so_long_a_time_and_each_on_their_own() {
        let tries = Tries::new(Allowance { tries: 2, within: MINUTE });
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

    #[test]
    fn no_crowd_pushes_a_count_out() {
        let tries = Tries::of_at_most(10, Allowance { tries: 1, within: MINUTE });
        assert_eq!(tries.admit(0, at(0)), Ok(()));
        for round in 0..100 {
            for other in 1..50 {
                let told = tries.admit(other, at(30));
                assert_eq!(told.is_ok(), round == 0 && other < 10, "{round} {other}");
            }
        }
        assert!(tries.admit(0, at(59)).is_err(), "it is counted still");
        assert_eq!(tries.admit(50, at(60)), Ok(()), "its time is over: there is room for one");
        assert_eq!(tries.admit(51, at(60)), Err(Duration::from_secs(30)));
        // Those who did well, or whose try is taken back, hold no place.
        tries.forgive(&1);
        assert_eq!(tries.admit(51, at(61)), Ok(()));
        tries.take_back(&2);
        assert_eq!(tries.admit(52, at(62)), Ok(()));
        let counts = tries.counts();
        assert_eq!((counts.by_age.len(), counts.by_trier.len()), (10, 10));
    }
}
