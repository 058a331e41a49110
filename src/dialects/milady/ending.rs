//! The end of the process, for whoever starts it anew: a supervisor, or a person.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, post};
use serde_json::json;

use super::Answer;
use super::routes::on;
use super::shared::Shared;

/// How long clients have to read the answer.
const DELAY: Duration = Duration::from_secs(1);

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/restart").route(post().to(end)));
}

/// The end is an orderly one: what is in flight comes to its own.
async fn end(shared: Data<Shared>) -> Answer {
    tracing::info!("asked over the API to end, so as to be started anew");
    let stop = shared.host.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(DELAY).await;
        stop.request();
    });
    let message = "Stopping now; whatever supervises this process starts it anew";
    Ok(HttpResponse::Ok().json(json!({"ok": true, "message": message})))
}
