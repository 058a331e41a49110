//! Who may talk with an agent by public links; and the capabilities of its container, which have no
//! effect on this host and are told to have none.

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, shape};
use crate::roster::{AccessPolicy, Entry};

/// How groups may be let in.
const GROUP_MODES: [&str; 3] = ["none", "any_verified", "all"];

pub(super) fn routes(at: &mut Mount) {
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
    /// `none`, `any_verified` or `all`.
    group_auth_mode: String,
}

#[derive(Deserialize, ToSchema)]
struct NewPolicy {
    /// Yes or no.
    require_email: Value,
    /// Yes or no.
    open_access: Value,
    /// `none`, `any_verified` or `all`.
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
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewCapabilities,
    responses((status = 200, body = CapabilitiesSet))
)]
#[put("/api/agents/{name}/capabilities")]
async fn set_capabilities(call: Call<NewCapabilities>) -> Answer<CapabilitiesSet> {
    let NewCapabilities { full_capabilities } = call.fields()?;
    let agent = call.owning("capabilities").await?;
    let roster = &call.shared.host.roster;
    let change = |entry: &mut Entry| {
        entry.recorded.full_capabilities = full_capabilities;
        Ok::<_, TrinityError>(())
    };
    roster.amend(agent.id, change).await?;
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
    Ok(Json((&agent.entry.access).into()))
}

/// Sets who may talk with the agent by public links.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewPolicy,
    responses((status = 200, body = Policy))
)]
#[put("/api/agents/{name}/access-policy")]
async fn set_policy(call: Call<NewPolicy>) -> Answer<Policy> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    let flag = |name: &str, said: &Value| {
        shape::truth(said).ok_or_else(|| TrinityError::bad(format!("{name} must be true or false")))
    };
    let requires_email = flag("require_email", &wanted.require_email)?;
    let has_open_access = flag("open_access", &wanted.open_access)?;
    let mode = wanted.group_auth_mode;
    if mode.as_deref().is_some_and(|mode| !GROUP_MODES.contains(&mode)) {
        let told = format!("group_auth_mode must be one of {}", GROUP_MODES.join(", "));
        return Err(TrinityError::bad(told));
    }
    let roster = &call.shared.host.roster;
    let changed = roster.amend::<_, TrinityError>(agent.id, |entry| {
        entry.access.requires_email = requires_email;
        entry.access.is_open = has_open_access;
        if let Some(mode) = mode {
            entry.access.group_auth_mode = mode;
        }
        Ok(Policy::from(&entry.access))
    });
    Ok(Json(changed.await?))
}

impl From<&AccessPolicy> for Policy {
    fn from(policy: &AccessPolicy) -> Self {
        Self {
            require_email: policy.requires_email,
            open_access: policy.is_open,
            group_auth_mode: policy.group_auth_mode.clone(),
        }
    }
}
