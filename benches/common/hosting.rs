//! A runtime over a store, with agents that never think.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::ports::{
    Model, ModelFuture, ModelStream, NoTools, Prompt, Store, SystemClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

/// Starts a runtime over a store, and waits until every agent is hosted and `last`, the one with the
/// greatest id, has started: its timer is then armed, and so are those of all before it.
///
/// # Errors
/// What the runtime says.
pub(crate) async fn host(
    store: Arc<dyn Store>,
    settings: Settings,
    last: Option<AgentId>,
) -> Result<Registry, CoreError> {
    let ports = Ports {
        store,
        model: Arc::new(Nobody),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, settings).await?;
    while registry.is_booting() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    if let Some(last) = last {
        registry.status(last).await?;
    }
    Ok(registry)
}

/// Ends a runtime, and waits until its agents are gone from memory.
pub(crate) async fn end(registry: Registry) {
    registry.shutdown(Duration::ZERO).await;
    while registry.vitals().hosted > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// One arbiter beside the asking thread, as on two cores, and agents that never think.
pub(crate) fn settings() -> Settings {
    Settings { arbiters: Some(1), reflect_every_s: 0, ..Settings::default() }
}

/// A model that does not answer: nothing that is measured may call one.
struct Nobody;

impl Model for Nobody {
    fn generate(&self, _: Prompt) -> ModelStream {
        stream::iter([Err(nobody())]).boxed()
    }

    fn embed(&self, _: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        async { Err(nobody()) }.boxed()
    }

    fn embedder(&self) -> String {
        "nobody".to_owned()
    }
}

fn nobody() -> ModelError {
    ModelError::Unavailable("there is no model in a bench".to_owned())
}
