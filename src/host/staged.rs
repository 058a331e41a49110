//! For tests: a host over a registry, with its files in a folder.

use std::path::Path;
use std::sync::Arc;

use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{NoTools, SystemClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

use super::{Host, Stopper};
use crate::accounts::tests::support::{Letters, opened};
use crate::audit::Audit;
use crate::credentials::{CredentialSettings, Credentials, Known};
use crate::http::idempotency::{Idempotency, IdempotencySettings, MemoryAnswers};
use crate::media::{MediaSettings, MediaStore};
use crate::messaging::{Messaging, MessagingSettings};
use crate::models::{self, ModelsSettings};
use crate::organisation::{self, Organisation};
use crate::primary::Primary;
use crate::roster::Roster;
use crate::runtimes::{Runtimes, RuntimesSettings};
use crate::secrets::Secrets;
use crate::templates::Templates;
use crate::transfer::{Transfer, TransferSettings};
use crate::workspace::{WorkspaceSettings, Workspaces};

impl Host {
    /// A host over that registry, without a primary agent; where a test wants another part, it puts it
    /// in the place of the one here.
    pub(crate) async fn staged(registry: Registry, folder: &Path) -> Self {
        Box::pin(Self::staged_with(registry, folder, &Letters::default())).await
    }

    /// The same, whose e-mail goes to `letters`.
    pub(crate) async fn staged_with(registry: Registry, folder: &Path, letters: &Letters) -> Self {
        let workspaces =
            Workspaces::open(&folder.join("workspaces"), &WorkspaceSettings::default()).unwrap();
        let secrets = Arc::new(Secrets::new("salt"));
        let credentials = Credentials::open(
            registry.clone(),
            workspaces.clone(),
            Arc::new(Known::new(Arc::clone(&secrets))),
            CredentialSettings::default(),
        );
        let models = models::build(&ModelsSettings::default(), &|_| None).unwrap();
        let runtimes = Runtimes::new(
            RuntimesSettings { enabled: false, ..RuntimesSettings::default() },
            Arc::new(models.clone()),
            workspaces.clone(),
            Arc::clone(&secrets),
            &folder.join("workspaces"),
            |_| None,
        );
        let transfer = Transfer::open(
            &folder.join("transfer"),
            TransferSettings::default(),
            registry.clone(),
            workspaces.clone(),
            Arc::clone(&secrets),
        );
        let idempotency = Idempotency::new(
            Arc::new(MemoryAnswers::default()),
            Arc::clone(registry.clock()),
            IdempotencySettings::default(),
        );
        let (accounts, preferences) = opened(&registry, &secrets, letters).await;
        let roster = Roster::open(registry.clone()).await.unwrap();
        let organisation = organisation::Resources {
            registry: registry.clone(),
            roster: roster.clone(),
            accounts: accounts.clone(),
            workspaces: workspaces.clone(),
            secrets: Arc::clone(&secrets),
        };
        Self {
            organisation: Box::pin(Organisation::open(organisation)).await.unwrap(),
            accounts,
            audit: Audit::open(registry.clone()).await.unwrap(),
            preferences,
            primary: Primary::none(registry.clone()).await.unwrap(),
            roster,
            models,
            credentials,
            runtimes,
            messaging: Messaging::open(registry.clone(), MessagingSettings::default())
                .await
                .unwrap(),
            media: MediaStore::open(folder, &MediaSettings::default()).unwrap(),
            templates: Templates::within(folder, &workspaces),
            workspaces,
            transfer: transfer.unwrap(),
            idempotency,
            speech: crate::speech::Speech::default(),
            ssh: crate::ssh::Ssh::disabled(),
            mcp: crate::mcp::client::McpTools::none(),
            secrets,
            logs: Arc::default(),
            stop: Stopper::default(),
            started_at: registry.clock().now(),
            version: "0.0.0",
            vault: None,
            registry,
        }
    }

    /// The same in memory, with the offline model. Its files are gone at once: no test of it brings one.
    pub(crate) async fn in_memory() -> Self {
        let ports = Ports {
            store: Arc::new(MemoryStore::new()),
            model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).unwrap()),
            clock: Arc::new(SystemClock),
            tools: Arc::new(NoTools),
            masks: Arc::new(NoMasks),
        };
        let settings = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, settings).await.unwrap();
        Box::pin(Self::staged(registry, tempfile::tempdir().unwrap().path())).await
    }
}
