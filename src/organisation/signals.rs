//! Events that agents tell one another of: an agent emits one, and those that have subscribed to it get a
//! letter each.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use futures::StreamExt;
use greenroom_actors::agent::Delivery;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::{self, AgentId, MemoryId};
use greenroom_actors::ports::RunQuery;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::RunStatus;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::OrganisationError;
use super::happening::Happening;
use super::ids::ShortId;
use super::ledger::{Ledger, Record};
use super::notices::at_most;
use super::turns::Turns;
use super::{Organisation, shelf, template};
use crate::accounts::{Allowance, Principal, Tries};

/// Subscriptions of one agent at most, and to one agent.
const SUBSCRIPTIONS_MAX: usize = 100;
const SUBSCRIBERS_MAX: usize = 100;

const TYPE_MAX_BYTES: usize = 128;
const MESSAGE_MAX_BYTES: usize = 16 * 1024;
const PAYLOAD_MAX_BYTES: usize = 64 * 1024;

/// Bytes of a letter, filled in.
const LETTER_MAX_BYTES: usize = 32 * 1024;

/// Events that may follow upon one another, each because of the one before.
const HOPS_MAX: u64 = 8;

/// How often one agent may emit, and one subscription be heard: what keeps agents that call one another
/// up in a way that cannot be followed from never coming to rest.
const EMITTED: Allowance = Allowance { tries: 120, within: Duration::from_secs(60) };
const HEARD: Allowance = Allowance { tries: 30, within: Duration::from_secs(60) };

/// Letters on their way at once because of one event.
const SENDING_MAX: usize = 8;

/// Runs of an agent at once that are looked at for what they follow upon.
const RUNS_MAX: u32 = 16;

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

/// An event that an agent has told others of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Emission {
    /// Its id.
    pub id: ShortId,
    /// Whose it is; of a person, their desk.
    pub source: AgentId,
    /// The name of the person whose it is, where it is one.
    pub person: Option<String>,
    /// Which event.
    pub event_type: String,
    /// What it brings.
    pub payload: Option<Value>,
    /// How many were written to because of it.
    pub triggered: usize,
    /// How many events led to it.
    #[serde(default)]
    pub hops: u64,
    /// When.
    pub created_at: UnixMillis,
}

/// An event to tell of.
#[derive(Clone, Debug)]
pub struct NewEmission {
    /// Which event.
    pub event_type: String,
    /// What it brings.
    pub payload: Option<Value>,
    /// The key of the call that emits it: the same call emits one.
    pub key: Option<Uuid>,
}

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct EmissionFilter {
    /// Of this agent alone.
    pub source: Option<AgentId>,
    /// Only these events.
    pub event_type: Option<String>,
}

impl Record for Emission {
    const PREFIX: &'static str = "event/";
    const KEPT_MAX: usize = 200;
    /// What tells its type from others: enough to look no further where it differs.
    type Mark = u64;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn agent(&self) -> AgentId {
        self.source
    }

    fn created_at(&self) -> UnixMillis {
        self.created_at
    }

    fn mark(&self) -> u64 {
        type_mark(&self.event_type)
    }

    fn is_done(_: u64) -> bool {
        true
    }
}

fn type_mark(event_type: &str) -> u64 {
    ids::derived(&format!("event:{event_type}")).as_u64_pair().0
}

pub(super) struct Signals {
    registry: Registry,
    emissions: Ledger<Emission>,
    subscriptions: RwLock<Subscriptions>,
    turns: Turns,
    emitted: Tries<AgentId>,
    heard: Tries<Uuid>,
}

#[derive(Default)]
struct Subscriptions {
    all: HashMap<ShortId, Arc<Subscription>>,
    by_subscriber: HashMap<AgentId, Vec<ShortId>>,
    by_source: HashMap<AgentId, Vec<ShortId>>,
}

impl Subscriptions {
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

impl Signals {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let mut subscriptions = Subscriptions::default();
        shelf::each(registry, PREFIX, |_, subscription: Subscription| {
            subscriptions.put(subscription);
        })
        .await?;
        Ok(Self {
            registry: registry.clone(),
            emissions: Ledger::open(registry).await?,
            subscriptions: RwLock::new(subscriptions),
            turns: Turns::default(),
            emitted: Tries::new(EMITTED),
            heard: Tries::new(HEARD),
        })
    }

    pub(super) fn agents(&self) -> HashSet<AgentId> {
        let mut agents: HashSet<_> = self.emissions.agents().into_iter().collect();
        let subscriptions = self.read();
        agents.extend(subscriptions.by_subscriber.keys().chain(subscriptions.by_source.keys()));
        agents
    }

