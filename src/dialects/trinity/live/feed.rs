//! Tells what becomes of agents, whoever does it to them.

use std::sync::{Arc, Weak};

use greenroom_actors::directory::{AgentChange, Changed};
use greenroom_actors::lifecycle::State;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::event::Event;
use crate::dialects::trinity::shared::Shared;
use crate::dialects::trinity::times;

/// Follows all agents, as long as the dialect is there.
pub(in super::super) fn follow(shared: &Arc<Shared>) {
    let changes = shared.host.registry.watch_agents();
    tokio::spawn(run(Arc::downgrade(shared), changes));
}

async fn run(shared: Weak<Shared>, mut changes: broadcast::Receiver<AgentChange>) {
    loop {
        let change = changes.recv().await;
        let Some(shared) = shared.upgrade() else { return };
        match change {
            Ok(change) => {
                if let Some(event) = worded(&shared, change) {
                    shared.tell(&event);
                }
            }
            // Nobody knows any more what clients believe.
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "changes of agents were missed");
                shared.hub.lose_track();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn worded(shared: &Shared, change: AgentChange) -> Option<Event> {
    let AgentChange { id: agent, handle, what } = change;
    let name = handle.to_string();
    match what {
        Changed::Created => {
            let entry = shared.host.roster.entry(agent);
            let listed = shared.host.registry.directory().get(agent)?;
            let is_running = listed.state == State::Running;
            let data = json!({
                "name": name, "type": entry.kind,
                "status": if is_running { "running" } else { "stopped" },
                "port": entry.port, "created": times::iso(listed.created_at),
                "resources": {"cpu": entry.resources.cpu, "memory": entry.resources.memory},
                "container_id": entry.container_id,
            });
            Some(Event::Created { agent, data })
        }
        Changed::Removed => Some(Event::Deleted { agent, name }),
        Changed::Renamed { old, new } => {
            Some(Event::Renamed { agent, old: old.to_string(), new: new.to_string() })
        }
        Changed::Lifecycle { old, new } => match (old == State::Running, new == State::Running) {
            (false, true) => {
                Some(Event::Started { agent, name, injection: shared.hub.injection(agent) })
            }
            (true, false) => Some(Event::Stopped { agent, name }),
            _ => None,
        },
        Changed::Revised => None,
    }
}
