//! The model that answers for an agent.

use actix_web::web::Json;
use actix_web::{get, put};
use greenroom_actors::ports::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(get_model).service(set_model);
}

#[derive(Serialize, ToSchema)]
#[schema(as = ModelChosen)]
struct Chosen {
    model: String,
    runtime: String,
    available_models: Vec<String>,
    note: String,
}

/// Which model answers.
#[utoipa::path(tag = "Chat", params(("name" = String, Path)), responses((status = 200, body = Chosen)))]
#[get("/api/agents/{name}/model")]
async fn get_model(call: Call) -> Answer<Chosen> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        return Err(TrinityError::bad("Agent is not running"));
    }
    let host = &call.shared.host;
    let record = host.registry.record(agent.id).await?;
    let offers = host.models.offers();
    let default = offers.iter().find(|offer| offer.is_default).map(|offer| offer.name.clone());
    let model = record.character.model().map(str::to_owned).or(default).unwrap_or_default();
    Ok(Json(Chosen {
        model,
        runtime: agent.entry.runtime.clone(),
        available_models: offers.into_iter().map(|offer| offer.name).collect(),
        note: "The model is used from the next message on".to_owned(),
    }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ModelWanted)]
struct Wanted {
    model: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ModelSet)]
struct Set {
    status: &'static str,
    model: String,
    note: String,
}

/// Chooses the model that answers, durably.
#[utoipa::path(
    tag = "Chat",
    params(("name" = String, Path)),
    request_body = Wanted,
    responses((status = 200, body = Set))
)]
#[put("/api/agents/{name}/model")]
async fn set_model(call: Call<Wanted>) -> Answer<Set> {
    let agent = call.authorised().await?;
    let Wanted { model } = call.fields()?;
    if !agent.is_running() {
        return Err(TrinityError::bad("Agent is not running"));
    }
    let host = &call.shared.host;
    // Models of programs may be chosen too: where none does the agent's work, the host's own answers.
    if !host.runtimes.knows(&model) {
        return Err(TrinityError::bad(format!("Unknown model '{model}'")));
    }
    let patch = Map::from_iter([("settings".to_owned(), json!({"model": model}))]);
    host.registry.revise(agent.id, patch).await?;
    let note = "The model is used from the next message on".to_owned();
    Ok(Json(Set { status: "success", model, note }))
}
