//! Preferences: what administrators have set over the API, as texts by name.
//!
//! Unlike the configuration they may change while the host runs. Those that are secrets are kept
//! sealed.

mod known;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use greenroom_actors::documents::Document;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use known::{Kind, Known, OPS};

use crate::secrets::Secrets;

/// Where they are kept.
const SHELF: &str = "trinity";
const PREFIX: &str = "setting/";

/// Bytes of a name, and of a value.
const KEY_MAX_BYTES: usize = 128;
const VALUE_MAX_BYTES: usize = 64 * 1024;

/// How many there may be: all of them are held in memory.
const COUNT_MAX: usize = 1000;

/// Documents that are read at once.
const PAGE: u32 = 500;

/// Whether agents may be reached over SSH.
pub const SSH_ACCESS: &str = "ssh_access_enabled";

/// The base images that agents may ask for: a JSON list of globs.
pub const BASE_IMAGES: &str = "base_image_allowlist";

/// What administrators have set. Clones share everything.
#[derive(Clone)]
pub struct Preferences {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    secrets: Arc<Secrets>,
    values: RwLock<BTreeMap<String, Kept>>,
    change: tokio::sync::Mutex<()>,
}

/// A preference as it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    value: String,
    #[serde(default)]
    is_sealed: bool,
    updated_at: UnixMillis,
}

/// One preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Its name.
    pub key: String,
    /// Its value; `None` where it is a secret, which [`Preferences::secret`] opens.
    pub value: Option<String>,
    /// When it was set.
    pub updated_at: UnixMillis,
}

