//! Which agent a thread handled last: what is to be told where the thread does not answer any more.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::ids::AgentId;

/// The agent that one thread handled last.
///
/// In two halves, which are of one agent whenever nobody writes: as on a thread that is blocked.
#[derive(Debug, Default)]
pub(crate) struct Handled {
    high: AtomicU64,
    low: AtomicU64,
}

thread_local! {
    static HERE: RefCell<Option<Arc<Handled>>> = const { RefCell::new(None) };
}

impl Handled {
    /// The agent; `None` before the first.
    pub(crate) fn last(&self) -> Option<AgentId> {
        let (high, low) = (self.high.load(Ordering::Relaxed), self.low.load(Ordering::Relaxed));
        (high | low != 0).then(|| AgentId(Uuid::from_u64_pair(high, low)))
    }

    /// From now on what this thread handles is noted in there.
    pub(crate) fn of_this_thread(self: Arc<Self>) {
        HERE.set(Some(self));
    }
}

/// Notes that this thread handles that agent now.
pub(crate) fn note(agent: AgentId) {
    HERE.with_borrow(|here| {
        if let Some(here) = here {
            let (high, low) = agent.0.as_u64_pair();
            here.high.store(high, Ordering::Relaxed);
            here.low.store(low, Ordering::Relaxed);
        }
    });
}

/// Notes that agent whenever the work goes on.
pub(crate) async fn noting<T>(agent: AgentId, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(move |cx| {
        note(agent);
        work.as_mut().poll(cx)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_agent_of_the_thread_is_told() {
        let handled = Arc::new(Handled::default());
        assert_eq!(handled.last(), None);
        Arc::clone(&handled).of_this_thread();
        for agent in [AgentId::new(), AgentId::new()] {
            note(agent);
            assert_eq!(handled.last(), Some(agent));
        }
        let elsewhere = std::thread::spawn(|| note(AgentId(Uuid::max())));
        elsewhere.join().unwrap();
        assert_ne!(handled.last(), Some(AgentId(Uuid::max())));
    }
}
