//! Whether the host is up.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::call::Visit;
use super::mount::Mount;
use super::times;

pub(super) fn routes(at: &mut Mount) {
    at.service(health).service(api_health);
}

#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `healthy`: who is not does not answer.
    status: &'static str,
    /// UTC, without a zone.
    timestamp: String,
}

/// Whether the host is up.
#[utoipa::path(tag = "Health", responses((status = 200, body = Health)))]
#[get("/health")]
async fn health(visit: Visit) -> Answer<Health> {
    Ok(Json(Health { status: "healthy", timestamp: times::without_zone(visit.shared.now()) }))
}

/// The same.
#[utoipa::path(tag = "Health", responses((status = 200, body = Health)))]
#[get("/api/health")]
async fn api_health(visit: Visit) -> Answer<Health> {
    Ok(Json(Health { status: "healthy", timestamp: times::without_zone(visit.shared.now()) }))
}
