//! Lifecycle: what an operator asks of an agent. Silent first, durable second, visible third.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::{Map, Value, json};

use super::Agent;
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{AgentId, RoomId, WorldId};
use crate::lifecycle::{Autonomy, Command, Lifecycle, State};
use crate::records::{Entity, Participant, Room, World};
use crate::runs::RunStatus;
use crate::time::UnixMillis;

/// Carries out a lifecycle command; answers with the lifecycle after it.
///
/// A pause, stop or restart cuts off the run in flight first: from that instant no call leaves the
/// process for the agent. The answer is sent once the change is durable. Fails with
/// [`CoreError::WrongState`] where the command does not apply (nothing is cut off then), with
/// [`CoreError::Halted`] if it would start work while the fleet is halted, and with
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
}

impl Change {
    /// The command and nothing else.
    #[must_use]
    pub fn to(command: Command) -> Self {
        Self { command, autonomy: None, overrides: None }
    }
}

/// Sets whether an agent acts by itself, and how often, in any state; answers with its lifecycle.
///
/// A running agent that becomes autonomous ticks at once.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Lifecycle, CoreError>")]
pub struct SetAutonomy(pub Option<Autonomy>);

/// The fleet is no longer halted: take up what waits.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), CoreError>")]
pub(crate) struct Lifted;

type Changed = AtomicResponse<Agent, Result<Lifecycle, CoreError>>;

impl Handler<Change> for Agent {
    type Result = Changed;

    fn handle(&mut self, change: Change, _: &mut Context<Self>) -> Changed {
        let Change { command, autonomy, overrides } = change;
        let now = self.runtime.now();
        let mut next = match self.lifecycle.after(command, now) {
            Ok(next) => next,
            Err(refused) => return AtomicResponse::new(Box::pin(fut::err(refused))),
        };
        if matches!(command, Command::Start | Command::Resume | Command::Restart)
            && let Err(refused) = self.runtime.may_work()
        {
            return AtomicResponse::new(Box::pin(fut::err(refused)));
        }
        if let Some(autonomy) = autonomy {
            next.autonomy = autonomy;
        }
        if let Some(overrides) = overrides {
            next.overrides = (!overrides.is_empty()).then(|| Box::new(overrides));
        }
        let (kind, reason) = match command {
            Command::Start => (EventKind::Started, ""),
            Command::Resume => (EventKind::Resumed, ""),
            Command::Pause => (EventKind::Paused, "the agent was paused"),
            Command::Stop => (EventKind::Stopped, "the agent was stopped"),
            Command::Restart => (EventKind::Restarted, "the agent was restarted"),
        };
        let mut facts = self.cut(RunStatus::Cancelled, reason);
        let cancelled = CoreError::Cancelled(reason.to_owned());
        if matches!(command, Command::Stop | Command::Restart) {
            facts.extend(self.dismiss_waiters(&cancelled));
        }
        if next.state() != State::Running || command == Command::Restart {
            self.dismiss_askers(&cancelled);
        }
        facts.push(Fact::LifecycleChanged { id: self.id, lifecycle: next.clone() });
        facts.push(self.journal().event(kind, Value::Null));
        let is_start = next.state() == State::Running;
        self.commit_lifecycle(facts, next, is_start)
    }
}

impl Handler<SetAutonomy> for Agent {
    type Result = Changed;

    fn handle(&mut self, SetAutonomy(autonomy): SetAutonomy, _: &mut Context<Self>) -> Changed {
        let next = Lifecycle { autonomy, ..self.lifecycle.clone() };
        let every_ms = autonomy.map(|autonomy| autonomy.every_ms);
        let event = self.journal().event(EventKind::AutonomySet, json!({"everyMs": every_ms}));
        let fact = Fact::LifecycleChanged { id: self.id, lifecycle: next.clone() };
        self.commit_lifecycle(vec![fact, event], next, false)
    }
}

impl Handler<Lifted> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(&mut self, _: Lifted, ctx: &mut Context<Self>) -> Self::Result {
        self.next_letter(ctx);
        self.next_asked(ctx);
        Ok(())
    }
}

impl Agent {
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
    ) -> Changed {
        self.is_changing = true;
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
        AtomicResponse::new(Box::pin(committed.into_actor(self).map(|committed, agent, ctx| {
            agent.is_changing = false;
            if let Err(error) = committed {
                // What was cut off is not taken up again: it goes on with the next tick or letter.
                agent.next_letter(ctx);
                agent.next_asked(ctx);
                return Err(error);
            }
            agent.become_(next.clone(), ctx);
            Ok(next)
        })))
    }

    fn become_(&mut self, next: Lifecycle, ctx: &mut Context<Self>) {
        let (before, after) = (self.lifecycle.state(), next.state());
        let is_fresh = next.started_at != self.lifecycle.started_at;
        let is_retimed = next.autonomy != self.lifecycle.autonomy;
        self.lifecycle = next;
        // What its triggers have missed meanwhile can be decided now.
        self.runtime.scheduler.tell();
        if after != State::Running {
            self.disarm(ctx);
            return;
        }
        if before != State::Running || is_fresh {
            self.failures = 0;
            self.crashes_in_a_row = 0;
        }
        if before != State::Running || is_fresh || is_retimed {
            self.disarm(ctx);
            if self.lifecycle.autonomy.is_some() {
                self.arm(ctx, Duration::ZERO);
            }
        }
        self.next_letter(ctx);
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
