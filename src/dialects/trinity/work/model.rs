//! The model that answers for an agent.

use actix_web::web::Json;
use actix_web::{get, put};
use greenroom_actors::ports::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;

use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, answering};
use crate::runtimes::{self, Which};

pub(super) fn routes(at: &mut Mount) {
    at.service(get_model).service(set_model);
}

#[derive(Serialize, ToSchema)]
#[schema(as = ModelChosen)]
struct Chosen {
    /// Empty: the program's own choice.
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
    let which = host.runtimes.which(agent.id, &record.character);
    let available_models = match which {
        Which::Program(kind) => kind.models().iter().map(|model| (*model).to_owned()).collect(),
        Which::Model(_) => host.models.offers().into_iter().map(|offer| offer.name).collect(),
    };
    Ok(Json(Chosen {
        model: answering::model(host, &which, &record.character).unwrap_or_default(),
        runtime: agent.entry.runtime.clone(),
        available_models,
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
    let character = &host.registry.record(agent.id).await?.character;
    // Models of programs may be chosen too: where none does the agent's work, the host's own answers.
    let is_known = match host.runtimes.which(agent.id, character) {
        // What it takes it knows itself.
        Which::Program(_) => runtimes::is_model(&model),
        Which::Model(_) => host.runtimes.knows(&model),
    };
    if !is_known {
        return Err(TrinityError::bad(format!("Unknown model '{model}'")));
    }
    let mut settings = Map::from_iter([("model".to_owned(), json!(model))]);
    // One that is said of the runtime would go before it.
    if character.setting("runtime").is_some_and(|runtime| runtime.get("model").is_some()) {
        settings.insert("runtime".to_owned(), json!({"model": model}));
    }
    let patch = Map::from_iter([("settings".to_owned(), settings.into())]);
    host.registry.revise(agent.id, patch).await?;
    let note = "The model is used from the next message on".to_owned();
    Ok(Json(Set { status: "success", model, note }))
}
