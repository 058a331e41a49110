//! Credentials at an agent's start: its bundle is unpacked.

use greenroom_actors::ids::AgentId;

use super::{BUNDLE, CredentialError, Credentials, OwnServer, read};

/// What came of an agent's bundle at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injection {
    /// These files were written.
    Injected(Vec<&'static str>),
    /// There was nothing to do.
    Skipped(&'static str),
    /// It is there and was not unpacked. The start goes on without.
    Failed(String),
}

impl Injection {
    /// The agent ran already.
    pub const ALREADY_RUNNING: Self = Self::Skipped("container_already_running");

    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Injected(_) => "success",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
        }
    }
}

impl Credentials {
    /// Unpacks the bundle of an agent that starts, if it has one. Never fails: a start goes on whatever
    /// comes of it.
    pub async fn at_start(&self, agent: AgentId, own: Option<&OwnServer>) -> Injection {
        match read(
            &self.inner.workspaces,
            agent,
            BUNDLE,
            self.inner.workspaces.settings().file_max_bytes,
        )
        .await
        {
            Ok(Some(_)) => {}
            Ok(None) => return Injection::Skipped("no_credentials_enc_file"),
            Err(error) => return failed(agent, &error),
        }
        match self.import(agent, own).await {
            Ok(files) => Injection::Injected(files),
            Err(CredentialError::NoKey) => Injection::Skipped("encryption_not_configured"),
            Err(error) => failed(agent, &error),
        }
    }
}

fn failed(agent: AgentId, error: &CredentialError) -> Injection {
    tracing::warn!(%agent, %error, "an agent starts without its credentials");
    Injection::Failed(error.to_string())
}
