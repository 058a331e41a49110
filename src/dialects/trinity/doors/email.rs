//! Logging in with a code that comes by e-mail, and asking to be let in.

use actix_web::post;
use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::{AccountsError, CODE_LIFE};
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::people::Person;

pub(super) fn routes(at: &mut Mount) {
    at.service(request_code).service(verify_code).service(request_access);
}

/// Whose e-mail it is.
#[derive(Deserialize, ToSchema)]
struct Address {
    email: String,
}

/// That a code is on its way, if the address may log in.
#[derive(Serialize, ToSchema)]
struct CodeRequested {
    /// Always true.
    success: bool,
    message: &'static str,
    /// How long the code is good for; absent where none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u64>,
}

/// Sends a code to an address that may log in.
#[utoipa::path(
    tag = "Authentication", request_body = Address,
    responses((status = 200, body = CodeRequested))
)]
#[post("/api/auth/email/request")]
async fn request_code(visit: Visit<Address>) -> Answer<CodeRequested> {
    let wanted = visit.fields()?;
    let is_sent = match visit.shared.host.accounts.send_code(&wanted.email, super::client(&visit)) {
        // What is no address is on no list.
        Err(AccountsError::NotAnAddress) => false,
        sent => sent?,
    };
    Ok(Json(CodeRequested {
        success: true,
        message: "If this address may log in, a code is on its way to it",
        expires_in_seconds: is_sent.then_some(CODE_LIFE.as_secs()),
    }))
}

/// The code that came.
#[derive(Deserialize, ToSchema)]
struct Code {
    email: String,
    /// Six digits.
    code: String,
}

/// Who logged in, and what they show from now on.
#[derive(Serialize, ToSchema)]
#[schema(as = LoginVerified)]
struct Verified {
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    user: Person,
}

/// Logs in with a code.
#[utoipa::path(
    tag = "Authentication", request_body = Code, responses((status = 200, body = Verified))
)]
#[post("/api/auth/email/verify")]
async fn verify_code(visit: Visit<Code>) -> Answer<Verified> {
    let wanted = visit.fields()?;
    let client = super::client(&visit);
    match visit.shared.host.accounts.login_by_code(&wanted.email, &wanted.code, client).await {
        Ok(session) => {
            super::note(&visit, "login_success", &session.user.username).await;
            Ok(Json(Verified {
                access_token: String::clone(&session.token),
                token_type: "bearer",
                user: Person::of(&session.user),
            }))
        }
        Err(error) => {
            if error == AccountsError::WrongCode {
                super::note(&visit, "login_failed", &wanted.email).await;
            }
            Err(error.into())
        }
    }
}

/// Whether the address may log in now.
#[derive(Serialize, ToSchema)]
struct AccessRequested {
    /// Always true.
    success: bool,
    message: &'static str,
    /// Whether it could before.
    already_registered: bool,
}

/// Asks that an address may log in.
#[utoipa::path(
    tag = "Authentication", request_body = Address,
    responses((status = 200, body = AccessRequested))
)]
#[post("/api/access/request")]
async fn request_access(visit: Visit<Address>) -> Answer<AccessRequested> {
    let wanted = visit.fields()?;
    let client = super::client(&visit);
    let was_there = visit.shared.host.accounts.ask_for_access(&wanted.email, client).await?;
    if !was_there {
        super::note(&visit, "access_request", &wanted.email).await;
    }
    Ok(Json(AccessRequested {
        success: true,
        message: match was_there {
            true => "This address may log in already",
            false => "Access granted: this address may log in now",
        },
        already_registered: was_there,
    }))
}
