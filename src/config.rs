//! The configuration: every module's own settings, put together and read from where they may stand.
//!
//! Later sources win: the defaults, `config.toml`, the ecosystems' own variables (`SERVER_PORT`, …),
//! Greenroom's variables (`GREENROOM_<SECTION>__<KEY>`), flags. An unknown key or a bad value is an
//! error that names the file and line, the variable or the flag.

mod check;
mod error;
mod load;
mod origin;
mod show;
mod variables;

use std::collections::BTreeMap;

use greenroom_actors::budget::BudgetSettings;
use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use load::{FILE_NAME, Loaded, Sources};
pub use origin::Origin;
pub use show::shown;

use crate::accounts::AccountsSettings;
use crate::credentials::CredentialSettings;
use crate::dialects::elizaos::ElizaosSettings;
use crate::dialects::milady::MiladySettings;
use crate::dialects::trinity::TrinitySettings;
use crate::http::idempotency::IdempotencySettings;
use crate::mcp::McpSettings;
use crate::media::MediaSettings;
use crate::messaging::MessagingSettings;
use crate::models::{ModelChoice, ModelSettings, ModelsSettings};
use crate::runtimes::RuntimesSettings;
use crate::server::ServerSettings;
use crate::speech::SpeechSettings;
use crate::ssh::SshSettings;
use crate::store::StoreSettings;
use crate::telemetry::LogSettings;
use crate::templates::TemplatesSettings;
use crate::tools::ToolsSettings;
use crate::transfer::TransferSettings;
use crate::workspace::WorkspaceSettings;

/// The whole configuration. A field is a section of `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The listener for clients of elizaOS.
    pub elizaos: ElizaosSettings,
    /// The listener for clients of Milady.
    pub milady: MiladySettings,
    /// The listener for clients of Trinity.
    pub trinity: TrinitySettings,
    /// Who may use the host, where that is more than one person.
    pub accounts: AccountsSettings,
    /// Which model is used when.
    pub model: ModelChoice,
    /// Models by name.
    pub models: BTreeMap<String, ModelSettings>,
    /// Programs that do agents' work.
    pub runtimes: RuntimesSettings,
    /// What agents may spend on models.
    pub budget: BudgetSettings,
    /// The agents' bounds and intervals.
    pub runtime: greenroom_actors::settings::Settings,
    /// What agents can do beside speaking.
    pub tools: ToolsSettings,
    /// The Model Context Protocol.
    pub mcp: McpSettings,
    /// The agents' own folders.
    pub workspace: WorkspaceSettings,
    /// Folders that agents begin with.
    pub templates: TemplatesSettings,
    /// What agents work with that nobody else is to know.
    pub credentials: CredentialSettings,
    /// Agents that leave the host and come into it as files.
    pub transfer: TransferSettings,
    /// What is said between people and agents.
    pub messaging: MessagingSettings,
    /// Files that people and agents give one another.
    pub media: MediaSettings,
    /// What speaks and listens.
    pub speech: SpeechSettings,
    /// A way into agents' workspaces.
    pub ssh: SshSettings,
    /// Where and how everything is kept.
    pub store: StoreSettings,
    /// Requests that are sent again.
    pub idempotency: IdempotencySettings,
    /// The process as a whole.
    pub server: ServerSettings,
    /// The log.
    pub log: LogSettings,
}

impl Config {
    /// The agents' bounds and intervals, and what they may spend.
    #[must_use]
    pub fn runtime(&self) -> greenroom_actors::settings::Settings {
        let runtime = self.runtime.clone();
        greenroom_actors::settings::Settings { budget: self.budget.clone(), ..runtime }
    }

    /// All that is said about models.
    #[must_use]
    pub fn models(&self) -> ModelsSettings {
        ModelsSettings { model: self.model.clone(), models: self.models.clone() }
    }
}

#[cfg(test)]
#[path = "config/annotated_tests.rs"]
mod annotated_tests;
