//! Who may call what. The guards differ in what a stranger sees of an agent that is not there.

use super::call::Call;
use super::error::TrinityError;
use crate::accounts::Role;
use crate::roster::{Known, Relation};

impl<B> Call<B> {
    /// The agent of the path, for those who may use it (guard A): 404 before 403.
    pub(super) async fn authorised(&self) -> Result<Known, TrinityError> {
        let agent = self.found().await?.ok_or_else(TrinityError::no_agent)?;
        if !self.relation(&agent).may_use() {
            return Err(TrinityError::forbidden("Access denied to agent"));
        }
        Ok(agent)
    }

    /// The agent of the path, for its owner (guard O): 404 before 403.
    pub(super) async fn owned(&self) -> Result<Known, TrinityError> {
        let agent = self.found().await?.ok_or_else(TrinityError::no_agent)?;
        if !self.relation(&agent).may_own() {
            return Err(TrinityError::forbidden("Owner access required"));
        }
        Ok(agent)
    }

    /// The agent of the path, for those who may use it (guard P, reading): 403 before 404.
    pub(super) async fn permitted(&self) -> Result<Known, TrinityError> {
        self.permitted_or("You don't have permission to access this agent").await
    }

    /// The same, refused in other words.
    pub(super) async fn permitted_or(&self, refusal: &str) -> Result<Known, TrinityError> {
        self.first(Relation::may_use, refusal).await
    }

    /// The agent of the path, for its owner (guard P, writing): 403 before 404, refused in these words.
    pub(super) async fn owning_or(&self, refusal: &str) -> Result<Known, TrinityError> {
        self.first(Relation::may_own, refusal).await
    }

    /// The same for one thing that is to be changed.
    pub(super) async fn owning(&self, thing: &str) -> Result<Known, TrinityError> {
        self.owning_or(&format!("Only the owner can modify {thing}")).await
    }

    /// Nobody but administrators.
    pub(super) fn admin(&self) -> Result<(), TrinityError> {
        if self.principal.is_admin() {
            return Ok(());
        }
        Err(TrinityError::forbidden("Admin access required"))
    }

    /// Nobody of a lower role.
    pub(super) fn at_least(&self, role: Role) -> Result<(), TrinityError> {
        if self.principal.user.role >= role {
            return Ok(());
        }
        let told = format!("This action requires the '{}' role or higher", role.as_str());
        Err(TrinityError::forbidden(told))
    }

    /// How the caller stands to an agent.
    pub(super) fn relation(&self, agent: &Known) -> Relation {
        self.shared.host.roster.relation(&self.principal, &agent.entry)
    }

    /// The agent of the path, whoever asks.
    pub(super) async fn found(&self) -> Result<Option<Known>, TrinityError> {
        Ok(self.shared.host.roster.find(&self.segment("name")).await?)
    }

    async fn first(
        &self,
        may: impl FnOnce(Relation) -> bool,
        refusal: &str,
    ) -> Result<Known, TrinityError> {
        match self.found().await? {
            Some(agent) if may(self.relation(&agent)) => Ok(agent),
            None if self.principal.is_admin() => Err(TrinityError::no_agent()),
            Some(_) | None => Err(TrinityError::forbidden(refusal)),
        }
    }
}
