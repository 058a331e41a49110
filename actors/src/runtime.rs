//! What all agents of a host share: the ports, the bounds, the switches that stop work, the counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::agent::Permits;
use crate::cache::RecordCache;
use crate::channels::ChannelEvent;
use crate::character::AgentRecord;
use crate::directory::{Directory, News};
use crate::error::{CoreError, StoreError};
use crate::facts::{Batch, Committed, Epoch, Event, EventKind, Fact, NewEvent};
use crate::feed::Hub;
use crate::figures::Tallies;
use crate::ids::{AgentId, LetterId, RunId};
use crate::lines;
use crate::liveness::{Board, Finding};
use crate::masks::{Mask, Masks, masked};
use crate::pieces::Pieces;
use crate::ports::{Clock, Model, Store, Tools};
use crate::registry::{Registry, WeakRegistry};
use crate::scheduler::{Desk, SchedulerHealth};
use crate::settings::Settings;
use crate::time::UnixMillis;
use crate::vitals::{Counters, Vitals};

/// What the core needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Keeps what must last.
    pub store: Arc<dyn Store>,
    /// Answers prompts.
    pub model: Arc<dyn Model>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What agents can do beside what is built in; [`NoTools`](crate::ports::NoTools) for nothing.
    pub tools: Arc<dyn Tools>,
    /// What must not be told of agents; [`NoMasks`](crate::masks::NoMasks) for nothing.
    pub masks: Arc<dyn Masks>,
}

/// A run in flight.
struct InFlight {
    /// What cuts it off.
    abort: AbortHandle,
    agent: AgentId,
    /// The run that is carried out: another than it is known by where a parked one goes on.
    carried_out: RunId,
    /// The letter that is dealt with beside the agent's conversation.
    beside: Option<LetterId>,
    began_at: UnixMillis,
}

/// A letter that is being dealt with beside an agent's conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskInFlight {
    /// The agent.
    pub agent_id: AgentId,
    /// The letter.
    pub letter_id: LetterId,
    /// The run.
    pub run_id: RunId,
    /// Since when.
    pub began_at: UnixMillis,
}

/// What all agents of a host share.
pub(crate) struct Runtime {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    pub(crate) directory: Directory,
    pub(crate) tallies: Tallies,
    pub(crate) hub: Hub<Event>,
    pub(crate) channel_hub: Hub<ChannelEvent>,
    pub(crate) pieces: Pieces,
    pub(crate) board: Board,
    pub(crate) scheduler: Desk,
    pub(crate) permits: Permits,
    began_at: UnixMillis,
    epoch: Epoch,
    records: RecordCache,
    registry: OnceLock<WeakRegistry>,
    is_halted: watch::Sender<bool>,
    is_draining: AtomicBool,
    is_booting: AtomicBool,
    flights: Mutex<HashMap<RunId, InFlight>>,
    landed: Notify,
    /// Something that was reserved was settled, so that there may be room in a budget.
    pub(crate) room: Notify,
}

impl Runtime {
    pub(crate) fn new(ports: Ports, settings: Settings, epoch: Epoch, is_halted: bool) -> Self {
        Self {
            records: RecordCache::new(settings.record_cache),
            began_at: ports.clock.now(),
            ports,
            settings,
            counters: Counters::default(),
            directory: Directory::default(),
            tallies: Tallies::default(),
            hub: Hub::default(),
            channel_hub: Hub::default(),
            pieces: Pieces::default(),
            board: Board::default(),
            scheduler: Desk::default(),
            permits: Permits::default(),
            epoch,
            registry: OnceLock::new(),
            is_halted: watch::Sender::new(is_halted),
            is_draining: AtomicBool::new(false),
            is_booting: AtomicBool::new(true),
            flights: Mutex::default(),
            landed: Notify::new(),
            room: Notify::new(),
        }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.ports.clock.now()
    }

