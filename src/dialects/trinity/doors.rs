//! The doors: how somebody comes to be known. Nothing here asks for a token.

mod email;
mod form;
mod login;
mod setup;

use super::call::Visit;
use super::error::TrinityError;
use super::mount::Mount;
use crate::accounts::AccountsError;
use crate::audit::{Actor, Deed};
use crate::http::rate;

pub(super) fn routes(at: &mut Mount) {
    at.configure(login::routes).configure(setup::routes).configure(email::routes);
}

/// Where a request comes from, as tries are counted.
fn client<B>(visit: &Visit<B>) -> u128 {
    visit.request.peer_addr().map_or(0, |peer| rate::group(peer.ip()))
}

/// Notes that somebody was let in, or was not.
async fn note<B>(visit: &Visit<B>, action: &'static str, who: &str) {
    let kind = "user".to_owned();
    let actor = Actor { kind, email: Some(who.chars().take(254).collect()), ..Actor::system() };
    let is_of_stranger = matches!(action, "login_failed" | "access_request");
    let deed = Deed { event_type: "authentication", action, is_of_stranger, ..Deed::default() };
    visit.note_of(actor, deed).await;
}

/// How this dialect words what the accounts say.
impl From<AccountsError> for TrinityError {
    fn from(error: AccountsError) -> Self {
        let words = error.to_string();
        match error {
            AccountsError::Core(error) => error.into(),
            AccountsError::SetupRequired => Self::forbidden("setup_required"),
            AccountsError::SetupCompleted => Self::forbidden("Setup already completed"),
            AccountsError::WrongSetupToken => {
                Self::forbidden("Invalid setup token; it stands in the host's log")
            }
            AccountsError::WeakPassword(weakness) => Self::bad(weakness.to_string()),
            AccountsError::WrongPassword => Self::unauthorized("Incorrect username or password"),
            AccountsError::TooManyTries(wait) => {
                let seconds = wait.as_secs().max(1);
                let told = format!("Too many login attempts. Try again in {seconds} seconds");
                Self::too_many(told, wait)
            }
            AccountsError::EmailLoginDisabled => {
                Self::forbidden("Email authentication is disabled")
            }
            AccountsError::NotAnAddress => Self::bad("Invalid email address"),
            AccountsError::WrongCode => Self::unauthorized("Invalid or expired verification code"),
            AccountsError::UnknownUser => Self::not_found("User not found"),
            AccountsError::OwnRole => Self::bad("Cannot change your own role"),
            AccountsError::NeededAdmin => Self::bad(
                "Cannot change this role: the host's own administrator, and the last one, keep it",
            ),
            AccountsError::UnknownKey => Self::not_found("MCP API key not found"),
            AccountsError::TooManyKeys(_) | AccountsError::TooMany(_) => Self::bad(words),
            AccountsError::Listed(email) => {
                Self::conflict(format!("Email {email} is already whitelisted"))
            }
            AccountsError::NotListed(email) => {
                Self::not_found(format!("Email {email} not found in whitelist"))
            }
            AccountsError::Quota { current, limit } => Self::object(
                actix_web::http::StatusCode::TOO_MANY_REQUESTS,
                serde_json::json!({
                    "error": format!("Agent quota exceeded: you own {current} of {limit} agents"),
                    "code": "QUOTA_EXCEEDED",
                    "current": current,
                    "limit": limit,
                }),
            ),
            AccountsError::Busy => Self::unavailable("Too busy, please try again"),
            AccountsError::Failed => Self::inside(words),
        }
    }
}
