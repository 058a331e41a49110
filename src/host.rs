//! The host: what every listener and every dialect is given.

mod departed;
mod github;
mod homes;
mod rights;
#[cfg(test)]
mod staged;
mod starts;
mod vault;

use std::sync::Arc;

use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::audit::Audit;
use crate::credentials::Credentials;
use crate::http::idempotency::Idempotency;
use crate::mcp::client::McpTools;
use crate::media::MediaStore;
use crate::messaging::Messaging;
use crate::models::Router;
use crate::organisation::Organisation;
use crate::preferences::Preferences;
use crate::primary::Primary;
use crate::roster::Roster;
use crate::runtimes::Runtimes;
use crate::secrets::Secrets;
use crate::speech::Speech;
use crate::ssh::Ssh;
use crate::telemetry::LogBuffer;
use crate::templates::Templates;
use crate::transfer::Transfer;
use crate::workspace::Workspaces;

pub(crate) use departed::{CHATS, SHELF};
pub use rights::Rights;
pub use starts::StartError;
pub use vault::Vault;

/// The running process as its listeners see it. Clones share everything.
#[derive(Clone)]
pub struct Host {
    /// The one way to the agents.
    pub registry: Registry,
    /// The agent of those clients that know only one.
    pub primary: Primary,
    /// What people have said of the agents.
    pub roster: Roster,
    /// Who may use the host, where that is more than one person.
    pub accounts: Accounts,
    /// Who did what to which agent or account.
    pub audit: Audit,
    /// What administrators have set over the API.
    pub preferences: Preferences,
    /// How people and agents are organised.
    pub organisation: Organisation,
    /// The models that answer for the agents.
    pub models: Router,
    /// What is said between people and agents.
    pub messaging: Messaging,
    /// Files that people and agents give one another.
    pub media: MediaStore,
    /// The agents' own folders.
    pub workspaces: Workspaces,
    /// Folders that agents begin with.
    pub templates: Templates,
    /// What agents work with that nobody else is to know.
    pub credentials: Credentials,
    /// The programs that do agents' work.
    pub runtimes: Runtimes,
    /// Takes agents out of the host and into it, as files.
    pub transfer: Transfer,
    /// Carries requests with a key out once.
    pub idempotency: Idempotency,
    /// What speaks and listens.
    pub speech: Speech,
    /// A way into agents' workspaces.
    pub ssh: Ssh,
    /// The MCP servers whose tools agents use.
    pub mcp: McpTools,
    /// Seals and opens the agents' secrets.
    pub secrets: Arc<Secrets>,
    /// What the process has logged of late.
    pub logs: Arc<LogBuffer>,
    /// How to bring the process down.
    pub stop: Stopper,
    /// When the process began to serve.
    pub started_at: UnixMillis,
    /// The program's version.
    pub version: &'static str,
    /// Makes backups; absent where the store makes none.
    pub vault: Option<Vault>,
}

impl Host {
    /// Lets the roster say from now on whose agents programs may work for.
    pub fn govern_runtimes(&self) {
        let (roster, accounts) = (self.roster.clone(), self.accounts.clone());
        self.runtimes.judged_by(move |agent| {
            let owner = accounts.user(&roster.entry(agent).owner);
            owner.is_some_and(|owner| owner.is_admin())
        });
    }
}

/// Asks the process to end, and tells whoever waits that it was asked. Clones share the wish.
#[derive(Clone, Debug)]
pub struct Stopper {
    wish: watch::Sender<bool>,
}

impl Default for Stopper {
    fn default() -> Self {
        Self { wish: watch::Sender::new(false) }
    }
}

impl Stopper {
    /// Asks for an orderly end. Asking again changes nothing.
    pub fn request(&self) {
        self.wish.send_replace(true);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.wish.borrow()
    }

    /// Is ready once the end was asked for.
    pub async fn requested(&self) {
        let mut wish = self.wish.subscribe();
        // This very handle keeps the sender alive, so waiting cannot fail.
        let _ = wish.wait_for(|asked| *asked).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_learns_of_the_wish_before_and_after_it() {
        let stop = Stopper::default();
        let early = tokio::spawn({
            let stop = stop.clone();
            async move { stop.requested().await }
        });
        assert!(!stop.is_requested());
        stop.request();
        stop.request();
        early.await.unwrap();
        stop.requested().await;
        assert!(stop.is_requested());
    }
}
