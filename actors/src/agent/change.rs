//! Lifecycle: what an operator asks of an agent. Silent first, durable second, visible third.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::{Map, Value, json};

use super::Agent;
use super::errand::Flight;
use super::grace::{Ending, reason};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{AgentId, RoomId, WorldId};
use crate::lifecycle::{Autonomy, Command, Lifecycle, State};
use crate::records::{Entity, Participant, Room, World};
use crate::runs::RunStatus;
use crate::time::{UnixMillis, millis};

/// Carries out a lifecycle command; answers with the lifecycle after it.
///
/// A pause, stop or restart without a grace cuts off the run in flight first: from that instant no
/// call leaves the process for the agent. With a grace the run may still end, and is cut off when the
/// grace is over; nothing else begins meanwhile, and a further command without one cuts it off at
/// once. The answer is sent once the change is durable: whatever happens to the process then, the
/// agent is what was asked for. Fails with
/// [`CoreError::WrongState`] where the command does not apply (nothing is cut off then) and nobody
/// insists, with [`CoreError::Halted`] if it would start work while the fleet is halted, and with
/// [`CoreError::Store`] if it could not be made durable.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Lifecycle, CoreError>")]
pub struct Change {
    /// What is asked.
    pub command: Command,
    /// The autonomy from now on; `None` leaves it as it is.
    pub autonomy: Option<Option<Autonomy>>,
    /// Settings of the model until the next stop; `None` leaves them as they are.
    pub overrides: Option<Map<String, Value>>,
    /// How long the run in flight may still take where it would be cut off; `None`: not at all.
    pub grace: Option<Duration>,
    /// Whether the command applies in every state; see [`Lifecycle::insisting`]. A start of a running
    /// agent leaves its run in flight alone then.
    pub insists: bool,
}

impl Change {
    /// The command and nothing else.
    #[must_use]
    pub fn to(command: Command) -> Self {
        Self { command, autonomy: None, overrides: None, grace: None, insists: false }
    }

    /// The command, in whatever state the agent is, and nothing else.
    #[must_use]
    pub fn insisting(command: Command) -> Self {
        Self { insists: true, ..Self::to(command) }
    }

    /// The longest grace: a day. A run has its own deadline long before.
    pub const GRACE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// The command with a grace of so many seconds, unless it is to be forced; without a grace, too,
    /// nothing is waited for.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if the grace is no length of time, or longer than
    /// [`GRACE_MAX`](Self::GRACE_MAX).
    pub fn ending(
        command: Command,
        grace_s: Option<f64>,
        is_forced: bool,
    ) -> Result<Self, CoreError> {
        let grace = grace_s.map(Duration::try_from_secs_f64).transpose();
        let most = Self::GRACE_MAX;
        match grace {
            Ok(grace) if grace.is_none_or(|grace| grace <= most) => {
                let grace = grace.filter(|grace| !is_forced && !grace.is_zero());
                Ok(Self { grace, ..Self::to(command) })
            }
            _ => {
                let reason = format!("must be 0 to {} seconds", most.as_secs());
                Err(CoreError::Invalid { field: "grace_s", reason })
            }
        }
    }
}

/// Sets whether an agent acts by itself, and how often, in any state; answers with its lifecycle.
///
/// A running agent that becomes autonomous ticks at once; one that was so before, when the new period
/// is over.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Lifecycle, CoreError>")]
pub struct SetAutonomy(pub Option<Autonomy>);

/// The fleet is no longer halted: take up what waits.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), CoreError>")]
pub(crate) struct Lifted;

pub(super) type Changed = AtomicResponse<Agent, Result<Lifecycle, CoreError>>;

impl Handler<Change> for Agent {
    type Result = Changed;

