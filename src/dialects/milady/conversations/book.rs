//! The list of conversations. It is no agent's: it is there before there is one, and stays after it.

use std::cmp::Reverse;
use std::time::Duration;

use greenroom_actors::documents::Document;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::RoomId;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::dialects::milady::chat::room_of;

/// Conversations that are listed at most. One more takes the place of the one that has been silent
/// longest: what was said in that one stays with the agent.
pub(super) const CONVERSATIONS_MAX: usize = 500;

/// Characters of a title at most; what is longer is cut.
const TITLE_MAX: usize = 200;

/// What a conversation is called that nobody has given a name.
pub(super) const NEW: &str = "New Chat";

/// Where they are kept.
const SHELF: &str = "milady";
const PREFIX: &str = "conversation/";

/// One conversation, as it is kept and as clients get it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dialects::milady) struct Conversation {
    /// Its id.
    pub(in crate::dialects::milady) id: Uuid,
    /// What it is called.
    pub(in crate::dialects::milady) title: String,
    /// Its room, in the agent's eyes.
    pub(in crate::dialects::milady) room_id: RoomId,
    #[serde(with = "instant")]
    pub(in crate::dialects::milady) created_at: UnixMillis,
    /// When something was last said in it, or it was named.
    #[serde(with = "instant")]
    pub(in crate::dialects::milady) updated_at: UnixMillis,
}

/// The list of conversations.
pub(in crate::dialects::milady) struct Conversations {
    registry: Registry,
    /// When one was last changed. Held while one is, so that changes follow one another.
    turn: Mutex<UnixMillis>,
}

impl Conversations {
    pub(in crate::dialects::milady) fn new(registry: Registry) -> Self {
        Self { registry, turn: Mutex::default() }
    }

    /// All of them, the one that was last spoken in first.
    pub(in crate::dialects::milady) async fn all(&self) -> Result<Vec<Conversation>, CoreError> {
        // One more for each that is being made.
        let limit = u32::try_from(CONVERSATIONS_MAX.saturating_mul(2)).unwrap_or(u32::MAX);
        let kept = self.registry.store().documents(SHELF, PREFIX, 0, limit).await?;
        let mut all = kept.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        all.sort_by_key(|one| Reverse((one.updated_at, one.created_at, one.id)));
        Ok(all)
    }

    /// One of them.
    pub(in crate::dialects::milady) async fn get(
        &self,
        id: Uuid,
    ) -> Result<Option<Conversation>, CoreError> {
        let kept = self.registry.store().document(SHELF, &key(id)).await?;
        Ok(kept.map(read).transpose()?)
    }

    /// Makes one of that title, or of a default one.
    pub(super) async fn create(&self, title: &str) -> Result<Conversation, CoreError> {
        let mut turn = self.turn.lock().await;
        let now = self.next(&mut turn);
        let id = Uuid::new_v4();
        let title = cut(title).unwrap_or_else(|| NEW.to_owned());
        let made =
            Conversation { id, title, room_id: room_of(id), created_at: now, updated_at: now };
        let before = self.all().await?;
        let surplus = before.iter().skip(CONVERSATIONS_MAX.saturating_sub(1));
        let mut facts: Vec<_> = surplus.map(|one| removed(one.id)).collect();
        facts.push(self.written(&made)?);
        self.registry.keep(facts).await?;
        Ok(made)
    }

    /// Gives one a title; a blank one changes nothing. `None` if there is no such conversation.
    pub(super) async fn rename(
        &self,
        id: Uuid,
        title: &str,
    ) -> Result<Option<Conversation>, CoreError> {
        let title = cut(title);
        self.change(id, |one| title.is_some_and(|title| one.name(title))).await
    }

    /// The same, of its own accord; `None` also if somebody has named it meanwhile.
    pub(super) async fn entitle(
        &self,
        id: Uuid,
        title: &str,
    ) -> Result<Option<Conversation>, CoreError> {
        let mut is_named = false;
        let changed = self.change(id, |one| {
            let title = cut(title).filter(|_| one.title == NEW);
            is_named = title.is_some_and(|title| one.name(title));
            is_named
        });
        Ok(changed.await?.filter(|_| is_named))
    }

    /// Notes that something was said in it.
    pub(in crate::dialects::milady) async fn touch(&self, id: Uuid) -> Result<(), CoreError> {
        self.change(id, |_| true).await.map(drop)
    }

    /// Takes it off the list. What was said stays with the agent.
    pub(super) async fn remove(&self, id: Uuid) -> Result<(), CoreError> {
        let _turn = self.turn.lock().await;
        self.registry.keep(vec![removed(id)]).await.map(drop)
    }

    /// Changes one, if `change` says that it has.
    async fn change(
        &self,
        id: Uuid,
        change: impl FnOnce(&mut Conversation) -> bool,
    ) -> Result<Option<Conversation>, CoreError> {
        let mut turn = self.turn.lock().await;
        let Some(mut one) = self.get(id).await? else { return Ok(None) };
        if change(&mut one) {
            one.updated_at = self.next(&mut turn);
            self.registry.keep(vec![self.written(&one)?]).await?;
        }
        Ok(Some(one))
    }

    /// The time of a change: later than that of the one before, so that the list has an order.
    fn next(&self, last: &mut UnixMillis) -> UnixMillis {
        *last = self.registry.clock().now().max(last.plus(Duration::from_millis(1)));
        *last
    }

    fn written(&self, one: &Conversation) -> Result<Fact, CoreError> {
        let value = serde_json::to_value(one).map_err(|error| {
            StoreError::Failed(format!("a conversation cannot be written: {error}"))
        })?;
        let updated_at = self.registry.clock().now();
        let document = Document { shelf: SHELF.to_owned(), key: key(one.id), value, updated_at };
        Ok(Fact::DocumentSet(Box::new(document)))
    }
}

impl Conversation {
    /// Names it; whether that is another name.
    fn name(&mut self, title: String) -> bool {
        let is_other = self.title != title;
        self.title = title;
        is_other
    }
}

fn key(id: Uuid) -> String {
    format!("{PREFIX}{id}")
}

fn removed(id: Uuid) -> Fact {
    Fact::DocumentRemoved { shelf: SHELF.to_owned(), key: key(id) }
}

fn read(document: Document) -> Result<Conversation, StoreError> {
    serde_json::from_value(document.value)
        .map_err(|error| StoreError::Failed(format!("a conversation cannot be read: {error}")))
}

/// A title within its bounds; `None` if it is blank.
fn cut(title: &str) -> Option<String> {
    let title: String = title.trim().chars().take(TITLE_MAX).collect();
    Some(title.trim_end().to_owned()).filter(|title| !title.is_empty())
}

/// Instants as ISO texts.
mod instant {
    use greenroom_actors::time::UnixMillis;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::http::instant::{iso, read};

    pub(super) fn serialize<S: Serializer>(at: &UnixMillis, to: S) -> Result<S::Ok, S::Error> {
        iso(*at).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixMillis, D::Error> {
        let text = String::deserialize(from)?;
        read(&text).ok_or_else(|| Error::custom("not an instant"))
    }
}
