//! The shapes of an agent.

use greenroom_actors::lifecycle::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_shared_with;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::gists::Gist;
use crate::dialects::trinity::times;
use crate::roster::{Known, Relation, Resources, Share};

/// What an agent may use.
#[derive(Serialize, ToSchema)]
pub(in crate::dialects::trinity) struct AgentResources {
    cpu: String,
    memory: String,
}

impl From<&Resources> for AgentResources {
    fn from(resources: &Resources) -> Self {
        Self { cpu: resources.cpu.clone(), memory: resources.memory.clone() }
    }
}

/// What every form of an agent has.
#[derive(Serialize, ToSchema)]
pub(in crate::dialects::trinity) struct AgentBase {
    name: String,
    r#type: String,
    /// `running` or `stopped`.
    status: &'static str,
    /// A number of its own; 0 if none was left.
    port: u16,
    created: String,
    resources: AgentResources,
    /// Stays over restart and rename.
    container_id: String,
    /// As it was asked for.
    template: Option<String>,
    runtime: String,
    /// The version of this host.
    base_image_version: Option<String>,
}

/// An agent in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentItem {
    #[serde(flatten)]
    base: AgentBase,
    #[serde(flatten)]
    more: More,
}

/// What both a list and the detail tell beside the base.
#[derive(Serialize, ToSchema)]
struct More {
    owner: Option<String>,
    is_owner: bool,
    /// Whether the caller sees it because it is shared with them.
    is_shared: bool,
    is_system: bool,
    autonomy_enabled: bool,
    read_only_enabled: bool,
    github_repo: Option<String>,
    memory_limit: Option<String>,
    cpu_limit: Option<String>,
    avatar_url: Option<String>,
    tags: Vec<String>,
}

/// One agent, with what its owner may know.
#[derive(Serialize, ToSchema)]
pub(super) struct AgentDetail {
    #[serde(flatten)]
    base: AgentBase,
    #[serde(flatten)]
    more: More,
    can_share: bool,
    can_delete: bool,
    /// Empty for those who do not own it.
    shares: Vec<AgentShare>,
}

/// That an agent is shared with somebody.
#[derive(Serialize, ToSchema)]
pub(in crate::dialects::trinity) struct AgentShare {
    id: u64,
    agent_name: String,
    shared_with_email: String,
    shared_by_id: i64,
    shared_by_email: String,
    created_at: String,
    allow_proactive: bool,
}

impl AgentShare {
    pub(in crate::dialects::trinity) fn of(agent: &str, share: &Share) -> Self {
        Self {
            id: share.id,
            agent_name: agent.to_owned(),
            shared_with_email: share.email.clone(),
            shared_by_id: share.by_id,
            shared_by_email: share.by.clone(),
            created_at: times::iso(share.created_at),
            allow_proactive: share.allows_proactive,
        }
    }
}

/// An agent as one caller is shown it.
pub(in crate::dialects::trinity) struct Shown<'a> {
    agent: &'a Known,
    relation: Relation,
    is_owner: bool,
    is_read_only: bool,
    version: &'static str,
}

impl<'a> Shown<'a> {
    pub(in crate::dialects::trinity) fn of<B>(
        call: &Call<B>,
        agent: &'a Known,
        gist: Gist,
    ) -> Self {
        Self {
            agent,
            relation: call.relation(agent),
            is_owner: agent.entry.owner == call.principal.user.username,
            is_read_only: gist.is_read_only,
            version: call.shared.host.version,
        }
    }

    fn more(&self) -> More {
        let entry = &self.agent.entry;
        More {
            owner: Some(entry.owner.clone()),
            is_owner: self.is_owner,
            is_shared: is_shared_with(self.relation),
            is_system: entry.is_system,
            autonomy_enabled: self.agent.is_autonomous,
            read_only_enabled: self.is_read_only,
            github_repo: entry.github_repo.clone(),
            memory_limit: entry.limits.memory.clone(),
            cpu_limit: entry.limits.cpu.clone(),
            avatar_url: avatar_url(self.agent),
            tags: entry.tags.iter().cloned().collect(),
        }
    }
}

impl AgentBase {
    pub(in crate::dialects::trinity) fn of(agent: &Known, version: &str) -> Self {
        let entry = &agent.entry;
        Self {
            name: agent.name.clone(),
            r#type: entry.kind.clone(),
            status: status(agent.state),
            port: entry.port,
            created: times::iso(agent.created_at),
            resources: (&entry.resources).into(),
            container_id: entry.container_id.clone(),
            template: entry.template.clone(),
            runtime: entry.runtime.clone(),
            base_image_version: Some(version.to_owned()),
        }
    }
}

impl AgentItem {
    pub(super) fn of(shown: &Shown<'_>) -> Self {
        Self { base: AgentBase::of(shown.agent, shown.version), more: shown.more() }
    }
}

impl AgentDetail {
    pub(super) fn of(shown: &Shown<'_>) -> Self {
        let (agent, owns) = (shown.agent, shown.relation.may_own());
        let shares = agent.entry.shares.iter().filter(|_| owns);
        Self {
            base: AgentBase::of(agent, shown.version),
            more: shown.more(),
            can_share: owns,
            can_delete: owns && !agent.entry.is_system,
            shares: shares.map(|share| AgentShare::of(&agent.name, share)).collect(),
        }
    }
}

/// Where its picture is, if it has one; another address after each change.
fn avatar_url(agent: &Known) -> Option<String> {
    let changed_at = agent.entry.avatar_changed_at?;
    Some(format!("/api/agents/{}/avatar?v={}", agent.name, changed_at.0))
}

/// The word for a state: who does not run is stopped, whatever the reason.
pub(in crate::dialects::trinity) fn status(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Stopped | State::Starting | State::Paused | State::Stopping | State::Failed => {
            "stopped"
        }
    }
}