    fn handle(&mut self, change: Change, _: &mut Context<Self>) -> Changed {
        let Change { command, autonomy, overrides, grace, insists } = change;
        let now = self.runtime.now();
        let next = match insists {
            true => Ok(self.lifecycle.insisting(command, now)),
            false => self.lifecycle.after(command, now),
        };
        let mut next = match next {
            Ok(next) => next,
            Err(CoreError::WrongState { .. }) if self.is_already_to(command) => {
                return self.hasten(Ending { command, grace });
            }
            Err(refused) => return AtomicResponse::new(Box::pin(fut::err(refused))),
        };
        if matches!(command, Command::Start | Command::Resume | Command::Restart)
            && let Err(refused) = self.runtime.may_work()
        {
            return AtomicResponse::new(Box::pin(fut::err(refused)));
        }
        // A restart is always a change, also within the instant of a start.
        let is_there = next == self.lifecycle && command != Command::Restart;
        if let Some(autonomy) = autonomy {
            next.autonomy = autonomy;
        }
        if let Some(overrides) = overrides {
            next.overrides = (!overrides.is_empty()).then(|| Box::new(overrides));
        }
        let ending = Ending::of(command, grace);
        if is_there {
            return self.stay(next, ending);
        }
        let kind = match command {
            Command::Start => EventKind::Started,
            Command::Resume => EventKind::Resumed,
            Command::Pause => EventKind::Paused,
            Command::Stop => EventKind::Stopped,
            Command::Restart => EventKind::Restarted,
        };
        let mut facts = Vec::new();
        let cancelled = CoreError::Cancelled(reason(command).to_owned());
        if let Some(ending) = ending {
            let is_at_once = ending.grace.is_none();
            if is_at_once || !self.has_begun() {
                facts.extend(self.cut(RunStatus::Cancelled, reason(command)));
            }
            let goes = |flight: &Flight| is_at_once || !flight.progress.has_begun();
            facts.extend(self.end_beside(command, reason(command), goes));
        }
        if matches!(command, Command::Stop | Command::Restart) {
            let spared = self.flights().filter_map(|flight| flight.progress.letter()).collect();
            facts.extend(self.dismiss_waiters_but(spared, &cancelled));
        }
        if next.state() != State::Running || command == Command::Restart {
            self.dismiss_askers(&cancelled);
        }
        facts.push(Fact::LifecycleChanged { id: self.id, lifecycle: next.clone() });
        let data = ending.and_then(|ending| ending.grace).map_or(Value::Null, |grace| {
            let run = self.flight.as_ref().map(|flight| flight.run_id());
            json!({"graceMs": millis(grace), "runId": run})
        });
        facts.push(self.journal().event(kind, data));
        let is_start = next.state() == State::Running;
        self.commit_lifecycle(facts, next, is_start, Some(ending))
    }
}

impl Handler<SetAutonomy> for Agent {
    type Result = Changed;

    fn handle(&mut self, SetAutonomy(autonomy): SetAutonomy, _: &mut Context<Self>) -> Changed {
        let next = Lifecycle { autonomy, ..self.lifecycle.clone() };
        let facts = Vec::from(self.retimed(&next));
        self.commit_lifecycle(facts, next, false, None)
    }
}

impl Handler<Lifted> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(&mut self, _: Lifted, ctx: &mut Context<Self>) -> Self::Result {
        self.next_letter(ctx);
        self.next_asked(ctx);
        self.next_beside(ctx);
        Ok(())
    }
}

impl Agent {
    /// A command that leads to where the agent is already. A run that had a grace may lose it, and the
    /// autonomy and the overrides may be others from now on.
    fn stay(&mut self, next: Lifecycle, ending: Option<Ending>) -> Changed {
        if next == self.lifecycle {
            return match ending {
                Some(ending) => self.hasten(ending),
                None => AtomicResponse::new(Box::pin(fut::ok(next))),
            };
        }
        let mut facts = match ending {
            Some(Ending { command, grace: None }) => self.end_run(command, reason(command)),
            _ => Vec::new(),
        };
        facts.extend(self.retimed(&next));
        self.commit_lifecycle(facts, next, false, ending.map(Some))
    }

    /// That it acts by itself as `next` says.
    fn retimed(&self, next: &Lifecycle) -> [Fact; 2] {
        let every_ms = next.autonomy.map(|autonomy| autonomy.every_ms);
        [
            Fact::LifecycleChanged { id: self.id, lifecycle: next.clone() },
            self.journal().event(EventKind::AutonomySet, json!({"everyMs": every_ms})),
        ]
    }

