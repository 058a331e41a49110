//! Triggers, for whoever is outside.

use std::time::Duration;

use super::Registry;
use crate::agent::{AddTrigger, AmendTrigger, FireTrigger, RemoveTrigger};
use crate::error::CoreError;
use crate::ids::{AgentId, TriggerId};
use crate::ports::FiringQuery;
use crate::scheduler::SchedulerHealth;
use crate::time::UnixMillis;
use crate::triggers::{Firing, NewTrigger, Trigger, TriggerPatch};

/// Letters of a name that are repeated to whoever gave it.
const SHOWN_MAX: usize = 100;

impl Registry {
    /// Gives an agent a trigger; answers with it once it is durable.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and as [`AddTrigger`] says; [`CoreError::Invalid`] if it names a model
    /// that this host does not have, or tools that the agent is not offered.
    pub async fn add_trigger(
        &self,
        agent: AgentId,
        wanted: NewTrigger,
    ) -> Result<Trigger, CoreError> {
        self.check_means(agent, wanted.model.as_deref(), wanted.allowed_tools.as_deref()).await?;
        self.ask(agent, AddTrigger(Box::new(wanted))).await
    }

    /// Changes a trigger, also whether it is enabled; answers with it once that is durable.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), as [`AmendTrigger`] says, and as [`add_trigger`](Self::add_trigger) for
    /// models and tools that are changed.
    pub async fn amend_trigger(
        &self,
        agent: AgentId,
        id: TriggerId,
        patch: TriggerPatch,
    ) -> Result<Trigger, CoreError> {
        let (model, tools) = (patch.model.as_ref(), patch.allowed_tools.as_ref());
        let model = model.and_then(|model| model.as_deref());
        self.check_means(agent, model, tools.and_then(|tools| tools.as_deref())).await?;
        self.ask(agent, AmendTrigger { id, patch: Box::new(patch) }).await
    }

    /// That a trigger would not be answered by another model than it names, or go without its tools.
    async fn check_means(
        &self,
        agent: AgentId,
        model: Option<&str>,
        tools: Option<&[String]>,
    ) -> Result<(), CoreError> {
        if let Some(model) = model.filter(|model| !self.inner.runtime.ports.model.knows(model)) {
            let reason = format!("there is no model {}", shown(model));
            return Err(CoreError::Invalid { field: "model", reason });
        }
        let Some(tools) = tools.filter(|tools| !tools.is_empty()) else { return Ok(()) };
        let offered = self.tools(agent).await?;
        let is_offered = |name: &&String| offered.iter().any(|tool| tool.spec.name == **name);
        match tools.iter().find(|name| !is_offered(name)) {
            None => Ok(()),
            Some(unknown) => {
                let reason = format!("the agent has no tool {}", shown(unknown));
                Err(CoreError::Invalid { field: "allowed_tools", reason })
            }
        }
    }

    /// Removes a trigger: its run is silent first, then it is durably gone.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and as [`RemoveTrigger`] says.
    pub async fn remove_trigger(&self, agent: AgentId, id: TriggerId) -> Result<(), CoreError> {
        self.ask(agent, RemoveTrigger(id)).await
    }

    /// Has a trigger fire by hand; answers once the firing is durable. What comes of it is told by
    /// [`firing_outcome`](Self::firing_outcome).
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and as [`FireTrigger`] says.
    pub async fn fire_trigger(&self, agent: AgentId, id: TriggerId) -> Result<Firing, CoreError> {
        self.ask(agent, FireTrigger(id)).await
    }

    /// Waits until nothing more is to come of a firing, and answers with it.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] if it is gone with its agent, [`CoreError::DeadlineExceeded`] after
    /// `deadline`, [`CoreError::Store`].
    pub async fn firing_outcome(
        &self,
        firing: &Firing,
        deadline: Duration,
    ) -> Result<Firing, CoreError> {
        let (agent, id) = (firing.agent_id, firing.id);
        let bounds = self.store().event_bounds(agent).await?;
        let mut events = self.subscribe(agent, bounds.map_or(0, |(_, newest)| newest));
        let settled = async {
            loop {
                let found = self.store().firing(agent, id).await?;
                let found = found.ok_or(CoreError::NotFound { what: "firing", id: id.0 })?;
                if !found.status.is_open() {
                    return Ok(found);
                }
                events.next().await?;
            }
        };
        let late = CoreError::DeadlineExceeded(deadline);
        tokio::time::timeout(deadline, settled).await.unwrap_or(Err(late))
    }

    /// One trigger of an agent.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn trigger(&self, agent: AgentId, id: TriggerId) -> Result<Trigger, CoreError> {
        self.record(agent).await?;
        let found = self.store().trigger(agent, id).await?;
        found.ok_or(CoreError::NotFound { what: "trigger", id: id.0 })
    }

    /// An agent's triggers, oldest first.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn triggers(&self, agent: AgentId) -> Result<Vec<Trigger>, CoreError> {
        self.record(agent).await?;
        Ok(self.store().triggers(agent).await?)
    }

    /// What came of the slots of an agent's triggers, or of one of them, the latest due first.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn firings(&self, query: FiringQuery) -> Result<Vec<Firing>, CoreError> {
        self.record(query.agent_id).await?;
        Ok(self.store().firings(query).await?)
    }

    /// Whether what is due fires.
    #[must_use]
    pub fn scheduler_health(&self) -> SchedulerHealth {
        self.inner.runtime.scheduler_health()
    }

    /// When the scheduler last came round, if it did so since the host began.
    #[must_use]
    pub fn scheduler_seen_at(&self) -> Option<UnixMillis> {
        self.inner.runtime.scheduler.seen_at()
    }
}

/// The beginning of a name that somebody gave, as a refusal repeats it.
fn shown(name: &str) -> String {
    let beginning: String = name.chars().take(SHOWN_MAX).collect();
    format!("`{beginning}`")
}
