//! The agent as a sealed file, and others from such files.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use super::{Answer, body};
use crate::http::transfer::{self, ReceiveError};
use crate::transfer::{ExportOptions, Password, TransferError, TransferErrorKind};

/// Bytes in a megabyte, as the estimate counts them.
const MEGABYTE: f64 = 1_048_576.0;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/agent/export").route(post().to(export)))
        .service(on("/api/agent/export/estimate").route(get().to(estimate)))
        .service(on("/api/agent/import").route(post().to(import)));
}

async fn export(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let asked = body::object(&shared, &request, payload).await?;
    let (password, options) = wanted(asked)?;
    let file = shared.host.transfer.export(agent.id, password, options).await?;
    Ok(transfer::answer(file).await?)
}

/// What is to be exported. Only the value `true` switches something on.
fn wanted(mut asked: Map<String, Value>) -> Result<(Password, ExportOptions), MiladyError> {
    let is_on = |key: &str| asked.get(key) == Some(&Value::Bool(true));
    let options = ExportOptions {
        logs: is_on("includeLogs"),
        // They are what makes a moved agent work, and the original takes them along.
        secrets: asked.get("includeSecrets") != Some(&Value::Bool(false)),
        embeddings: is_on("includeEmbeddings"),
        files: is_on("includeFiles"),
    };
    let password = match asked.remove("password") {
        Some(Value::String(password)) => password,
        _ => String::new(),
    };
    Ok((Password::new(Zeroizing::new(password))?, options))
}

async fn estimate(shared: Data<Shared>) -> Answer {
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let estimate = shared.host.transfer.estimate(agent.id).await?;
    let megabytes = u32::try_from(estimate.bytes).map_or(f64::from(u32::MAX), f64::from) / MEGABYTE;
    Ok(HttpResponse::Ok().json(json!({
        "estimatedBytes": estimate.bytes,
        "estimatedMb": (megabytes * 100.0).round() / 100.0,
        "memoriesCount": estimate.memories,
        "entitiesCount": estimate.entities,
        "roomsCount": estimate.rooms,
        "worldsCount": estimate.worlds,
        "tasksCount": estimate.tasks,
    })))
}

async fn import(shared: Data<Shared>, request: HttpRequest, mut payload: Payload) -> Answer {
    if shared.host.primary.agent().await?.is_none() {
        return Err(MiladyError::NO_AGENT);
    }
    let service = &shared.host.transfer;
    let within = shared.settings.upload_within();
    let upload = transfer::receive(service, request.headers(), &mut payload, within).await;
    let upload = upload.map_err(|error| match error {
        ReceiveError::Transfer(error) => not_imported(error),
        ReceiveError::Body(error) => error.into(),
    })?;
    let imported = service.import(upload).await.map_err(not_imported)?;
    Ok(HttpResponse::Ok().json(json!({
        "success": true,
        "ok": true,
        "agentId": imported.agent_id,
        "agentName": imported.agent_name,
        "counts": imported.counts,
    })))
}

/// Where the host failed, clients look for these words.
fn not_imported(error: TransferError) -> MiladyError {
    match (error.kind(), MiladyError::from(error.clone())) {
        (TransferErrorKind::Failed, MiladyError::Refused(status, words))
            if !words.starts_with("Import failed") =>
        {
            MiladyError::refused(status, format!("Import failed: {words}"))
        }
        (_, told) => told,
    }
}

impl From<TransferError> for MiladyError {
    fn from(error: TransferError) -> Self {
        let words = error.to_string();
        match error.kind() {
            TransferErrorKind::Invalid => Self::bad(words),
            TransferErrorKind::TooLarge => Self::refused(StatusCode::PAYLOAD_TOO_LARGE, words),
            TransferErrorKind::NotFound => Self::NO_AGENT,
            TransferErrorKind::Unavailable => Self::refused(StatusCode::SERVICE_UNAVAILABLE, words),
            TransferErrorKind::Full => Self::refused(StatusCode::INSUFFICIENT_STORAGE, words),
            TransferErrorKind::Failed => {
                tracing::error!(?error, "a transfer failed");
                Self::refused(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
        }
    }
}
