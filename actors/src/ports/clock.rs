//! The clock: what time it is, and waiting. One follows the machine, one follows a test.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::time::UnixMillis;

/// Tells the time and waits.
pub trait Clock: Send + Sync + 'static {
    /// What time it is.
    fn now(&self) -> UnixMillis;

    /// Is ready once `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// CPU time that the calling thread has used so far; none with a clock that knows of none.
    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }
}

/// The machine's clock, and tokio's timers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> UnixMillis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixMillis(since.map_or(0, crate::time::millis))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }

    fn thread_cpu(&self) -> Duration {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(used).unwrap_or_default()
    }
}

/// A clock that stands still until it is moved: weeks pass in a second.
///
/// Clones share the time. Meant for one thread: [`advance`](Self::advance) lets the tasks of its
/// own thread run between one timer and the next.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    now: UnixMillis,
    sleepers: BinaryHeap<Reverse<Sleeper>>,
    made: u64,
}

#[derive(Debug)]
struct Sleeper {
    due: UnixMillis,
    order: u64,
    wake: oneshot::Sender<()>,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

/// How often tasks are given way after a timer. A tick passes through some ten tasks and mailboxes
/// before it arms the next timer; this leaves room for longer ways.
const WAYS_GIVEN: usize = 64;

impl VirtualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: UnixMillis) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { now, ..Inner::default() })) }
    }

    /// Moves the time on by `duration`, waking each sleeper at its time and letting the tasks of
    /// this thread settle before the next.
    pub async fn advance(&self, duration: Duration) {
        let end = self.now().plus(duration);
        self.settle().await;
        while let Some(wake) = self.next_due(end) {
            if wake.send(()).is_ok() {
                self.settle().await;
            }
        }
        self.lock().now = end;
    }

    /// Lets the tasks of this thread run until they wait for the time or for one another.
    pub async fn settle(&self) {
        for _ in 0..WAYS_GIVEN {
            tokio::task::yield_now().await;
        }
    }

    fn next_due(&self, end: UnixMillis) -> Option<oneshot::Sender<()>> {
        let mut inner = self.lock();
        let due = inner.sleepers.peek().map(|Reverse(sleeper)| sleeper.due)?;
        if due > end {
            return None;
        }
        inner.now = inner.now.max(due);
        inner.sleepers.pop().map(|Reverse(sleeper)| sleeper.wake)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> UnixMillis {
        self.lock().now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        let mut inner = self.lock();
        inner.made += 1;
        let sleeper = Sleeper { due: inner.now.plus(duration), order: inner.made, wake };
        inner.sleepers.push(Reverse(sleeper));
        drop(inner);
        woken.map(|_| ()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_order_at_their_own_times() {
        let clock = VirtualClock::at(UnixMillis(0));
        let seen = Arc::new(Mutex::new(Vec::new()));
        for seconds in [3_u64, 1, 2] {
            let (clock, seen) = (clock.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                clock.sleep(Duration::from_secs(seconds)).await;
                seen.lock().unwrap().push((seconds, clock.now()));
            });
        }
        clock.advance(Duration::from_secs(2)).await;
        assert_eq!(*seen.lock().unwrap(), [(1, UnixMillis(1000)), (2, UnixMillis(2000))]);
        assert_eq!(clock.now(), UnixMillis(2000));
    }
}
