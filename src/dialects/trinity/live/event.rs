//! What sockets are told.

use greenroom_actors::ids::AgentId;
use serde_json::{Map, Value, json};

/// Something that happened, told to those who may see the agents that it is about.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::enum_variant_names, reason = "an agent's event is what the wire calls it")]
pub(in super::super) enum Event {
    /// An agent was created.
    Created {
        agent: AgentId,
        /// `name`, `type`, `status`, `port`, `created`, `resources`, `container_id`.
        data: Value,
    },
    /// An agent is gone.
    Deleted { agent: AgentId, name: String },
    /// An agent was started.
    Started {
        agent: AgentId,
        name: String,
        /// `success`, `skipped` or `failed`.
        injection: &'static str,
    },
    /// An agent was stopped.
    Stopped { agent: AgentId, name: String },
    /// An agent has another name.
    Renamed { agent: AgentId, old: String, new: String },
    /// An agent was shared with somebody.
    Shared { agent: AgentId, name: String, email: String },
    /// That is over.
    Unshared { agent: AgentId, name: String, email: String },
    /// An agent does something, or has done it.
    Activity {
        agent: AgentId,
        name: String,
        /// The activity's id.
        id: String,
        /// `chat_start`, `tool_call`, …
        kind: &'static str,
        /// `started`, `completed` or `failed`.
        state: &'static str,
        action: String,
        /// When, as on this wire.
        at: String,
        details: Value,
        error: Option<String>,
    },
    /// An agent works with another.
    Collaboration {
        source: AgentId,
        source_name: String,
        target: AgentId,
        target_name: String,
        /// `chat` or `parallel_task`.
        action: &'static str,
        at: String,
    },
    /// An answer was kept in a chat.
    ChatSaved { agent: AgentId, name: String, execution: String, session: String, at: String },
    /// An agent tells people something.
    Notification {
        agent: AgentId,
        name: String,
        id: String,
        kind: String,
        title: String,
        priority: String,
        category: Option<String>,
        at: String,
    },
    /// An agent tells other agents something.
    AgentEvent {
        agent: AgentId,
        name: String,
        id: String,
        kind: String,
        /// How many subscriptions it set off.
        triggered: usize,
        at: String,
    },
    /// An agent does better or worse.
    Health {
        agent: AgentId,
        name: String,
        previous: &'static str,
        current: &'static str,
        issues: Vec<String>,
        at: String,
    },
    /// Something about a question to people.
    Queue {
        agent: AgentId,
        /// `new`, `responded` or `acknowledged`.
        what: &'static str,
        /// With `id` and `agent_name`.
        data: Value,
    },
    /// Something about a public link.
    Link {
        agent: AgentId,
        /// `created`, `updated` or `deleted`.
        what: &'static str,
        data: Value,
    },
}

impl Event {
    /// The agents that it is about: who hears of it may see all of them.
    pub(super) fn about(&self) -> Vec<AgentId> {
        match self {
            Self::Collaboration { source, target, .. } => vec![*source, *target],
            Self::Created { agent, .. }
            | Self::Deleted { agent, .. }
            | Self::Started { agent, .. }
            | Self::Stopped { agent, .. }
            | Self::Renamed { agent, .. }
            | Self::Shared { agent, .. }
            | Self::Unshared { agent, .. }
            | Self::Activity { agent, .. }
            | Self::ChatSaved { agent, .. }
            | Self::Notification { agent, .. }
            | Self::AgentEvent { agent, .. }
            | Self::Health { agent, .. }
            | Self::Queue { agent, .. }
            | Self::Link { agent, .. } => vec![*agent],
        }
    }

    /// Whether those who listen with a key are told as well.
    pub(super) fn is_for_keys(&self) -> bool {
        matches!(
            self,
            Self::Activity { .. }
                | Self::Started { .. }
                | Self::Stopped { .. }
                | Self::Renamed { .. }
                | Self::Collaboration { .. }
                | Self::Notification { .. }
                | Self::AgentEvent { .. }
                | Self::Health { .. }
        )
    }

