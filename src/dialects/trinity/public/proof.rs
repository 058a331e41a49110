//! How a visitor proves an address, where the link asks for one.

use actix_web::post;
use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Guest;
use crate::accounts::{AccountsError, CODE_LIFE};
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::Wanted;
use crate::dialects::trinity::{Answer, times};
use crate::organisation::OrganisationError;

pub(super) fn routes(at: &mut Mount) {
    at.service(request_code).service(confirm_code);
}

#[derive(Deserialize, ToSchema)]
struct CodeWish {
    /// That of the link.
    token: String,
    email: String,
}

#[derive(Serialize, ToSchema)]
struct CodeSent {
    message: &'static str,
    expires_in_seconds: u64,
}

/// Sends a code to an address, to prove that it is the visitor's.
#[utoipa::path(tag = "Public", request_body = CodeWish, responses((status = 200, body = CodeSent)))]
#[post("/api/public/verify/request")]
async fn request_code(visit: Visit<CodeWish>) -> Answer<CodeSent> {
    visit.look()?;
    let wanted = visit.fields()?;
    let guest = verifiable(&visit, &wanted.token).await?;
    let organisation = &visit.shared.host.organisation;
    organisation.send_visit_code(&guest.link, &wanted.email).map_err(refused)?;
    Ok(Json(CodeSent {
        message: "Verification code sent",
        expires_in_seconds: CODE_LIFE.as_secs(),
    }))
}

async fn verifiable<B: Wanted>(visit: &Visit<B>, token: &str) -> Result<Guest, TrinityError> {
    let guest = visit.found_link(token).await?;
    let guest = guest.ok_or_else(|| TrinityError::not_found("Invalid or expired link"))?;
    if !guest.requires_email() {
        return Err(TrinityError::bad("This link does not require email verification"));
    }
    Ok(guest)
}

fn refused(error: AccountsError) -> TrinityError {
    match error {
        AccountsError::TooManyTries(wait) => {
            TrinityError::too_many("Too many verification requests. Please wait 10 minutes.", wait)
        }
        AccountsError::NotAnAddress => OrganisationError::NotAnAddress.into(),
        AccountsError::Core(error) => error.into(),
        error => TrinityError::inside(error),
    }
}

#[derive(Deserialize, ToSchema)]
struct VisitProof {
    /// That of the link.
    token: String,
    email: String,
    /// Six digits.
    code: String,
}

#[derive(Serialize, ToSchema)]
struct VisitVerified {
    verified: bool,
    session_token: Option<String>,
    expires_at: Option<String>,
    error: Option<&'static str>,
}

/// Knows a visitor who has read the code.
#[utoipa::path(
    tag = "Public",
    request_body = VisitProof,
    responses((status = 200, body = VisitVerified))
)]
#[post("/api/public/verify/confirm")]
async fn confirm_code(visit: Visit<VisitProof>) -> Answer<VisitVerified> {
    visit.look()?;
    let proof = visit.fields()?;
    let guest = verifiable(&visit, &proof.token).await?;
    let organisation = &visit.shared.host.organisation;
    match organisation.begin_visit(&guest.link, &proof.email, &proof.code).await {
        Ok(begun) => Ok(Json(VisitVerified {
            verified: true,
            session_token: Some(begun.token.to_string()),
            expires_at: Some(times::iso(begun.expires_at)),
            error: None,
        })),
        Err(AccountsError::WrongCode) => Ok(Json(VisitVerified {
            verified: false,
            session_token: None,
            expires_at: None,
            error: Some("invalid_code"),
        })),
        Err(error) => Err(refused(error)),
    }
}
