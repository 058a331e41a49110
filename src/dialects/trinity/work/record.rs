//! An execution: a letter that was to be dealt with, or a firing of a schedule, and what became of it.

use std::time::Duration;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, FiringId, LetterId};
use greenroom_actors::letters::{Letter, LetterStatus};
use greenroom_actors::ports::{Dealt, FiringQuery, LetterQuery, RunQuery, Store};
use greenroom_actors::runs::{Run, RunStatus, Step, StepKind};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Firing, FiringSource, FiringStatus, Trigger};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::asker::Labels;
use super::entries::took;
use crate::dialects::trinity::{short, times};
use crate::roster::Known;

/// What stands for the schedule of an execution that has none.
const BY_HAND: &str = "__manual__";

/// Tokens that the runtimes read at most, as clients are shown.
pub(super) fn context_max(agent: &Known) -> u64 {
    if agent.entry.runtime == "gemini-cli" { 1_000_000 } else { 200_000 }
}

/// An amount of money as clients know it.
pub(super) fn dollars(micros: Option<u64>) -> Option<f64> {
    micros.map(|micros| Duration::from_micros(micros).as_secs_f64())
}

/// What an agent was asked to do.
pub(in crate::dialects::trinity) struct Execution {
    pub(super) id: Uuid,
    pub(super) cause: Cause,
    /// The latest run that was begun for it.
    pub(super) run: Option<Run>,
}

/// What it comes from.
pub(in crate::dialects::trinity) enum Cause {
    Letter(Box<Letter>, Labels),
    Firing(Box<Firing>, Option<Box<Trigger>>),
}

/// An execution in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordSummary)]
pub(in crate::dialects::trinity) struct Summary {
    pub(in crate::dialects::trinity) id: String,
    /// The schedule, or `__manual__`.
    schedule_id: String,
    agent_name: String,
    /// `queued`, `running`, `success`, `failed`, `cancelled` or `skipped`.
    pub(in crate::dialects::trinity) status: &'static str,
    pub(in crate::dialects::trinity) started_at: String,
    pub(in crate::dialects::trinity) completed_at: Option<String>,
    duration_ms: Option<u64>,
    message: String,
    triggered_by: String,
    context_used: Option<u64>,
    context_max: Option<u64>,
    cost: Option<f64>,
    source_user_id: Option<i64>,
    source_user_email: Option<String>,
    source_agent_name: Option<String>,
    source_mcp_key_id: Option<String>,
    source_mcp_key_name: Option<String>,
    claude_session_id: Option<String>,
    model_used: Option<String>,
    fan_out_id: Option<String>,
    business_status: Option<String>,
    validation_execution_id: Option<String>,
}

impl Execution {
    pub(super) fn of_letter(dealt: Dealt) -> Self {
        let Dealt { letter, run } = dealt;
        let labels = letter.terms.as_ref().map(|terms| Labels::of(&terms.labels));
        Self {
            id: letter.id.0,
            cause: Cause::Letter(Box::new(letter), labels.unwrap_or_default()),
            run,
        }
    }

    /// The execution of that id, if it is one of that agent.
    pub(super) async fn find(
        store: &dyn Store,
        agent: AgentId,
        id: Uuid,
    ) -> Result<Option<Self>, CoreError> {
        let letter = store.letter(LetterId(id)).await?;
        if let Some(letter) = letter.filter(|it| it.to == agent && it.terms.is_some()) {
            let runs = RunQuery { letter_id: Some(letter.id), ..RunQuery::of(agent, 1) };
            let run = store.runs(runs).await?.pop();
            return Ok(Some(Self::of_letter(Dealt { letter, run })));
        }
        let Some(firing) = store.firing(agent, FiringId(id)).await? else { return Ok(None) };
        let trigger = store.trigger(agent, firing.trigger_id).await?;
        Ok(Some(Self::of_firing(store, firing, trigger).await?))
    }