impl Preferences {
    /// Reads what is kept.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn open(registry: Registry, secrets: Arc<Secrets>) -> Result<Self, CoreError> {
        let mut values = BTreeMap::new();
        let mut offset = 0;
        loop {
            let page = registry.store().documents(SHELF, PREFIX, offset, PAGE).await?;
            let count = u32::try_from(page.len()).unwrap_or(PAGE);
            for Document { key, value, .. } in page {
                let name = key.strip_prefix(PREFIX).unwrap_or(&key).to_owned();
                match serde_json::from_value(value) {
                    Ok(kept) => drop(values.insert(name, kept)),
                    Err(_) => tracing::error!(name, "a preference cannot be read and is left out"),
                }
            }
            if count < PAGE {
                break;
            }
            offset = offset.saturating_add(count);
        }
        let values = RwLock::new(values);
        let change = tokio::sync::Mutex::new(());
        Ok(Self { inner: Arc::new(Inner { registry, secrets, values, change }) })
    }

    /// Every preference, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Preference> {
        self.read(|values| values.iter().map(|(key, kept)| kept.shown(key)).collect())
    }

    /// One preference, if it is set.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Preference> {
        self.read(|values| values.get(key).map(|kept| kept.shown(key)))
    }

    /// The value of a preference that is no secret, if it is set.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.find(key)?.value
    }

    /// The value of a secret, if it is set.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<Zeroizing<String>> {
        let kept = self.read(|values| values.get(key).cloned())?;
        if !kept.is_sealed {
            return Some(Zeroizing::new(kept.value));
        }
        self.inner.secrets.open(&kept.value)
    }

    /// Whether a preference is on; `default` where it is not set.
    #[must_use]
    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.text(key).map_or(default, |value| {
            matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
        })
    }

    /// A preference as a number; `default` where it is not set, or none.
    #[must_use]
    pub fn number(&self, key: &str, default: u64) -> u64 {
        self.text(key).and_then(|value| value.trim().parse().ok()).unwrap_or(default)
    }

    /// A preference as a list of texts; `default` where it is not set, or none.
    #[must_use]
    pub fn list(&self, key: &str, default: &[&str]) -> Vec<String> {
        let read = self.text(key).and_then(|value| serde_json::from_str(&value).ok());
        read.unwrap_or_else(|| default.iter().map(|text| (*text).to_owned()).collect())
    }

    /// Whether agents may be reached over SSH: not unless somebody has said so.
    #[must_use]
    pub fn allows_ssh(&self) -> bool {
        self.flag(SSH_ACCESS, false)
    }

    /// The base images that agents may ask for, as globs.
    #[must_use]
    pub fn base_images(&self) -> Vec<String> {
        self.list(BASE_IMAGES, &["trinity-agent-base:*"])
    }

    /// Sets preferences, all or none of them.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for a name or value out of its bounds, [`CoreError::Store`].
    pub async fn set(&self, new: Vec<(String, String)>) -> Result<Vec<Preference>, CoreError> {
        for (key, value) in &new {
            check(key, value)?;
        }
        let preferences = self.clone();
        self.alone(async move { preferences.keep(new).await }).await
    }

    async fn keep(&self, new: Vec<(String, String)>) -> Result<Vec<Preference>, CoreError> {
        let now = self.inner.registry.clock().now();
        let more = self.read(|values| {
            new.iter().filter(|(key, _)| !values.contains_key(key)).count() + values.len()
        });
        if more > COUNT_MAX {
            let reason = format!("at most {COUNT_MAX} can be set");
            return Err(CoreError::Invalid { field: "settings", reason });
        }
        let kept: Vec<_> = new
            .into_iter()
            .map(|(key, value)| {
                let is_sealed = is_secret(&key);
                let value = if is_sealed { self.inner.secrets.seal(&value) } else { value };
                (key, Kept { value, is_sealed, updated_at: now })
            })
            .collect();
        let facts = kept.iter().map(|(key, kept)| {
            Fact::DocumentSet(Box::new(Document {
                shelf: SHELF.to_owned(),
                key: format!("{PREFIX}{key}"),
                value: serde_json::to_value(kept).unwrap_or_default(),
                updated_at: now,
            }))
        });
        self.inner.registry.keep(facts.collect()).await?;
        let shown = kept.iter().map(|(key, kept)| kept.shown(key)).collect();
        self.inner.values.write().unwrap_or_else(PoisonError::into_inner).extend(kept);
        Ok(shown)
    }

    /// Removes preferences; how many of them were set.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn remove(&self, keys: Vec<String>) -> Result<usize, CoreError> {
        let preferences = self.clone();
        self.alone(async move {
            let mut keys = keys;
            preferences.read(|values| keys.retain(|key| values.contains_key(key)));
            if keys.is_empty() {
                return Ok(0);
            }
            let facts = keys.iter().map(|key| Fact::DocumentRemoved {
                shelf: SHELF.to_owned(),
                key: format!("{PREFIX}{key}"),
            });
            preferences.inner.registry.keep(facts.collect()).await?;
            let mut values =
                preferences.inner.values.write().unwrap_or_else(PoisonError::into_inner);
            values.retain(|key, _| !keys.contains(key));
            Ok(keys.len())
        })
        .await
    }

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<String, Kept>) -> T) -> T {
        look(&self.inner.values.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Carries out a change when no other is, and to its end, also where its caller leaves.
    async fn alone<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, CoreError>> + Send + 'static,
    ) -> Result<T, CoreError> {
        let preferences = self.clone();
        let change = tokio::spawn(async move {
            let _alone = preferences.inner.change.lock().await;
            change.await
        });
        change.await.unwrap_or(Err(CoreError::ShuttingDown))
    }
}

impl Kept {
    fn shown(&self, key: &str) -> Preference {
        let value = (!self.is_sealed).then(|| self.value.clone());
        Preference { key: key.to_owned(), value, updated_at: self.updated_at }
    }
}

fn check(key: &str, value: &str) -> Result<(), CoreError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:".contains(letter);
    if key.is_empty() || key.len() > KEY_MAX_BYTES || !key.chars().all(is_plain) {
        let reason = format!("must be 1 to {KEY_MAX_BYTES} letters, digits and _ - . :");
        return Err(CoreError::Invalid { field: "key", reason });
    }
    if value.len() > VALUE_MAX_BYTES {
        let reason = format!("must have at most {VALUE_MAX_BYTES} bytes");
        return Err(CoreError::Invalid { field: "value", reason });
    }
    Ok(())
}

/// Whether a preference of that name is a secret, which is kept sealed and never shown whole.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let ends = ["key", "token", "secret", "password", "pat"];
    ends.iter().any(|end| {
        key.strip_suffix(end).is_some_and(|head| head.is_empty() || head.ends_with(['_', '-', '.']))
    })
}
