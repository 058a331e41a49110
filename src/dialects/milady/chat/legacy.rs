//! `/api/chat`: for clients that know no conversations.

use std::sync::Arc;

use actix_web::web::{Data, Payload, ServiceConfig, post};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::{Place, Said, Sse, Turn, Web, Wish};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::routes::on;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::{Answer, body};

pub(in crate::dialects::milady) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/chat").route(post().to(say)))
        .service(on("/api/chat/stream").route(post().to(stream)));
}

async fn say(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let turn = begun(&shared.into_inner(), &request, payload).await?;
    let agent_name = turn.agent_name.clone();
    let text = turn.whole().await?.text;
    Ok(HttpResponse::Ok().json(json!({"text": text, "agentName": agent_name})))
}

async fn stream(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let turn = begun(&shared.into_inner(), &request, payload).await?;
    let wording = Sse::of(&turn);
    Ok(super::stream(turn, wording))
}

async fn begun(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Turn, MiladyError> {
    let mut asked = body::talk(shared, request, payload).await?;
    let said = Said::read(&mut asked)?;
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let place = Place::of(shared, &agent, Web::Legacy).await?;
    let wish = Wish { place, said, following: None, is_counted: false };
    Turn::begin(shared, &agent, wish).await
}