    /// What came of a firing of that trigger.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub(in crate::dialects::trinity) async fn of_firing(
        store: &dyn Store,
        firing: Firing,
        trigger: Option<Trigger>,
    ) -> Result<Self, CoreError> {
        let run = match firing.run_id {
            Some(run) => store.run(firing.agent_id, run).await?,
            None => None,
        };
        let cause = Cause::Firing(Box::new(firing.clone()), trigger.map(Box::new));
        Ok(Self { id: firing.id.0, cause, run })
    }

    /// The latest of an agent, newest first.
    pub(super) async fn latest(
        store: &dyn Store,
        agent: AgentId,
        limit: u32,
    ) -> Result<Vec<Self>, CoreError> {
        let letters = LetterQuery { with_terms: true, ..LetterQuery::of(agent, limit) };
        let letters = store.letters(letters).await?;
        let mut all: Vec<_> = letters.into_iter().map(Self::of_letter).collect();
        let firings = FiringQuery { agent_id: agent, trigger_id: None, offset: 0, limit };
        let firings = store.firings(firings).await?;
        if !firings.is_empty() {
            let triggers = store.triggers(agent).await?;
            for firing in firings {
                let trigger = triggers.iter().find(|it| it.id == firing.trigger_id).cloned();
                all.push(Self::of_firing(store, firing, trigger).await?);
            }
        }
        all.sort_by_key(|execution| std::cmp::Reverse((execution.began_at(), execution.id)));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(all)
    }

    /// What its runs did: the steps of the latest.
    pub(super) async fn steps(&self, store: &dyn Store) -> Result<Vec<Step>, CoreError> {
        match &self.run {
            Some(run) => Ok(store.steps(vec![run.id]).await?),
            None => Ok(Vec::new()),
        }
    }

    /// What the agent answered.
    pub(super) async fn response(&self, store: &dyn Store) -> Result<Option<String>, CoreError> {
        if let Cause::Letter(letter, _) = &self.cause {
            let reply = letter.settled.as_ref().and_then(|settled| settled.reply);
            let Some(reply) = reply else { return Ok(None) };
            let memory = store.memory(letter.to, reply).await?;
            return Ok(memory.map(|memory| memory.text().to_owned()));
        }
        let is_done = self.run.as_ref().is_some_and(|run| run.status == RunStatus::Completed);
        let steps = if is_done { self.steps(store).await? } else { Vec::new() };
        // Without what puts its memories into fewer words.
        let is_answer = |step: &&Step| {
            step.kind == StepKind::Model && step.intent.get("purpose") != Some(&json!("summarise"))
        };
        let answers = steps.iter().filter(is_answer);
        let texts = answers.filter_map(|step| step.outcome.as_ref()?.get("text")?.as_str());
        let said: Vec<_> = texts.filter(|text| !text.trim().is_empty()).collect();
        Ok((!said.is_empty()).then(|| said.join("\n\n")))
    }

    pub(super) fn status(&self) -> &'static str {
        let run = self.run.as_ref().map(|run| run.status);
        match &self.cause {
            Cause::Letter(letter, _) => of_letter(letter.status, run),
            Cause::Firing(firing, _) => match firing.status {
                FiringStatus::Waiting => "queued",
                // Its last run has failed, and is made again.
                FiringStatus::Running if run.is_some_and(RunStatus::is_ended) => "queued",
                FiringStatus::Running => "running",
                FiringStatus::Ran => "success",
                FiringStatus::Missed | FiringStatus::Skipped => "skipped",
                FiringStatus::Failed if run == Some(RunStatus::Cancelled) => "cancelled",
                FiringStatus::Failed => "failed",
            },
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended_at().is_some()
    }

    pub(super) fn began_at(&self) -> UnixMillis {
        match &self.cause {
            Cause::Letter(letter, _) => {
                self.run.as_ref().map_or(letter.sent_at, |run| run.started_at)
            }
            // The first of its runs, where one has failed.
            Cause::Firing(firing, _) => firing.started_at.unwrap_or(firing.due_at),
        }
    }

    pub(super) fn ended_at(&self) -> Option<UnixMillis> {
        match &self.cause {
            Cause::Letter(letter, _) => letter.settled.as_ref().map(|settled| settled.at),
            Cause::Firing(firing, _) => firing.ended_at,
        }
    }

    pub(in crate::dialects::trinity) fn error(&self) -> Option<String> {
        let own = match &self.cause {
            Cause::Letter(letter, _) => letter.settled.as_ref()?.reason.clone(),
            Cause::Firing(firing, _) if firing.status == FiringStatus::Ran => return None,
            Cause::Firing(firing, _) => firing.reason.clone(),
        };
        let run = self.run.as_ref().filter(|_| self.is_over()).and_then(|run| run.error.clone());
        own.or(run)
    }

    pub(super) fn message(&self) -> &str {
        match &self.cause {
            Cause::Letter(letter, _) => letter.text(),
            Cause::Firing(_, trigger) => {
                trigger.as_ref().map_or("", |trigger| trigger.instructions.as_str())
            }
        }
    }

    pub(super) fn triggered_by(&self) -> &str {
        match &self.cause {
            Cause::Letter(_, labels) if labels.triggered_by.is_empty() => "manual",
            Cause::Letter(_, labels) => &labels.triggered_by,
            Cause::Firing(firing, _) => match firing.source {
                FiringSource::Scheduler => "schedule",
                FiringSource::Manual => "manual",
            },
        }
    }

    pub(super) fn labels(&self) -> Option<&Labels> {
        match &self.cause {
            Cause::Letter(_, labels) => Some(labels),
            Cause::Firing(..) => None,
        }
    }

    /// Whether anything was done for it.
    fn was_begun(&self) -> bool {
        self.run.is_some() || matches!(&self.cause, Cause::Firing(it, _) if it.started_at.is_some())
    }

    pub(in crate::dialects::trinity) fn summary(&self, agent: &Known) -> Summary {
        let labels = self.labels();
        let text = |of: fn(&Labels) -> &Option<String>| labels.and_then(|it| of(it).clone());
        let usage = self.run.as_ref().map(|run| &run.usage);
        let ended = self.ended_at();
        let schedule_id = match &self.cause {
            Cause::Letter(..) => BY_HAND.to_owned(),
            Cause::Firing(firing, _) => short::of(firing.trigger_id.0),
        };
        Summary {
            id: short::of(self.id),
            schedule_id,
            agent_name: agent.name.clone(),
            status: self.status(),
            started_at: times::iso(self.began_at()),
            completed_at: ended.map(times::iso),
            duration_ms: ended
                .filter(|_| self.was_begun())
                .map(|ended| took(self.began_at(), ended)),
            message: self.message().to_owned(),
            triggered_by: self.triggered_by().to_owned(),
            context_used: usage.map(|usage| usage.input_tokens),
            context_max: usage.map(|_| context_max(agent)),
            cost: usage.and_then(|usage| dollars(usage.cost_micros)),
            source_user_id: labels.and_then(|labels| labels.user_id),
            source_user_email: text(|it| &it.user_email),
            source_agent_name: text(|it| &it.source_agent),
            source_mcp_key_id: text(|it| &it.key_id),
            source_mcp_key_name: text(|it| &it.key_name),
            claude_session_id: self.run.as_ref().map(|run| short::of(run.room_id.0)),
            model_used: usage.and_then(|usage| usage.model.clone()),
            fan_out_id: text(|it| &it.fan_out_id),
            business_status: None,
            validation_execution_id: None,
        }
    }
}