    /// Durable first, visible second. Atomic: until the commit, nothing else is handled.
    ///
    /// Atomic for messages alone: futures of the agent that are ready in the turn of the message,
    /// such as its timer, are polled once more before actix waits. What they would begin has to
    /// look at `is_changing`.
    fn commit_lifecycle(
        &mut self,
        mut facts: Vec<Fact>,
        next: Lifecycle,
        has_place: bool,
        ending: Option<Option<Ending>>,
    ) -> Changed {
        self.is_changing = true;
        let is_restart = ending.flatten().is_some_and(|ending| ending.command == Command::Restart);
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let committed = async move {
            if has_place {
                let record = runtime.record(id).await?;
                facts.extend(own_place(id, &record.character.name, runtime.now()));
            }
            let committed = runtime.commit(facts).await;
            runtime.record_changed(id);
            committed.map_err(CoreError::from)
        };
        AtomicResponse::new(Box::pin(committed.into_actor(self).map(
            move |committed, agent, ctx| {
                agent.is_changing = false;
                if let Err(error) = committed {
                    // What was cut off is not taken up again: it goes on with the next tick or letter.
                    agent.next_letter(ctx);
                    agent.next_asked(ctx);
                    agent.next_beside(ctx);
                    return Err(error);
                }
                agent.become_(next.clone(), is_restart, ctx);
                if let Some(ending) = ending {
                    agent.ends_by(ending, ctx);
                }
                Ok(next)
            },
        )))
    }

    /// The same, where nobody asked for it. Nothing else is handled until the commit either.
    pub(super) fn change_by_itself(
        &mut self,
        facts: Vec<Fact>,
        next: Lifecycle,
        ctx: &mut Context<Self>,
    ) {
        self.is_changing = true;
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let committed = async move {
            let committed = runtime.commit(facts).await;
            runtime.record_changed(id);
            committed
        };
        ctx.wait(committed.into_actor(self).map(|committed, agent, ctx| {
            agent.is_changing = false;
            match committed {
                Ok(_) => agent.become_(next, false, ctx),
                Err(error) => {
                    // Whatever led to it leads to it again.
                    tracing::error!(agent = %agent.id, %error, "a change is not recorded");
                    agent.retry_later(ctx);
                }
            }
        }));
    }

    /// `begins_anew`: also if it ran before.
    fn become_(&mut self, next: Lifecycle, begins_anew: bool, ctx: &mut Context<Self>) {
        let (before, after) = (self.lifecycle.state(), next.state());
        let (old, new) = (self.lifecycle.autonomy, next.autonomy);
        self.lifecycle = next;
        // What its triggers have missed meanwhile can be decided now.
        self.runtime.scheduler.tell();
        if after != State::Running {
            self.disarm(ctx);
            self.arm_rest(ctx);
            return;
        }
        let begins = begins_anew || before != State::Running;
        if begins {
            self.failures = 0;
            self.crashes_in_a_row = 0;
        }
        match (old, new) {
            (_, None) if begins || old.is_some() => self.disarm(ctx),
            (_, Some(_)) if begins || old.is_none() => self.arm(ctx, Duration::ZERO),
            (_, Some(_)) if old != new => self.arm_next(ctx, self.runtime.now()),
            _ => {}
        }
        self.next_letter(ctx);
        self.next_beside(ctx);
    }
}

/// The world and the room of an agent's own, as elizaOS makes them on the first start; what is there
/// already stays as it is.
fn own_place(id: AgentId, name: &str, now: UnixMillis) -> [Fact; 4] {
    let world_id = WorldId(id.0);
    let world = World {
        id: world_id,
        agent_id: id,
        name: format!("{name}'s World"),
        message_server_id: Some(id.0),
        metadata: None,
        created_at: now,
    };
    let room = Room {
        id: RoomId(id.0),
        agent_id: id,
        name: name.to_owned(),
        channel_id: Some(id.to_string()),
        message_server_id: Some(id.0),
        world_id: Some(world_id),
        kind: "SELF".to_owned(),
        source: "elizaos".to_owned(),
        metadata: None,
        created_at: now,
    };
    let entity = Entity {
        id: id.into(),
        agent_id: id,
        names: vec![name.to_owned()],
        metadata: Map::new(),
        created_at: now,
    };
    let participant = Participant {
        agent_id: id,
        room_id: room.id,
        entity_id: id.into(),
        state: None,
        created_at: now,
    };
    [
        Fact::WorldMet(Box::new(world)),
        Fact::RoomMet(Box::new(room)),
        Fact::EntityMet(Box::new(entity)),
        Fact::Joined(participant),
    ]
}