    pub(super) async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        self.emissions.forget(agent).await?;
        let ids: Vec<_> = {
            let subscriptions = self.read();
            let tables = [&subscriptions.by_subscriber, &subscriptions.by_source];
            tables.iter().filter_map(|table| table.get(&agent)).flatten().copied().collect()
        };
        shelf::clear(&self.registry, ids.iter().map(|id| key(*id)).collect()).await?;
        let mut subscriptions = self.write();
        ids.into_iter().for_each(|id| subscriptions.take(id));
        Ok(())
    }

    async fn keep(&self, subscription: Subscription) -> Result<Arc<Subscription>, CoreError> {
        let fact = shelf::set(&self.registry, key(subscription.id), &subscription)?;
        self.registry.keep(vec![fact]).await?;
        Ok(self.write().put(subscription))
    }

    fn read(&self) -> RwLockReadGuard<'_, Subscriptions> {
        self.subscriptions.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Subscriptions> {
        self.subscriptions.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(id: ShortId) -> String {
    format!("{PREFIX}{}", id.0)
}

/// That a word is the name of an event: identifiers with dots between.
fn check_type(event_type: &str) -> Result<(), OrganisationError> {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if event_type.len() <= TYPE_MAX_BYTES && event_type.split('.').all(is_word) {
        return Ok(());
    }
    let reason = "must be a dot-separated identifier (e.g., 'prediction.resolved')";
    Err(OrganisationError::invalid("event_type", reason))
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
            let signals = &this.inner.signals;
            // One turn for all of a source: its subscribers are counted, too.
            let _turn = signals.turns.of(new.source.0).await;
            {
                let kept = signals.read();
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
            Ok(signals.keep(subscription).await?)
        })
        .await
    }

    /// What an agent has subscribed to, oldest first.
    #[must_use]
    pub fn subscriptions_of(&self, subscriber: AgentId) -> Vec<Arc<Subscription>> {
        let kept = self.inner.signals.read();
        kept.of(&kept.by_subscriber, subscriber)
    }

    /// What others have subscribed to of an agent.
    #[must_use]
    pub fn subscriptions_to(&self, source: AgentId) -> Vec<Arc<Subscription>> {
        let kept = self.inner.signals.read();
        kept.of(&kept.by_source, source)
    }

    /// One subscription, if it is there.
    #[must_use]
    pub fn subscription(&self, id: ShortId) -> Option<Arc<Subscription>> {
        self.inner.signals.read().all.get(&id).map(Arc::clone)
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
            let signals = &this.inner.signals;
            let _turn = signals.turns.of(source.0).await;
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
            Ok(signals.keep(subscription).await?)
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
            let signals = &this.inner.signals;
            let missing = OrganisationError::Missing("event subscription");
            let source = this.subscription(id).ok_or(missing)?.source;
            let _turn = signals.turns.of(source.0).await;
            signals.registry.keep(vec![shelf::gone(key(id))]).await?;
            signals.write().take(id);
            Ok(())
        })
        .await
    }

    /// An agent tells of an event: each that has subscribed to it, and may call that agent still, gets a
    /// letter.
    ///
    /// # Errors
    /// [`OrganisationError::Invalid`], [`OrganisationError::TooOften`], [`OrganisationError::TooFar`],
    /// [`OrganisationError::Core`].
    pub async fn emit(
        &self,
        source: AgentId,
        new: NewEmission,
    ) -> Result<Arc<Emission>, OrganisationError> {
        let hops = self.hops(source).await?;
        self.emission(source, None, hops, new).await
    }

    /// Whoever asks tells of an event: an agent with a key of its own, or a person, to whom nobody
    /// subscribes.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub async fn emit_by(
        &self,
        principal: &Principal,
        new: NewEmission,
    ) -> Result<Arc<Emission>, OrganisationError> {
        match self.author(principal) {
            (agent, None) => self.emit(agent, new).await,
            (desk, person) => self.emission(desk, person, 0, new).await,
        }
    }

    /// How many events led to what an agent does now, one because of another: the most of all its runs.
    async fn hops(&self, source: AgentId) -> Result<u64, CoreError> {
        let store = self.registry().store();
        let query =
            RunQuery { statuses: vec![RunStatus::Started], ..RunQuery::of(source, RUNS_MAX) };
        let mut most = 0;
        for run in store.runs(query).await? {
            let Some(letter) = run.letter_id else { continue };
            let Some(letter) = store.letter(letter).await? else { continue };
            let hops = letter.content.get("hops").and_then(Value::as_u64).unwrap_or(0);
            most = most.max(hops);
        }
        Ok(most)
    }

    async fn emission(
        &self,
        source: AgentId,
        person: Option<String>,
        hops: u64,
        mut new: NewEmission,
    ) -> Result<Arc<Emission>, OrganisationError> {
        // Documents pass no mask on their way to the store, and other agents hear of it.
        if let Some(mask) = self.registry().mask(source) {
            mask.hide(&mut new.event_type);
            new.payload.iter_mut().for_each(|payload| mask.hide_in(payload));
        }
        check_type(&new.event_type)?;
        let payload = new.payload.as_ref().map(serde_json::to_vec);
        let payload = payload.map_or(0, |text| text.map_or(usize::MAX, |text| text.len()));
        at_most("payload", payload, PAYLOAD_MAX_BYTES)?;
        if hops >= HOPS_MAX {
            return Err(OrganisationError::TooFar(HOPS_MAX));
        }
        let now = self.registry().clock().now();
        let signals = &self.inner.signals;
        signals.emitted.admit(source, now).map_err(OrganisationError::TooOften)?;
        let this = self.clone();
        self.whole(async move {
            let mut emission = Emission {
                id: new.key.map_or_else(ShortId::random, ShortId::of_key),
                source,
                person,
                event_type: new.event_type,
                payload: new.payload,
                triggered: 0,
                hops,
                created_at: now,
            };
            if let Some(kept) = this.inner.signals.emissions.get(emission.id.0).await? {
                return Ok(Arc::new(kept));
            }
            emission.triggered = this.spread(&emission).await;
            let emission = Arc::new(emission);
            this.inner.signals.emissions.add(&emission).await?;
            this.tell(Happening::Emitted(Arc::clone(&emission)));
            Ok(emission)
        })
        .await
    }

    /// Writes to everyone who has subscribed; how many were written to.
    async fn spread(&self, emission: &Emission) -> usize {
        let wanted = self.subscriptions_to(emission.source).into_iter().filter(|subscription| {
            subscription.is_enabled && subscription.event_type == emission.event_type
        });
        let written = futures::stream::iter(wanted)
            .map(|subscription| async move {
                let written = self.write(emission, &subscription).await;
                if let Err(error) = &written {
                    let subscription = subscription.id.told("esub_");
                    tracing::warn!(subscription, %error, "a subscriber was not told of an event");
                }
                usize::from(matches!(written, Ok(true)))
            })
            .buffer_unordered(SENDING_MAX);
        written.fold(0, |count, one| async move { count + one }).await
    }

    async fn write(
        &self,
        emission: &Emission,
        subscription: &Subscription,
    ) -> Result<bool, OrganisationError> {
        let (from, to) = (subscription.source, subscription.subscriber);
        if !self.may_call(to, from).await? {
            return Ok(false);
        }
        let signals = &self.inner.signals;
        signals
            .heard
            .admit(subscription.id.0, emission.created_at)
            .map_err(OrganisationError::TooOften)?;
        let payload = emission.payload.as_ref().unwrap_or(&Value::Null);
        let text = template::filled(&subscription.target_message, payload, LETTER_MAX_BYTES);
        let mut delivery = Delivery::between(from, to, &text, false);
        delivery.content.insert("source".to_owned(), json!("event"));
        delivery.content.insert("event".to_owned(), json!(emission.id.told("evt_")));
        delivery.content.insert("eventType".to_owned(), json!(emission.event_type));
        delivery.content.insert("hops".to_owned(), json!(emission.hops.saturating_add(1)));
        delivery.from_name =
            self.registry().record(from).await.ok().map(|r| r.character.name.clone());
        // The event's own, so that the same event is one letter.
        let id = format!("event:{}:{}", emission.id.0, subscription.id.0);
        delivery.memory_id = Some(MemoryId(ids::derived(&id)));
        match self.registry().deliver(to, delivery).await {
            Ok(_) | Err(CoreError::Store(StoreError::Exists { .. })) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// The events that somebody may see, newest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn emissions(
        &self,
        principal: &Principal,
        filter: &EmissionFilter,
        limit: usize,
    ) -> Result<Vec<Emission>, CoreError> {
        let seen = filter.source.map(|agent| vec![agent]).or_else(|| self.seen_by(principal));
        let wanted = filter.event_type.as_deref().map(type_mark);
        let is_wanted = |_, mark: u64| wanted.is_none_or(|wanted| wanted == mark);
        let emissions = &self.inner.signals.emissions;
        let ids = emissions.pick(seen.as_deref(), is_wanted, (0, limit));
        emissions.show(&ids).await
    }
}
