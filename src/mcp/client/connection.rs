//! One server's connection, supervised: opened, watched, opened anew after a while when it breaks,
//! and left alone when it breaks too often.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use greenroom_actors::supervisor::{RecentFailures, RestartIntensity, panic_text};
use rmcp::model::{ClientRequest, PingRequest};
use rmcp::{Peer, RoleClient};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::catalog::Offer;
use super::fault::Fault;
use super::opening::{self, Opened};
use super::spec::Spec;

/// The wait after the first failure; doubled after each further one, with jitter.
const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to say that it is there.
const PING_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at a list of tools that changes.
const RELIST_PAUSE: Duration = Duration::from_secs(1);

/// How long a connection may take to close: as long as its process may take to end, and some more.
const CLOSES_WITHIN: Duration = Duration::from_secs(12);

/// When a server that breaks is left alone, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) intensity: RestartIntensity,
    pub(super) retry_after: Duration,
}

/// How a connection is doing.
#[derive(Clone)]
pub(super) enum State {
    /// Nobody has wanted it yet, or for a while.
    Idle,
    /// It is being opened; `again`, after it broke.
    Starting { again: bool },
    /// It is open.
    Ready(Arc<Ready>),
    /// It broke, and will be opened anew.
    Waiting(String),
    /// It broke too often.
    Failed(String),
    /// It was ended for good.
    Ended,
}

/// An open connection.
pub(super) struct Ready {
    pub(super) peer: Peer<RoleClient>,
    pub(super) offers: Vec<Offer>,
}

/// One server's connection. Clones are the same; it ends with the last of them.
#[derive(Clone)]
pub(super) struct Connection(Arc<Keeper>);

struct Keeper {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    spec: Spec,
    patience: Patience,
    state: watch::Sender<State>,
    /// Somebody wants it.
    wanted: Notify,
    /// Somebody doubts that it answers.
    doubted: Notify,
    is_ending: watch::Sender<bool>,
    used_at: Mutex<Instant>,
    places: Arc<Semaphore>,
}

/// How an open connection came to its end.
enum End {
    /// It was told to.
    Asked,
    /// Nobody used it.
    Unused,
    /// By itself.
    Broke(String),
}

impl Connection {
    /// A connection that is opened now or when it is first wanted, as the server's settings say.
    pub(super) fn of(spec: Spec, patience: Patience) -> Self {
        let places = usize::try_from(spec.settings.calls_max).unwrap_or(usize::MAX);
        let shared = Arc::new(Shared {
            patience,
            state: watch::Sender::new(State::Idle),
            wanted: Notify::new(),
            doubted: Notify::new(),
            is_ending: watch::Sender::new(false),
            used_at: Mutex::new(Instant::now()),
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            spec,
        });
        if shared.spec.settings.starts_at_boot {
            shared.wanted.notify_one();
        }
        let task = tokio::spawn(keep(Arc::clone(&shared)));
        Self(Arc::new(Keeper { shared, task: Mutex::new(Some(task)) }))
    }

    pub(super) fn spec(&self) -> &Spec {
        &self.0.shared.spec
    }

    pub(super) fn state(&self) -> State {
        self.0.shared.state.borrow().clone()
    }

    /// The places for calls.
    pub(super) fn places(&self) -> &Arc<Semaphore> {
        &self.0.shared.places
    }

