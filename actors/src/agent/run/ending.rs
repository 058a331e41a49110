//! The end of a run: how it went and what came of it, committed whole or not at all.

use serde_json::{Map, json};
use uuid::Uuid;

use super::cause::Cause;
use super::course::Course;
use super::{Errand, Landing, Occasion};
use crate::agent::correspondence;
use crate::agent::firing::settled;
use crate::agent::hearing::Hearing;
use crate::agent::journal::object;
use crate::agent::letters;
use crate::budget::Scope;
use crate::character::AgentRecord;
use crate::error::{CoreError, ModelError, StoreError};
use crate::facts::{EventKind, Fact};
use crate::ids;
use crate::letters::{Letter, LetterStatus};
use crate::ports::Prompt;
use crate::records::{MESSAGES, Memory};
use crate::runs::{Run, RunStatus};
use crate::time::UnixMillis;
use crate::triggers::FiringStatus;
use crate::vitals::Counters;

impl Errand {
    /// Records how the run ended and what came of it.
    pub(super) async fn close(
        &self,
        mut course: Course<'_>,
        record: &AgentRecord,
        cause: Cause,
        error: Option<CoreError>,
    ) -> Result<Landing, CoreError> {
        let now = self.runtime.now();
        let journal = self.journal();
        let mut facts = course.take_pending();
        let text = course.text();
        let (run, prompt) = (&course.run, &course.prompt);
        let status = match &error {
            None => RunStatus::Completed,
            Some(CoreError::Model(ModelError::TimedOut(_))) => RunStatus::TimedOut,
            Some(_) => RunStatus::Failed,
        };
        let reason = error.as_ref().map(reason);
        let retry_at = error.as_ref().and_then(|_| cause.retry_at(now));
        let letter = cause.letter;
        let mut landing =
            Landing { letter: run.letter_id, status: Some(status), retry_at, ..Landing::default() };
        if course.is_title() {
            landing.found = error.is_none().then_some(text);
        } else if error.is_none() && is_worth_saying(&text, prompt) {
            let said = self.said(run, letter.as_ref(), &text, now);
            facts.push(Fact::Remembered(Box::new(said.clone())));
            let kind = if letter.is_some() { EventKind::Said } else { EventKind::Thought };
            facts.push(journal.event(
                kind,
                json!({"runId": run.id, "memoryId": said.id, "roomId": said.room_id, "text": text}),
            ));
            landing.said = Some(said);
        }
        if matches!(self.occasion, Occasion::Reflection) && error.is_none() {
            facts.push(Fact::Reflected { id: self.agent, at: now });
            landing.reflected_at = Some(now);
        }
        if let Some((firing, trigger)) = &cause.firing
            && landing.retry_at.is_none()
        {
            let (status, counter) = match &error {
                None => (FiringStatus::Ran, &self.runtime.counters.firings_ran),
                Some(_) => (FiringStatus::Failed, &self.runtime.counters.firings_failed),
            };
            Counters::add(counter, 1);
            let end = (status, reason.as_deref());
            facts.extend(settled(&journal, firing.id, Some(trigger.id), end));
        }
        let mut heard = Vec::new();
        if let Some(letter) = &letter {
            landing.heard = letter.heard;
            landing.is_given_up = error.as_ref().is_some_and(|error| self.is_last(letter, error));
            if landing.is_given_up {
                let reason = reason.as_deref().unwrap_or_default();
                facts.extend(letters::given_up(&journal, letter.id, LetterStatus::Dead, reason));
            }
            if error.is_none() {
                let reply = landing.said.as_ref().map(|said| said.id);
                facts.push(letters::answered(letter.id, reply, now));
                if let (Some(asker), Some(said), true) =
                    (letter.from_agent, &landing.said, letter.expects_reply)
                {
                    facts.extend(correspondence::answer(letter, asker, said, now));
                }
            }
            // Others hear of a failure once nothing more is to come.
            if error.is_none() || landing.is_given_up {
                let (name, said) = (&record.character.name, landing.said.as_ref());
                heard = self.heard(letter, name, said, reason.as_deref(), now).await?;
            }
        }
        facts.extend(journal.run_ended(run, status, reason.as_deref(), now, run.usage.clone()));
        self.progress.closing();
        self.commit_end(facts, heard).await?;
        landing.error = error;
        landing.goal_work = self.goal_work().await?.map(|work| course.after(work));
        Ok(landing)
    }

