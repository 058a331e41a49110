//! Making an agent: where its character comes from, and what is answered.

use std::sync::Arc;

use actix_web::http::StatusCode;
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::CoreError;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::character_source;
use super::error::{Doing, ElizaError};
use super::input::Body;
use super::refusal;
use super::rows::{self, AgentRow};
use super::schema::{self, Strictness};
use super::wire::{Answer, created, json};

/// What is said where the body holds no character in any form.
const NO_CHARACTER: &str = "No character configuration provided";

/// An agent that is there now, or was there before under the same id.
struct Made {
    /// The character that was sent, with its id and sealed secrets.
    echo: Map<String, Value>,
    record: Arc<AgentRecord>,
}

/// `POST /api/agents`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let Made { echo, record } = make(&call, body).await?;
    // The client library looks for the agent's own fields.
    let mut data = json!(AgentRow::of(&record));
    if let Some(data) = data.as_object_mut() {
        data.insert("agentId".to_owned(), json!(record.id));
        data.insert("character".to_owned(), Value::Object(echo));
    }
    created(data)
}

/// `POST /agents`.
pub(super) async fn create_bare(call: Call, body: Body) -> Answer {
    let Made { record, .. } = make(&call, body).await?;
    let data = json!({
        "agentId": record.id,
        "name": record.character.name,
        "status": rows::status(&record),
        "createdAt": record.created_at,
    });
    json(StatusCode::CREATED, &json!({"success": true, "data": data}))
}

async fn make(call: &Call, body: Body) -> Result<Made, ElizaError> {
    let Sent { document, strictness, path } = Sent::read(call, body).await?;
    let document = schema::checked(document, strictness).map_err(|faults| {
        let faults = format!("Character validation failed: {faults}");
        ElizaError::create(match path {
            Some(path) => format!(
                "Character file '{path}' contains invalid character data. \
                 Failed to load character from {path}: {faults}"
            ),
            None => faults,
        })
    })?;
    let (character, echo) = sealed(call, document)?;
    let record = match call.registry().create(character).await {
        // As elizaOS does it: the one of that id stays as it was, and the answer does not tell.
        Err(CoreError::AlreadyExists(id)) => call.registry().record(id).await,
        other => other,
    };
    Ok(Made { echo, record: record.doing(&refusal::AGENT_CREATE)? })
}

/// A character as it was sent.
struct Sent {
    document: Value,
    strictness: Strictness,
    /// Where it stands, if it was only named.
    path: Option<String>,
}

impl Sent {
    /// The character in whichever form it was sent; the first one wins.
    async fn read(call: &Call, body: Body) -> Result<Self, ElizaError> {
        let Some(Value::Object(mut fields)) = body.0 else {
            return Err(ElizaError::create(NO_CHARACTER));
        };
        let mut take = |key: &str| fields.shift_remove(key).filter(|value| !value.is_null());
        if let Some(document) = take("characterJson") {
            return Ok(Self::wrapped(document));
        }
        match take("characterPath") {
            None => {}
            Some(Value::String(path)) => {
                let document = character_source::load(&call.settings, &path).await?;
                return Ok(Self { path: Some(path), ..Self::wrapped(document) });
            }
            Some(_) => return Err(ElizaError::create("characterPath must be a string")),
        }
        if let Some(document) = take("agent") {
            return Ok(Self::wrapped(document));
        }
        if fields.contains_key("name") {
            let document = Value::Object(fields);
            return Ok(Self { document, strictness: Strictness::Bare, path: None });
        }
        Err(ElizaError::create(NO_CHARACTER))
    }

    fn wrapped(document: Value) -> Self {
        Self { document, strictness: Strictness::Wrapped, path: None }
    }
}

/// The character with its secrets sealed, and what of it is echoed.
fn sealed(
    call: &Call,
    document: Map<String, Value>,
) -> Result<(Character, Map<String, Value>), ElizaError> {
    let mut echo = document;
    let secrets = &call.host.secrets;
    let faulty = |error: &dyn ToString| ElizaError::create(error.to_string());
    if let Some(Value::Object(top)) = echo.get_mut("secrets") {
        secrets.seal_map(top, "secrets").map_err(|error| faulty(&error))?;
    }
    if let Some(Value::Object(settings)) = echo.get_mut("settings") {
        secrets.seal_settings(settings).map_err(|error| faulty(&error))?;
    }
    let mut character: Character =
        serde_json::from_value(Value::Object(echo.clone())).map_err(|error| faulty(&error))?;
    // What is sealed already stays; this moves the secrets at the top to where they are kept.
    secrets.seal_character(&mut character).map_err(|error| faulty(&error))?;
    let id = character.agent_id();
    character.id = Some(id);
    echo.insert("id".to_owned(), json!(id));
    Ok((character, echo))
}
