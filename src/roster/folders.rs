//! Whose shared folders an agent sees: those of the agents that it may call and that let others see one.

use std::sync::{Arc, Weak};

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;

use super::{Inner, Known, Roster};
use crate::workspace::{Lending, Sharing};

impl Roster {
    /// The agents whose folder an agent could see, by name.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn sources_of(&self, id: AgentId) -> Result<Vec<Known>, CoreError> {
        let permits: Vec<AgentId> = self.entry(id).permits.iter().copied().collect();
        let exposes = |source: &AgentId| *source != id && self.entry(*source).folders.exposes;
        self.known_by_name(permits.into_iter().filter(exposes)).await
    }

    /// The agents that see an agent's folder, or will from their next start, by name.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn consumers_of(&self, id: AgentId) -> Result<Vec<Known>, CoreError> {
        let consumes =
            |consumer: &AgentId| *consumer != id && self.entry(*consumer).folders.consumes;
        self.known_by_name(self.callers_of(id).into_iter().filter(consumes)).await
    }

    /// What an agent is to share from its next start.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn sharing_of(&self, id: AgentId) -> Result<Sharing, CoreError> {
        let folders = self.entry(id).folders;
        let sources = match folders.consumes {
            true => self.sources_of(id).await?,
            false => Vec::new(),
        };
        let sources = sources.into_iter().map(|source| (source.name, source.id)).collect();
        Ok(Sharing { exposes: folders.exposes, sources })
    }

    async fn known_by_name(
        &self,
        ids: impl Iterator<Item = AgentId>,
    ) -> Result<Vec<Known>, CoreError> {
        let mut known = Vec::new();
        for id in ids {
            known.extend(self.get(id).await?);
        }
        known.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(known)
    }
}

impl Roster {
    /// Who says what agents may share, for those who show them one another's folders.
    #[must_use]
    pub fn lending(&self) -> Weak<dyn Lending> {
        let inner: Arc<dyn Lending> = Arc::<Inner>::clone(&self.inner);
        Arc::downgrade(&inner)
    }
}

impl Lending for Inner {
    fn exposes(&self, agent: AgentId) -> bool {
        self.index.get(agent).is_some_and(|entry| entry.folders.exposes)
    }

    fn lends(&self, source: AgentId, reader: AgentId) -> bool {
        let reader = self.index.get(reader);
        self.exposes(source)
            && reader.is_some_and(|it| it.folders.consumes && it.permits.contains(&source))
    }
}
