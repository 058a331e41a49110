//! Slack, which this host does not speak.

use actix_web::{delete, get, post, put};
use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::{ErrorBody, TrinityError};
use crate::dialects::trinity::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(show)
        .service(change)
        .service(remove)
        .service(status)
        .service(connect)
        .service(disconnect);
}

/// Never said.
#[derive(Serialize, ToSchema)]
struct Never {}

fn refuse(call: &Call) -> Answer<Never> {
    call.admin()?;
    Err(TrinityError::not_here("Slack is not supported by this host: it has no connection to it"))
}

/// Not supported.
#[utoipa::path(tag = "Settings", responses((status = 501, body = ErrorBody)))]
#[get("/api/settings/slack")]
async fn show(call: Call) -> Answer<Never> {
    refuse(&call)
}

/// Not supported.
#[utoipa::path(tag = "Settings", responses((status = 501, body = ErrorBody)))]
#[put("/api/settings/slack")]
async fn change(call: Call) -> Answer<Never> {
    refuse(&call)
}

/// Not supported.
#[utoipa::path(tag = "Settings", responses((status = 501, body = ErrorBody)))]
#[delete("/api/settings/slack")]
async fn remove(call: Call) -> Answer<Never> {
    refuse(&call)
}

/// Not supported.
#[utoipa::path(tag = "Settings", responses((status = 501, body = ErrorBody)))]
#[get("/api/settings/slack/status")]
async fn status(call: Call) -> Answer<Never> {
    refuse(&call)
}

/// Not supported.
#[utoipa::path(tag = "Settings", responses((status = 501, body = ErrorBody)))]
#[post("/api/settings/slack/connect")]
async fn connect(call: Call) -> Answer<Never> {
    refuse(&call)
}

/// Not supported.
#[utoipa::path(tag = "Settings", responses((status = 501, body = ErrorBody)))]
#[post("/api/settings/slack/disconnect")]
async fn disconnect(call: Call) -> Answer<Never> {
    refuse(&call)
}
