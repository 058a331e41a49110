//! `/api/character`: who the agent is.

mod check;
mod wire;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload, ServiceConfig, get, put};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use super::{Answer, body};

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/character").route(get().to(show)).route(put().to(set)));
}

/// Without an agent: a character of nothing.
async fn show(shared: Data<Shared>) -> Answer {
    let Some(agent) = shared.host.primary.agent().await? else {
        let agent_name = shared.host.primary.status().await?.agent_name;
        return Ok(HttpResponse::Ok().json(json!({"character": {}, "agentName": agent_name})));
    };
    let character = wire::shown(&agent.character);
    let name = &agent.character.name;
    Ok(HttpResponse::Ok().json(json!({"character": character, "agentName": name})))
}

/// What the body does not name stays as it is.
async fn set(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let asked = body::object(&shared, &request, payload).await?;
    let faults = check::faults(&asked);
    if !faults.is_empty() {
        let refused = json!({"ok": false, "validationErrors": faults});
        return Ok(HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(refused));
    }
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let patch = wire::patch(asked.clone());
    let agent = match patch.is_empty() {
        true => agent,
        false => shared.host.registry.revise(agent.id, patch).await?,
    };
    let name = &agent.character.name;
    let answer = json!({"ok": true, "character": Value::Object(asked), "agentName": name});
    Ok(HttpResponse::Ok().json(answer))
}
