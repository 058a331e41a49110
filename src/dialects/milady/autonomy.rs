//! Whether the agent acts by itself.

use std::time::Duration;

use actix_web::web::{Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::time::millis;
use serde_json::{Value, json};

use super::Answer;
use super::body;
use super::routes::on;
use super::shared::Shared;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/agent/autonomy").route(get().to(show)).route(post().to(set)));
}

async fn show(shared: Data<Shared>) -> Answer {
    let state = shared.host.primary.autonomy().await?;
    Ok(HttpResponse::Ok().json(json!({
        "enabled": state.is_enabled,
        "thinking": state.is_active,
        "intervalMs": millis(state.period),
    })))
}

/// What is neither true nor false leaves it as it is; so does what is no number, for the interval.
async fn set(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let asked = body::object(&shared, &request, payload).await?;
    let is_enabled = asked.get("enabled").and_then(Value::as_bool);
    let period = asked.get("intervalMs").and_then(Value::as_u64).map(Duration::from_millis);
    let state = shared.host.primary.set_autonomy(is_enabled, period).await?;
    Ok(HttpResponse::Ok().json(json!({
        "ok": true,
        "autonomy": state.is_enabled,
        "thinking": state.is_active,
        "intervalMs": millis(state.period),
    })))
}
