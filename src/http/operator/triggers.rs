//! An agent's triggers, and what came of their slots.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload, Query};
use greenroom_actors::ids::TriggerId;
use greenroom_actors::ports::FiringQuery;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{
    Firing, Misfire, NewTrigger, Overlap, Schedule, Trigger, TriggerPatch, Wake,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::host::Host;

use super::Answer;
use super::body::Fields;
use super::error::OperatorError;
use super::lookup::Who;
use super::page::Page;
use super::runs::ROWS_MAX;
use super::wire::Success;

/// The triggers of an agent.
#[derive(Serialize)]
pub(super) struct Triggers {
    triggers: Vec<Trigger>,
}

/// A page of firings, the latest due first.
#[derive(Serialize)]
pub(super) struct Firings {
    firings: Vec<Firing>,
}

/// Whether something was removed.
#[derive(Serialize)]
pub(super) struct Removed {
    removed: bool,
}

/// When a trigger is due, as a request says it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum When {
    Interval { every_ms: u64, anchor: Option<UnixMillis> },
    Cron { expression: String, time_zone: Option<String> },
    Once { at: UnixMillis },
}

impl When {
    fn schedule(self, now: UnixMillis) -> Schedule {
        match self {
            Self::Interval { every_ms, anchor } => {
                Schedule::Interval { every_ms, anchor: anchor.unwrap_or(now) }
            }
            Self::Cron { expression, time_zone } => {
                let time_zone = time_zone.unwrap_or_else(|| "UTC".to_owned());
                Schedule::Cron { expression, time_zone }
            }
            Self::Once { at } => Schedule::Once { at },
        }
    }
}

/// What is said of a trigger; to make one, its name, instructions and schedule must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    name: Option<String>,
    instructions: Option<String>,
    schedule: Option<When>,
    misfire: Option<Misfire>,
    grace_s: Option<u32>,
    overlap: Option<Overlap>,
    wake: Option<Wake>,
    needs_autonomy: Option<bool>,
    is_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    max_runs: Option<Option<u32>>,
    #[serde(default, deserialize_with = "present")]
    model: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    allowed_tools: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    timeout_s: Option<Option<u32>>,
    retries_max: Option<u32>,
    retry_after_s: Option<u32>,
    metadata: Option<Map<String, Value>>,
}

/// Tells a null, which takes away, from a field that is absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

impl Said {
    fn draft(self, now: UnixMillis) -> Result<NewTrigger, OperatorError> {
        let schedule = self.schedule.ok_or_else(|| missing("schedule"))?;
        let name = self.name.ok_or_else(|| missing("name"))?;
        let instructions = self.instructions.ok_or_else(|| missing("instructions"))?;
        let usual = NewTrigger::new(name, instructions, schedule.schedule(now));
        Ok(NewTrigger {
            misfire: self.misfire.unwrap_or(usual.misfire),
            grace_s: self.grace_s.unwrap_or(usual.grace_s),
            overlap: self.overlap.unwrap_or(usual.overlap),
            wake: self.wake.unwrap_or(usual.wake),
            needs_autonomy: self.needs_autonomy.unwrap_or(usual.needs_autonomy),
            is_enabled: self.is_enabled.unwrap_or(usual.is_enabled),
            max_runs: self.max_runs.flatten(),
            created_by: "operator".to_owned(),
            model: self.model.flatten(),
            allowed_tools: self.allowed_tools.flatten(),
            timeout_s: self.timeout_s.flatten(),
            retries_max: self.retries_max.unwrap_or(usual.retries_max),
            retry_after_s: self.retry_after_s.unwrap_or(usual.retry_after_s),
            metadata: self.metadata.unwrap_or_default(),
            ..usual
        })
    }

    fn patch(self, now: UnixMillis) -> TriggerPatch {
        TriggerPatch {
            name: self.name,
            instructions: self.instructions,
            schedule: self.schedule.map(|when| when.schedule(now)),
            misfire: self.misfire,
            grace_s: self.grace_s,
            overlap: self.overlap,
            wake: self.wake,
            needs_autonomy: self.needs_autonomy,
            is_enabled: self.is_enabled,
            max_runs: self.max_runs,
            model: self.model,
            allowed_tools: self.allowed_tools,
            timeout_s: self.timeout_s,
            retries_max: self.retries_max,
            retry_after_s: self.retry_after_s,
            metadata: self.metadata,
        }
    }
}

fn missing(field: &'static str) -> OperatorError {
    OperatorError::Invalid { field, reason: "must be there".to_owned() }
}

/// All of them, oldest first.
pub(super) async fn list(who: Path<Who>, host: Data<Host>) -> Answer<Triggers> {
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(Triggers { triggers: host.registry.triggers(agent).await? }))
}

/// Makes one.
pub(super) async fn add(
    who: Path<Who>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<Trigger> {
    let said: Said = Fields::read(&request, payload).await?.all()?;
    let wanted = said.draft(host.registry.clock().now())?;
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(host.registry.add_trigger(agent, wanted).await?))
}

/// One of them.
pub(super) async fn show(path: Path<(Who, TriggerId)>, host: Data<Host>) -> Answer<Trigger> {
    let (who, id) = path.into_inner();
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(host.registry.trigger(agent, id).await?))
}

/// Changes one.
pub(super) async fn amend(
    path: Path<(Who, TriggerId)>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<Trigger> {
    let (who, id) = path.into_inner();
    let said: Said = Fields::read(&request, payload).await?.all()?;
    let patch = said.patch(host.registry.clock().now());
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(host.registry.amend_trigger(agent, id, patch).await?))
}

/// Removes one.
pub(super) async fn remove(path: Path<(Who, TriggerId)>, host: Data<Host>) -> Answer<Removed> {
    let (who, id) = path.into_inner();
    let agent = who.find(&host.registry).await?.id;
    host.registry.remove_trigger(agent, id).await?;
    Ok(Success::of(Removed { removed: true }))
}

/// Has one fire by hand.
pub(super) async fn fire(path: Path<(Who, TriggerId)>, host: Data<Host>) -> Answer<Firing> {
    let (who, id) = path.into_inner();
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(host.registry.fire_trigger(agent, id).await?))
}

/// What came of the slots of one.
pub(super) async fn firings_of(
    path: Path<(Who, TriggerId)>,
    page: Query<Page>,
    host: Data<Host>,
) -> Answer<Firings> {
    let (who, id) = path.into_inner();
    page_of(&who, Some(id), &page, &host).await
}

/// What came of the slots of all of them.
pub(super) async fn firings(
    who: Path<Who>,
    page: Query<Page>,
    host: Data<Host>,
) -> Answer<Firings> {
    page_of(&who, None, &page, &host).await
}

async fn page_of(
    who: &Who,
    trigger_id: Option<TriggerId>,
    page: &Page,
    host: &Host,
) -> Answer<Firings> {
    let (offset, limit) = page.read(ROWS_MAX)?;
    let agent_id = who.find(&host.registry).await?.id;
    let query = FiringQuery { agent_id, trigger_id, offset, limit };
    Ok(Success::of(Firings { firings: host.registry.firings(query).await? }))
}
