//! A shard: the actor that holds the only addresses of its agents, forwards to them, and hosts,
//! rebuilds and ends them.

mod recovery;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use tokio::task::AbortHandle;

use super::{ReplyTo, TURN_MAX, created};
use crate::agent::{Agent, End, Forwarded, Lifted};
use crate::channels::MessageServer;
use crate::character::AgentRecord;
use crate::error::{CoreError, StoreError};
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::ports::Seed;
use crate::runtime::Runtime;
use crate::supervisor::start;
use crate::vitals::Counters;

pub(crate) use recovery::ExamineAll;
use recovery::GaveUp;

pub(crate) struct Shard {
    runtime: Arc<Runtime>,
    agents: HashMap<AgentId, Entry>,
    /// What came for agents that are away, in the order in which it came.
    parked: HashMap<AgentId, Vec<Parked>>,
    turn: u32,
    /// Its own address, one for all its agents: each clone of an address is an allocation of its own.
    address: Option<Rc<Addr<Self>>>,
}

enum Entry {
    Hosted(Addr<Agent>, AbortHandle),
    /// It is being created or rebuilt: what comes for it waits.
    Away,
    /// It is being removed: nothing reaches it any more.
    Leaving,
}

/// What is done once an agent is hosted, or gone.
type Parked = Box<dyn FnOnce(&mut Shard, &mut Context<Shard>)>;

/// A message on its way to an agent, with the caller's reply channel.
pub(crate) struct Route<M, T> {
    pub(crate) to: AgentId,
    pub(crate) message: M,
    pub(crate) reply: ReplyTo<T>,
}

impl<M: 'static, T: 'static> Message for Route<M, T> {
    type Result = ();
}

/// Hosts agents that come up with the host.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Host {
    pub(crate) seeds: Vec<Seed>,
    pub(crate) reply: ReplyTo<()>,
}

/// Creates an agent and hosts it. Fails with [`CoreError::AlreadyExists`], and with
/// [`CoreError::HandleTaken`] if another agent has the handle that it claims.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Create {
    pub(crate) record: Box<AgentRecord>,
    /// Whether it has just the handle of the record or does not come to be.
    pub(crate) claims: bool,
    /// The last of what was imported, if the agent was; [`StoreError::Missing`] if its import is not
    /// open any more.
    pub(crate) imported: Option<Vec<Fact>>,
    pub(crate) reply: ReplyTo<()>,
}

/// Ends an agent, then removes it from the store.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Remove {
    pub(crate) id: AgentId,
    pub(crate) keep_memories: bool,
    pub(crate) reply: ReplyTo<()>,
}

/// Tells every agent of the shard.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Broadcast(pub(crate) Lifted);

