//! How far the answer to a message has come.

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::ids::LetterId;
use greenroom_actors::letters::LetterStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, short};
use crate::organisation::Link;

pub(super) fn routes(at: &mut Mount) {
    at.service(progress);
}

#[derive(Serialize, ToSchema)]
struct PublicProgress {
    execution_id: String,
    /// `queued`, `running`, `success`, `failed` or `cancelled`.
    status: &'static str,
    response: Option<String>,
    error: Option<String>,
}

/// How far the answer to a message has come.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("id" = String, Path)), responses((status = 200, body = PublicProgress)))]
#[get("/api/public/executions/{token}/{id}/status")]
async fn progress(visit: Visit) -> Answer<PublicProgress> {
    let guest = visit.guest(&visit.segment("token")).await?;
    let id = execution(&visit)?;
    let found = so_far(&visit, &guest.link, id).await?;
    Ok(Json(found.ok_or_else(|| TrinityError::not_found("Execution not found"))?))
}

pub(super) fn execution<B>(visit: &Visit<B>) -> Result<LetterId, TrinityError> {
    let id = short::parse(&visit.segment("id")).map(LetterId);
    id.ok_or_else(|| TrinityError::not_found("Execution not found"))
}

async fn so_far<B>(
    visit: &Visit<B>,
    link: &Link,
    id: LetterId,
) -> Result<Option<PublicProgress>, TrinityError> {
    let host = &visit.shared.host;
    let Some((letter, reply)) = host.organisation.said_so_far(link, id).await? else {
        return Ok(None);
    };
    let status = match letter.status {
        LetterStatus::Waiting if letter.attempts == 0 => "queued",
        LetterStatus::Waiting | LetterStatus::Parked => "running",
        LetterStatus::Answered => "success",
        LetterStatus::Dead => "failed",
        LetterStatus::Cancelled => "cancelled",
    };
    Ok(Some(PublicProgress {
        execution_id: short::of(id.0),
        status,
        response: reply.map(|reply| reply.text().to_owned()),
        error: (status == "failed").then(|| "The agent could not answer".to_owned()),
    }))
}
