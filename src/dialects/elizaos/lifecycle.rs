//! Starting and stopping agents.

use std::time::Duration;

use actix_web::http::StatusCode;
use greenroom_actors::agent::{Change, SetAutonomy};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::{Autonomy, Command, Lifecycle, State};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::{Doing, ElizaError};
use super::input::{self, Body};
use super::refusal;
use super::wire::{Answer, json};

/// The setting that says how many seconds lie between two ticks.
const INTERVAL: &str = "autonomyIntervalSeconds";

/// What may lie between two ticks: short enough to watch, long enough not to spin.
const INTERVALS: std::ops::RangeInclusive<f64> = 0.1..=4_000_000.0;

/// `POST /api/agents/:agentId/start`: an agent that runs already stays as it is.
pub(super) async fn start(call: Call, body: Body) -> Answer {
    let id = call.agent()?;
    let record = call.registry().record(id).await?;
    let wish = Wish::read(&call, body, &record)?;
    let autonomy = wish.autonomy;
    let lifecycle = match begin(&call, id, wish).await {
        Err(ElizaError::Core {
            error: CoreError::WrongState { command: Command::Start, state: State::Running },
            ..
        }) => go_on(&call, id, autonomy).await?,
        begun => begun?,
    };
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": "Agent started successfully",
            "data": {
                "id": id,
                "agentId": id,
                "name": record.character.name,
                "status": "active",
                "startedAt": lifecycle.started_at,
                "enableAutonomy": lifecycle.autonomy.is_some(),
            },
        }),
    )
}

/// `POST /agents/:agentId/start`: an agent that runs already is a conflict.
pub(super) async fn start_bare(call: Call, body: Body) -> Answer {
    let id = call.agent()?;
    let record = call.registry().record(id).await?;
    let wish = Wish::read(&call, body, &record)?;
    let lifecycle = begin(&call, id, wish).await?;
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": "Agent started successfully",
            "data": {
                "agentId": id,
                "status": "active",
                "startedAt": lifecycle.started_at,
                "enableAutonomy": lifecycle.autonomy.is_some(),
            },
        }),
    )
}

async fn begin(call: &Call, id: AgentId, wish: Wish) -> Result<Lifecycle, ElizaError> {
    let Wish { autonomy, overrides } = wish;
    let change = Change { autonomy, overrides, ..Change::to(Command::Start) };
    call.registry().ask(id, change).await.doing(&refusal::AGENT_START)
}

/// The lifecycle of an agent that runs already, with the autonomy that was asked for.
async fn go_on(
    call: &Call,
    id: AgentId,
    autonomy: Option<Option<Autonomy>>,
) -> Result<Lifecycle, ElizaError> {
    let record = call.registry().record(id).await?;
    match autonomy {
        Some(autonomy) if autonomy != record.lifecycle.autonomy => {
            let set = call.registry().ask(id, SetAutonomy(autonomy)).await;
            set.doing(&refusal::AGENT_START)
        }
        _ => Ok(record.lifecycle.clone()),
    }
}

/// `POST /api/agents/:agentId/stop`.
pub(super) async fn stop(call: Call, body: Body) -> Answer {
    let id = end(&call, body).await?;
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": "Agent stopped",
            "data": {
                "message": "Agent stopped",
                "id": id,
                "agentId": id,
                "status": "inactive",
                "stoppedAt": call.now(),
            },
        }),
    )
}

/// `POST /agents/:agentId/stop`.
pub(super) async fn stop_bare(call: Call, body: Body) -> Answer {
    let id = end(&call, body).await?;
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "message": "Agent stopped successfully",
            "data": {"agentId": id, "status": "inactive", "stoppedAt": call.now()},
        }),
    )
}

/// A stop is silent at once, so there is nothing that `graceful` and `timeout`, which elizaOS' clients
/// send by themselves, could wait for. Whoever wants a run to end first says so by `grace_s`, and
/// whoever does not want it any more by `force`.
async fn end(call: &Call, body: Body) -> Result<AgentId, ElizaError> {
    let id = call.agent()?;
    let mut fields = body.fields()?;
    fields.flag("graceful")?;
    fields.number("timeout")?;
    let (grace_s, is_forced) = (fields.number("grace_s")?, fields.flag("force")?);
    let change = Change::ending(Command::Stop, grace_s, is_forced.unwrap_or_default())?;
    call.registry().ask(id, change).await?;
    Ok(id)
}

/// What the body of a start asks for.
#[derive(Debug, PartialEq)]
struct Wish {
    /// Absent: as it was. So an agent that nobody made autonomous is not.
    autonomy: Option<Option<Autonomy>>,
    overrides: Option<Map<String, Value>>,
}

