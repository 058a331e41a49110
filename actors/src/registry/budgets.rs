//! Budgets, as people read them.

use super::Registry;
use crate::budget::{Account, Ceiling, Level, Scope, UtcDay};
use crate::error::CoreError;
use crate::ids::AgentId;

impl Registry {
    /// How the budgets that an agent spends from stand now, but for those of its runs.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Invalid`] if its character has a budget that cannot
    /// be, [`CoreError::Store`].
    pub async fn budgets(&self, id: AgentId) -> Result<Vec<(Account, Ceiling, Level)>, CoreError> {
        let runtime = &self.inner.runtime;
        let record = runtime.record(id).await?;
        let terms = runtime.settings.budget.terms(&record.character)?;
        let today = UtcDay::of(runtime.now());
        let account = |scope: Scope| Account {
            scope,
            whose: match scope {
                Scope::OwnerDay | Scope::Owner => terms.owner.clone(),
                Scope::Run | Scope::AgentDay | Scope::Agent => id.to_string(),
            },
            day: scope.is_of_a_day().then_some(today),
        };
        let scopes = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Run);
        let accounts: Vec<_> = scopes.map(account).collect();
        let levels = runtime.ports.store.levels(accounts.clone()).await?;
        let ceiling = |account: &Account| terms.ceilings.of(account.scope);
        let stands = accounts.into_iter().zip(levels);
        Ok(stands.map(|(account, level)| (account.clone(), ceiling(&account), level)).collect())
    }
}
