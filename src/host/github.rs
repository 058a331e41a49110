//! Whose access token for GitHub is used: an agent's own, or else the one that administrators have set.

use greenroom_actors::ids::AgentId;
use zeroize::Zeroizing;

use super::Host;
use crate::credentials::own_github_token;

/// The preference that is the one of all agents.
const PREFERENCE: &str = "github_pat";

impl Host {
    /// The token that repositories are fetched with for an agent, or for one that is not there yet;
    /// `None`: the one of the host's environment, if there is one.
    pub async fn github_token(&self, agent: Option<AgentId>) -> Option<Zeroizing<String>> {
        let record = match agent {
            // One that is gone has none.
            Some(agent) => self.registry.record(agent).await.ok(),
            None => None,
        };
        let own = record.and_then(|record| {
            let sealed = own_github_token(&record.character)?.to_owned();
            self.secrets.open(&sealed)
        });
        own.or_else(|| self.common_github_token())
    }

    /// The one that administrators have set.
    #[must_use]
    pub fn common_github_token(&self) -> Option<Zeroizing<String>> {
        self.preferences.secret(PREFERENCE).filter(|token| !token.is_empty())
    }
}
