//! The list of addresses that may log in by e-mail.

use actix_web::web::Json;
use actix_web::{delete, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::accounts::{NewListed, Role};
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::people::role;
use crate::dialects::trinity::times;

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(add).service(remove);
}

/// An address that may log in.
#[derive(Serialize, ToSchema)]
struct ListedAddress {
    id: i64,
    email: String,
    /// The name of the user who added it; null where it asked for itself.
    added_by: Option<String>,
    added_at: String,
    /// `manual`, `agent_sharing` or `access_request`.
    source: String,
    /// What whoever has it becomes at their first login.
    default_role: &'static str,
}

/// The addresses that may log in.
#[derive(Serialize, ToSchema)]
struct Whitelist {
    whitelist: Vec<ListedAddress>,
}

/// The addresses that may log in (administrators).
#[utoipa::path(tag = "Settings", responses((status = 200, body = Whitelist)))]
#[get("/api/settings/email-whitelist")]
async fn list(call: Call) -> Answer<Whitelist> {
    call.admin()?;
    let listed = call.shared.host.accounts.listed();
    let whitelist = listed.iter().map(|listed| ListedAddress {
        id: listed.id,
        email: listed.email.clone(),
        added_by: listed.added_by.clone(),
        added_at: times::iso(listed.added_at),
        source: listed.source.clone(),
        default_role: listed.default_role.as_str(),
    });
    Ok(Json(Whitelist { whitelist: whitelist.collect() }))
}

/// An address to add.
#[derive(Deserialize, ToSchema)]
struct NewAddress {
    email: String,
    /// `manual` or `agent_sharing`.
    source: Option<String>,
    /// `user`, `operator`, `creator` or `admin`; `user` where absent.
    default_role: Option<String>,
}

/// Which address it was.
#[derive(Serialize, ToSchema)]
struct AddressChanged {
    /// Always true.
    success: bool,
    email: String,
}

/// Adds an address (administrators).
#[utoipa::path(
    tag = "Settings", request_body = NewAddress, responses((status = 200, body = AddressChanged))
)]
#[post("/api/settings/email-whitelist")]
async fn add(call: Call<NewAddress>) -> Answer<AddressChanged> {
    call.governing()?;
    let wanted = call.fields()?;
    let default_role = wanted.default_role.as_deref().map_or(Ok(Role::User), role)?;
    let source = match wanted.source.as_deref() {
        Some("agent_sharing") => "agent_sharing",
        _ => "manual",
    };
    let added_by = Some(call.principal.user.username.clone());
    let new = NewListed { email: wanted.email, added_by, default_role, source };
    let listed = call.shared.host.accounts.list(new).await?;
    let details = [("default_role", json!(default_role.as_str()))];
    call.note_with("authorization", "whitelist_add", ("email", &listed.email), details).await;
    Ok(Json(AddressChanged { success: true, email: listed.email.clone() }))
}

/// Takes an address off the list (administrators).
#[utoipa::path(
    tag = "Settings", params(("email" = String, Path)),
    responses((status = 200, body = AddressChanged))
)]
#[delete("/api/settings/email-whitelist/{email}")]
async fn remove(call: Call) -> Answer<AddressChanged> {
    call.governing()?;
    let email = call.segment("email").trim().to_lowercase();
    call.shared.host.accounts.unlist(&email).await?;
    call.note("authorization", "whitelist_remove", ("email", &email)).await;
    Ok(Json(AddressChanged { success: true, email }))
}
