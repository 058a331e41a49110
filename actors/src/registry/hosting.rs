//! How the shards come up, and how a booting host fills them.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::Registry;
use super::shard::{Host, Shard};
use crate::error::{CoreError, StoreError};
use crate::liveness::handled::Handled;
use crate::ports::Seed;
use crate::runtime::Runtime;
use crate::supervisor::{RestartIntensity, supervise};

/// How many agents are hosted in one go: some 2 ms of an arbiter.
const PAGE: u32 = 1_000;

/// A shard is never given up: it is the only way to its agents, and holds nothing but their
/// addresses.
const FOR_EVER: RestartIntensity = RestartIntensity { restarts_max: u32::MAX, within_s: 1 };

/// The shards that have come up.
#[derive(Default)]
pub(super) struct Hosting {
    pub(super) shards: Vec<Addr<Shard>>,
    pub(super) arbiters: Vec<ArbiterHandle>,
    pub(super) handled: Vec<Arc<Handled>>,
}

/// One shard to each arbiter.
pub(super) async fn shards(runtime: &Arc<Runtime>) -> Result<Hosting, CoreError> {
    let mailbox = usize::try_from(runtime.settings.shard_mailbox).unwrap_or(usize::MAX);
    let start = move |runtime: Arc<Runtime>, handled: Arc<Handled>| {
        handled.of_this_thread();
        supervise(Shard::new(runtime), mailbox, FOR_EVER, |cause: &str| {
            tracing::error!(cause, "a shard of the registry is gone");
        })
    };
    let wanted = runtime.settings.arbiters.unwrap_or_else(one_to_two_cores);
    if wanted == 0 {
        let handled = Arc::<Handled>::default();
        let shards = vec![start(Arc::clone(runtime), Arc::clone(&handled))];
        return Ok(Hosting { shards, arbiters: Vec::new(), handled: vec![handled] });
    }
    let mut hosting = Hosting::default();
    for _ in 0..wanted {
        let arbiter = Arbiter::new().handle();
        let (started, address) = oneshot::channel();
        let (runtime, handled) = (Arc::clone(runtime), Arc::<Handled>::default());
        hosting.handled.push(Arc::clone(&handled));
        arbiter.spawn_fn(move || drop(started.send(start(runtime, handled))));
        hosting.shards.push(address.await.map_err(|_gone| CoreError::ShuttingDown)?);
        hosting.arbiters.push(arbiter);
    }
    Ok(hosting)
}

fn one_to_two_cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2);
    u32::try_from(cores).unwrap_or(1).max(1)
}

/// Hosts every agent of the store, page by page; tries again while the store does not answer.
pub(super) async fn host_all(registry: Registry) {
    let runtime = Arc::clone(&registry.inner.runtime);
    let began = runtime.now();
    let mut after = None;
    let mut hosted: u64 = 0;
    while !runtime.is_draining() {
        match host_page(&registry, after).await {
            Ok(None) => {
                runtime.booted();
                let took_ms = runtime.now().since(began).as_millis();
                tracing::info!(agents = hosted, took_ms, "every agent is hosted");
                return;
            }
            Ok(Some((last, count))) => {
                after = Some(last);
                hosted += count;
            }
            Err(error) => {
                tracing::error!(%error, "cannot go on hosting yet");
                runtime.sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Hosts the next page; answers with its last agent and its size, `None` after the last page.
async fn host_page(
    registry: &Registry,
    after: Option<crate::ids::AgentId>,
) -> Result<Option<(crate::ids::AgentId, u64)>, StoreError> {
    let seeds = registry.store().seeds(after, PAGE).await?;
    let Some(last) = seeds.last().map(|seed| seed.id) else { return Ok(None) };
    let count = u64::try_from(seeds.len()).unwrap_or(0);
    for (shard, seeds) in by_shard(registry, seeds) {
        let (reply, hosted) = oneshot::channel();
        let offered = shard.try_send(Host { seeds, reply });
        if offered.is_err() || hosted.await.is_err() {
            return Err(StoreError::Failed("a shard of the registry is too busy".to_owned()));
        }
    }
    Ok(Some((last, count)))
}

fn by_shard(registry: &Registry, seeds: Vec<Seed>) -> Vec<(&Addr<Shard>, Vec<Seed>)> {
    let mut groups: Vec<(&Addr<Shard>, Vec<Seed>)> =
        registry.inner.shards.iter().map(|shard| (shard, Vec::new())).collect();
    for seed in seeds {
        let index = registry.shard_index(seed.id);
        if let Some((_, group)) = groups.get_mut(index) {
            group.push(seed);
        }
    }
    groups.retain(|(_, seeds)| !seeds.is_empty());
    groups
}