    /// The open connection; one that was not wanted before is opened, and waited for up to `within`.
    ///
    /// # Errors
    /// Why there is none, as a lower-case fragment.
    pub(super) async fn ready(&self, within: Duration) -> Result<Arc<Ready>, String> {
        let shared = &self.0.shared;
        shared.used();
        shared.wanted.notify_one();
        let mut state = shared.state.subscribe();
        // One that has broken is not waited for: who needs others must not wait at each turn.
        let is_settled =
            |state: &State| !matches!(state, State::Idle | State::Starting { again: false });
        let state = match timeout(within, state.wait_for(is_settled)).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => State::Ended,
            Err(_late) => State::Starting { again: false },
        };
        match state {
            State::Ready(ready) => Ok(ready),
            State::Idle | State::Starting { .. } => Err("it is still starting".to_owned()),
            State::Waiting(reason) => Err(format!("it broke and is started anew: {reason}")),
            State::Failed(reason) => Err(format!("it has failed: {reason}")),
            State::Ended => Err("it was ended".to_owned()),
        }
    }

    /// Lets somebody look whether the server answers at all.
    pub(super) fn doubt(&self) {
        self.0.shared.doubted.notify_one();
    }

    /// Ends it for good, and what it runs with it.
    pub(super) async fn end(&self) {
        self.0.shared.is_ending.send_replace(true);
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && timeout(CLOSES_WITHIN, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The task closes the connection and ends by itself.
        self.shared.is_ending.send_replace(true);
    }
}

