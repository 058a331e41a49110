//! What agents want to hear of: an event of another, and what they are written because of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::error::OrganisationError;
use super::ids::ShortId;
use super::notices::at_most;
use super::signals::check_type;
use super::turns::Turns;
use super::{Organisation, shelf};

/// Subscriptions of one agent at most, and to one agent.
const SUBSCRIPTIONS_MAX: usize = 100;
const SUBSCRIBERS_MAX: usize = 100;

const MESSAGE_MAX_BYTES: usize = 16 * 1024;

const PREFIX: &str = "subscription/";

/// That an agent wants to hear of an event of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub id: ShortId,
    /// Who wants to hear of it.
    pub subscriber: AgentId,
    /// Whose event.
    pub source: AgentId,
    /// Which event: words with dots between.
    pub event_type: String,
    /// What the subscriber is written, with places for what the event brings.
    pub target_message: String,
    /// Whether it is heeded.
    pub is_enabled: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
    /// The name of the user who made it.
    pub created_by: String,
}

/// A subscription to be made.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// Whose event.
    pub source: AgentId,
    /// Which event.
    pub event_type: String,
    /// What the subscriber is written.
    pub target_message: String,
    /// Whether it is heeded.
    pub is_enabled: bool,
}

/// What changes about a subscription; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionPatch {
    /// Which event.
    pub event_type: Option<String>,
    /// What the subscriber is written.
    pub target_message: Option<String>,
    /// Whether it is heeded.
    pub is_enabled: Option<bool>,
}

pub(super) struct Subscriptions {
    registry: Registry,
    table: RwLock<Table>,
    turns: Turns,
}

#[derive(Default)]
struct Table {
    all: HashMap<ShortId, Arc<Subscription>>,
    by_subscriber: HashMap<AgentId, Vec<ShortId>>,
    by_source: HashMap<AgentId, Vec<ShortId>>,
}

impl Table {
    fn put(&mut self, subscription: Subscription) -> Arc<Subscription> {
        self.take(subscription.id);
        let subscription = Arc::new(subscription);
        self.by_subscriber.entry(subscription.subscriber).or_default().push(subscription.id);
        self.by_source.entry(subscription.source).or_default().push(subscription.id);
        self.all.insert(subscription.id, Arc::clone(&subscription));
        subscription
    }

    fn take(&mut self, id: ShortId) {
        let Some(old) = self.all.remove(&id) else { return };
        for (table, agent) in
            [(&mut self.by_subscriber, old.subscriber), (&mut self.by_source, old.source)]
        {
            if let Some(ids) = table.get_mut(&agent) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    table.remove(&agent);
                }
            }
        }
    }

    fn of(&self, table: &HashMap<AgentId, Vec<ShortId>>, agent: AgentId) -> Vec<Arc<Subscription>> {
        let ids = table.get(&agent).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id)).map(Arc::clone).collect()
    }
}

