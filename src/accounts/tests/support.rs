//! Accounts for tests, here and in whatever is built on them.

use std::sync::{Arc, Mutex};

use greenroom_actors::registry::Registry;

use crate::accounts::{Accounts, AccountsSettings, Courier, Letter, Resources};
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
    };
    (Accounts::open(resources, &settings).await.unwrap(), preferences)
}