    /// Whether a letter is not tried again after that: another attempt would meet the same, or there
    /// were enough.
    fn is_last(&self, letter: &Letter, error: &CoreError) -> bool {
        let attempts = letter.attempts.saturating_add(1);
        let is_lasting = match error {
            CoreError::Model(error) => letter.is_beside() || !error.is_transient(),
            // A run that is too long for its budget would be so again. Everything else is no fault of
            // the letter's: it waits until there is room.
            CoreError::Budget(exceeded) if exceeded.scope == Scope::Run => true,
            CoreError::Budget(_) => return false,
            // Somebody looks at what comes of a task, and decides whether it is worth another.
            _ if letter.is_beside() => true,
            _ => false,
        };
        is_lasting || attempts >= self.runtime.settings.letter_attempts_max
    }

    /// What others hear of it, if others heard the letter.
    async fn heard(
        &self,
        letter: &Letter,
        name: &str,
        said: Option<&Memory>,
        error: Option<&str>,
        now: UnixMillis,
    ) -> Result<Vec<Fact>, StoreError> {
        let Some(heard) = letter.heard else { return Ok(Vec::new()) };
        let room = match said {
            Some(_) => self.runtime.ports.store.room(self.agent, letter.room_id).await?,
            None => None,
        };
        let channel_type = room.map_or_else(|| "GROUP".to_owned(), |room| room.kind);
        let hearing = Hearing { heard, agent: self.agent, name, channel_type, now };
        Ok(match (said, error) {
            (_, Some(error)) => vec![hearing.failed(error)],
            (None, None) => vec![hearing.is_done()],
            (Some(said), None) => {
                hearing.said(said).into_iter().chain([hearing.is_done()]).collect()
            }
        })
    }

    /// Commits the end of the run; without what others hear of it, if their channel is gone.
    async fn commit_end(&self, facts: Vec<Fact>, heard: Vec<Fact>) -> Result<(), CoreError> {
        if heard.is_empty() {
            self.runtime.commit(facts).await?;
            return Ok(());
        }
        let both = facts.iter().chain(&heard).cloned().collect();
        match self.runtime.commit(both).await {
            Err(StoreError::Missing { .. }) => self.runtime.commit(facts).await?,
            committed => committed?,
        };
        Ok(())
    }

    /// What the agent said or thought, as it remembers it.
    fn said(&self, run: &Run, letter: Option<&Letter>, text: &str, now: UnixMillis) -> Memory {
        let id = self.said;
        let content = match letter {
            Some(letter) => json!({
                "text": text, "thought": "", "actions": ["REPLY"], "providers": [], "simple": true,
                "responseId": id, "inReplyTo": answered(letter),
            }),
            None => json!({"text": text, "thought": text, "source": "autonomy", "actions": []}),
        };
        Memory {
            id,
            agent_id: self.agent,
            kind: MESSAGES.to_owned(),
            room_id: run.room_id,
            world_id: None,
            entity_id: self.agent.into(),
            content: object(content),
            metadata: Map::new(),
            unique: true,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Why a run did not complete, as its record says it.
fn reason(error: &CoreError) -> String {
    match error {
        CoreError::Model(error) => error.to_string(),
        CoreError::Cancelled(reason) => reason.clone(),
        error => error.to_string(),
    }
}

/// What a reply says that it answers. elizaOS derives that anew from the memory's id where it was
/// said in a channel, and its clients compare it.
fn answered(letter: &Letter) -> Uuid {
    match letter.heard {
        Some(_) => ids::seen_by(letter.to, &letter.memory_id.to_string()),
        None => letter.memory_id.0,
    }
}

/// Whether an answer is more than silence.
fn is_worth_saying(text: &str, prompt: &Prompt) -> bool {
    let is_ignored = prompt.may_ignore && text.trim() == Prompt::IGNORE;
    !is_ignored && !text.trim().is_empty()
}
