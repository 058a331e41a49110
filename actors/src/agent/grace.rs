//! The end of a run that an operator has asked for: at once, or within a grace.

use std::time::Duration;

use actix::prelude::*;

use super::Agent;
use super::change::Changed;
use crate::error::CoreError;
use crate::facts::Fact;
use crate::ids::RunId;
use crate::lifecycle::{Command, State};
use crate::runs::RunStatus;

/// A command that ends what is in flight, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) command: Command,
    pub(super) grace: Option<Duration>,
}

impl Ending {
    /// What the command ends, if it ends anything.
    pub(super) fn of(command: Command, grace: Option<Duration>) -> Option<Self> {
        match command {
            Command::Pause | Command::Stop | Command::Restart => Some(Self { command, grace }),
            Command::Start | Command::Resume => None,
        }
    }
}

/// Why a run is cut off by that.
pub(super) fn reason(command: Command) -> &'static str {
    match command {
        Command::Pause => "the agent was paused",
        Command::Stop => "the agent was stopped",
        Command::Restart => "the agent was restarted",
        Command::Start | Command::Resume => "",
    }
}

impl Agent {
    /// Whether something of the run in flight may have left the process.
    pub(super) fn has_begun(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.progress.has_begun())
    }

    /// Whether it is being brought down: its runs in flight have a grace, and nothing follows.
    pub(super) fn is_stopping(&self) -> bool {
        !self.is_running() && self.flights().any(|flight| flight.cutoff.is_some())
    }

    /// Whether that is what it is on its way to.
    pub(super) fn is_already_to(&self, command: Command) -> bool {
        let to = match command {
            Command::Stop => State::Stopped,
            Command::Pause => State::Paused,
            Command::Start | Command::Resume | Command::Restart => return false,
        };
        self.is_stopping() && self.lifecycle.state() == to
    }

    /// The same command again: with another grace for the run in flight, or with none.
    pub(super) fn hasten(&mut self, ending: Ending) -> Changed {
        let lifecycle = self.lifecycle.clone();
        let facts = match ending.grace {
            Some(_) => Vec::new(),
            None => self.end_run(ending.command, reason(ending.command)),
        };
        let runtime = std::sync::Arc::clone(&self.runtime);
        let committed = async move {
            if !facts.is_empty() {
                runtime.commit(facts).await?;
            }
            Ok(lifecycle)
        };
        let committed = committed.into_actor(self);
        AtomicResponse::new(Box::pin(committed.map(move |hastened, agent: &mut Self, ctx| {
            agent.ends_by(Some(ending), ctx);
            hastened
        })))
    }

    /// Lets the runs in flight go on for as long as their grace; for good without.
    pub(super) fn ends_by(&mut self, ending: Option<Ending>, ctx: &mut Context<Self>) {
        for flight in self.flights_mut() {
            if let Some(before) = flight.cutoff.take() {
                ctx.cancel_future(before);
            }
        }
        let Some(Ending { command, grace: Some(grace) }) = ending else { return };
        let runs: Vec<_> = self.flights().map(|flight| flight.run).collect();
        if runs.is_empty() {
            return;
        }
        let over = self.runtime.sleep(grace).into_actor(self);
        let handle =
            ctx.spawn(over.map(move |(), agent, ctx| agent.grace_is_over(&runs, command, ctx)));
        for flight in self.flights_mut() {
            flight.cutoff = Some(handle);
        }
    }

    fn grace_is_over(&mut self, runs: &[RunId], command: Command, ctx: &mut Context<Self>) {
        let reason = format!("{}, and its grace is over", reason(command));
        let mut facts = match &self.flight {
            Some(flight) if runs.contains(&flight.run) => self.end_conversing(command, &reason),
            _ => Vec::new(),
        };
        facts.extend(self.end_beside(command, &reason, |flight| runs.contains(&flight.run)));
        if !facts.is_empty() {
            self.commit_alone(facts, ctx);
        }
    }

    /// Cuts off the runs in flight; whoever waits for their replies hears of it, and does not get them
    /// later.
    pub(super) fn end_run(&mut self, command: Command, reason: &str) -> Vec<Fact> {
        let mut facts = self.end_conversing(command, reason);
        facts.extend(self.end_beside(command, reason, |_| true));
        facts
    }

    fn end_conversing(&mut self, command: Command, reason: &str) -> Vec<Fact> {
        let letter = self.flight.as_ref().and_then(|flight| flight.progress.letter());
        let mut facts = self.cut(RunStatus::Cancelled, reason);
        // A paused agent answers its letters when it goes on.
        if let Some(letter) = letter.filter(|_| self.flight.is_none() && command != Command::Pause)
        {
            facts.extend(self.dismiss_waiter(letter, &CoreError::Cancelled(reason.to_owned())));
        }
        facts
    }

    /// Commits facts, and begins nothing before they are there to be found; then goes on.
    pub(super) fn commit_alone(&mut self, facts: Vec<Fact>, ctx: &mut Context<Self>) {
        self.is_changing = true;
        let committed = self.runtime.commit(facts).into_actor(self);
        ctx.wait(committed.map(|committed, agent, ctx| {
            agent.is_changing = false;
            if let Err(error) = committed {
                tracing::error!(agent = %agent.id, %error, "the end of a run is not recorded");
            }
            agent.next_letter(ctx);
            agent.next_asked(ctx);
            agent.next_beside(ctx);
        }));
    }
}
