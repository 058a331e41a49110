//! A question to the model, and what came of it.

use serde_json::{Value, json};

use super::super::replay;
use super::steps::Intended;
use super::{Course, ROUNDS_APART};
use crate::agent::context::{self, Outgrown};
use crate::agent::spending::{Asked, Meter};
use crate::budget::Reservation;
use crate::error::{CoreError, ModelError};
use crate::facts::{EventKind, Fact};
use crate::ports::{Delta, Generation, Prompt, Role, ToolCall, Turn, collect};
use crate::runs::{StepKind, StepStatus};

impl Course<'_> {
    /// Asks the model once; answers with the calls that it wants.
    pub(super) async fn ask(&mut self) -> Result<Vec<ToolCall>, CoreError> {
        context::fit(&mut self.prompt, self.turns_before, self.tokens_max);
        let intent = self.question();
        let name = self.prompt.model.clone().unwrap_or_default();
        let mut prompt = self.prompt.clone();
        let asked = self.intend_question(&name, intent, &mut prompt).await?;
        self.rounds = self.rounds.saturating_add(1);
        prompt.tally.holds(prompt.input_tokens_max());
        let answer = self.generate(prompt.clone(), &asked.meter).await;
        self.note_reading(&prompt, &answer);
        let Generation { text, tool_calls, .. } = self.note_answer(&asked, &prompt, answer)?;
        if !tool_calls.is_empty() {
            let mut turn = Turn::new(Role::Assistant, text.as_str());
            turn.tool_calls.clone_from(&tool_calls);
            self.prompt.turns.push(turn);
        }
        if !text.trim().is_empty() {
            self.said.push(text);
        }
        Ok(tool_calls)
    }

    /// Commits that a question is about to be put to a model, and what it may cost.
    async fn intend_question(
        &mut self,
        name: &str,
        intent: Value,
        prompt: &mut Prompt,
    ) -> Result<Asked, CoreError> {
        let mut reservations = self.reservations(prompt)?;
        let Intended { index, began, held } =
            self.intend(StepKind::Model, name, intent, &reservations).await?;
        prompt.is_single_attempt = held > 0;
        let reservation = reservations.swap_remove(held);
        Ok(Asked { index, began, reservation, meter: Meter::default() })
    }

    /// What may be reserved for a question: for every attempt at every model that may be asked, or else
    /// for a single one.
    fn reservations(&self, prompt: &mut Prompt) -> Result<Vec<Reservation>, CoreError> {
        let (runtime, record) = (&self.errand.runtime, &self.record);
        let (run, index) = (self.run.id, self.steps);
        prompt.is_single_attempt = false;
        let all = runtime.reservation(record, run, index, prompt)?;
        if !all.ceilings.are_set() {
            return Ok(vec![all]);
        }
        let mut once = Prompt { is_single_attempt: true, ..prompt.clone() };
        let once = runtime.reservation(record, run, index, &mut once)?;
        Ok(vec![all, once])
    }

    /// Notes how far the model's window was filled, which is what its provider counted.
    fn note_reading(&self, prompt: &Prompt, answer: &Result<Generation, ModelError>) {
        let Ok(Generation { usage, .. }) = answer else { return };
        let model = &self.errand.runtime.ports.model;
        let abilities = model.abilities(prompt.model.as_deref(), prompt.purpose);
        prompt.tally.model_read(usage.input_tokens, abilities.context_tokens);
    }

    /// Notes what came of a question to a model, and what it cost.
    fn note_answer(
        &mut self,
        asked: &Asked,
        prompt: &Prompt,
        answer: Result<Generation, ModelError>,
    ) -> Result<Generation, ModelError> {
        let usage = asked.bill(&self.errand.runtime, &answer);
        let (text, error) = match &answer {
            Ok(answer) => (answer.text.as_str(), None),
            Err(error) => ("", Some(error.to_string())),
        };
        let took = self.errand.runtime.now().since(asked.began);
        let log = self.errand.journal().model_log(
            &self.run,
            prompt,
            text,
            &usage,
            error.as_deref(),
            took,
        );
        self.errand.progress.spent(&usage);
        self.run.usage.add(&usage);
        let (status, outcome) = match (&answer, &error) {
            (Ok(answer), _) => {
                (StepStatus::Succeeded, replay::outcome(&answer.text, &answer.tool_calls))
            }
            (Err(_), error) => (StepStatus::Failed, json!({"error": error})),
        };
        self.ended(asked.index, status, outcome, &usage);
        self.pending.push(log);
        if let Ok(answer) = &answer {
            let journal = self.errand.journal();
            self.pending.extend(answer.acts.iter().map(|call| {
                let data = json!({"runId": self.run.id, "tool": call.name, "byModel": true});
                journal.event(EventKind::ToolCalled, data)
            }));
        }
        answer
    }

    /// Puts what the conversation has outgrown into fewer words, and remembers them. A model that does
    /// not is no reason to fail: the run goes on without.
    pub(super) async fn condense(&mut self) -> Result<(), CoreError> {
        let Some(Outgrown { mut prompt, memory }) = self.outgrown.take() else { return Ok(()) };
        let intent = json!({
            "purpose": prompt.purpose, "system": prompt.system, "turns": prompt.turns,
        });
        let name = prompt.model.clone().unwrap_or_default();
        let asked = self.intend_question(&name, intent, &mut prompt).await?;
        let runtime = &self.errand.runtime;
        let max_bytes = usize::try_from(runtime.settings.answer_max_bytes).unwrap_or(usize::MAX);
        let answer = asked.meter.listen(runtime.ports.model.generate(prompt.clone()));
        let answer = collect(answer, max_bytes, |_| {}).await;
        // It is offered no tools. Calls all the same would look like the run's own to a later attempt.
        let answer = answer.map(|answer| Generation { tool_calls: Vec::new(), ..answer });
        let Ok(Generation { text, .. }) = self.note_answer(&asked, &prompt, answer) else {
            return Ok(());
        };
        if !text.trim().is_empty() {
            let memory = memory.saying(&text, self.errand.runtime.now());
            self.pending.push(Fact::Remembered(Box::new(memory)));
            context::earlier(&mut self.prompt, &text);
        }
        Ok(())
    }

    /// What the intent of a question to the model says: the first one everything, a later one how
    /// far the conversation has come, since what it adds are steps of its own.
    fn question(&self) -> Value {
        let purpose = self.prompt.purpose;
        if self.rounds > 0 {
            return json!({"purpose": purpose, "turnsBefore": self.prompt.turns.len()});
        }
        let tools: Vec<_> = self.prompt.tools.iter().map(|tool| tool.name.as_str()).collect();
        json!({
            "purpose": purpose, "system": self.prompt.system, "turns": self.prompt.turns,
            "tools": tools,
        })
    }

    async fn generate(&mut self, prompt: Prompt, meter: &Meter) -> Result<Generation, ModelError> {
        let runtime = &self.errand.runtime;
        let max_bytes = usize::try_from(runtime.settings.answer_max_bytes).unwrap_or(usize::MAX);
        let answer = meter.listen(runtime.ports.model.generate(prompt));
        let mut is_apart = self.said.is_empty();
        let (watcher, progress) = (&mut self.watcher, &self.errand.progress);
        collect(answer, max_bytes, |delta| {
            progress.moved(runtime.now());
            let Some(watcher) = watcher else { return };
            if let (Delta::Text(text), false) = (delta, is_apart || delta.is_blank()) {
                is_apart = true;
                watcher(&Delta::Text(format!("{ROUNDS_APART}{text}")));
            } else {
                watcher(delta);
            }
        })
        .await
    }
}
