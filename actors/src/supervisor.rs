//! Supervision that survives a panic: the actor is rebuilt in place, its mailbox and address kept.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::dev::ContextFut;
use actix::{Actor, ActorContext, Addr, Context, Supervised};
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How many restarts within which time are tolerated before an actor is left dead.
///
/// The term and its meaning are those of Erlang/OTP supervisors (`MaxR` in `MaxT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestartIntensity {
    /// Restarts tolerated within the window; the next crash is the last.
    pub restarts_max: u32,
    /// The window, in seconds.
    pub within_s: u32,
}

impl Default for RestartIntensity {
    fn default() -> Self {
        Self { restarts_max: 5, within_s: 600 }
    }
}

/// What went wrong of late, held against a [`RestartIntensity`].
#[derive(Debug, Default)]
pub struct RecentFailures {
    recent: VecDeque<Instant>,
}

impl RecentFailures {
    /// How many there were within the window, when the last was noted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.recent.len()
    }

    /// Notes one at `now`; true if that is more than `intensity` allows.
    pub fn note(&mut self, intensity: RestartIntensity, now: Instant) -> bool {
        let window = Duration::from_secs(u64::from(intensity.within_s));
        while self.recent.front().is_some_and(|past| now.duration_since(*past) > window) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.recent.len() > usize::try_from(intensity.restarts_max).unwrap_or(usize::MAX)
    }
}

thread_local! {
    static CAUSE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The text of the panic that the actor died of; only within its [`Supervised::restarting`].
#[must_use]
pub fn cause() -> Option<String> {
    CAUSE.with_borrow(Clone::clone)
}

/// Starts an actor on the arbiter of the caller, under supervision.
///
/// A panic in a handler, in a spawned future or in [`Supervised::restarting`] is caught. Within
/// `intensity` the actor is rebuilt where it stands: its futures in flight are cancelled,
/// `restarting` runs, and the messages that wait in its mailbox wait on. Past it the actor is
/// dropped, and `gave_up` is told the text of the last panic.
///
/// `actix::Supervisor` does not do: a panic ends an actor under it. This keeps the address and the
/// mailbox, and costs nothing while nothing panics.
pub fn supervise<A, F>(actor: A, mailbox: usize, intensity: RestartIntensity, gave_up: F) -> Addr<A>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&str) + Unpin + 'static,
{
    start(actor, mailbox, intensity, gave_up).0
}

/// The same, with what ends the actor where it stands: nothing of it runs then, and its mailbox is
/// gone. For one that does not answer any more.
pub(crate) fn start<A, F>(
    actor: A,
    mailbox: usize,
    intensity: RestartIntensity,
    gave_up: F,
) -> (Addr<A>, AbortHandle)
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&str) + Unpin + 'static,
{
    let mut context = Context::<A>::new();
    context.set_mailbox_capacity(mailbox);
    let inner = context.into_future(actor);
    let address = inner.address();
    let crashes = RecentFailures::default();
    let task = actix::spawn(Supervise { inner, crashes, intensity, gave_up: Some(gave_up) });
    (address, task.abort_handle())
}

struct Supervise<A: Actor<Context = Context<A>>, F> {
    inner: ContextFut<A, Context<A>>,
    crashes: RecentFailures,
    intensity: RestartIntensity,
    gave_up: Option<F>,
}

impl<A: Actor<Context = Context<A>>, F> Drop for Supervise<A, F> {
    fn drop(&mut self) {
        // A context that is not marked as ended would be polled once more by its own drop.
        self.inner.ctx().terminate();
    }
}

impl<A, F> Future for Supervise<A, F>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&str) + Unpin,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut outcome = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.inner).poll(cx)));
        while let Err(panic) = outcome {
            let text = panic_text(&*panic);
            let is_too_much = this.crashes.note(this.intensity, Instant::now());
            outcome = catch_unwind(AssertUnwindSafe(|| {
                if !is_too_much && this.rebuild(&text) {
                    // Polled anew in a turn of its own, so that the arbiter serves the others too.
                    cx.waker().wake_by_ref();
                    Poll::Pending
                } else {
                    this.leave(&text);
                    Poll::Ready(())
                }
            }));
            CAUSE.set(None);
        }
        outcome.unwrap_or(Poll::Ready(()))
    }
}

impl<A, F> Supervise<A, F>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&str) + Unpin,
{
    fn rebuild(&mut self, panic: &str) -> bool {
        CAUSE.set(Some(panic.to_owned()));
        self.inner.restart()
    }

    fn leave(&mut self, panic: &str) {
        // A context that is not marked as ended would be polled once more by its own drop.
        self.inner.ctx().terminate();
        if let Some(gave_up) = self.gave_up.take() {
            gave_up(panic);
        }
    }
}

/// The text of a panic, as far as it has one.
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
