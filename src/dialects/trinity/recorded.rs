//! What people may say of an agent that has no effect on this host, and is told to have none:
//! capabilities of its container, who may talk with it by public links.

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::call::Call;
use super::error::TrinityError;
use super::{Answer, shape};
use crate::roster::Recorded;

/// The one way in which groups may be let in.
const NO_GROUPS: &str = "none";

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(show_capabilities)
        .service(set_capabilities)
        .service(show_policy)
        .service(set_policy);
}

#[derive(Serialize, ToSchema)]
struct Capabilities {
    full_capabilities: bool,
    current_full_capabilities: bool,
}

#[derive(Deserialize, ToSchema)]
struct NewCapabilities {
    full_capabilities: bool,
}

#[derive(Serialize, ToSchema)]
struct CapabilitiesSet {
    message: &'static str,
    full_capabilities: bool,
    restart_needed: bool,
}

#[derive(Serialize, ToSchema)]
struct Policy {
    require_email: bool,
    open_access: bool,
    /// `none`.
    group_auth_mode: &'static str,
}

#[derive(Deserialize, ToSchema)]
struct NewPolicy {
    /// Yes or no.
    require_email: Value,
    /// Yes or no.
    open_access: Value,
    /// `none`.
    group_auth_mode: Option<String>,
}

/// Whether the agent has all capabilities: recorded, without effect on this host.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Capabilities)))]
#[get("/api/agents/{name}/capabilities")]
async fn show_capabilities(call: Call) -> Answer<Capabilities> {
    let agent = call.permitted().await?;
    let full_capabilities = agent.entry.recorded.full_capabilities;
    Ok(Json(Capabilities { full_capabilities, current_full_capabilities: full_capabilities }))
}

/// Records whether the agent is to have all capabilities.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), request_body = NewCapabilities, responses((status = 200, body = CapabilitiesSet)))]
#[put("/api/agents/{name}/capabilities")]
async fn set_capabilities(call: Call<NewCapabilities>) -> Answer<CapabilitiesSet> {
    let agent = call.owning("capabilities").await?;
    let NewCapabilities { full_capabilities } = call.fields()?;
    let roster = &call.shared.host.roster;
    let change = |recorded: &mut Recorded| recorded.full_capabilities = full_capabilities;
    roster.amend::<_, TrinityError>(agent.id, |entry| Ok(change(&mut entry.recorded))).await?;
    Ok(Json(CapabilitiesSet {
        message: "Capabilities recorded; agents of this host are no containers, so that they have no effect",
        full_capabilities,
        restart_needed: false,
    }))
}

/// Who may talk with the agent by public links.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Policy)))]
#[get("/api/agents/{name}/access-policy")]
async fn show_policy(call: Call) -> Answer<Policy> {
    let agent = call.owned().await?;
    Ok(Json((&agent.entry.recorded).into()))
}

/// Sets who may talk with the agent by public links.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), request_body = NewPolicy, responses((status = 200, body = Policy)))]
#[put("/api/agents/{name}/access-policy")]
async fn set_policy(call: Call<NewPolicy>) -> Answer<Policy> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    let flag = |name: &str, said: &Value| {
        shape::truth(said).ok_or_else(|| TrinityError::bad(format!("{name} must be true or false")))
    };
    let requires_email = flag("require_email", &wanted.require_email)?;
    let has_open_access = flag("open_access", &wanted.open_access)?;
    if wanted.group_auth_mode.is_some_and(|mode| mode != NO_GROUPS) {
        return Err(TrinityError::bad("group_auth_mode must be none"));
    }
    let roster = &call.shared.host.roster;
    let changed = roster.amend::<_, TrinityError>(agent.id, |entry| {
        entry.recorded.requires_email = requires_email;
        entry.recorded.has_open_access = has_open_access;
        Ok(Policy::from(&entry.recorded))
    });
    Ok(Json(changed.await?))
}

impl From<&Recorded> for Policy {
    fn from(recorded: &Recorded) -> Self {
        Self {
            require_email: recorded.requires_email,
            open_access: recorded.has_open_access,
            group_auth_mode: NO_GROUPS,
        }
    }
}
