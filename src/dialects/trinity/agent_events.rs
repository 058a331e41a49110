//! Events that agents tell one another of, and who has subscribed to them.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::organised::{Names, count};
use super::wanted::{InQuery, Wanted};
use super::{Answer, times};
use crate::organisation::{
    Emission, EmissionFilter, NewEmission, NewSubscription, OrganisationError, ShortId,
    Subscription, SubscriptionPatch,
};
use crate::roster::Known;

/// What the ids of events and of subscriptions begin with.
pub(super) const EVENT: &str = "evt_";
const SUBSCRIPTION: &str = "esub_";

pub(super) fn routes(at: &mut Mount) {
    at.service(subscribe)
        .service(list)
        .service(detail)
        .service(amend)
        .service(unsubscribe)
        .service(emit)
        .service(emit_for)
        .service(all)
        .service(of_agent);
}

#[derive(Deserialize, ToSchema)]
struct NewEventSubscription {
    /// The agent whose event it is; the subscriber may call it, or is it.
    source_agent: String,
    /// Identifiers with dots between.
    event_type: String,
    /// What the subscriber is written; `{{payload.x}}` stands for what the event brings.
    target_message: String,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, ToSchema)]
struct EventSubscriptionPatch {
    event_type: Option<String>,
    target_message: Option<String>,
    enabled: Option<bool>,
}

/// A subscription.
#[derive(Serialize, ToSchema)]
struct EventSubscription {
    id: String,
    subscriber_agent: String,
    source_agent: String,
    event_type: String,
    target_message: String,
    enabled: bool,
    created_at: String,
    updated_at: String,
    created_by: String,
}

#[derive(Serialize, ToSchema)]
struct EventSubscriptions {
    count: usize,
    subscriptions: Vec<EventSubscription>,
}

#[derive(Serialize, ToSchema)]
struct Unsubscribed {
    status: &'static str,
    subscription_id: String,
}

async fn shown(
    names: &mut Names<'_>,
    subscription: &Subscription,
) -> Result<EventSubscription, TrinityError> {
    Ok(EventSubscription {
        id: subscription.id.told(SUBSCRIPTION),
        subscriber_agent: names.of(subscription.subscriber).await?.unwrap_or_default(),
        source_agent: names.of(subscription.source).await?.unwrap_or_default(),
        event_type: subscription.event_type.clone(),
        target_message: subscription.target_message.clone(),
        enabled: subscription.is_enabled,
        created_at: times::iso(subscription.created_at),
        updated_at: times::iso(subscription.updated_at),
        created_by: subscription.created_by.clone(),
    })
}

/// Lets an agent hear of an event of another, which it may call.
#[utoipa::path(
    tag = "Agent events",
    params(("name" = String, Path)),
    request_body = NewEventSubscription,
    responses((status = 201, body = EventSubscription))
)]
#[post("/api/agents/{name}/event-subscriptions")]
async fn subscribe(call: Call<NewEventSubscription>) -> Result<HttpResponse, TrinityError> {
    let subscriber = call.owned().await?;
    let wanted = call.fields()?;
    let organisation = &call.shared.host.organisation;
    // No more is told of one that may not be called than of one that is not there.
    let refused = || refusal(&subscriber, &wanted.source_agent);
    let source = call.shared.host.roster.find(&wanted.source_agent).await?.ok_or_else(refused)?;
    let new = NewSubscription {
        source: source.id,
        event_type: wanted.event_type.clone(),
        target_message: wanted.target_message.clone(),
        is_enabled: wanted.enabled,
    };
    let by = &call.principal.user.username;
    let made =
        organisation.subscribe(subscriber.id, by, new).await.map_err(|error| match error {
            OrganisationError::NotPermitted => refused(),
            OrganisationError::Exists => TrinityError::conflict(format!(
                "Subscription already exists for {} -> {}:{}",
                subscriber.name, source.name, wanted.event_type
            )),
            error => worded(error),
        })?;
    let told = shown(&mut Names::new(&call.shared), &made).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(told))
}

fn refusal(subscriber: &Known, source: &str) -> TrinityError {
    TrinityError::forbidden(format!(
        "Agent '{}' does not have permission to communicate with '{source}'. Grant permission in \
         the Permissions tab first.",
        subscriber.name
    ))
}