fn of_letter(status: LetterStatus, run: Option<RunStatus>) -> &'static str {
    match status {
        LetterStatus::Waiting if run == Some(RunStatus::Started) => "running",
        LetterStatus::Waiting => "queued",
        // A person is to allow something first; then it goes on.
        LetterStatus::Parked => "running",
        LetterStatus::Answered => "success",
        LetterStatus::Dead if run == Some(RunStatus::Cancelled) => "cancelled",
        LetterStatus::Dead => "failed",
        LetterStatus::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_word() {
        use {LetterStatus as L, RunStatus as R};
        for (letter, run, word) in [
            (L::Waiting, None, "queued"),
            (L::Waiting, Some(R::Interrupted), "queued"),
            (L::Waiting, Some(R::Started), "running"),
            (L::Parked, Some(R::Parked), "running"),
            (L::Answered, Some(R::Completed), "success"),
            (L::Dead, None, "failed"),
            (L::Dead, Some(R::TimedOut), "failed"),
            (L::Dead, Some(R::Cancelled), "cancelled"),
            (L::Cancelled, None, "cancelled"),
        ] {
            assert_eq!(of_letter(letter, run), word, "{letter:?} {run:?}");
        }
        assert_eq!(dollars(Some(1_250_000)), Some(1.25));
    }
}
