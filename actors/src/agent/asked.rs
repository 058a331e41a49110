//! Errands that somebody asks for from outside, and waits for.
//!
//! They are runs of the agent as all others: one at a time, recorded, cut off by whatever silences
//! the agent. They wait in memory, since nobody would hear of them after a restart; letters and they
//! take turns.

use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::Agent;
use super::delivery::Reply;
use super::run::Occasion;
use crate::error::CoreError;
use crate::ids::{EntityId, RoomId};
use crate::ports::Turn;

/// Errands that wait at most for one agent: each is a call of a model, and somebody waits for it.
const WAITING_MAX: usize = 8;

/// Asks for a title of a talk.
///
/// Answered once the errand is taken up or waits its turn; the title, as the model words it, comes
/// through the [`Reply`]. A pause, stop, restart or halt cuts the errand off. Fails with
/// [`CoreError::NotRunning`] or [`CoreError::Failed`] if the agent does not run,
/// [`CoreError::Halted`], [`CoreError::ShuttingDown`], and [`CoreError::Overloaded`] if too many
/// errands wait already.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Reply<String>, CoreError>")]
pub struct Entitle {
    /// What was said, oldest first; what the agent itself said is the assistant's.
    pub talk: Vec<Turn>,
    /// Where, in the agent's eyes.
    pub room_id: RoomId,
    /// Who asks.
    pub asked_by: EntityId,
}

/// Whoever waits for what an errand finds.
pub(super) type Asker = oneshot::Sender<Result<String, CoreError>>;

/// An errand that waits its turn.
pub(super) struct Asked {
    wanted: Arc<Entitle>,
    asker: Asker,
}

impl Handler<Entitle> for Agent {
    type Result = Result<Reply<String>, CoreError>;

    fn handle(&mut self, wanted: Entitle, ctx: &mut Context<Self>) -> Self::Result {
        self.must_run()?;
        self.runtime.may_work()?;
        self.asked.retain(|asked| !asked.asker.is_closed());
        if self.asked.len() >= WAITING_MAX {
            return Err(CoreError::Overloaded);
        }
        let (asker, answer) = oneshot::channel();
        self.asked.push_back(Asked { wanted: Arc::new(wanted), asker });
        self.next_asked(ctx);
        if self.flight.is_none() {
            // The fleet was halted, or the host began to go down, since the first look.
            self.dismiss_askers(&CoreError::Halted);
        }
        Ok(Reply { answer, agent: self.id })
    }
}

impl Agent {
    /// Takes up the errand that waits longest, if one waits and the agent is free.
    pub(super) fn next_asked(&mut self, ctx: &mut Context<Self>) {
        while self.is_free()
            && let Some(Asked { wanted, asker }) = self.asked.pop_front()
        {
            // For nobody, nothing is asked of a model.
            if asker.is_closed() {
                continue;
            }
            self.begin(Occasion::Title(wanted), false, ctx);
            match self.flight.as_mut() {
                Some(flight) => flight.asker = Some(asker),
                None => drop(asker.send(Err(CoreError::Halted))),
            }
        }
    }

    /// Tells everybody whose errand waits its turn that it will not be done.
    pub(super) fn dismiss_askers(&mut self, error: &CoreError) {
        for Asked { asker, .. } in self.asked.drain(..) {
            // Nobody minds if the asker has gone away.
            drop(asker.send(Err(error.clone())));
        }
    }
}
