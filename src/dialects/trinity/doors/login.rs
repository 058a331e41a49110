//! Logging in with a password, and whether a token is good.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Json, Payload};
use actix_web::{HttpRequest, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::form::Form;
use crate::accounts::{AccountsError, Session};
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::shape::Fault;
use crate::dialects::trinity::wanted::InQuery;

pub(super) fn routes(at: &mut Mount) {
    at.service(api_token).service(plain_token).service(mode).service(validate);
}

/// Who logs in. Other fields of OAuth2 are ignored.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "it describes the form, which is read field by field")]
struct LoginForm {
    username: String,
    password: String,
}

/// What is shown from now on.
#[derive(Serialize, ToSchema)]
struct Token {
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
}

impl From<Session> for Token {
    fn from(session: Session) -> Self {
        Self { access_token: String::clone(&session.token), token_type: "bearer" }
    }
}

/// Logs in with a password.
#[utoipa::path(
    tag = "Authentication",
    request_body(content(
        (LoginForm = "application/x-www-form-urlencoded"),
        (LoginForm = "multipart/form-data"),
    )),
    responses((status = 200, body = Token))
)]
#[post("/api/token")]
async fn api_token(payload: Payload, visit: Visit) -> Answer<Token> {
    log_in(payload, visit).await
}

/// The same.
#[utoipa::path(
    tag = "Authentication",
    request_body(content(
        (LoginForm = "application/x-www-form-urlencoded"),
        (LoginForm = "multipart/form-data"),
    )),
    responses((status = 200, body = Token))
)]
#[post("/token")]
async fn plain_token(payload: Payload, visit: Visit) -> Answer<Token> {
    log_in(payload, visit).await
}

async fn log_in(payload: Payload, visit: Visit) -> Answer<Token> {
    let mut form = Form::read(&visit.shared, &visit.request, payload).await?;
    let (username, password) = (form.take("username"), form.take("password"));
    let (Some(username), Some(password)) = (&username, &password) else {
        let given = [("username", username.is_some()), ("password", password.is_some())];
        let absent = given.into_iter().filter(|(_, is_there)| !is_there);
        let faults: Vec<_> = absent
            .map(|(name, _)| Fault::missing(vec![json!("body"), json!(name)], Value::Null))
            .collect();
        return Err(TrinityError::shape(&faults));
    };
    let accounts = &visit.shared.host.accounts;
    match accounts.login(username, password.clone(), super::client(&visit)).await {
        Ok(session) => {
            super::note(&visit, "login_success", username).await;
            Ok(Json(session.into()))
        }
        Err(error) => {
            if error == AccountsError::WrongPassword {
                super::note(&visit, "login_failed", username).await;
            }
            Err(error.into())
        }
    }
}

/// How one may log in here.
#[derive(Serialize, ToSchema)]
struct LoginModes {
    email_auth_enabled: bool,
    setup_completed: bool,
}

/// How one may log in here.
#[utoipa::path(tag = "Authentication", responses((status = 200, body = LoginModes)))]
#[get("/api/auth/mode")]
async fn mode(visit: Visit) -> Answer<LoginModes> {
    let accounts = &visit.shared.host.accounts;
    Ok(Json(LoginModes {
        email_auth_enabled: accounts.is_email_enabled(),
        setup_completed: accounts.is_set_up(),
    }))
}

#[derive(Deserialize, ToSchema)]
struct Shown {
    /// The token, where it stands in neither the header nor the cookie `token`.
    token: Option<String>,
}

/// Whose token it is.
#[derive(Serialize, ToSchema)]
struct Valid {
    /// Always `valid`.
    status: &'static str,
    /// The name of the user.
    user: String,
}

/// Whether a token of a login is good.
#[utoipa::path(
    tag = "Authentication",
    params(InQuery<Shown>),
    responses((status = 200, body = Valid))
)]
#[get("/api/auth/validate")]
async fn validate(visit: Visit<InQuery<Shown>>) -> Answer<Valid> {
    let token = in_header(&visit.request).or_else(|| in_cookie(&visit.request));
    let token = match token {
        Some(token) => Some(token.to_owned()),
        None => visit.query()?.token.filter(|token| !token.is_empty()),
    };
    let token = token.ok_or_else(|| TrinityError::unauthorized("No token provided"))?;
    let principal = visit.shared.host.accounts.by_token(&token);
    let principal = principal.ok_or_else(|| TrinityError::unauthorized("Invalid token"))?;
    Ok(Json(Valid { status: "valid", user: principal.user.username.clone() }))
}

fn in_header(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The one place where a cookie is read: every other request has to say who makes it, so that no page
/// from elsewhere can speak for somebody.
fn in_cookie(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get_all("cookie").filter_map(|line| line.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix("token=")).filter(|token| !token.is_empty())
}
