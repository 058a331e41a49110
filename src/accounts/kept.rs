//! How accounts are kept: as documents of one shelf.

use greenroom_actors::documents::Document;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ports::Store;
use greenroom_actors::time::UnixMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::password::Hashed;
use super::user::User;

/// The shelf.
const SHELF: &str = "accounts";

/// Documents that are read at once.
const PAGE: u32 = 500;

/// What the keys of users, of keys and of listed addresses begin with.
pub(super) const USERS: &str = "user/";
pub(super) const KEYS: &str = "key/";
/// Short, so that the longest address fits into a key.
pub(super) const LISTED: &str = "l/";

/// A document of the shelf.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shelf<'a> {
    /// The host's secret, sealed.
    Secret,
    User(i64),
    Key(Uuid),
    Listed(&'a str),
}

impl Shelf<'_> {
    pub(super) fn key(self) -> String {
        match self {
            Self::Secret => "secret".to_owned(),
            Self::User(id) => format!("{USERS}{id}"),
            Self::Key(id) => format!("{KEYS}{id}"),
            Self::Listed(address) => format!("{LISTED}{address}"),
        }
    }

    /// That it is there no longer.
    pub(super) fn removed(self) -> Fact {
        Fact::DocumentRemoved { shelf: SHELF.to_owned(), key: self.key() }
    }
}

/// A user as kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptUser {
    #[serde(flatten)]
    pub(super) user: User,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<Password>,
}

/// The password of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Password {
    pub(super) hash: Hashed,
    /// Tokens from before it are not taken.
    pub(super) changed_at: UnixMillis,
    /// The password that the configuration said when it was last looked at: only a new one there
    /// takes the place of one that was set since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) configured: Option<Hashed>,
}

impl Password {
    /// A password that takes the place of the one before.
    ///
    /// It counts as changed when that one's tokens began, or later: two changes within a second, or with
    /// a clock that was set back, would otherwise leave the tokens of the one good for the other.
    pub(super) fn after(before: Option<&Self>, hash: Hashed, now: UnixMillis) -> Self {
        let changed_at = before.map_or(now, |before| now.max(before.tokens_since()));
        let configured = before.and_then(|before| before.configured.clone());
        Self { hash, changed_at, configured }
    }

    /// The first instant whose tokens are taken. Tokens know whole seconds alone: those of the second in
    /// which the password changed count as from before it, and new ones are given from the next on.
    pub(super) fn tokens_since(&self) -> UnixMillis {
        let second = self.changed_at.0.div_euclid(1000).saturating_add(1);
        UnixMillis(second.saturating_mul(1000))
    }
}

/// That a document says so from now on.
pub(super) fn set(at: Shelf<'_>, value: &impl Serialize, now: UnixMillis) -> Fact {
    Fact::DocumentSet(Box::new(Document {
        shelf: SHELF.to_owned(),
        key: at.key(),
        // What has no JSON is none of ours; it would be refused when it is read.
        value: serde_json::to_value(value).unwrap_or_default(),
        updated_at: now,
    }))
}

/// One document, if it is there.
pub(super) async fn one(
    store: &dyn Store,
    at: Shelf<'_>,
) -> Result<Option<serde_json::Value>, StoreError> {
    Ok(store.document(SHELF, &at.key()).await?.map(|document| document.value))
}

/// All documents whose keys begin so; one that cannot be read is left out, and told in the log.
pub(super) async fn all<T: DeserializeOwned>(
    store: &dyn Store,
    prefix: &str,
) -> Result<Vec<T>, StoreError> {
    let mut read = Vec::new();
    let mut offset = 0;
    loop {
        let page = store.documents(SHELF, prefix, offset, PAGE).await?;
        let count = u32::try_from(page.len()).unwrap_or(PAGE);
        for Document { key, value, .. } in page {
            match serde_json::from_value(value) {
                Ok(value) => read.push(value),
                Err(_) => tracing::error!(key, "an account cannot be read and is left out"),
            }
        }
        if count < PAGE {
            return Ok(read);
        }
        offset = offset.saturating_add(count);
    }
}
