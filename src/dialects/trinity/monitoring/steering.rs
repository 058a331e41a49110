//! Whether agents are watched, and how.

use actix_web::web::Json;
use actix_web::{get, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::ENABLED;
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(config).service(enable).service(disable);
}

#[derive(Serialize, ToSchema)]
struct MonitoringConfig {
    enabled: bool,
    /// Seconds in which the supervisor looks at every agent once.
    check_interval_seconds: u32,
    /// Milliseconds that an agent has to answer.
    timeout_ms: u32,
}

/// How agents are watched.
#[utoipa::path(tag = "Monitoring", responses((status = 200, body = MonitoringConfig)))]
#[get("/api/monitoring/config")]
async fn config(call: Call) -> Answer<MonitoringConfig> {
    let host = &call.shared.host;
    let settings = host.registry.settings();
    Ok(Json(MonitoringConfig {
        enabled: host.preferences.flag(ENABLED, true),
        check_interval_seconds: settings.liveness_every_s,
        timeout_ms: settings.ask_deadline_ms,
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = MonitoringSwitched)]
struct Switched {
    enabled: bool,
    message: String,
}

/// Has pages watch the agents; for administrators. The supervisor watches them in any case.
#[utoipa::path(tag = "Monitoring", responses((status = 200, body = Switched)))]
#[post("/api/monitoring/enable")]
async fn enable(call: Call) -> Answer<Switched> {
    switch(&call, true).await
}

/// Has pages watch the agents no more; for administrators. The supervisor watches them in any case.
#[utoipa::path(tag = "Monitoring", responses((status = 200, body = Switched)))]
#[post("/api/monitoring/disable")]
async fn disable(call: Call) -> Answer<Switched> {
    switch(&call, false).await
}

async fn switch(call: &Call, enabled: bool) -> Answer<Switched> {
    call.admin()?;
    let value = vec![(ENABLED.to_owned(), enabled.to_string())];
    call.shared.host.preferences.set(value).await?;
    let message = format!("Monitoring {}", if enabled { "enabled" } else { "disabled" });
    Ok(Json(Switched { enabled, message }))
}
