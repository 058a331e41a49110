//! Which operations leave a line in the audit log by having been done. What has more to say than who did
//! it to what is noted by its own handler; see [`noting`](super::noting).

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};

use super::noting;
use super::shared::Shared;
use crate::accounts::Principal;
use crate::audit::{Actor, Deed};

/// The method and path of an operation, the sort of deed, what exactly, and the sort of what it is done
/// to. Its name is the first variable of the path.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const ACCESS: &str = "authorization";
const CREDENTIALS: &str = "credentials";
const LIFECYCLE: &str = "agent_lifecycle";
const SET: &str = "configuration";

#[rustfmt::skip]
const NOTED: [Row; 57] = [
    ("POST", "/api/agents/{name}/start", LIFECYCLE, "start", "agent"),
    ("POST", "/api/agents/{name}/stop", LIFECYCLE, "stop", "agent"),
    ("POST", "/api/agents/deploy-local", LIFECYCLE, "deploy", "agent"),
    ("POST", "/api/ops/fleet/restart", LIFECYCLE, "fleet_restart", "fleet"),
    ("POST", "/api/ops/fleet/stop", LIFECYCLE, "fleet_stop", "fleet"),
    ("POST", "/api/ops/emergency-stop", LIFECYCLE, "emergency_stop", "fleet"),
    ("POST", "/api/system-agent/restart", LIFECYCLE, "restart", "system_agent"),
    ("POST", "/api/system-agent/reinitialize", LIFECYCLE, "reinitialize", "system_agent"),
    ("POST", "/api/systems/deploy", LIFECYCLE, "deploy", "system"),
    ("POST", "/api/systems/{system}/restart", LIFECYCLE, "restart", "system"),
    ("POST", "/api/agents/{name}/share", ACCESS, "share", "agent"),
    ("DELETE", "/api/agents/{name}/share/{email}", ACCESS, "unshare", "agent"),
    ("PUT", "/api/agents/{name}/shares/proactive", ACCESS, "share_proactive", "agent"),
    ("PUT", "/api/agents/{name}/permissions", ACCESS, "permissions_set", "agent"),
    ("POST", "/api/agents/{name}/permissions/{target}", ACCESS, "permission_add", "agent"),
    ("DELETE", "/api/agents/{name}/permissions/{target}", ACCESS, "permission_remove", "agent"),
    ("PUT", "/api/agents/{name}/access-policy", ACCESS, "access_policy", "agent"),
    ("POST", "/api/agents/{name}/ssh-access", ACCESS, "ssh_access", "agent"),
    ("POST", "/api/agents/{name}/public-links", ACCESS, "public_link_create", "agent"),
    ("PUT", "/api/agents/{name}/public-links/{id}", ACCESS, "public_link_update", "agent"),
    ("DELETE", "/api/agents/{name}/public-links/{id}", ACCESS, "public_link_delete", "agent"),
    ("POST", "/api/agents/{name}/credentials/inject", CREDENTIALS, "inject", "agent"),
    ("POST", "/api/agents/{name}/credentials/export", CREDENTIALS, "export", "agent"),
    ("POST", "/api/agents/{name}/credentials/import", CREDENTIALS, "import", "agent"),
    ("GET", "/api/credentials/encryption-key", CREDENTIALS, "encryption_key_read", "host"),
    ("PUT", "/api/agents/{name}/github-pat", CREDENTIALS, "github_pat_set", "agent"),
    ("DELETE", "/api/agents/{name}/github-pat", CREDENTIALS, "github_pat_remove", "agent"),
    ("PUT", "/api/agents/{name}/api-key-setting", CREDENTIALS, "api_key_setting", "agent"),
    ("POST", "/api/subscriptions", CREDENTIALS, "subscription_create", "subscription"),
    ("PUT", "/api/subscriptions/agents/{name}", CREDENTIALS, "subscription_assign", "agent"),
    ("DELETE", "/api/subscriptions/agents/{name}", CREDENTIALS, "subscription_remove", "agent"),
    ("PUT", "/api/agents/{name}/read-only", SET, "read_only", "agent"),
    ("PUT", "/api/agents/{name}/timeout", SET, "timeout", "agent"),
    ("PUT", "/api/agents/{name}/capacity", SET, "capacity", "agent"),
    ("PUT", "/api/agents/{name}/guardrails", SET, "guardrails", "agent"),
    ("PUT", "/api/agents/{name}/resources", SET, "resources", "agent"),
    ("PUT", "/api/agents/{name}/folders", SET, "folders", "agent"),
    ("PUT", "/api/agents/{name}/capabilities", SET, "capabilities", "agent"),
    ("PUT", "/api/agents/{name}/model", SET, "model", "agent"),
    ("PUT", "/api/agents/{name}/tags", SET, "tags", "agent"),
    ("POST", "/api/agents/{name}/tags/{tag}", SET, "tag_add", "agent"),
    ("DELETE", "/api/agents/{name}/tags/{tag}", SET, "tag_remove", "agent"),
    ("PUT", "/api/agents/{name}/skills", SET, "skills", "agent"),
    ("POST", "/api/agents/{name}/skills/{skill}", SET, "skill_add", "agent"),
    ("DELETE", "/api/agents/{name}/skills/{skill}", SET, "skill_remove", "agent"),
    ("POST", "/api/agents/{name}/skills/inject", SET, "skills_inject", "agent"),
    ("POST", "/api/monitoring/enable", SET, "monitoring_enable", "fleet"),
    ("POST", "/api/monitoring/disable", SET, "monitoring_disable", "fleet"),
    ("POST", "/api/agents/{name}/git/initialize", "git_operation", "initialize", "agent"),
    ("POST", "/api/agents/{name}/git/sync", "git_operation", "sync", "agent"),
    ("POST", "/api/agents/{name}/git/pull", "git_operation", "pull", "agent"),
    ("POST", "/api/agents/{name}/executions/{id}/terminate", "execution", "terminate", "agent"),
    ("POST", "/api/agents/{name}/queue/clear", "execution", "queue_clear", "agent"),
    ("POST", "/api/agents/{name}/queue/release", "execution", "queue_release", "agent"),
    ("DELETE", "/api/agents/{name}/chat/history", "execution", "chat_reset", "agent"),
    ("PUT", "/api/agents/{name}/files", "files", "write", "agent"),
    ("DELETE", "/api/agents/{name}/files", "files", "delete", "agent"),
];

fn row(method: &Method, path: &str) -> Option<&'static Row> {
    NOTED.iter().find(|(with, at, ..)| *with == method.as_str() && *at == path)
}

/// Leaves the line of a request that was carried out, if it is one of those.
pub(super) async fn note(shared: &Shared, request: &HttpRequest) {
    let pattern = request.match_pattern();
    let row = pattern.as_deref().and_then(|pattern| row(request.method(), pattern));
    let Some((_, _, event_type, action, kind)) = row else { return };
    let principal = request.extensions().get::<Principal>().cloned();
    // Who is not known could not have done it.
    let Some(principal) = principal else { return };
    let named = request.match_info().iter().next().map(|(_, value)| value.to_owned());
    let target = Some((*kind, named.unwrap_or_else(|| "all".to_owned())));
    let deed = Deed { event_type, action, target, ..Deed::default() };
    noting::note(shared, request, Actor::of(&principal), deed).await;
}

#[cfg(test)]
pub(super) fn is_noted(method: &str, path: &str) -> bool {
    NOTED.iter().any(|(with, at, ..)| *with == method && *at == path)
}