impl Shared {
    fn used(&self) {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn unused_since(&self) -> Instant {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was used of late.
    fn is_used(&self) -> bool {
        let idle = self.spec.settings.idle();
        idle.is_none_or(|idle| self.unused_since().elapsed() < idle)
    }

    fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Is ready once it is to end.
    async fn ending(&self) {
        let mut is_ending = self.is_ending.subscribe();
        // The sender lives in here.
        drop(is_ending.wait_for(|ends| *ends).await);
    }
}

/// Keeps a connection until it is to end.
async fn keep(shared: Arc<Shared>) {
    tokio::select! {
        // Whatever is open then is closed by what comes to its end itself.
        () = supervise(&shared) => {}
        () = async { shared.ending().await; sleep(CLOSES_WITHIN).await } => {}
    }
    shared.set(State::Ended);
}

async fn supervise(shared: &Shared) {
    let mut failures = RecentFailures::default();
    let name = shared.spec.name.as_str();
    loop {
        if !shared.spec.settings.starts_at_boot || failures.count() == 0 {
            tokio::select! {
                () = shared.wanted.notified() => {}
                () = shared.ending() => return,
            }
        }
        shared.set(State::Starting { again: failures.count() > 0 });
        let attempted = AssertUnwindSafe(attempt(shared)).catch_unwind().await;
        let attempted = attempted
            .unwrap_or_else(|panic| End::Broke(format!("panicked: {}", panic_text(&*panic))));
        let reason = match attempted {
            End::Asked => return,
            End::Unused => {
                tracing::debug!(server = name, "an MCP server is ended, as nobody uses it");
                // Whoever wanted it while it was there is served.
                let _stale = shared.wanted.notified().now_or_never();
                if shared.is_used() {
                    shared.wanted.notify_one();
                }
                continue;
            }
            End::Broke(reason) => reason,
        };
        let wait = if failures.note(shared.patience.intensity, Instant::now()) {
            tracing::error!(server = name, reason, "an MCP server broke too often; left alone");
            shared.set(State::Failed(reason));
            failures = RecentFailures::default();
            let _stale = shared.wanted.notified().now_or_never();
            shared.patience.retry_after
        } else {
            tracing::warn!(server = name, reason, "an MCP server broke");
            shared.set(State::Waiting(reason));
            backoff(failures.count())
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = shared.ending() => return,
        }
    }
}

/// Opens the connection and keeps it until its end.
async fn attempt(shared: &Shared) -> End {
    let within = shared.spec.settings.start_timeout();
    let opened = tokio::select! {
        opened = timeout(within, opening::open(&shared.spec)) => opened,
        () = shared.ending() => return End::Asked,
    };
    match opened {
        Ok(Ok(opened)) => live(shared, opened).await,
        Ok(Err(reason)) => End::Broke(reason),
        Err(_late) => End::Broke(format!("it did not start within {within:?}")),
    }
}

async fn live(shared: &Shared, opened: Opened) -> End {
    let Opened { running, changed, fault, offers } = opened;
    let name = shared.spec.name.as_str();
    let peer = running.peer().clone();
    let closing = running.cancellation_token();
    let mut closed = pin!(running.waiting());
    tracing::info!(server = name, tools = offers.len(), "an MCP server is ready");
    shared.used();
    shared.set(State::Ready(Arc::new(Ready { peer: peer.clone(), offers })));
    let end = loop {
        tokio::select! {
            _ = &mut closed => return End::Broke(fault.or("the connection ended")),
            reason = fault.noted() => break End::Broke(reason),
            () = shared.ending() => break End::Asked,
            () = unused(shared) => break End::Unused,
            () = changed.notified() => {
                match unless_over(shared, &fault, relisted(shared, &peer)).await {
                    Ok(Ok(offers)) => {
                        tracing::debug!(server = name, tools = offers.len(), "its tools changed");
                        let ready = Ready { peer: peer.clone(), offers };
                        shared.set(State::Ready(Arc::new(ready)));
                    }
                    Ok(Err(reason)) => break End::Broke(reason),
                    Err(end) => break end,
                }
            }
            () = shared.doubted.notified() => {
                match unless_over(shared, &fault, answers(&peer)).await {
                    Ok(true) => {}
                    Ok(false) => break End::Broke(fault.or("it does not answer")),
                    Err(end) => break end,
                }
            }
        }
    };
    // Nobody begins a call while it closes.
    shared.set(match &end {
        End::Asked => State::Ended,
        End::Unused => State::Idle,
        End::Broke(reason) => State::Waiting(reason.clone()),
    });
    closing.cancel();
    drop(timeout(CLOSES_WITHIN, closed).await);
    end
}

/// What comes of some work with a server, unless the connection is over before.
async fn unless_over<T>(
    shared: &Shared,
    fault: &Fault,
    work: impl Future<Output = T>,
) -> Result<T, End> {
    tokio::select! {
        done = work => Ok(done),
        reason = fault.noted() => Err(End::Broke(reason)),
        () = shared.ending() => Err(End::Asked),
    }
}

/// The tools that a server has now that they changed, after a while: more changes may follow.
async fn relisted(shared: &Shared, peer: &Peer<RoleClient>) -> Result<Vec<Offer>, String> {
    sleep(RELIST_PAUSE).await;
    let within = shared.spec.settings.start_timeout();
    let offers = timeout(within, opening::offers(&shared.spec, peer)).await;
    offers.unwrap_or_else(|_late| Err("it does not list its tools".to_owned()))
}

/// Is ready once nobody has used the connection for as long as its settings say.
async fn unused(shared: &Shared) {
    let Some(idle) = shared.spec.settings.idle() else { return std::future::pending().await };
    loop {
        let end = shared.unused_since().checked_add(idle);
        let Some(end) = end else { return std::future::pending().await };
        let is_busy = shared.places.available_permits()
            < usize::try_from(shared.spec.settings.calls_max).unwrap_or(usize::MAX);
        if end <= Instant::now() {
            if !is_busy {
                return;
            }
            shared.used();
            continue;
        }
        sleep_until(end).await;
    }
}

async fn answers(peer: &Peer<RoleClient>) -> bool {
    let ping = PingRequest { method: Default::default(), extensions: Default::default() };
    let answer = peer.send_request(ClientRequest::PingRequest(ping));
    match timeout(PING_WITHIN, answer).await {
        // A refusal is an answer too.
        Ok(Ok(_) | Err(rmcp::ServiceError::McpError(_))) => true,
        Ok(Err(_)) | Err(_) => false,
    }
}

/// How long to wait after so many failures of late.
fn backoff(failures: usize) -> Duration {
    let before = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let doubled = BACKOFF.saturating_mul(2_u32.saturating_pow(before)).min(BACKOFF_MAX);
    doubled.mul_f64(rand::random_range(0.5..=1.0))
}