impl Subscriptions {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let mut table = Table::default();
        shelf::each(registry, PREFIX, |_, subscription: Subscription| {
            table.put(subscription);
        })
        .await?;
        let (table, turns) = (RwLock::new(table), Turns::default());
        Ok(Self { registry: registry.clone(), table, turns })
    }

    pub(super) fn agents(&self) -> HashSet<AgentId> {
        let table = self.read();
        table.by_subscriber.keys().chain(table.by_source.keys()).copied().collect()
    }

    pub(super) async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        let ids: Vec<_> = {
            let table = self.read();
            let tables = [&table.by_subscriber, &table.by_source];
            tables.iter().filter_map(|table| table.get(&agent)).flatten().copied().collect()
        };
        shelf::clear(&self.registry, ids.iter().map(|id| key(*id)).collect()).await?;
        let mut table = self.write();
        ids.into_iter().for_each(|id| table.take(id));
        Ok(())
    }

    async fn keep(&self, subscription: Subscription) -> Result<Arc<Subscription>, CoreError> {
        let fact = shelf::set(&self.registry, key(subscription.id), &subscription)?;
        self.registry.keep(vec![fact]).await?;
        Ok(self.write().put(subscription))
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(id: ShortId) -> String {
    format!("{PREFIX}{}", id.0)
}

impl Organisation {
    /// Lets an agent hear of an event of another, which it may call.
    ///
    /// # Errors
    /// [`OrganisationError::NotPermitted`], [`OrganisationError::Invalid`],
    /// [`OrganisationError::Exists`], [`OrganisationError::TooMany`], [`OrganisationError::Core`].
    pub async fn subscribe(
        &self,
        subscriber: AgentId,
        by: &str,
        new: NewSubscription,
    ) -> Result<Arc<Subscription>, OrganisationError> {
        if !self.may_call(subscriber, new.source).await? {
            return Err(OrganisationError::NotPermitted);
        }
        // An agent may subscribe by itself, with its own key.
        let mut new = new;
        if let Some(mask) = self.registry().mask(subscriber) {
            mask.hide(&mut new.event_type);
            mask.hide(&mut new.target_message);
        }
        check_type(&new.event_type)?;
        at_most("target_message", new.target_message.len(), MESSAGE_MAX_BYTES)?;
        let (this, by) = (self.clone(), by.to_owned());
        self.whole(async move {
            let subscriptions = &this.inner.subscriptions;
            // One turn for all of a source: its subscribers are counted, too.
            let _turn = subscriptions.turns.of(new.source.0).await;
            {
                let kept = subscriptions.read();
                let own = kept.of(&kept.by_subscriber, subscriber);
                let is_same = |other: &Arc<Subscription>| {
                    other.source == new.source && other.event_type == new.event_type
                };
                if own.iter().any(is_same) {
                    return Err(OrganisationError::Exists);
                }
                let limit = SUBSCRIPTIONS_MAX;
                if own.len() >= limit {
                    return Err(OrganisationError::TooMany { what: "subscriptions", limit });
                }
                let limit = SUBSCRIBERS_MAX;
                if kept.by_source.get(&new.source).is_some_and(|ids| ids.len() >= limit) {
                    return Err(OrganisationError::TooMany { what: "subscribers", limit });
                }
            }
            let now = this.registry().clock().now();
            let subscription = Subscription {
                id: ShortId::random(),
                subscriber,
                source: new.source,
                event_type: new.event_type,
                target_message: new.target_message,
                is_enabled: new.is_enabled,
                created_at: now,
                updated_at: now,
                created_by: by,
            };
            Ok(subscriptions.keep(subscription).await?)
        })
        .await
    }

    /// What an agent has subscribed to, oldest first.
    #[must_use]
    pub fn subscriptions_of(&self, subscriber: AgentId) -> Vec<Arc<Subscription>> {
        let kept = self.inner.subscriptions.read();
        kept.of(&kept.by_subscriber, subscriber)
    }

    /// What others have subscribed to of an agent.
    #[must_use]
    pub fn subscriptions_to(&self, source: AgentId) -> Vec<Arc<Subscription>> {
        let kept = self.inner.subscriptions.read();
        kept.of(&kept.by_source, source)
    }

    /// One subscription, if it is there.
    #[must_use]
    pub fn subscription(&self, id: ShortId) -> Option<Arc<Subscription>> {
        self.inner.subscriptions.read().all.get(&id).map(Arc::clone)
    }

    /// Changes a subscription.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Invalid`], [`OrganisationError::Exists`],
    /// [`OrganisationError::Core`].
    pub async fn amend_subscription(
        &self,
        id: ShortId,
        patch: SubscriptionPatch,
    ) -> Result<Arc<Subscription>, OrganisationError> {
        let mut patch = patch;
        let subscriber = self.subscription(id).map(|it| it.subscriber);
        if let Some(mask) = subscriber.and_then(|agent| self.registry().mask(agent)) {
            let texts = [&mut patch.event_type, &mut patch.target_message];
            texts.into_iter().flatten().for_each(|text| mask.hide(text));
        }
        if let Some(event_type) = &patch.event_type {
            check_type(event_type)?;
        }
        at_most(
            "target_message",
            patch.target_message.as_ref().map_or(0, String::len),
            MESSAGE_MAX_BYTES,
        )?;
        let this = self.clone();
        self.whole(async move {
            let missing = || OrganisationError::Missing("event subscription");
            let source = this.subscription(id).ok_or_else(missing)?.source;
            let subscriptions = &this.inner.subscriptions;
            let _turn = subscriptions.turns.of(source.0).await;
            let mut subscription =
                Subscription::clone(&*this.subscription(id).ok_or_else(missing)?);
            if let Some(event_type) = patch.event_type {
                subscription.event_type = event_type;
            }
            if let Some(message) = patch.target_message {
                subscription.target_message = message;
            }
            subscription.is_enabled = patch.is_enabled.unwrap_or(subscription.is_enabled);
            subscription.updated_at = this.registry().clock().now();
            let is_same = |other: &Arc<Subscription>| {
                other.id != id
                    && other.source == subscription.source
                    && other.event_type == subscription.event_type
            };
            if this.subscriptions_of(subscription.subscriber).iter().any(is_same) {
                return Err(OrganisationError::Exists);
            }
            Ok(subscriptions.keep(subscription).await?)
        })
        .await
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Core`].
    pub async fn unsubscribe(&self, id: ShortId) -> Result<(), OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let subscriptions = &this.inner.subscriptions;
            let missing = OrganisationError::Missing("event subscription");
            let source = this.subscription(id).ok_or(missing)?.source;
            let _turn = subscriptions.turns.of(source.0).await;
            subscriptions.registry.keep(vec![shelf::gone(key(id))]).await?;
            subscriptions.write().take(id);
            Ok(())
        })
        .await
    }
}
