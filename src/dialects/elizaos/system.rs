//! What the system tells of itself, and its environment file.

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::env_file;
use super::error::ElizaError;
use super::health::uptime_s;
use super::input::{self, Body};
use super::refusal;
use super::wire::{Answer, json, ok};
use crate::http::instant;

/// The release of elizaOS whose contract this is; clients compare versions with it.
const VERSION: &str = "1.7.2";

/// `GET /api/system/version`.
pub(super) async fn version(call: Call) -> Answer {
    json(
        StatusCode::OK,
        &json!({
            "version": VERSION,
            "source": "server",
            "timestamp": instant::iso(call.now()),
            "environment": "development",
            "uptime": uptime_s(&call),
        }),
    )
}

/// `GET /api/system/config`. What it tells is whether rows are kept apart by user, which they are
/// not; the token is another matter.
pub(super) async fn config() -> Answer {
    ok(json!({"requiresAuth": false}))
}

/// `GET /api/system/env/local`.
pub(super) async fn read_env(call: Call) -> Answer {
    must_show(&call)?;
    let file = call.settings.env_file.clone();
    let read = tokio::task::spawn_blocking(move || env_file::read(&file)).await;
    match read {
        Ok(Ok(variables)) => {
            let variables: Map<_, _> =
                variables.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
            ok(variables)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the environment file cannot be read");
            Err((&refusal::ENV_READ).into())
        }
        Err(_gone) => Err((&refusal::ENV_READ).into()),
    }
}

/// `POST /api/system/env/local`.
pub(super) async fn write_env(call: Call, body: Body) -> Answer {
    must_show(&call)?;
    let mut fields = body.fields()?;
    let Ok(Some(content)) = fields.object("content") else {
        return Err((&refusal::ENV_CONTENT).into());
    };
    let variables = content.into_iter().map(variable).collect::<Result<Vec<_>, ElizaError>>()?;
    let file = call.settings.env_file.clone();
    let written = tokio::task::spawn_blocking(move || env_file::write(&file, &variables)).await;
    match written {
        Ok(Ok(())) => {
            let message = "Local env updated";
            json(
                StatusCode::OK,
                &json!({
                    "success": true,
                    "message": message,
                    "data": {"success": true, "message": message},
                }),
            )
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the environment file cannot be written");
            Err((&refusal::ENV_WRITE).into())
        }
        Err(_gone) => Err((&refusal::ENV_WRITE).into()),
    }
}

fn must_show(call: &Call) -> Result<(), ElizaError> {
    if call.settings.shows_environment { Ok(()) } else { Err((&refusal::FORBIDDEN_ENV).into()) }
}

fn variable((key, value): (String, Value)) -> Result<(String, String), ElizaError> {
    let name = format!("content.{key}");
    if !crate::credentials::env_file::is_name(&key) {
        let reason = "a variable's name has letters, digits, and _ . - only";
        return Err(ElizaError::field(&name, reason));
    }
    match value {
        Value::Null => Ok((key, String::new())),
        Value::String(value) => Ok((key, value)),
        Value::Bool(_) | Value::Number(_) => Ok((key, value.to_string())),
        other => Err(input::wrong(&name, "a string", &other)),
    }
}
