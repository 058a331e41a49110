//! What all that is about the organisation shares: how its refusals are worded, the names of agents, and
//! who may see what is of them.

use std::collections::HashMap;

use greenroom_actors::ids::AgentId;

use super::call::Call;
use super::error::TrinityError;
use super::shared::Shared;
use crate::organisation::{OrganisationError, TAG_MAX_CHARS, desk_of};
use crate::roster::Known;

impl From<OrganisationError> for TrinityError {
    fn from(error: OrganisationError) -> Self {
        use OrganisationError as E;
        match error {
            E::NotAnAddress => Self::bad(
                "Invalid email: it must have one @ with text on both sides, and at most 254 characters",
            ),
            E::Yourself => Self::bad("Cannot share an agent with yourself"),
            E::Shared(email) => Self::conflict(format!("Agent is already shared with {email}")),
            E::NotShared(email) => Self::not_found(format!("No sharing found for {email}")),
            E::TagEmpty => Self::bad("Tag cannot be empty"),
            E::TagLong(tag) => {
                Self::bad(format!("Tag too long (max {TAG_MAX_CHARS} characters): {tag}"))
            }
            E::TagOdd(tag) => {
                Self::bad(format!("Tags can only contain letters, numbers, and hyphens: {tag}"))
            }
            E::Itself => Self::bad("An agent cannot be permitted to call itself"),
            E::NotPermitted => Self::forbidden(
                "The agent does not have permission to communicate with the source agent",
            ),
            E::Exists => Self::conflict("There is one like it already"),
            E::Missing(what) => {
                let mut letters = what.chars();
                let first = letters.next().map(|c| c.to_ascii_uppercase());
                let what: String = first.into_iter().chain(letters).collect();
                Self::not_found(format!("{what} not found"))
            }
            E::Settled(status) => {
                Self::bad(format!("Cannot change an item with status '{status}'"))
            }
            E::Invalid { field, reason } => Self::bad(format!("Invalid {field}: {reason}")),
            E::TooMany { what, limit } => Self::bad(format!("Too many {what} (max {limit})")),
            E::TooOften(wait) => Self::too_many("Too many requests, please try again later", wait),
            E::TooFar(_) => Self::conflict(error.to_string()),
            E::Core(error) => error.into(),
        }
    }
}

/// The names of agents, each looked up once.
pub(super) struct Names<'a> {
    shared: &'a Shared,
    known: HashMap<AgentId, Option<String>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, known: HashMap::new() }
    }

    /// The name of an agent; `None` once it is gone.
    pub(super) async fn of(&mut self, id: AgentId) -> Result<Option<String>, TrinityError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let name =
            self.shared.host.registry.directory().get(id).map(|listed| listed.handle.to_string());
        self.known.insert(id, name.clone());
        Ok(name)
    }

    /// The name of whoever something is filed under: a person's own, or the agent's.
    pub(super) async fn author(
        &mut self,
        person: Option<&String>,
        id: AgentId,
    ) -> Result<Option<String>, TrinityError> {
        match person {
            Some(person) => Ok(Some(person.clone())),
            None => self.of(id).await,
        }
    }
}

impl<B> Call<B> {
    /// Whether the caller may see what is filed under an agent, or under a person.
    pub(super) fn sees(&self, id: AgentId) -> bool {
        let entry = self.shared.host.roster.entry(id);
        self.shared.host.roster.relation(&self.principal, &entry).may_use()
            || id == desk_of(self.principal.user.id)
    }

    /// Whether the caller may change what is filed under an agent.
    pub(super) fn owns(&self, id: AgentId) -> bool {
        let entry = self.shared.host.roster.entry(id);
        self.shared.host.roster.relation(&self.principal, &entry).may_own()
    }

    /// An agent by its name, for those who may use it: others are told no more of one that is there
    /// than of one that is not.
    pub(super) async fn visible(&self, name: &str) -> Result<Option<Known>, TrinityError> {
        let found = self.shared.host.roster.find(name).await?;
        Ok(found.filter(|agent| self.relation(agent).may_use()))
    }

    /// The same, refused with 403; administrators are told that there is none.
    pub(super) async fn visible_or(
        &self,
        name: &str,
        refusal: &str,
    ) -> Result<Known, TrinityError> {
        let found = self.visible(name).await?;
        found.ok_or_else(|| match self.principal.is_admin() {
            true => TrinityError::no_agent(),
            false => TrinityError::forbidden(refusal),
        })
    }
}

/// A number of things as a length.
pub(super) fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
