//! The indexer: gives memories their embeddings, beside the path that makes them durable.
//!
//! What has none yet is found in the store, so that nothing is lost by a crash and a new embedder
//! catches up by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::error::StoreError;
use crate::facts::Fact;
use crate::runtime::Runtime;

/// How many memories are embedded in one call of the model and one commit.
const BATCH: u32 = 32;

/// How many times as long as the last batch took is waited before the next.
///
/// An embedding is the larger half of what a memory writes. Nobody waits for it, and whoever waits
/// for a memory must not: under load a batch takes longer, so that ever fewer are made.
const REST: u32 = 3;

/// How long to wait where nothing was to be done.
const IDLE: Duration = Duration::from_secs(2);

/// How long to wait after a failure at most.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

pub(crate) async fn run(runtime: Arc<Runtime>) {
    let mut pause = IDLE;
    while !runtime.is_draining() {
        let began = runtime.now();
        match index_some(&runtime).await {
            Ok(0) => {
                pause = IDLE;
                runtime.sleep(IDLE).await;
            }
            Ok(_) => {
                pause = IDLE;
                let took = runtime.now().since(began);
                if took.is_zero() {
                    tokio::task::yield_now().await;
                } else {
                    runtime.sleep(took.saturating_mul(REST)).await;
                }
            }
            Err(error) => {
                tracing::warn!(error, "memories are not indexed yet");
                runtime.sleep(pause).await;
                pause = pause.saturating_mul(2).min(BACKOFF_MAX);
            }
        }
    }
}

/// Embeds the oldest memories that have no embedding; answers with how many.
async fn index_some(runtime: &Arc<Runtime>) -> Result<usize, String> {
    if runtime.is_halted() {
        return Ok(0);
    }
    let (store, model) = (&runtime.ports.store, &runtime.ports.model);
    let text = |error: StoreError| error.to_string();
    let memories = store.unembedded(&model.embedder(), BATCH).await.map_err(text)?;
    if memories.is_empty() {
        return Ok(0);
    }
    let texts = memories.iter().map(|memory| memory.text().to_owned()).collect();
    let Ok(embedded) = runtime.unless_halted(model.embed(texts)).await else { return Ok(0) };
    let embeddings = embedded.map_err(|error| error.to_string())?;
    if embeddings.len() != memories.len() {
        return Err("the embedder gave another number of vectors than texts".to_owned());
    }
    let facts = memories
        .iter()
        .zip(embeddings)
        .map(|(memory, embedding)| Fact::Embedded {
            agent_id: memory.agent_id,
            memory_id: memory.id,
            embedding,
        })
        .collect();
    runtime.commit(facts).await.map_err(text)?;
    Ok(memories.len())
}
