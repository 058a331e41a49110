//! Tells what becomes of agents, and what people and agents do with one another, whoever does it.

use std::sync::{Arc, Weak};

use greenroom_actors::directory::{AgentChange, Changed};
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::{Event as Happened, EventKind};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};

use super::event::Event;
use super::hub::Happenings;
use crate::dialects::trinity::shared::Shared;
use crate::dialects::trinity::{agent_events, monitoring, notifications, short, times, work};
use crate::organisation::{Ask, Happening, Link};

/// Follows all agents, as long as the dialect is there.
pub(in super::super) fn follow(shared: &Arc<Shared>) {
    let changes = shared.host.registry.watch_agents();
    tokio::spawn(run(Arc::downgrade(shared), changes, of_agents));
    let happenings = shared.host.organisation.watch();
    tokio::spawn(run(Arc::downgrade(shared), happenings, |shared, happening: Arc<Happening>| {
        Some(of_people(shared, &happening))
    }));
    tokio::spawn(of_work(Arc::downgrade(shared), shared.hub.awaited()));
}

/// Tells what agents do, and how they are, as soon as somebody listens.
async fn of_work(shared: Weak<Shared>, awaited: oneshot::Receiver<Happenings>) {
    let Ok(mut happenings) = awaited.await else { return };
    loop {
        let next = happenings.recv().await;
        let Some(shared) = shared.upgrade() else { return };
        match next {
            Ok(happened) => match shared.happened(&happened).await {
                Ok(events) => events.iter().for_each(|event| shared.tell(event)),
                Err(error) => {
                    let agent = happened.agent_id;
                    tracing::warn!(%agent, %error, "what an agent does cannot be told");
                }
            },
            // Pages show it once they ask; letting everyone go would have all of them ask at once.
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "some of what agents do was not told");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

impl Shared {
    /// What is to be told of something that happened to an agent.
    async fn happened(&self, happened: &Happened) -> Result<Vec<Event>, CoreError> {
        let Some(agent) = self.host.roster.get(happened.agent_id).await? else {
            return Ok(Vec::new());
        };
        match happened.kind {
            EventKind::Started | EventKind::Failed | EventKind::Remedied => {
                Ok(monitoring::changed(self, &agent).into_iter().collect())
            }
            _ => work::happened(&self.host, &agent, happened).await,
        }
    }
}

async fn run<T: Clone>(
    shared: Weak<Shared>,
    mut news: broadcast::Receiver<T>,
    worded: impl Fn(&Shared, T) -> Option<Event>,
) {
    loop {
        let next = news.recv().await;
        let Some(shared) = shared.upgrade() else { return };
        match next {
            Ok(next) => {
                if let Some(event) = worded(&shared, next) {
                    shared.tell(&event);
                }
            }
            // Nobody knows any more what clients believe.
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "some news were missed");
                shared.hub.lose_track();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn of_agents(shared: &Shared, change: AgentChange) -> Option<Event> {
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

fn of_people(shared: &Shared, happening: &Happening) -> Event {
    let agent = happening.agent();
    let listed = shared.host.registry.directory().get(agent);
    let name = listed.map(|listed| listed.handle.to_string()).unwrap_or_default();
    match happening {
        Happening::Shared(_, email) => Event::Shared { agent, name, email: email.clone() },
        Happening::Unshared(_, email) => Event::Unshared { agent, name, email: email.clone() },
        Happening::Noticed(notice) => Event::Notification {
            agent,
            name: notice.person.clone().unwrap_or(name),
            id: notice.id.told(notifications::KIND),
            kind: notice.kind.clone(),
            title: notice.title.clone(),
            priority: notice.priority.clone(),
            category: notice.category.clone(),
            at: times::iso(notice.created_at),
        },
        Happening::Emitted(emission) => Event::AgentEvent {
            agent,
            name: emission.person.clone().unwrap_or(name),
            id: emission.id.told(agent_events::EVENT),
            kind: emission.event_type.clone(),
            triggered: emission.triggered,
            at: times::iso(emission.created_at),
        },
        Happening::Asked(ask) => queue(agent, name, "new", ask),
        Happening::AskAnswered(ask) => queue(agent, name, "responded", ask),
        Happening::AskAcknowledged(ask) => queue(agent, name, "acknowledged", ask),
        Happening::LinkMade(link) => linked(agent, &name, "created", link),
        Happening::LinkChanged(link) => linked(agent, &name, "updated", link),
        Happening::LinkRemoved(link) => linked(agent, &name, "deleted", link),
    }
}

fn queue(agent: AgentId, name: String, what: &'static str, ask: &Ask) -> Event {
    let data = json!({
        "id": ask.id, "agent_name": name, "type": ask.kind, "status": ask.status.as_str(),
        "priority": ask.priority, "title": ask.title, "created_at": times::iso(ask.created_at),
    });
    Event::Queue { agent, what, data }
}

/// Without its token: who may use an agent may not by that see the links that its owner has made.
fn linked(agent: AgentId, name: &str, what: &'static str, link: &Link) -> Event {
    let data = json!({
        "id": short::of(link.id), "agent_name": name, "name": link.name, "enabled": link.is_enabled,
    });
    Event::Link { agent, what, data }
}
