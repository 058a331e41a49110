//! Users and their roles.

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::times;
use crate::accounts::{Role, User};

pub(super) fn routes(at: &mut Mount) {
    at.service(me).service(list).service(set_role);
}

/// A user, as they are told of themselves.
#[derive(Serialize, ToSchema)]
pub(super) struct Person {
    username: String,
    email: Option<String>,
    role: &'static str,
    name: Option<String>,
    picture: Option<String>,
}

impl Person {
    pub(super) fn of(user: &User) -> Self {
        Self {
            username: user.username.clone(),
            email: user.email.clone(),
            role: user.role.as_str(),
            name: user.name.clone(),
            picture: user.picture.clone(),
        }
    }
}

/// A user, as administrators see them.
#[derive(Serialize, ToSchema)]
struct Account {
    id: i64,
    #[serde(flatten)]
    person: Person,
    created_at: String,
    last_login: Option<String>,
}

impl Account {
    fn of(user: &User) -> Self {
        Self {
            id: user.id,
            person: Person::of(user),
            created_at: times::iso(user.created_at),
            last_login: user.last_login.map(times::iso),
        }
    }
}

/// Who calls.
#[utoipa::path(tag = "Users", responses((status = 200, body = Person)))]
#[get("/api/users/me")]
async fn me(call: Call) -> Answer<Person> {
    Ok(Json(Person::of(&call.principal.user)))
}

/// Every user (administrators).
#[utoipa::path(tag = "Users", responses((status = 200, body = [Account])))]
#[get("/api/users")]
async fn list(call: Call) -> Answer<Vec<Account>> {
    call.admin()?;
    let users = call.shared.host.accounts.users();
    Ok(Json(users.iter().map(|user| Account::of(user)).collect()))
}

/// A role to give.
#[derive(Deserialize, ToSchema)]
struct NewRole {
    /// `user`, `operator`, `creator` or `admin`.
    role: String,
}

/// Who has which role now.
#[derive(Serialize, ToSchema)]
struct RoleGiven {
    username: String,
    role: &'static str,
}

/// Gives a user another role (administrators).
#[utoipa::path(
    tag = "Users", params(("username" = String, Path)), request_body = NewRole,
    responses((status = 200, body = RoleGiven))
)]
#[put("/api/users/{username}/role")]
async fn set_role(call: Call<NewRole>) -> Answer<RoleGiven> {
    call.governing()?;
    let role = role(&call.fields()?.role)?;
    let username = call.segment("username");
    let user = call.shared.host.set_role(&call.principal.user, &username, role).await?;
    let details = [("role", json!(role.as_str()))];
    call.note_with("authorization", "role_change", ("user", &user.username), details).await;
    Ok(Json(RoleGiven { username: user.username.clone(), role: user.role.as_str() }))
}

/// The role of that word.
pub(super) fn role(word: &str) -> Result<Role, TrinityError> {
    Role::parse(word).ok_or_else(|| {
        let mut words = Role::ALL.map(Role::as_str);
        words.sort_unstable();
        TrinityError::bad(format!("Invalid role. Must be one of: {}", words.join(", ")))
    })
}
