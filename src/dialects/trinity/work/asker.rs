//! Who asks an agent for something, and by which way: what is kept with each letter, to be found again
//! with its execution.

use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, LetterId, LogId, RoomId, derived};
use greenroom_actors::records::LogEntry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::executions::preview;
use crate::accounts::User;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::live::Event;
use crate::dialects::trinity::{short, times};
use crate::roster::Known;

/// The sort of log entry that tells of a call of another agent.
pub(super) const COLLABORATION: &str = "agent_collaboration";

/// By which way an agent is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In its conversation.
    Chat,
    /// Beside it.
    Task,
    /// Beside it, one of many at once.
    FanOut,
}

/// What is kept with a letter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Labels {
    pub(super) triggered_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fan_out_id: Option<String>,
    /// The chat session that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<Uuid>,
}

impl Labels {
    pub(super) fn of(labels: &Map<String, Value>) -> Self {
        serde_json::from_value(Value::Object(labels.clone())).unwrap_or_default()
    }

    pub(super) fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(labels)) => labels,
            _ => Map::new(),
        }
    }
}

/// Who asks.
pub(super) struct Asker {
    pub(super) labels: Labels,
    pub(super) entity: EntityId,
    pub(super) name: String,
    /// The agent that asks, if one does, and its name.
    source: Option<(AgentId, String)>,
}

impl Asker {
    /// Who a request comes from.
    ///
    /// # Errors
    /// 403 where the header names an agent that the key does not speak for, or one that may not call
    /// this one.
    pub(super) async fn of<B>(
        call: &Call<B>,
        target: &Known,
        way: Way,
    ) -> Result<Self, TrinityError> {
        let principal = &call.principal;
        let source = match call.header("x-source-agent") {
            Some(name) => Some(source(call, name, target).await?),
            None => None,
        };
        let via_mcp = call.header("x-via-mcp").is_some_and(|value| value != "false");
        let word = match (&source, way) {
            (_, Way::FanOut) => "fan_out",
            (Some((id, _)), Way::Task) if *id == target.id => "self_task",
            (Some(_), _) => "agent",
            (None, _) if via_mcp => "mcp",
            (None, Way::Chat) => "chat",
            (None, Way::Task) => "manual",
        };
        let (user, key) = (&principal.user, principal.key());
        let labels = Labels {
            triggered_by: word.to_owned(),
            user_id: Some(user.id),
            user_email: user.email.clone().or_else(|| Some(user.username.clone())),
            source_agent: source.as_ref().map(|(_, name)| name.clone()),
            // What the key itself says, not what a header says of it.
            key_id: key.map(|key| short::of(key.id)),
            key_name: key.map(|key| key.name.clone()),
            fan_out_id: None,
            session: None,
        };
        Ok(Self { labels, entity: entity_of(user), name: user.username.clone(), source })
    }

    /// Writes down, with the agent that asks, that it has asked another.
    pub(super) async fn note<B>(
        &self,
        call: &Call<B>,
        target: &Known,
        letter: LetterId,
        action: &'static str,
    ) {
        let Some((source, name)) = &self.source else { return };
        if *source != target.id {
            call.shared.tell(&Event::Collaboration {
                source: *source,
                source_name: name.clone(),
                target: target.id,
                target_name: target.name.clone(),
                action,
                at: times::iso(call.shared.now()),
            });
        }
        let registry = &call.shared.host.registry;
        // As it is kept: cut from what was said, it could hold half of a secret.
        let kept = registry.store().letter(letter).await.ok().flatten();
        let preview = kept.map(|letter| preview(letter.text())).unwrap_or_default();
        let body = json!({
            "source_agent": name, "target_agent": target.name, "target_id": target.id,
            "action": action, "message_preview": preview, "execution_id": short::of(letter.0),
            "triggered_by": self.labels.triggered_by, "user_id": self.labels.user_id,
        });
        let Value::Object(body) = body else { return };
        let entry = LogEntry {
            id: LogId::new(),
            agent_id: *source,
            entity_id: (*source).into(),
            room_id: RoomId(source.0),
            run_id: None,
            kind: COLLABORATION.to_owned(),
            body,
            created_at: call.shared.now(),
        };
        let facts = vec![Fact::Logged(Box::new(entry))];
        // What was asked is accepted; that it is not noted with the asker is no reason to say otherwise.
        let kept = registry.ask(*source, Keep { facts, while_running: false }).await;
        if let Err(error) = kept {
            tracing::warn!(agent = %source, %error, "a call of another agent is not noted");
        }
    }
}

/// The agent that a header names, which may call the target.
async fn source<B>(
    call: &Call<B>,
    name: &str,
    target: &Known,
) -> Result<(AgentId, String), TrinityError> {
    let roster = &call.shared.host.roster;
    let named = roster.find(name).await?;
    let source = named.filter(|agent| call.principal.agent() == Some(agent.id));
    let Some(source) = source else {
        let told = format!("X-Source-Agent '{name}' is not the agent of this key");
        return Err(TrinityError::forbidden(told));
    };
    if source.id != target.id && !source.entry.permits.contains(&target.id) {
        let told = format!("Agent '{}' has no permission to call '{}'", source.name, target.name);
        return Err(TrinityError::forbidden(told));
    }
    Ok((source.id, source.name))
}

/// Whom agents take a user for.
pub(super) fn entity_of(user: &User) -> EntityId {
    EntityId(derived(&format!("trinity:user:{}", user.id)))
}