/// In the words of this API where it has some.
fn worded(error: OrganisationError) -> TrinityError {
    match error {
        OrganisationError::Invalid { field: "event_type", reason } => {
            TrinityError::bad(format!("event_type {reason}"))
        }
        error => error.into(),
    }
}

#[derive(Deserialize, ToSchema)]
struct Direction {
    /// `subscriber`, `source` or `both`.
    direction: Option<String>,
    #[serde(default = "hundred")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

/// What an agent has subscribed to, or others of it.
#[utoipa::path(
    tag = "Agent events",
    params(("name" = String, Path), InQuery<Direction>),
    responses((status = 200, body = EventSubscriptions))
)]
#[get("/api/agents/{name}/event-subscriptions")]
async fn list(call: Call<InQuery<Direction>>) -> Answer<EventSubscriptions> {
    let agent = call.authorised().await?;
    let wanted: Direction = call.query()?;
    let organisation = &call.shared.host.organisation;
    let mut found = match wanted.direction.as_deref() {
        Some("source") => Vec::new(),
        _ => organisation.subscriptions_of(agent.id),
    };
    if matches!(wanted.direction.as_deref(), Some("source" | "both")) {
        let own = |other: &Arc<Subscription>| found.iter().any(|known| known.id == other.id);
        let mut others = organisation.subscriptions_to(agent.id);
        others.retain(|other| !own(other));
        found.extend(others);
    }
    let mut names = Names::new(&call.shared);
    let mut subscriptions = Vec::new();
    for subscription in found.iter().take(count(wanted.limit)) {
        subscriptions.push(shown(&mut names, subscription).await?);
    }
    Ok(Json(EventSubscriptions { count: subscriptions.len(), subscriptions }))
}

fn found<B: Wanted>(call: &Call<B>) -> Result<Arc<Subscription>, TrinityError> {
    let id = ShortId::parse(SUBSCRIPTION, &call.segment("id"));
    let found = id.and_then(|id| call.shared.host.organisation.subscription(id));
    found.ok_or_else(|| TrinityError::not_found("Event subscription not found"))
}

/// One subscription.
#[utoipa::path(tag = "Agent events", params(("id" = String, Path)), responses((status = 200, body = EventSubscription)))]
#[get("/api/event-subscriptions/{id}")]
async fn detail(call: Call) -> Answer<EventSubscription> {
    let subscription = found(&call)?;
    if !call.sees(subscription.subscriber) {
        return Err(TrinityError::forbidden("Access denied to agent"));
    }
    Ok(Json(shown(&mut Names::new(&call.shared), &subscription).await?))
}

/// Changes a subscription.
#[utoipa::path(
    tag = "Agent events",
    params(("id" = String, Path)),
    request_body = EventSubscriptionPatch,
    responses((status = 200, body = EventSubscription))
)]
#[put("/api/event-subscriptions/{id}")]
async fn amend(call: Call<EventSubscriptionPatch>) -> Answer<EventSubscription> {
    let wanted = call.fields()?;
    let subscription = found(&call)?;
    if !call.owns(subscription.subscriber) {
        let told = "Only the owner can modify event subscriptions";
        return Err(TrinityError::forbidden(told));
    }
    let patch = SubscriptionPatch {
        event_type: wanted.event_type,
        target_message: wanted.target_message,
        is_enabled: wanted.enabled,
    };
    let organisation = &call.shared.host.organisation;
    let amended = organisation.amend_subscription(subscription.id, patch).await.map_err(worded)?;
    Ok(Json(shown(&mut Names::new(&call.shared), &amended).await?))
}

/// Ends a subscription.
#[utoipa::path(tag = "Agent events", params(("id" = String, Path)), responses((status = 200, body = Unsubscribed)))]
#[delete("/api/event-subscriptions/{id}")]
async fn unsubscribe(call: Call) -> Answer<Unsubscribed> {
    let subscription = found(&call)?;
    if !call.owns(subscription.subscriber) {
        let told = "Only the owner can delete event subscriptions";
        return Err(TrinityError::forbidden(told));
    }
    call.shared.host.organisation.unsubscribe(subscription.id).await?;
    let subscription_id = subscription.id.told(SUBSCRIPTION);
    Ok(Json(Unsubscribed { status: "deleted", subscription_id }))
}

#[derive(Deserialize, ToSchema)]
struct NewAgentEvent {
    /// Identifiers with dots between.
    event_type: String,
    /// What it brings.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    payload: Option<Map<String, Value>>,
}

