//! Permissions between agents: which may call which.
//!
//! The core asks one question before an agent writes to another: its
//! [`Permits`](greenroom_actors::agent::Permits), which the roster's entries are told to. For an agent of
//! which people say whom it calls they alone count; for others their characters do, as before.

use std::collections::BTreeSet;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::AgentQuery;

use super::Organisation;
use super::error::OrganisationError;

/// Agents that one may call at most, where people say which.
pub const PERMITS_MAX: usize = 5_000;

impl Organisation {
    /// The agents that one may call.
    ///
    /// # Errors
    /// [`OrganisationError::Core`].
    pub async fn permitted(&self, source: AgentId) -> Result<BTreeSet<AgentId>, OrganisationError> {
        let entry = self.roster().entry(source);
        if entry.permits_decide {
            return Ok(entry.permits.clone());
        }
        let from = self.registry().record(source).await?;
        let all = AgentQuery { limit: u32::MAX, ..AgentQuery::default() };
        let all = self.registry().store().agents(all).await?;
        let permits = self.registry().permits();
        let others = all.iter().filter(|to| to.id != source);
        Ok(others.filter(|to| permits.may_write(&from, to)).map(|to| to.id).collect())
    }

    /// Whether one agent may call another.
    ///
    /// # Errors
    /// [`OrganisationError::Core`].
    pub async fn may_call(&self, from: AgentId, to: AgentId) -> Result<bool, OrganisationError> {
        if from == to {
            return Ok(true);
        }
        let ends = (self.registry().record(from).await, self.registry().record(to).await);
        match ends {
            (Ok(from), Ok(to)) => Ok(self.registry().permits().may_write(&from, &to)),
            (Err(CoreError::AgentNotFound(_)), _) | (_, Err(CoreError::AgentNotFound(_))) => {
                Ok(false)
            }
            (Err(error), _) | (_, Err(error)) => Err(error.into()),
        }
    }

    /// Lets one agent call another; whether it might not before.
    ///
    /// # Errors
    /// [`OrganisationError::Itself`], [`OrganisationError::TooMany`], [`OrganisationError::Core`].
    pub async fn permit(
        &self,
        source: AgentId,
        target: AgentId,
    ) -> Result<bool, OrganisationError> {
        if source == target {
            return Err(OrganisationError::Itself);
        }
        self.repermit(source, move |permits| permits.insert(target)).await
    }

    /// Keeps one agent from calling another; whether it might before.
    ///
    /// # Errors
    /// [`OrganisationError::TooMany`], [`OrganisationError::Core`].
    pub async fn forbid(
        &self,
        source: AgentId,
        target: AgentId,
    ) -> Result<bool, OrganisationError> {
        self.repermit(source, move |permits| permits.remove(&target)).await
    }

    /// Lets one agent call these and no others.
    ///
    /// # Errors
    /// As [`permit`](Self::permit).
    pub async fn set_permits(
        &self,
        source: AgentId,
        targets: BTreeSet<AgentId>,
    ) -> Result<(), OrganisationError> {
        if targets.contains(&source) {
            return Err(OrganisationError::Itself);
        }
        self.repermit(source, move |permits| *permits = targets).await
    }

    async fn repermit<T: Send + 'static>(
        &self,
        source: AgentId,
        change: impl FnOnce(&mut BTreeSet<AgentId>) -> T + Send + 'static,
    ) -> Result<T, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            // Whom it might call by its character it may call still, where nobody takes that away.
            let before = this.permitted(source).await?;
            let changed = this.roster().amend(source, |entry| {
                if !entry.permits_decide {
                    entry.permits = before;
                    entry.permits_decide = true;
                }
                let changed = change(&mut entry.permits);
                if entry.permits.len() > PERMITS_MAX {
                    let limit = PERMITS_MAX;
                    return Err(OrganisationError::TooMany { what: "permissions", limit });
                }
                Ok(changed)
            });
            let changed = changed.await?;
            // Whom it may not call any longer, of those it sees no folder either.
            this.withdraw(source).await;
            Ok(changed)
        })
        .await
    }
}