    /// As it is told.
    pub(super) fn worded(&self) -> Map<String, Value> {
        let worded = match self {
            Self::Created { data, .. } => json!({"event": "agent_created", "data": data}),
            Self::Deleted { name, .. } => json!({"event": "agent_deleted", "data": {"name": name}}),
            Self::Started { name, injection, .. } => json!({
                "event": "agent_started", "type": "agent_started", "name": name,
                "data": {"name": name, "credentials_injection": injection},
            }),
            Self::Stopped { name, .. } => json!({
                "event": "agent_stopped", "type": "agent_stopped", "name": name,
                "data": {"name": name},
            }),
            Self::Renamed { old, new, .. } => json!({
                "event": "agent_renamed", "type": "agent_renamed", "name": new,
                "data": {"old_name": old, "new_name": new},
            }),
            Self::Shared { name, email, .. } => json!({
                "event": "agent_shared", "data": {"name": name, "shared_with": email},
            }),
            Self::Unshared { name, email, .. } => json!({
                "event": "agent_unshared", "data": {"name": name, "removed_user": email},
            }),
            Self::Activity { name, id, kind, state, action, at, details, error, .. } => json!({
                "type": "agent_activity", "agent_name": name, "activity_id": id,
                "activity_type": kind, "activity_state": state, "action": action,
                "timestamp": at, "details": details, "error": error,
            }),
            Self::Collaboration { source_name, target_name, action, at, .. } => json!({
                "type": "agent_collaboration", "source_agent": source_name,
                "target_agent": target_name, "action": action, "timestamp": at,
            }),
            Self::ChatSaved { name, execution, session, at, .. } => json!({
                "type": "chat_response_ready", "execution_id": execution, "agent_name": name,
                "chat_session_id": session, "timestamp": at,
            }),
            Self::Notification { name, id, kind, title, priority, category, at, .. } => json!({
                "type": "agent_notification", "notification_id": id, "agent_name": name,
                "notification_type": kind, "title": title, "priority": priority,
                "category": category, "timestamp": at,
            }),
            Self::AgentEvent { name, id, kind, triggered, at, .. } => json!({
                "type": "agent_event", "event_id": id, "source_agent": name, "event_type": kind,
                "subscriptions_triggered": triggered, "timestamp": at,
            }),
            Self::Health { name, previous, current, issues, at, .. } => json!({
                "type": "agent_health_changed", "agent_name": name, "previous_status": previous,
                "current_status": current, "issues": issues, "timestamp": at,
            }),
            Self::Queue { what, data, .. } => {
                json!({"type": format!("operator_queue_{what}"), "data": data})
            }
            Self::Link { what, data, .. } => {
                json!({"event": format!("public_link_{what}"), "data": data})
            }
        };
        match worded {
            Value::Object(worded) => worded,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_reads_as_in_the_contract() {
        let (agent, name) = (AgentId::new(), || "ada".to_owned());
        let at = || "2026-01-15T10:30:00.123456Z".to_owned();
        for (event, is_for_keys, worded) in [
            (
                Event::Created { agent, data: json!({"name": "ada"}) },
                false,
                json!({"event": "agent_created", "data": {"name": "ada"}}),
            ),
            (
                Event::Deleted { agent, name: name() },
                false,
                json!({"event": "agent_deleted", "data": {"name": "ada"}}),
            ),
            (
                Event::Started { agent, name: name(), injection: "skipped" },
                true,
                json!({
                    "event": "agent_started", "type": "agent_started", "name": "ada",
                    "data": {"name": "ada", "credentials_injection": "skipped"},
                }),
            ),
            (
                Event::Stopped { agent, name: name() },
                true,
                json!({
                    "event": "agent_stopped", "type": "agent_stopped", "name": "ada",
                    "data": {"name": "ada"},
                }),
            ),
            (
                Event::Renamed { agent, old: name(), new: "bob".to_owned() },
                true,
                json!({
                    "event": "agent_renamed", "type": "agent_renamed", "name": "bob",
                    "data": {"old_name": "ada", "new_name": "bob"},
                }),
            ),
            (
                Event::Shared { agent, name: name(), email: "a@b.c".to_owned() },
                false,
                json!({"event": "agent_shared", "data": {"name": "ada", "shared_with": "a@b.c"}}),
            ),
            (
                Event::Unshared { agent, name: name(), email: "a@b.c".to_owned() },
                false,
                json!({
                    "event": "agent_unshared", "data": {"name": "ada", "removed_user": "a@b.c"},
                }),
            ),
            (
                Event::Collaboration {
                    source: agent,
                    source_name: name(),
                    target: AgentId::new(),
                    target_name: "bob".to_owned(),
                    action: "chat",
                    at: at(),
                },
                true,
                json!({
                    "type": "agent_collaboration", "source_agent": "ada", "target_agent": "bob",
                    "action": "chat", "timestamp": at(),
                }),
            ),
            (
                Event::ChatSaved {
                    agent,
                    name: name(),
                    execution: "e".to_owned(),
                    session: "s".to_owned(),
                    at: at(),
                },
                false,
                json!({
                    "type": "chat_response_ready", "execution_id": "e", "agent_name": "ada",
                    "chat_session_id": "s", "timestamp": at(),
                }),
            ),
            (
                Event::Queue { agent, what: "new", data: json!({"id": "q"}) },
                false,
                json!({"type": "operator_queue_new", "data": {"id": "q"}}),
            ),
            (
                Event::Link { agent, what: "deleted", data: json!({"id": "l"}) },
                false,
                json!({"event": "public_link_deleted", "data": {"id": "l"}}),
            ),
        ] {
            assert_eq!(Value::Object(event.worded()), worded);
            assert_eq!(event.is_for_keys(), is_for_keys, "{event:?}");
            let agents = if matches!(event, Event::Collaboration { .. }) { 2 } else { 1 };
            assert_eq!(event.about().len(), agents);
        }
    }
}