impl From<NewAgentEvent> for NewEmission {
    fn from(event: NewAgentEvent) -> Self {
        Self { event_type: event.event_type, payload: event.payload.map(Value::Object), key: None }
    }
}

/// An event that an agent has told others of.
#[derive(Serialize, ToSchema)]
struct AgentEvent {
    id: String,
    /// The agent, or the user.
    source_agent: String,
    event_type: String,
    payload: Option<Value>,
    /// Agents that were written to because of it.
    subscriptions_triggered: usize,
    created_at: String,
}

impl AgentEvent {
    fn of(source_agent: String, emission: &Emission) -> Self {
        Self {
            id: emission.id.told(EVENT),
            source_agent,
            event_type: emission.event_type.clone(),
            payload: emission.payload.clone(),
            subscriptions_triggered: emission.triggered,
            created_at: times::iso(emission.created_at),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct AgentEvents {
    count: usize,
    /// The newest first.
    events: Vec<AgentEvent>,
}

/// Tells of an event, in the name of the agent whose key is shown, or of the user.
#[utoipa::path(
    tag = "Agent events",
    request_body = NewAgentEvent,
    responses((status = 201, body = AgentEvent))
)]
#[post("/api/events")]
async fn emit(call: Call<NewAgentEvent>) -> Result<HttpResponse, TrinityError> {
    let wanted = call.fields()?;
    let organisation = &call.shared.host.organisation;
    let emission = organisation.emit_by(&call.principal, wanted.into()).await.map_err(worded)?;
    let mut names = Names::new(&call.shared);
    let name = names.author(emission.person.as_ref(), emission.source).await?;
    let told = AgentEvent::of(name.unwrap_or_default(), &emission);
    Ok(HttpResponse::build(StatusCode::CREATED).json(told))
}

/// Tells of an event in the name of an agent.
#[utoipa::path(
    tag = "Agent events",
    params(("name" = String, Path)),
    request_body = NewAgentEvent,
    responses((status = 201, body = AgentEvent))
)]
#[post("/api/agents/{name}/emit-event")]
async fn emit_for(call: Call<NewAgentEvent>) -> Result<HttpResponse, TrinityError> {
    let agent = call.authorised().await?;
    let wanted = call.fields()?;
    let organisation = &call.shared.host.organisation;
    let emission = organisation.emit(agent.id, wanted.into()).await.map_err(worded)?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(AgentEvent::of(agent.name, &emission)))
}

#[derive(Deserialize, ToSchema)]
struct EventFilter {
    source_agent: Option<String>,
    event_type: Option<String>,
    #[serde(default = "fifty")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// The events of agents that the caller may see.
#[utoipa::path(
    tag = "Agent events",
    params(InQuery<EventFilter>),
    responses((status = 200, body = AgentEvents))
)]
#[get("/api/events")]
async fn all(call: Call<InQuery<EventFilter>>) -> Answer<AgentEvents> {
    let wanted: EventFilter = call.query()?;
    let source = match &wanted.source_agent {
        Some(name) => Some(call.visible_or(name, "Access denied to agent").await?.id),
        None => None,
    };
    let filter = EmissionFilter { source, event_type: wanted.event_type };
    told(&call, &filter, wanted.limit).await
}

/// The events of one agent.
#[utoipa::path(
    tag = "Agent events",
    params(("name" = String, Path), InQuery<EventFilter>),
    responses((status = 200, body = AgentEvents))
)]
#[get("/api/agents/{name}/events")]
async fn of_agent(call: Call<InQuery<EventFilter>>) -> Answer<AgentEvents> {
    let agent = call.authorised().await?;
    let wanted: EventFilter = call.query()?;
    let filter = EmissionFilter { source: Some(agent.id), event_type: wanted.event_type };
    told(&call, &filter, wanted.limit).await
}

async fn told<B>(call: &Call<B>, filter: &EmissionFilter, limit: u32) -> Answer<AgentEvents> {
    let organisation = &call.shared.host.organisation;
    let emissions = organisation.emissions(&call.principal, filter, count(limit)).await?;
    let mut names = Names::new(&call.shared);
    let mut events = Vec::with_capacity(emissions.len());
    for emission in emissions {
        if let Some(name) = names.author(emission.person.as_ref(), emission.source).await? {
            events.push(AgentEvent::of(name, &emission));
        }
    }
    Ok(Json(AgentEvents { count: events.len(), events }))
}