impl Wish {
    fn read(call: &Call, body: Body, record: &AgentRecord) -> Result<Self, ElizaError> {
        let default = Duration::from_secs(u64::from(call.registry().settings().tick_every_s));
        let mut wish = Self::of(body, record, default)?;
        if let Some(overrides) = &mut wish.overrides {
            call.host.secrets.seal_settings(overrides)?;
        }
        Ok(wish)
    }

    fn of(body: Body, record: &AgentRecord, default: Duration) -> Result<Self, ElizaError> {
        let mut fields = body.fields()?;
        let is_autonomous = fields.flag("enableAutonomy")?;
        let overrides = fields.object("settings")?;
        let asked = overrides.as_ref().and_then(|settings| settings.get(INTERVAL));
        let asked = asked.map(interval).transpose()?;
        let own = record.character.setting(INTERVAL).and_then(|own| interval(own).ok());
        let before = record.lifecycle.autonomy.map(Autonomy::period);
        let autonomy = match (is_autonomous, asked) {
            (Some(false), _) => Some(None),
            (Some(true), asked) => Some(asked.or(own).or(before).or(Some(default))),
            // An interval alone changes how often, not whether.
            (None, Some(asked)) if before.is_some() => Some(Some(asked)),
            (None, _) => None,
        };
        let autonomy = autonomy.map(|period| period.map(Autonomy::every));
        Ok(Self { autonomy, overrides })
    }
}

fn interval(value: &Value) -> Result<Duration, ElizaError> {
    let name = format!("settings.{INTERVAL}");
    let seconds = value.as_f64().ok_or_else(|| input::wrong(&name, "a number", value))?;
    if !INTERVALS.contains(&seconds) {
        let (least, most) = (INTERVALS.start(), INTERVALS.end());
        return Err(ElizaError::field(&name, format_args!("expected {least} to {most} seconds")));
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| ElizaError::field(&name, error))
}

#[cfg(test)]
mod tests {
    use greenroom_actors::character::Character;
    use greenroom_actors::time::UnixMillis;

    use super::*;

    const DEFAULT: Duration = Duration::from_secs(60);

    fn record(setting: Value, autonomy: Option<Autonomy>) -> AgentRecord {
        let mut character = Character::named("Ada");
        character.settings = json!({INTERVAL: setting}).as_object().cloned();
        AgentRecord {
            id: character.agent_id(),
            handle: "ada".to_owned(),
            character,
            enabled: true,
            lifecycle: Lifecycle { autonomy, ..Lifecycle::default() },
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
        }
    }

    #[test]
    fn autonomy_is_what_was_asked_for_or_stays_as_it_was() {
        let every = |seconds| Some(Some(Autonomy::every(Duration::from_secs(seconds))));
        let before = Some(Autonomy::every(Duration::from_secs(9)));
        for (body, setting, before, expected) in [
            (json!({}), Value::Null, None, None),
            (json!({}), json!(5), before, None),
            (json!({"enableAutonomy": false}), Value::Null, before, Some(None)),
            (json!({"enableAutonomy": true}), Value::Null, None, every(60)),
            (json!({"enableAutonomy": true}), json!(5), before, every(5)),
            (json!({"enableAutonomy": true}), json!("x"), before, every(9)),
            (json!({"enableAutonomy": true, "settings": {INTERVAL: 2}}), json!(5), None, every(2)),
            (json!({"settings": {INTERVAL: 2}}), Value::Null, None, None),
            (json!({"settings": {INTERVAL: 2}}), Value::Null, before, every(2)),
        ] {
            let wish = Wish::of(Body(Some(body.clone())), &record(setting, before), DEFAULT);
            assert_eq!(wish.unwrap().autonomy, expected, "{body}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (body, name) in [
            (json!({"enableAutonomy": "yes"}), "enableAutonomy"),
            (json!({"settings": []}), "settings"),
            (json!({"settings": {INTERVAL: "2"}}), "settings.autonomyIntervalSeconds"),
            (json!({"settings": {INTERVAL: 0}}), "settings.autonomyIntervalSeconds"),
            (json!({"settings": {INTERVAL: 1e300}}), "settings.autonomyIntervalSeconds"),
            (json!([1]), "the body"),
        ] {
            let refused = Wish::of(Body(Some(body)), &record(Value::Null, None), DEFAULT);
            let words = refused.unwrap_err().to_string();
            assert!(words.starts_with(name), "{words}");
        }
    }
}
