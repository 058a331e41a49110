//! Talks by voice: clients ask whether an agent has them.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(status);
}

#[derive(Serialize, ToSchema)]
struct VoiceStatus {
    /// Whether there is a live talk to be had. There is none: what speaks and listens here takes whole
    /// recordings.
    enabled: bool,
}

/// Whether one can talk with an agent by voice.
#[utoipa::path(tag = "Voice", params(("name" = String, Path)), responses((status = 200, body = VoiceStatus)))]
#[get("/api/agents/{name}/voice/status")]
async fn status(call: Call) -> Answer<VoiceStatus> {
    call.authorised().await?;
    Ok(Json(VoiceStatus { enabled: false }))
}
