//! What earlier boots left behind of each agent: when it last worked, and what its last call read.

use std::sync::Arc;
use std::time::Duration;

use crate::error::StoreError;
use crate::ids::AgentId;
use crate::ports::{LastWork, Purpose};
use crate::runtime::Runtime;

/// Agents that one question asks for.
const PAGE: u32 = 1_000;

/// How long is waited before a store that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Reads it page by page, beside everything else. Until then nothing is told of agents that have not
/// worked in this boot.
pub(crate) async fn recall(runtime: Arc<Runtime>) {
    let mut after = None;
    while !runtime.is_draining() {
        match page(&runtime, after).await {
            Ok(None) | Err(StoreError::Closed) => return,
            Ok(last) => after = last,
            Err(error) => {
                tracing::warn!(%error, "cannot read yet what agents last did");
                runtime.sleep(RETRY).await;
            }
        }
    }
}

async fn page(runtime: &Runtime, after: Option<AgentId>) -> Result<Option<AgentId>, StoreError> {
    let page = runtime.ports.store.last_work(after, PAGE).await?;
    for LastWork { agent_id, at, model, input_tokens } in &page {
        // It may be gone since.
        if runtime.directory.get(*agent_id).is_none() {
            continue;
        }
        let tally = runtime.tallies.of(*agent_id);
        let is_older = tally.figures().context.is_none();
        if let (true, Some(tokens)) = (is_older, input_tokens) {
            let model = model.as_deref().filter(|model| !model.is_empty());
            let abilities = runtime.ports.model.abilities(model, Purpose::Reply);
            tally.model_read(*tokens, abilities.context_tokens);
        }
        tally.was_active(*at);
    }
    Ok(page.last().map(|last| last.agent_id))
}
