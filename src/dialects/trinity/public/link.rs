//! Whether a link leads anywhere, whom to, and what they have been taught.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::skills::{Playbooks, playbooks};
use crate::workspace::ReadOnly;

pub(super) fn routes(at: &mut Mount) {
    at.service(info).service(show_playbooks);
}

#[derive(Serialize, ToSchema)]
struct LinkInfo {
    valid: bool,
    require_email: bool,
    agent_available: bool,
    reason: Option<&'static str>,
    agent_display_name: Option<String>,
    agent_description: Option<String>,
    is_autonomous: bool,
    is_read_only: bool,
}

/// Whether a link leads anywhere, and whom to.
#[utoipa::path(tag = "Public", params(("token" = String, Path)), responses((status = 200, body = LinkInfo)))]
#[get("/api/public/link/{token}")]
async fn info(visit: Visit) -> Answer<LinkInfo> {
    visit.look()?;
    let Some(guest) = visit.found_link(&visit.segment("token")).await? else {
        return Ok(Json(LinkInfo {
            valid: false,
            require_email: false,
            agent_available: false,
            reason: Some("invalid_or_expired"),
            agent_display_name: None,
            agent_description: None,
            is_autonomous: false,
            is_read_only: false,
        }));
    };
    let record = visit.shared.host.registry.record(guest.agent.id).await?;
    Ok(Json(LinkInfo {
        valid: true,
        require_email: guest.requires_email(),
        agent_available: guest.agent.is_running(),
        reason: None,
        agent_display_name: Some(record.character.name.clone()),
        agent_description: record.character.bio.sentences().first().cloned(),
        is_autonomous: record.lifecycle.autonomy.is_some(),
        is_read_only: ReadOnly::of(&record.character).is_enabled,
    }))
}

/// What the agent has been taught.
#[utoipa::path(tag = "Public", params(("token" = String, Path)), responses((status = 200, body = Playbooks)))]
#[get("/api/public/playbooks/{token}")]
async fn show_playbooks(visit: Visit) -> Answer<Playbooks> {
    let guest = visit.guest(&visit.segment("token")).await?;
    if !guest.agent.is_running() {
        return Err(TrinityError::unavailable("Agent is not running"));
    }
    let workspace = visit.shared.host.workspaces.free(guest.agent.id);
    Ok(Json(playbooks(&workspace).await?))
}
