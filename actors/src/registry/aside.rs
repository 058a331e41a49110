//! Questions to the model beside all runs.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tokio::task::{AbortHandle, JoinError};

use super::Registry;
use crate::error::{CoreError, ModelError};
use crate::ids::RunId;
use crate::ports::{Generation, Prompt, collect};
use crate::runtime::Runtime;
use crate::vitals::Counters;

/// A question under way. Dropped, it is cut off.
struct Aside {
    id: RunId,
    task: AbortHandle,
    runtime: Arc<Runtime>,
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.task.abort();
        self.runtime.landed(self.id);
    }
}

impl Registry {
    /// Lets the model answer a prompt that belongs to no run: nothing is said, remembered or logged,
    /// and only its tokens are counted. It is cut off by what cuts off runs, and when the caller
    /// leaves.
    ///
    /// # Errors
    /// [`CoreError::Halted`], [`CoreError::ShuttingDown`], [`CoreError::Model`];
    /// [`CoreError::Cancelled`] if it was cut off.
    pub async fn ask_model(&self, prompt: Prompt) -> Result<Generation, CoreError> {
        let runtime = Arc::clone(&self.inner.runtime);
        let task = tokio::spawn(answer(Arc::clone(&runtime), prompt));
        let id = RunId::new();
        runtime.took_off(id, task.abort_handle());
        let aside = Aside { id, task: task.abort_handle(), runtime };
        // Only now: a halt stops what it finds under way, and what asks after it.
        aside.runtime.may_work()?;
        let answer = task.await.map_err(|error| cut_off(&error))??;
        let counters = &aside.runtime.counters;
        Counters::add(&counters.input_tokens, answer.usage.input_tokens);
        Counters::add(&counters.output_tokens, answer.usage.output_tokens);
        Counters::add(&counters.cost_micros, answer.usage.cost_micros.unwrap_or(0));
        Ok(answer)
    }
}

async fn answer(runtime: Arc<Runtime>, prompt: Prompt) -> Result<Generation, ModelError> {
    let deadline = Duration::from_secs(u64::from(runtime.settings.run_deadline_s));
    let max_bytes = usize::try_from(runtime.settings.answer_max_bytes).unwrap_or(usize::MAX);
    let answer = collect(runtime.ports.model.generate(prompt), max_bytes, |_| {});
    match select(Box::pin(answer), runtime.sleep(deadline)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(ModelError::TimedOut(deadline)),
    }
}

fn cut_off(error: &JoinError) -> CoreError {
    if error.is_panic() {
        ModelError::Unavailable("the model panicked".to_owned()).into()
    } else {
        CoreError::Cancelled("the fleet was halted, or the host goes down".to_owned())
    }
}
