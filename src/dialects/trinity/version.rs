//! What this host is.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(told);
}

#[derive(Serialize, ToSchema)]
struct Version {
    version: &'static str,
    /// Always `trinity`.
    platform: &'static str,
    components: Components,
    /// Runtimes that have a version of their own; none has.
    runtimes: Vec<String>,
    /// Not told: builds are reproducible.
    build_date: Option<String>,
    voice_enabled: bool,
}

#[derive(Serialize, ToSchema)]
struct Components {
    backend: &'static str,
    agent_server: &'static str,
    base_image: &'static str,
}

/// What this host is.
#[utoipa::path(tag = "Version", responses((status = 200, body = Version)))]
#[get("/api/version")]
async fn told(call: Call) -> Answer<Version> {
    let version = call.shared.host.version;
    Ok(Json(Version {
        version,
        platform: "trinity",
        components: Components { backend: version, agent_server: version, base_image: version },
        runtimes: Vec::new(),
        build_date: None,
        voice_enabled: false,
    }))
}