    pub(crate) fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.ports.clock.sleep(duration)
    }

    /// Lets runs reach other agents.
    pub(crate) fn reached_by(&self, registry: &Registry) {
        // Set once, when the host starts.
        drop(self.registry.set(registry.downgrade()));
    }

    /// The way to the agents; `None` once nobody holds it any more.
    pub(crate) fn registry(&self) -> Option<Registry> {
        self.registry.get()?.upgrade()
    }

    /// Commits facts, whole or not at all, with the lines that they are worth in agents' logs, then
    /// tells those who listen.
    pub(crate) fn commit(
        self: &Arc<Self>,
        facts: Vec<Fact>,
    ) -> BoxFuture<'static, Result<Committed, StoreError>> {
        let settles =
            facts.iter().any(|fact| matches!(fact, Fact::StepEnded(_) | Fact::RunEnded(_)));
        let news = News::of(&facts);
        let is_news = !news.is_empty();
        let left: Vec<_> = facts.iter().filter_map(left).collect();
        let mut facts = masked(&*self.ports.masks, facts, self.now());
        // Behind the others, which are affected in the order of the caller; and of what is masked already,
        // since a line may hold half of a secret.
        facts.extend(lines::of(&facts));
        let committed = self.ports.store.commit(Batch { epoch: self.epoch, facts });
        let runtime = Arc::clone(self);
        let told = committed
            .map(move |committed| {
                if let Ok(committed) = &committed {
                    for news in &news {
                        runtime.record_changed(news.id);
                        if news.is_removal() {
                            runtime.tallies.forget(news.id);
                        }
                    }
                    if !news.is_empty() {
                        runtime.directory.apply(news, committed);
                    }
                    left.into_iter().for_each(|agent| runtime.ports.masks.left(agent));
                    if settles {
                        runtime.room.notify_one();
                    }
                    runtime.hub.publish(&committed.events);
                    runtime.channel_hub.publish(&committed.channel_events);
                }
                committed
            })
            .boxed();
        if !is_news {
            return told;
        }
        // On its own, as whoever waits for it may crash or leave: the directory has to know.
        tokio::spawn(told).map(|told| told.unwrap_or(Err(StoreError::Closed))).boxed()
    }

    /// The mask over what is told of an agent, if it has secrets.
    pub(crate) fn mask(&self, agent: AgentId) -> Option<Arc<Mask>> {
        let masks = &self.ports.masks;
        if masks.is_empty() { None } else { masks.of(agent) }
    }

    /// An agent's record, from the cache if it is there.
    pub(crate) async fn record(&self, id: AgentId) -> Result<Arc<AgentRecord>, CoreError> {
        let absent = match self.records.get(id) {
            Ok(record) => return Ok(record),
            Err(absent) => absent,
        };
        let record = self.ports.store.agent(id).await?.ok_or(CoreError::AgentNotFound(id))?;
        let record = Arc::new(record);
        self.records.fill(absent, &record);
        Ok(record)
    }

    /// To be called after each commit that changed an agent's record.
    pub(crate) fn record_changed(&self, id: AgentId) {
        self.records.drop_record(id);
    }

    /// Whether work may be begun at all.
    pub(crate) fn may_work(&self) -> Result<(), CoreError> {
        if self.is_draining.load(Ordering::Acquire) {
            Err(CoreError::ShuttingDown)
        } else if self.is_halted() {
            Err(CoreError::Halted)
        } else {
            Ok(())
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    pub(crate) fn is_halted(&self) -> bool {
        *self.is_halted.borrow()
    }

    pub(crate) fn is_booting(&self) -> bool {
        self.is_booting.load(Ordering::Acquire)
    }

    pub(crate) fn booted(&self) {
        self.is_booting.store(false, Ordering::Release);
        self.scheduler.tell();
    }

    /// Lets no more work begin, and cuts off what is in flight.
    pub(crate) fn halt(&self) {
        self.is_halted.send_replace(true);
        self.abort_flights();
    }

    pub(crate) fn lift(&self) {
        self.is_halted.send_replace(false);
        self.scheduler.tell();
    }

    /// Whether what is due fires.
    pub(crate) fn scheduler_health(&self) -> SchedulerHealth {
        let allowed = Duration::from_secs(u64::from(self.settings.overdue_after_s));
        self.scheduler.health(self.began_at, self.now(), allowed)
    }

    /// Does what calls somebody outside the process, unless the fleet is halted; a halt meanwhile cuts
    /// it off.
    ///
    /// # Errors
    /// [`CoreError::Halted`]. What had been done by then is unknown.
    pub(crate) async fn unless_halted<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, CoreError> {
        let mut halts = self.is_halted.subscribe();
        tokio::select! {
            biased;
            // This very runtime keeps the sender alive, so that waiting cannot fail.
            _ = halts.wait_for(|is_halted| *is_halted) => Err(CoreError::Halted),
            done = work => Ok(done),
        }
    }

    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        self.scheduler.tell();
    }

    pub(crate) fn abort_flights(&self) {
        for flight in self.lock_flights().values() {
            flight.abort.abort();
        }
    }

    pub(crate) fn took_off(
        &self,
        run: RunId,
        agent: AgentId,
        beside: Option<LetterId>,
        handle: AbortHandle,
    ) {
        let (abort, began_at) = (handle.clone(), self.now());
        let flight = InFlight { abort, agent, carried_out: run, beside, began_at };
        self.lock_flights().insert(run, flight);
        // A halt that came between the look at it and here has not seen this run.
        if self.is_halted() {
            handle.abort();
        }
    }

    /// A flight goes on with a parked run.
    pub(crate) fn goes_on_with(&self, flight: RunId, run: RunId) {
        if let Some(flight) = self.lock_flights().get_mut(&flight) {
            flight.carried_out = run;
        }
    }

    /// The letters that are being dealt with beside conversations, of one agent if given.
    pub(crate) fn tasks_in_flight(&self, agent: Option<AgentId>) -> Vec<TaskInFlight> {
        let flights = self.lock_flights();
        let of_agent =
            flights.values().filter(|flight| agent.is_none_or(|agent| flight.agent == agent));
        let tasks = of_agent.filter_map(|flight| {
            Some(TaskInFlight {
                agent_id: flight.agent,
                letter_id: flight.beside?,
                run_id: flight.carried_out,
                began_at: flight.began_at,
            })
        });
        tasks.collect()
    }

    pub(crate) fn landed(&self, run: RunId) {
        let mut flights = self.lock_flights();
        flights.remove(&run);
        if flights.is_empty() {
            self.landed.notify_waiters();
        }
    }

    /// Whether that run is carried out now.
    pub(crate) fn is_in_flight(&self, run: RunId) -> bool {
        let flights = self.lock_flights();
        flights.contains_key(&run) || flights.values().any(|flight| flight.carried_out == run)
    }

    /// Counts and shows what was wrong with an agent; answers with the event that says so.
    pub(crate) fn found(&self, agent: AgentId, finding: Finding, data: Value) -> Fact {
        let at = self.now();
        let place = Finding::ALL.iter().position(|known| *known == finding);
        if let Some(counter) = place.and_then(|place| self.counters.findings.get(place)) {
            Counters::add(counter, 1);
        }
        self.board.found(agent, finding, at);
        let remedy = finding.remedy();
        let mut data = data;
        if let Some(mask) = self.mask(agent) {
            mask.hide_in(&mut data);
        }
        tracing::warn!(%agent, finding = finding.as_str(), remedy, %data, "an agent did not get on");
        let mut data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        data.insert("finding".to_owned(), json!(finding));
        data.insert("remedy".to_owned(), json!(remedy));
        Fact::Happened(NewEvent { agent_id: agent, at, kind: EventKind::Remedied, data })
    }

    /// Waits until no run is in flight.
    pub(crate) async fn all_landed(&self) {
        loop {
            let landed = self.landed.notified();
            if self.lock_flights().is_empty() {
                return;
            }
            landed.await;
        }
    }

    pub(crate) fn vitals(&self) -> Vitals {
        let in_flight = self.lock_flights().len();
        self.counters.snapshot(u64::try_from(in_flight).unwrap_or(u64::MAX))
    }

    fn lock_flights(&self) -> MutexGuard<'_, HashMap<RunId, InFlight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The agent that a fact removes.
fn left(fact: &Fact) -> Option<AgentId> {
    match fact {
        Fact::AgentRemoved { id, .. } => Some(*id),
        _ => None,
    }
}
