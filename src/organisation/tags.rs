//! Tags: words that agents are found under.

use std::collections::{BTreeMap, BTreeSet};

use greenroom_actors::ids::AgentId;

use super::Organisation;
use super::error::OrganisationError;
use crate::accounts::Principal;

/// Characters of a tag at most.
pub const TAG_MAX_CHARS: usize = 50;

/// Tags of one agent at most.
pub const TAGS_MAX: usize = 100;

/// A tag as it is kept: without blanks around it and in lower case.
fn normal(tag: &str) -> Result<String, OrganisationError> {
    let tag = tag.trim().to_lowercase();
    if tag.is_empty() {
        return Err(OrganisationError::TagEmpty);
    }
    if tag.chars().count() > TAG_MAX_CHARS {
        return Err(OrganisationError::TagLong(tag.chars().take(TAG_MAX_CHARS).collect()));
    }
    if !tag.chars().all(|c| c.is_alphanumeric() || c == '-') {
        return Err(OrganisationError::TagOdd(tag));
    }
    Ok(tag)
}

impl Organisation {
    /// Puts tags in the place of those that an agent has; blank ones are left out.
    ///
    /// # Errors
    /// [`OrganisationError::TagLong`], [`OrganisationError::TagOdd`], [`OrganisationError::TooMany`],
    /// [`OrganisationError::Core`].
    pub async fn set_tags(
        &self,
        agent: AgentId,
        tags: &[String],
    ) -> Result<BTreeSet<String>, OrganisationError> {
        let given = tags.iter().filter(|tag| !tag.trim().is_empty());
        let tags = given.map(|tag| normal(tag)).collect::<Result<BTreeSet<_>, _>>()?;
        self.retag(agent, move |kept| *kept = tags).await
    }

    /// Adds a tag to those of an agent.
    ///
    /// # Errors
    /// As [`set_tags`](Self::set_tags), and [`OrganisationError::TagEmpty`].
    pub async fn add_tag(
        &self,
        agent: AgentId,
        tag: &str,
    ) -> Result<BTreeSet<String>, OrganisationError> {
        let tag = normal(tag)?;
        self.retag(agent, move |tags| {
            tags.insert(tag);
        })
        .await
    }

    /// Takes a tag away from an agent; one that it does not have is no fault.
    ///
    /// # Errors
    /// [`OrganisationError::Core`].
    pub async fn remove_tag(
        &self,
        agent: AgentId,
        tag: &str,
    ) -> Result<BTreeSet<String>, OrganisationError> {
        let tag = tag.trim().to_lowercase();
        self.retag(agent, move |tags| {
            tags.remove(&tag);
        })
        .await
    }

    async fn retag(
        &self,
        agent: AgentId,
        change: impl FnOnce(&mut BTreeSet<String>) + Send + 'static,
    ) -> Result<BTreeSet<String>, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let changed = this.roster().amend(agent, |entry| {
                change(&mut entry.tags);
                if entry.tags.len() > TAGS_MAX {
                    return Err(OrganisationError::TooMany { what: "tags", limit: TAGS_MAX });
                }
                Ok(entry.tags.clone())
            });
            changed.await
        })
        .await
    }

    /// The tags of the agents that somebody may see, and how many have each; the most used first, then
    /// by name.
    #[must_use]
    pub fn tags_seen_by(&self, principal: &Principal) -> Vec<(String, u64)> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut count = |tags: &BTreeSet<String>| {
            for tag in tags {
                let count = counts.entry(tag.clone()).or_default();
                *count = count.saturating_add(1);
            }
        };
        match self.roster().ids_visible_to(principal) {
            Some(ids) => ids.iter().for_each(|id| count(&self.roster().entry(*id).tags)),
            None => self.roster().entries().iter().for_each(|(_, entry)| count(&entry.tags)),
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|(a, most), (b, more)| more.cmp(most).then_with(|| a.cmp(b)));
        counts
    }
}
