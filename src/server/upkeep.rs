//! Upkeep: what the host does by itself, again and again, while it serves.

use std::time::Duration;

use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ports::Pruned;
use greenroom_actors::registry::Registry;
use tokio::task::JoinSet;

use crate::accounts::AccountsError;
use crate::host::Host;
use crate::messaging::SessionRules;
use crate::store::StoreSettings;
use crate::telemetry;

/// Between two rounds in which the recorder of metrics tidies up.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Between two looks at the jobs that are open, as elizaOS does it.
const JOBS_EVERY: Duration = Duration::from_secs(60);

/// Between two looks at the approvals that nobody has decided about.
const APPROVALS_EVERY: Duration = Duration::from_secs(60);

/// Between two rounds that keep how often keys were shown.
const KEY_USAGE_EVERY: Duration = Duration::from_secs(30);

/// Between two looks at whether every agent is hosted.
const HOSTED_LOOK: Duration = Duration::from_millis(50);

/// After how long messages that could not be brought to agents are tried again.
const LEFT_AGAIN: Duration = Duration::from_secs(5);

/// What goes on beside the answers; ends when it is dropped.
pub(super) struct Upkeep {
    _work: JoinSet<()>,
}

/// Begins it.
pub(super) fn start(host: &Host, store: &StoreSettings, sessions: SessionRules) -> Upkeep {
    let mut work = JoinSet::new();
    work.spawn(host.clone().look_after_departed(host.roster.ids()));
    work.spawn(prune(host.registry.clone(), store.clone()));
    work.spawn(forget_keys(host.clone(), store.prune_every()));
    work.spawn(deliver_left(host.clone()));
    work.spawn(sweep_sessions(host.clone(), sessions));
    work.spawn(sweep_jobs(host.clone()));
    let organisation = host.organisation.clone();
    work.spawn(async move { organisation.look_after_asks().await });
    work.spawn(expire_approvals(host.registry.clone()));
    work.spawn(keep_key_usage(host.clone()));
    work.spawn(tidy_metrics());
    let indexer = host.registry.clone();
    work.spawn(async move { indexer.index_memories().await });
    Upkeep { _work: work }
}

/// Removes what is past its time, over and over. The first round waits as well: a host that comes
/// up has better things to do.
async fn prune(registry: Registry, settings: StoreSettings) {
    let period = settings.prune_every();
    loop {
        registry.clock().sleep(period).await;
        let now = registry.clock().now();
        match registry.store().prune(settings.retention(), now).await {
            Ok(pruned) if pruned == Pruned::default() => {}
            Ok(Pruned { events, runs, logs, letters, firings, channel_events, jobs, usage }) => {
                tracing::info!(
                    events,
                    runs,
                    logs,
                    letters,
                    firings,
                    channel_events,
                    jobs,
                    usage,
                    "removed what was past its time"
                );
            }
            Err(StoreError::Closed) => return,
            // It is tried again; what is kept too long does no harm meanwhile.
            Err(error) => tracing::warn!(%error, "could not remove what is past its time"),
        }
    }
}

/// Forgets requests with a key that are past their time, over and over.
async fn forget_keys(host: Host, period: Duration) {
    loop {
        host.registry.clock().sleep(period).await;
        match host.idempotency.expire().await {
            Ok(0) => {}
            Ok(keys) => tracing::info!(keys, "forgot requests that were past their time"),
            Err(StoreError::Closed) => return,
            Err(error) => tracing::warn!(%error, "could not forget what is past its time"),
        }
    }
}

/// Brings agents what an earlier process left on its way to them.
async fn deliver_left(host: Host) {
    let clock = host.registry.clock();
    while host.registry.is_booting() {
        clock.sleep(HOSTED_LOOK).await;
    }
    loop {
        match host.messaging.deliver_left().await {
            Ok(0) | Err(CoreError::ShuttingDown | CoreError::Store(StoreError::Closed)) => return,
            Ok(messages) => tracing::info!(messages, "brought agents what was left on its way"),
            Err(error) => {
                tracing::warn!(%error, "messages are left on their way to agents");
                clock.sleep(LEFT_AGAIN).await;
            }
        }
    }
}

/// Removes sessions that have ended, over and over.
async fn sweep_sessions(host: Host, rules: SessionRules) {
    loop {
        host.registry.clock().sleep(rules.cleanup_every()).await;
        loop {
            match host.messaging.sweep_sessions().await {
                Ok(0) => break,
                Ok(sessions) => tracing::debug!(sessions, "removed sessions that had ended"),
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    tracing::warn!(%error, "could not remove sessions that have ended");
                    break;
                }
            }
        }
    }
}

/// Notes which jobs are over, over and over.
async fn sweep_jobs(host: Host) {
    loop {
        host.registry.clock().sleep(JOBS_EVERY).await;
        match host.messaging.sweep_jobs().await {
            Ok(()) => {}
            Err(CoreError::Store(StoreError::Closed)) => return,
            Err(error) => tracing::warn!(%error, "could not settle the jobs that are over"),
        }
    }
}

/// Lets approvals expire that nobody has decided about in time, over and over.
async fn expire_approvals(registry: Registry) {
    loop {
        registry.clock().sleep(APPROVALS_EVERY).await;
        loop {
            match registry.expire_approvals().await {
                Ok(0) => break,
                Ok(approvals) => tracing::info!(approvals, "nobody decided about them in time"),
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    tracing::warn!(%error, "could not let approvals expire");
                    break;
                }
            }
        }
    }
}

/// Keeps how often keys were shown, over and over: not one write for each request.
async fn keep_key_usage(host: Host) {
    loop {
        host.registry.clock().sleep(KEY_USAGE_EVERY).await;
        match host.accounts.keep_usage().await {
            Ok(()) => {}
            Err(AccountsError::Core(CoreError::Store(StoreError::Closed))) => return,
            Err(error) => tracing::warn!(%error, "could not keep how often keys were shown"),
        }
    }
}

/// Keeps the recorder of metrics small.
async fn tidy_metrics() {
    loop {
        tokio::time::sleep(METRICS_UPKEEP).await;
        telemetry::tidy();
    }
}