impl Shard {
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        let (agents, parked) = (HashMap::new(), HashMap::new());
        Self { runtime, agents, parked, turn: 0, address: None }
    }

    /// Lets the agents run after so many messages; otherwise a flood of messages starves them.
    fn take_turn(&mut self, ctx: &mut Context<Self>) {
        self.turn += 1;
        if self.turn >= TURN_MAX {
            self.turn = 0;
            ctx.wait(tokio::task::yield_now().into_actor(self));
        }
    }

    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Starting`].
    fn address(&self, id: AgentId) -> Result<&Addr<Agent>, CoreError> {
        match self.agents.get(&id) {
            Some(Entry::Hosted(address, _)) => Ok(address),
            None if self.runtime.is_booting() => Err(CoreError::Starting),
            // Nothing is asked for one that is away before it is back.
            Some(Entry::Away | Entry::Leaving) | None => Err(CoreError::AgentNotFound(id)),
        }
    }

    fn is_away(&self, id: AgentId) -> bool {
        matches!(self.agents.get(&id), Some(Entry::Away))
    }

    /// Has something wait until the agent is back: whoever heard of what it is rebuilt for, and acts on
    /// it, comes early. As much waits as would in its mailbox; what is too much is refused.
    fn park<T>(
        &mut self,
        id: AgentId,
        reply: ReplyTo<T>,
        then: impl FnOnce(&mut Self, ReplyTo<T>, &mut Context<Self>) + 'static,
    ) where
        T: 'static,
    {
        let most = usize::try_from(self.runtime.settings.agent_mailbox).unwrap_or(usize::MAX);
        let parked = self.parked.entry(id).or_default();
        if parked.len() >= most {
            Counters::add(&self.runtime.counters.refused, 1);
            return answer(reply, Err(CoreError::Overloaded));
        }
        parked.push(Box::new(move |shard, ctx| then(shard, reply, ctx)));
    }

    /// Does what has waited for an agent that is back, or gone.
    fn unpark(&mut self, id: AgentId, ctx: &mut Context<Self>) {
        for then in self.parked.remove(&id).unwrap_or_default() {
            then(self, ctx);
        }
    }

    fn forward<M, T>(&mut self, to: AgentId, message: M, reply: ReplyTo<T>)
    where
        Agent: Handler<M>,
        M: Message<Result = Result<T, CoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let address = match self.address(to) {
            Ok(address) => address,
            Err(error) => return answer(reply, Err(error)),
        };
        match address.try_send::<Forwarded<M, T>>(Forwarded { message, reply }) {
            Ok(()) => {}
            Err(SendError::Full(refused)) => {
                Counters::add(&self.runtime.counters.refused, 1);
                answer(refused.reply, Err(CoreError::Overloaded));
            }
            Err(SendError::Closed(refused)) => {
                answer(refused.reply, Err(CoreError::Crashed(to)));
            }
        }
    }

    /// Starts the actor of an agent, under supervision.
    fn host(&mut self, seed: Seed, ctx: &mut Context<Self>) {
        let id = seed.id;
        let settings = &self.runtime.settings;
        let mailbox = usize::try_from(settings.agent_mailbox).unwrap_or(usize::MAX);
        let shard = Rc::clone(self.address.get_or_insert_with(|| Rc::new(ctx.address())));
        let (address, task) = start(
            Agent::new(Arc::clone(&self.runtime), seed),
            mailbox,
            settings.restart_intensity,
            move |cause: &str| tell_gave_up(&shard, id, cause),
        );
        self.agents.insert(id, Entry::Hosted(address, task));
        self.unpark(id, ctx);
    }

    /// Hosts what the store knows of an agent; forgets it if the store knows nothing.
    fn host_anew(&mut self, id: AgentId, seed: Option<Seed>, ctx: &mut Context<Self>) {
        match seed {
            Some(seed) => self.host(seed, ctx),
            None => {
                self.agents.remove(&id);
                self.unpark(id, ctx);
            }
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "must not be lost, and is sent once in the life of an agent's actor: the number of agents \
              bounds it"
)]
fn tell_gave_up(shard: &Addr<Shard>, id: AgentId, cause: &str) {
    shard.do_send(GaveUp { id, cause: cause.to_owned() });
}

impl Actor for Shard {
    type Context = Context<Self>;
}

impl Supervised for Shard {
    fn restarting(&mut self, ctx: &mut Context<Self>) {
        let cause = crate::supervisor::cause().unwrap_or_default();
        tracing::error!(cause, "a shard of the registry crashed, and goes on");
        self.agents.retain(|_, entry| match entry {
            Entry::Hosted(address, _) => address.connected(),
            Entry::Away | Entry::Leaving => true,
        });
        // What was to host them, or to end them, went with the shard's futures.
        let is_between = |entry: &Entry| matches!(entry, Entry::Away | Entry::Leaving);
        let between = self.agents.iter().filter(|(_, entry)| is_between(entry));
        let between: Vec<_> = between.map(|(id, _)| *id).collect();
        for id in between {
            self.agents.insert(id, Entry::Away);
            self.host_rebuilt(id, ctx);
        }
    }
}

impl<M, T> Handler<Route<M, T>> for Shard
where
    Agent: Handler<M>,
    M: Message<Result = Result<T, CoreError>> + Send + 'static,
    T: Send + 'static,
{
    type Result = ();

    fn handle(&mut self, route: Route<M, T>, ctx: &mut Context<Self>) {
        let Route { to, message, reply } = route;
        self.take_turn(ctx);
        if self.is_away(to) {
            return self.park(to, reply, move |shard, reply, _| shard.forward(to, message, reply));
        }
        self.forward(to, message, reply);
    }
}

impl Handler<Host> for Shard {
    type Result = ();

    fn handle(&mut self, Host { seeds, reply }: Host, ctx: &mut Context<Self>) {
        self.take_turn(ctx);
        for seed in seeds {
            if !self.agents.contains_key(&seed.id) {
                self.host(seed, ctx);
            }
        }
        answer(reply, Ok(()));
    }
}

impl Handler<Create> for Shard {
    type Result = ();

    fn handle(
        &mut self,
        Create { record, claims, imported, reply }: Create,
        ctx: &mut Context<Self>,
    ) {
        self.take_turn(ctx);
        let id = record.id;
        if self.agents.contains_key(&id) {
            return answer(reply, Err(CoreError::AlreadyExists(id)));
        }
        self.agents.insert(id, Entry::Away);
        let is_imported = imported.is_some();
        let seed = Seed {
            id,
            lifecycle: record.lifecycle.clone(),
            reflected_at: None,
            has_letters: false,
            has_tasks: false,
            has_resumable: false,
            // What was imported may hold some.
            has_news: is_imported,
            has_firings: false,
            has_goals: is_imported,
        };
        let runtime = Arc::clone(&self.runtime);
        let at = if is_imported { runtime.now() } else { record.created_at };
        let mut facts = imported.unwrap_or_default();
        if is_imported {
            facts.push(Fact::ImportFinished { agent_id: id });
        }
        let handle = record.handle.clone();
        if claims {
            facts.push(Fact::HandleClaimed { agent_id: id, handle: handle.clone() });
        }
        let server_id = MessageServer::DEFAULT;
        facts.extend([
            Fact::AgentCreated(record),
            Fact::Enlisted { server_id, agent_id: id, at },
            created(id, at, is_imported),
        ]);
        let created = async move {
            match runtime.commit(facts).await {
                Ok(_) if is_imported => {
                    let known = runtime.ports.store.seed(id).await.ok().flatten();
                    (Ok(()), known.or(Some(seed)))
                }
                Ok(_) => (Ok(()), Some(seed)),
                Err(error @ StoreError::Exists { what: StoreError::HANDLE, .. }) => {
                    (Err(CoreError::of_claim(error, &handle)), None)
                }
                Err(StoreError::Exists { .. }) => {
                    // Kept by the store and hosted by nobody: the host is still coming up, and has
                    // passed it over because it was away.
                    let seed = runtime.ports.store.seed(id).await.ok().flatten();
                    (Err(CoreError::AlreadyExists(id)), seed)
                }
                Err(error) => (Err(error.into()), None),
            }
        };
        ctx.spawn(created.into_actor(self).map(move |(created, seed), shard, ctx| {
            shard.host_anew(id, seed, ctx);
            answer(reply, created);
        }));
    }
}

impl Handler<Remove> for Shard {
    type Result = ();

    fn handle(&mut self, remove: Remove, ctx: &mut Context<Self>) {
        let Remove { id, keep_memories, reply } = remove;
        self.take_turn(ctx);
        if self.is_away(id) {
            let again = move |shard: &mut Self, reply, ctx: &mut Context<Self>| {
                shard.handle(Remove { id, keep_memories, reply }, ctx);
            };
            return self.park(id, reply, again);
        }
        let address = match self.address(id) {
            Ok(address) => address.clone(),
            Err(error) => return answer(reply, Err(error)),
        };
        self.agents.insert(id, Entry::Leaving);
        let runtime = Arc::clone(&self.runtime);
        let removed = async move {
            let (ended, end) = tokio::sync::oneshot::channel();
            tell_end(&address, Forwarded { message: End, reply: ended });
            // An agent that crashes on its end is as silent as one that answers.
            drop(end.await);
            drop(address);
            let gone = runtime.commit(vec![Fact::AgentRemoved { id, keep_memories }]).await;
            runtime.record_changed(id);
            match gone {
                Ok(_) => (Ok(()), None),
                Err(error) => (Err(error), runtime.ports.store.seed(id).await.ok().flatten()),
            }
        };
        ctx.spawn(removed.into_actor(self).map(move |(removed, seed), shard, ctx| {
            shard.host_anew(id, seed, ctx);
            answer(reply, removed.map_err(CoreError::from));
        }));
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "an agent that is removed must hear of it even if its mailbox is full; once for each"
)]
fn tell_end(agent: &Addr<Agent>, end: Forwarded<End, ()>) {
    agent.do_send(end);
}

impl Handler<Broadcast> for Shard {
    type Result = ();

    fn handle(&mut self, Broadcast(message): Broadcast, _: &mut Context<Self>) {
        for entry in self.agents.values() {
            if let Entry::Hosted(agent, _) = entry {
                // One whose mailbox is full is awake already.
                drop(agent.try_send(message));
            }
        }
    }
}

/// Answers a caller; nobody minds if it has gone away.
fn answer<T>(reply: ReplyTo<T>, answer: Result<T, CoreError>) {
    drop(reply.send(answer));
}
