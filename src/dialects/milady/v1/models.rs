//! `/v1/models`: the one model that there is, the agent.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use greenroom_actors::character::AgentRecord;
use serde_json::{Value, json};

use super::error::CompatAnswer;
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;
use crate::http::instant::iso;

/// Whose the model is.
const OWNER: &str = "greenroom";

/// `GET /v1/models`, in the union of both shapes.
pub(super) async fn list(shared: Data<Shared>) -> CompatAnswer {
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let id = &agent.handle;
    Ok(HttpResponse::Ok().json(json!({
        "object": "list", "data": [view(&agent)], "has_more": false, "first_id": id, "last_id": id,
    })))
}

/// `GET /v1/models/:id`.
pub(super) async fn one(id: Path<String>, shared: Data<Shared>) -> CompatAnswer {
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    if *id != agent.handle && *id != agent.character.name {
        let words = "There is no such model: the agent is the only one";
        return Err(MiladyError::refused(StatusCode::NOT_FOUND, words).into());
    }
    Ok(HttpResponse::Ok().json(view(&agent)))
}

fn view(agent: &AgentRecord) -> Value {
    json!({
        "id": agent.handle, "object": "model", "created": agent.created_at.0 / 1_000,
        "owned_by": OWNER, "type": "model", "display_name": agent.character.name,
        "created_at": iso(agent.created_at),
    })
}
