//! Start, stop, pause, resume, restart, reset. None of them reads a body.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig, post};
use serde_json::json;

use super::Answer;
use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use super::status::Moved;
use crate::primary::{ResetError, RestartError};

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/agent/start").route(post().to(start)))
        .service(on("/api/agent/stop").route(post().to(stop)))
        .service(on("/api/agent/pause").route(post().to(pause)))
        .service(on("/api/agent/resume").route(post().to(resume)))
        .service(on("/api/agent/restart").route(post().to(restart)))
        .service(on("/api/agent/reset").route(post().to(reset)));
}

async fn start(shared: Data<Shared>) -> Answer {
    let primary = shared.host.primary.clone();
    moved(Moved::started(whole(async move { Ok(primary.start().await?) }).await?))
}

async fn stop(shared: Data<Shared>) -> Answer {
    let primary = shared.host.primary.clone();
    moved(Moved::stopped(whole(async move { Ok(primary.stop().await?) }).await?))
}

async fn pause(shared: Data<Shared>) -> Answer {
    let primary = shared.host.primary.clone();
    let status = whole(async move { Ok(primary.pause().await?) }).await?;
    moved(Moved::kept(status, shared.now()))
}

async fn resume(shared: Data<Shared>) -> Answer {
    let primary = shared.host.primary.clone();
    let status = whole(async move { Ok(primary.resume().await?) }).await?;
    moved(Moved::kept(status, shared.now()))
}

async fn restart(shared: Data<Shared>) -> Answer {
    let primary = shared.host.primary.clone();
    let status = Moved::restarted(whole(async move { Ok(primary.restart().await?) }).await?);
    Ok(HttpResponse::Ok().json(json!({"ok": true, "pendingRestart": false, "status": status})))
}

async fn reset(shared: Data<Shared>) -> Answer {
    let host = shared.host.clone();
    whole(async move {
        // Its files go too: an agent of the same name has the same id.
        if let Some(was) = host.primary.reset().await? {
            host.media.forget_agent(was).await?;
            host.workspaces.forget(was).await?;
        }
        Ok(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

/// Carries it out to its end, also if the client leaves or does not wait so long.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, MiladyError>> + Send + 'static,
) -> Result<T, MiladyError> {
    tokio::spawn(work).await.unwrap_or(Err(MiladyError::Panicked))
}

fn moved(status: Moved) -> Answer {
    Ok(HttpResponse::Ok().json(json!({"ok": true, "status": status})))
}

impl From<RestartError> for MiladyError {
    fn from(error: RestartError) -> Self {
        match error {
            RestartError::NoAgent => Self::refused(StatusCode::NOT_IMPLEMENTED, error.to_string()),
            RestartError::AlreadyRestarting => {
                Self::refused(StatusCode::CONFLICT, error.to_string())
            }
            RestartError::Core(error) => error.into(),
        }
    }
}

impl From<ResetError> for MiladyError {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::Unsafe(_) => Self::bad(error.to_string()),
            ResetError::Core(error) => error.into(),
            ResetError::Folder(cause) => {
                tracing::error!(%cause, "the state folder could not be deleted");
                let words = "Reset failed: the state folder could not be deleted";
                Self::refused(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
        }
    }
}
