//! Onboarding: who the agent is to be, and what it speaks by.

mod options;
mod wish;

use std::sync::Arc;

use actix_web::web::{Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use serde_json::{Map, Value, json};

use super::Answer;
use super::body;
use super::config::admin_entity;
use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use crate::primary::{Choice, confidential};
use wish::Wish;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/onboarding/status").route(get().to(status)))
        .service(on("/api/onboarding/options").route(get().to(options)))
        .service(on("/api/onboarding").route(post().to(complete)));
}

/// It is complete as soon as there is an agent, however it came to be.
async fn status(shared: Data<Shared>) -> Answer {
    let is_complete = shared.host.primary.agent().await?.is_some();
    Ok(HttpResponse::Ok().json(json!({"complete": is_complete})))
}

async fn options(shared: Data<Shared>) -> Answer {
    Ok(HttpResponse::Ok().json(options::all(&shared.host.models.offers())))
}

async fn complete(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let wish = Wish::read(body::object(&shared, &request, payload).await?)?;
    // On its own: a client that leaves half-way leaves nothing half done.
    let work = tokio::spawn(carry_out(shared.into_inner(), wish));
    let notes = work.await.unwrap_or(Err(MiladyError::Panicked))?;
    Ok(HttpResponse::Ok().json(json!({"ok": true, "notes": notes})))
}

/// Answers with what the person should know.
async fn carry_out(shared: Arc<Shared>, wish: Wish) -> Result<Vec<String>, MiladyError> {
    let Wish { mut character, mut config, mut choice, mut notes } = wish;
    // First of all: where the file cannot be read, nothing is made.
    let kept = shared.config.read().await?;
    if shared.host.registry.store().is_halted().await? {
        return Err(CoreError::Halted.into());
    }
    if let Some(chosen) = choice.take() {
        let given = chosen.key_name().and_then(|name| config.get("env")?.get(name)?.as_str());
        let given = given.filter(|key| *key != confidential::HIDDEN);
        let known = chosen.key(&shared.config, &kept);
        let key = given.or_else(|| known.as_deref().map(String::as_str));
        match chosen.learn(&shared.host.models, key) {
            Ok(name) => {
                character.insert("settings".to_owned(), json!({"model": name}));
                choice = Some(chosen);
            }
            Err(error) => notes.push(format!(
                "the agent answers by the host's own model; the chosen one cannot be used: {error}"
            )),
        }
    }
    let agent = settle(&shared, character).await?;
    let name = agent.character.name.clone();
    let admin = admin_entity(&kept, &name);
    let mut agents = match &choice {
        Some(choice) => Choice::patch(Some(choice)),
        None => json!({"defaults": {}}),
    };
    if let Some(defaults) = agents.get_mut("defaults").and_then(Value::as_object_mut) {
        defaults.insert("adminEntityId".to_owned(), json!(admin));
    }
    if let Some(agents) = agents.as_object_mut() {
        let list = json!([{"id": agent.id, "name": name, "default": true}]);
        agents.insert("list".to_owned(), list);
    }
    config.insert("agents".to_owned(), agents);
    shared.config.change(config).await?;
    tracing::info!(agent = %agent.id, notes = notes.len(), "the agent was described at onboarding");
    Ok(notes)
}

/// Makes the agent of that description, or has the one that is there be so from now on.
async fn settle(
    shared: &Shared,
    character: Map<String, Value>,
) -> Result<Arc<greenroom_actors::character::AgentRecord>, MiladyError> {
    let host = &shared.host;
    if let Some(agent) = host.primary.agent().await? {
        return Ok(host.registry.revise(agent.id, character).await?);
    }
    let document = Value::Object(character.clone());
    let described: Character = serde_json::from_value(document)
        .map_err(|error| MiladyError::bad(format!("Invalid character: {error}")))?;
    match host.primary.create(described).await {
        Ok(agent) => Ok(agent),
        // One of that name is there, made over another API: it is the one that is meant.
        Err(CoreError::AlreadyExists(id)) => {
            host.primary.adopt(id).await?;
            host.primary.start().await?;
            Ok(host.registry.revise(id, character).await?)
        }
        Err(error) => Err(error.into()),
    }
}
