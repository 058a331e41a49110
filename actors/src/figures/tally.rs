//! The counters of one agent.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::{ContextUse, Figures};
use crate::ports::Clock;
use crate::time::UnixMillis;

/// Where what is done on an agent's behalf is counted. Clones count in the same place; the default
/// counts nowhere.
#[derive(Clone, Debug, Default)]
pub struct Tally(Option<Arc<Counts>>);

#[derive(Debug)]
struct Counts {
    /// `i64::MIN`: never.
    last_active_at: AtomicI64,
    in_flight: AtomicU32,
    /// One more than the tokens; 0: not known.
    context_tokens: AtomicU64,
    /// 0: not known.
    context_window: AtomicU32,
    cpu_nanos: AtomicU64,
    children_cpu_nanos: AtomicU64,
    children_bytes: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    held: AtomicU64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            last_active_at: AtomicI64::new(i64::MIN),
            in_flight: AtomicU32::default(),
            context_tokens: AtomicU64::default(),
            context_window: AtomicU32::default(),
            cpu_nanos: AtomicU64::default(),
            children_cpu_nanos: AtomicU64::default(),
            children_bytes: AtomicU64::default(),
            sent: AtomicU64::default(),
            received: AtomicU64::default(),
            held: AtomicU64::default(),
        }
    }
}

impl Tally {
    /// One that counts.
    #[must_use]
    pub fn counting() -> Self {
        Self(Some(Arc::default()))
    }

    /// So many bytes were sent to a provider or a tool.
    pub fn sent(&self, bytes: usize) {
        self.add(|counts| &counts.sent, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// So many bytes came from a provider or a tool.
    pub fn received(&self, bytes: usize) {
        self.add(|counts| &counts.received, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// A child process that worked for the agent took so much CPU time more.
    pub fn child_worked(&self, cpu: Duration) {
        self.add(|counts| &counts.children_cpu_nanos, nanos(cpu));
    }

    /// The child processes of the agent hold so many bytes in memory now.
    pub fn children_hold(&self, bytes: u64) {
        if let Some(counts) = &self.0 {
            counts.children_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// What was counted.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let Some(counts) = &self.0 else { return Figures::default() };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let last = counts.last_active_at.load(Ordering::Relaxed);
        let window = counts.context_window.load(Ordering::Relaxed);
        let context = read(&counts.context_tokens).checked_sub(1);
        Figures {
            last_active_at: (last != i64::MIN).then_some(UnixMillis(last)),
            runs_in_flight: counts.in_flight.load(Ordering::Relaxed),
            context: context
                .map(|tokens| ContextUse { tokens, window: (window > 0).then_some(window) }),
            cpu: Duration::from_nanos(read(&counts.cpu_nanos)),
            children_cpu: Duration::from_nanos(read(&counts.children_cpu_nanos)),
            children_bytes: read(&counts.children_bytes),
            sent_bytes: read(&counts.sent),
            received_bytes: read(&counts.received),
            memory_bytes: read(&counts.held),
            started_at: None,
        }
    }

    /// A model with such a window (`u32::MAX`: without bound) has read so many tokens.
    pub(crate) fn model_read(&self, tokens: u64, window: u32) {
        if let Some(counts) = &self.0 {
            let window = if window == u32::MAX { 0 } else { window };
            counts.context_tokens.store(tokens.saturating_add(1), Ordering::Relaxed);
            counts.context_window.store(window, Ordering::Relaxed);
        }
    }

    /// Its run holds so many bytes now.
    pub(crate) fn holds(&self, bytes: u64) {
        if let Some(counts) = &self.0 {
            counts.held.store(bytes, Ordering::Relaxed);
        }
    }

    /// It did something at that time; an earlier time changes nothing.
    pub(crate) fn was_active(&self, at: UnixMillis) {
        if let Some(counts) = &self.0 {
            counts.last_active_at.fetch_max(at.0, Ordering::Relaxed);
        }
    }

    fn add(&self, counter: impl FnOnce(&Counts) -> &AtomicU64, by: u64) {
        if let Some(counts) = &self.0 {
            counter(counts).fetch_add(by, Ordering::Relaxed);
        }
    }
}

/// A run in flight; however it ends, it is none any more.
struct InFlight {
    tally: Tally,
    clock: Arc<dyn Clock>,
}

impl InFlight {
    fn new(tally: Tally, clock: Arc<dyn Clock>) -> Self {
        tally.was_active(clock.now());
        if let Some(counts) = &tally.0 {
            counts.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        Self { tally, clock }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.tally.was_active(self.clock.now());
        if let Some(counts) = &self.tally.0
            && counts.in_flight.fetch_sub(1, Ordering::Relaxed) == 1
        {
            self.tally.holds(0);
        }
    }
}

/// Counts a run, and the CPU time that its own thread spends on it whenever it goes on.
pub(crate) async fn metered<T>(
    tally: Tally,
    clock: Arc<dyn Clock>,
    work: impl Future<Output = T>,
) -> T {
    let in_flight = InFlight::new(tally, clock);
    let mut work = pin!(work);
    poll_fn(move |cx| {
        let InFlight { tally, clock } = &in_flight;
        let before = clock.thread_cpu();
        let polled = work.as_mut().poll(cx);
        let spent = clock.thread_cpu().saturating_sub(before);
        tally.add(|counts| &counts.cpu_nanos, nanos(spent));
        polled
    })
    .await
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{SystemClock, VirtualClock};

    #[tokio::test]
    async fn a_run_counts_while_it_is_in_flight_and_its_time_after_it() {
        let tally = Tally::counting();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let seen = tally.clone();
        let work = async move {
            seen.holds(9);
            (0..200_000_u64).fold(seen.figures(), |figures, number| {
                std::hint::black_box(number);
                figures
            })
        };
        let during = metered(tally.clone(), clock, work).await;
        assert_eq!((during.runs_in_flight, during.cpu), (1, Duration::ZERO));
        let after = tally.figures();
        assert_eq!((after.runs_in_flight, after.memory_bytes), (0, 0));
        assert!(after.cpu > Duration::ZERO && after.last_active_at.is_some());
    }

    #[tokio::test]
    async fn a_run_that_is_dropped_is_none_any_more() {
        let tally = Tally::counting();
        let clock = VirtualClock::at(UnixMillis(7));
        let work = metered(tally.clone(), Arc::new(clock), std::future::pending::<()>());
        let mut work = Box::pin(work);
        assert!(futures::poll!(work.as_mut()).is_pending());
        assert_eq!(tally.figures().runs_in_flight, 1);
        drop(work);
        let after = tally.figures();
        assert_eq!((after.runs_in_flight, after.cpu), (0, Duration::ZERO));
        assert_eq!(after.last_active_at, Some(UnixMillis(7)));
    }

    #[test]
    fn what_is_counted_nowhere_is_nothing() {
        let tally = Tally::default();
        tally.sent(5);
        tally.children_hold(5);
        tally.was_active(UnixMillis(5));
        assert_eq!(tally.figures(), Figures::default());
    }

    #[test]
    fn a_window_without_bound_is_not_known() {
        let tally = Tally::counting();
        tally.model_read(0, u32::MAX);
        let context = |tokens, window| Some(ContextUse { tokens, window });
        assert_eq!(tally.figures().context, context(0, None));
        tally.model_read(70, 200);
        assert_eq!(tally.figures().context, context(70, Some(200)));
    }
}
