//! Fleets of agents: laid into a store as facts, and hosted by a runtime without a model.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use greenroom_actors::facts::{Batch, Fact};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Autonomy, Desired, Lifecycle};
use greenroom_actors::ports::{
    Clock, Model, ModelFuture, ModelStream, Prompt, Store, SystemClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use uuid::Uuid;

/// Agents that one commit lays down.
const PAGE: u32 = 1_000;

/// The agent of that number: ids are spread as random ones are, and the same in every run.
pub(crate) fn agent(number: u32) -> AgentId {
    let bits = u128::from(number) + 1;
    let mixed = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    AgentId(uuid::Builder::from_random_bytes(mixed.swap_bytes().to_be_bytes()).into_uuid())
}

/// The record of an agent that was running when its host went down.
pub(crate) fn record(number: u32, autonomy: Option<Autonomy>) -> AgentRecord {
    let id = agent(number);
    let name = format!("Agent of the fleet {number:06}");
    let now = SystemClock.now();
    AgentRecord {
        id,
        handle: format!("agent-of-the-fleet-{number:06}"),
        character: Character { id: Some(id), ..Character::named(&name) },
        enabled: true,
        lifecycle: Lifecycle {
            desired: Desired::Running,
            started_at: Some(now),
            autonomy,
            ..Lifecycle::default()
        },
        created_at: now,
        updated_at: now,
    }
}

/// Lays `count` running agents into a store, as an earlier host would have left them.
///
/// # Errors
/// What the store says.
pub(crate) async fn lay(
    store: &dyn Store,
    count: u32,
    autonomy: Option<Autonomy>,
) -> Result<(), StoreError> {
    let boot = store.boot(SystemClock.now()).await?;
    for first in (0..count).step_by(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let facts = (first..count.min(first + PAGE))
            .map(|number| Fact::AgentCreated(Box::new(record(number, autonomy))))
            .collect();
        store.commit(Batch { epoch: boot.epoch, facts }).await?;
    }
    Ok(())
}

/// Starts a runtime over a store, and waits until every agent is hosted.
///
/// # Errors
/// What the runtime says.
pub(crate) async fn host(store: Arc<dyn Store>, settings: Settings) -> Result<Registry, CoreError> {
    let ports = Ports { store, model: Arc::new(Nobody), clock: Arc::new(SystemClock) };
    let registry = Registry::start(ports, settings).await?;
    while registry.is_booting() {
        tokio::time::sleep(Duration::from_millis(1)).await;
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
