//! Fleets of agents, as an earlier host would have left them in its store.

use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::{Batch, Fact};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Autonomy, Desired, Lifecycle};
use greenroom_actors::ports::{Clock, Store, SystemClock};
use uuid::Uuid;

/// Agents that one commit lays down.
const PAGE: u32 = 1_000;

/// The agent of that number: the same in every run, in the order of the numbers, and with low bits
/// that are spread as those of random ids are.
pub(crate) fn agent(number: u32) -> AgentId {
    let low = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    AgentId(Uuid::from_u64_pair(u64::from(number) << 32, low))
}

/// The lifecycle of an agent that was running when its host went down.
pub(crate) fn lifecycle(autonomy: Option<Autonomy>) -> Lifecycle {
    Lifecycle {
        desired: Desired::Running,
        started_at: Some(SystemClock.now()),
        autonomy,
        ..Lifecycle::default()
    }
}

/// The record of an agent that was running when its host went down.
fn record(number: u32, autonomy: Option<Autonomy>) -> AgentRecord {
    let id = agent(number);
    let name = format!("Agent of the fleet {number:06}");
    let now = SystemClock.now();
    AgentRecord {
        id,
        handle: format!("agent-of-the-fleet-{number:06}"),
        character: Character { id: Some(id), ..Character::named(&name) },
        enabled: true,
        lifecycle: lifecycle(autonomy),
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
