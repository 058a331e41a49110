//! Events that agents tell one another of: an agent emits one, and those that have subscribed to it get a
//! letter each.

use std::sync::Arc;
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
use super::subscriptions::Subscription;
use super::{Organisation, template};
use crate::accounts::{Allowance, Principal, Tries};

const TYPE_MAX_BYTES: usize = 128;
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
    emissions: Ledger<Emission>,
    emitted: Tries<AgentId>,
    /// By subscription.
    heard: Tries<Uuid>,
}

impl Signals {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        Ok(Self {
            emissions: Ledger::open(registry).await?,
            emitted: Tries::new(EMITTED),
            heard: Tries::new(HEARD),
        })
    }

    pub(super) fn agents(&self) -> Vec<AgentId> {
        self.emissions.agents()
    }

    pub(super) async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        self.emissions.forget(agent).await
    }
}

/// That a word is the name of an event: identifiers with dots between.
pub(super) fn check_type(event_type: &str) -> Result<(), OrganisationError> {
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
