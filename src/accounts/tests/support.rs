//! Accounts for tests, here and in whatever is built on them.

use std::sync::{Arc, Mutex};

use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{NoTools, VirtualClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use zeroize::Zeroizing;

use crate::accounts::{Accounts, AccountsSettings, Courier, Handover, Letter, Resources};
use crate::models::{self, ModelsSettings};
use crate::preferences::Preferences;
use crate::secrets::Secrets;

/// Keeps the letters that it is given.
#[derive(Clone, Default)]
pub(crate) struct Letters(Arc<Mutex<Vec<Letter>>>);

impl Letters {
    /// The code that was sent last to an address.
    pub(crate) fn code(&self, to: &str) -> Option<String> {
        let letters = self.0.lock().unwrap();
        letters.iter().rev().find(|letter| letter.to == to).map(|letter| letter.code.to_string())
    }
}

impl Courier for Letters {
    fn bring(&self, letter: Letter) {
        self.0.lock().unwrap().push(letter);
    }
}

/// The accounts and preferences of a host in memory.
pub(crate) async fn opened(
    registry: &Registry,
    secrets: &Arc<Secrets>,
    letters: &Letters,
) -> (Accounts, Preferences) {
    let settings = AccountsSettings::default();
    let preferences = Preferences::open(registry.clone(), Arc::clone(secrets)).await.unwrap();
    let resources = Resources {
        registry: registry.clone(),
        secrets: Arc::clone(secrets),
        preferences: preferences.clone(),
        courier: Arc::new(letters.clone()),
        handover: None,
    };
    (Accounts::open(resources, &settings).await.unwrap(), preferences)
}

/// A host's accounts that come up again and again over one store, and a clock that is moved by hand.
pub(super) struct Scene {
    pub(super) registry: Registry,
    pub(super) clock: VirtualClock,
    pub(super) letters: Letters,
    pub(super) folder: tempfile::TempDir,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let clock = VirtualClock::at(UnixMillis(1_800_000_000_000));
        let ports = Ports {
            store: Arc::new(MemoryStore::new()),
            model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).unwrap()),
            clock: Arc::new(clock.clone()),
            tools: Arc::new(NoTools),
            masks: Arc::new(NoMasks),
        };
        let settings = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, settings).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { registry, clock, letters: Letters::default(), folder }
    }

    pub(super) async fn open(&self, settings: &AccountsSettings) -> Accounts {
        self.open_with(settings, "salt").await
    }

    pub(super) async fn open_with(&self, settings: &AccountsSettings, salt: &str) -> Accounts {
        let secrets = Arc::new(Secrets::new(salt));
        let preferences =
            Preferences::open(self.registry.clone(), Arc::clone(&secrets)).await.unwrap();
        let resources = Resources {
            registry: self.registry.clone(),
            secrets,
            preferences,
            courier: Arc::new(self.letters.clone()),
            handover: Some(Handover::in_folder(self.folder.path())),
        };
        Accounts::open(resources, settings).await.unwrap()
    }

    /// The same, with a password of the administrator's.
    pub(super) async fn set_up(&self) -> Accounts {
        let accounts = self.open(&AccountsSettings::default()).await;
        accounts.reset_password(text(PASSWORD)).await.unwrap();
        accounts
    }

    /// All that is kept of accounts, as text.
    pub(super) async fn kept(&self) -> String {
        let kept = self.registry.store().documents("accounts", "", 0, 1000).await.unwrap();
        serde_json::to_string(&kept).unwrap()
    }
}

/// A password that is good enough.
pub(super) const PASSWORD: &str = "Correct-Horse-7!";

pub(super) fn text(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}
