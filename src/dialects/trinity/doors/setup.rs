//! The first setup.

use actix_web::web::Json;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::accounts::judge;
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(status).service(set_password);
}

/// Whether the administrator has a password.
#[derive(Serialize, ToSchema)]
struct SetupStatus {
    setup_completed: bool,
}

/// Whether the administrator has a password.
#[utoipa::path(tag = "Setup", responses((status = 200, body = SetupStatus)))]
#[get("/api/setup/status")]
async fn status(visit: Visit) -> Answer<SetupStatus> {
    Ok(Json(SetupStatus { setup_completed: visit.shared.host.accounts.is_set_up() }))
}

/// The administrator's first password.
#[derive(Deserialize, ToSchema)]
struct AdminPassword {
    /// At least 12 characters, of every sort.
    #[schema(max_length = 128)]
    password: String,
    #[schema(max_length = 128)]
    confirm_password: String,
    /// The one-time token of the log.
    setup_token: String,
}

/// That it was done.
#[derive(Serialize, ToSchema)]
struct Succeeded {
    /// Always true.
    success: bool,
}

/// Sets the administrator's first password.
#[utoipa::path(
    tag = "Setup", request_body = AdminPassword, responses((status = 200, body = Succeeded))
)]
#[post("/api/setup/admin-password")]
async fn set_password(visit: Visit<AdminPassword>) -> Answer<Succeeded> {
    let wanted = visit.fields()?;
    let (password, again) =
        (Zeroizing::new(wanted.password), Zeroizing::new(wanted.confirm_password));
    let accounts = &visit.shared.host.accounts;
    accounts.check_setup(&wanted.setup_token)?;
    judge(&password).map_err(|weakness| TrinityError::bad(weakness.to_string()))?;
    if password != again {
        return Err(TrinityError::bad("Passwords do not match"));
    }
    accounts.set_up(&wanted.setup_token, password).await?;
    super::note(&visit, "setup_completed", crate::accounts::ADMIN).await;
    Ok(Json(Succeeded { success: true }))
}
