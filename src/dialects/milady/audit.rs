//! The log of what a sandbox allowed and refused. There is no sandbox here, so it is empty.

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, get};
use serde_json::json;

use super::Answer;
use super::routes::on;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/security/audit").route(get().to(list)));
}

async fn list() -> Answer {
    Ok(HttpResponse::Ok().json(json!({"entries": [], "totalBuffered": 0, "replayed": true})))
}
