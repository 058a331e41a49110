//! The steps of a run, as its record has them: each intended before it is made.

use serde_json::Value;

use super::Course;
use crate::agent::spending::Patience;
use crate::budget::{Exceeded, Reservation};
use crate::error::{CoreError, StoreError};
use crate::facts::Fact;
use crate::runs::{Step, StepEnd, StepKind, StepStatus, Usage};
use crate::time::UnixMillis;

/// A call whose intent is durable.
pub(super) struct Intended {
    /// Its place in the run.
    pub(super) index: u32,
    pub(super) began: UnixMillis,
    /// Which reservation there was room for.
    pub(super) held: usize,
}

impl Course<'_> {
    /// Commits that a call is about to be made, and what it may cost: the first of `reservations` that
    /// there is room for.
    pub(super) async fn intend(
        &mut self,
        kind: StepKind,
        name: &str,
        intent: Value,
        reservations: &[Reservation],
    ) -> Result<Intended, CoreError> {
        let (index, began, step) = self.next_step(kind, name, intent);
        let mut patience = Patience::of(&self.errand.runtime);
        let mut held = 0;
        loop {
            let reserved = reservations.get(held);
            let reserved = reserved.map(|reserved| Fact::Reserved(Box::new(reserved.clone())));
            let facts: Vec<_> = reserved.into_iter().chain([step.clone()]).collect();
            let Err(exceeded) = self.commit(&facts).await? else { break };
            if exceeded.is_final() && held + 1 < reservations.len() {
                held += 1;
                continue;
            }
            // What has been is no longer held by the time others look whether there is room.
            if self.is_begun {
                let pending = self.take_pending();
                self.errand.runtime.commit(pending).await?;
            }
            if let Err(refused) = patience.wait(exceeded).await {
                self.refused();
                return Err(refused);
            }
        }
        self.moved();
        Ok(Intended { index, began, held })
    }

    /// Notes the next step, for the next commit.
    pub(super) fn note_intent(
        &mut self,
        kind: StepKind,
        name: &str,
        intent: Value,
    ) -> (u32, UnixMillis) {
        let (index, now, step) = self.next_step(kind, name, intent);
        self.pending.push(step);
        (index, now)
    }

    /// The next step: its place, when it begins, and that it is intended.
    fn next_step(&mut self, kind: StepKind, name: &str, intent: Value) -> (u32, UnixMillis, Fact) {
        let (index, now) = (self.steps, self.errand.runtime.now());
        self.steps = self.steps.saturating_add(1);
        let step = Fact::StepIntended(Box::new(Step {
            run_id: self.run.id,
            agent_id: self.run.agent_id,
            index,
            kind,
            name: name.to_owned(),
            status: StepStatus::Intended,
            intent,
            outcome: None,
            started_at: now,
            ended_at: None,
            usage: Usage::default(),
        }));
        (index, now, step)
    }

    /// Commits what is pending, and these facts; nothing if a budget has no room for them.
    async fn commit(&mut self, facts: &[Fact]) -> Result<Result<(), Exceeded>, CoreError> {
        if !self.is_begun {
            self.errand.progress.begun(&self.run);
        }
        let both = self.pending.iter().chain(facts).cloned().collect();
        match self.errand.runtime.commit(both).await {
            Ok(_) => {
                self.pending.clear();
                self.is_begun = true;
                Ok(Ok(()))
            }
            Err(StoreError::Exceeded(exceeded)) => {
                if !self.is_begun {
                    self.errand.progress.not_begun();
                }
                Ok(Err(exceeded))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A budget has no room for the run. One that made no call is recorded all the same, and is no
    /// attempt at its letter.
    fn refused(&mut self) {
        if !self.is_begun {
            self.pending.retain(|fact| !matches!(fact, Fact::LetterTried(_)));
            for fact in &mut self.pending {
                if let Fact::RunStarted(run) = fact {
                    run.letter_id = None;
                }
            }
            self.errand.progress.begun(&self.run);
            self.is_begun = true;
        }
    }

    /// Something comes of the run.
    pub(super) fn moved(&self) {
        self.errand.progress.moved(self.errand.runtime.now());
    }

    pub(super) fn ended(&mut self, index: u32, status: StepStatus, outcome: Value, usage: &Usage) {
        self.moved();
        self.pending.push(Fact::StepEnded(Box::new(StepEnd {
            run_id: self.run.id,
            index,
            status,
            outcome,
            ended_at: self.errand.runtime.now(),
            usage: usage.clone(),
        })));
    }
}
