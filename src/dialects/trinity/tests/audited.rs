//! What leaves a line in the audit log.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::dialects::trinity::audited::is_noted;

/// Noted by their handlers, with more than the table could say.
const BY_HANDLERS: [&str; 32] = [
    "POST /api/agents",
    "DELETE /api/agents/{name}",
    "PUT /api/agents/{name}/rename",
    "PUT /api/agents/{name}/autonomy",
    "POST /api/agents/{name}/schedules",
    "PUT /api/agents/{name}/schedules/{id}",
    "DELETE /api/agents/{name}/schedules/{id}",
    "POST /api/agents/{name}/schedules/{id}/enable",
    "POST /api/agents/{name}/schedules/{id}/disable",
    "POST /api/agents/{name}/schedules/{id}/trigger",
    "POST /api/ops/schedules/pause",
    "POST /api/ops/schedules/resume",
    "POST /api/mcp/keys",
    "POST /api/mcp/keys/ensure-default",
    "POST /api/mcp/keys/{id}/revoke",
    "DELETE /api/mcp/keys/{id}",
    "PUT /api/users/{username}/role",
    "PUT /api/settings/{key}",
    "DELETE /api/settings/{key}",
    "PUT /api/settings/ops/config",
    "POST /api/settings/ops/reset",
    "PUT /api/settings/mcp-url",
    "DELETE /api/settings/mcp-url",
    "PUT /api/settings/agent-quotas",
    "PUT /api/settings/github-templates",
    "DELETE /api/settings/github-templates",
    "PUT /api/settings/api-keys/anthropic",
    "PUT /api/settings/api-keys/github",
    "DELETE /api/settings/api-keys/anthropic",
    "DELETE /api/settings/api-keys/github",
    "POST /api/settings/email-whitelist",
    "DELETE /api/settings/email-whitelist/{email}",
];

/// What is said and looked at, people's own things, doors (noted by whom they let in), and what this host
/// does not do.
const NOT_NOTED: [&str; 45] = [
    "POST /api/agents/{name}/chat",
    "POST /api/agents/{name}/task",
    "POST /api/agents/{name}/fan-out",
    "POST /api/agents/{name}/chat/sessions/{id}/close",
    "DELETE /api/agents/{name}/activity",
    "POST /api/notifications",
    "POST /api/notifications/{id}/acknowledge",
    "POST /api/notifications/{id}/dismiss",
    "POST /api/operator-queue/{id}/respond",
    "POST /api/operator-queue/{id}/cancel",
    "POST /api/system-views",
    "PUT /api/system-views/{id}",
    "DELETE /api/system-views/{id}",
    "POST /api/agents/{name}/event-subscriptions",
    "PUT /api/event-subscriptions/{id}",
    "DELETE /api/event-subscriptions/{id}",
    "POST /api/events",
    "POST /api/agents/{name}/emit-event",
    "POST /api/public/chat/{token}",
    "DELETE /api/public/session/{token}",
    "POST /api/public/verify/request",
    "POST /api/public/verify/confirm",
    "POST /api/token",
    "POST /token",
    "POST /api/setup/admin-password",
    "POST /api/auth/email/request",
    "POST /api/auth/email/verify",
    "POST /api/access/request",
    "POST /api/mcp/validate",
    "POST /api/monitoring/agents/{name}/check",
    "POST /api/monitoring/check-all",
    "POST /api/settings/api-keys/anthropic/test",
    "POST /api/settings/api-keys/github/test",
    "PUT /api/settings/slack",
    "DELETE /api/settings/slack",
    "POST /api/settings/slack/connect",
    "POST /api/settings/slack/disconnect",
    "DELETE /api/agents/{name}/avatar",
    "POST /api/agents/{name}/avatar/generate",
    "POST /api/agents/{name}/avatar/regenerate",
    "POST /api/agents/avatars/generate-defaults",
    "POST /api/skills/library/sync",
    "PATCH /api/agents/{name}",
    "POST /api/agents/{name}/terminal",
    "POST /api/agents/{name}/voice",
];

#[actix_web::test]
async fn whatever_changes_something_is_noted_or_known_not_to_be() {
    let site = Site::new().await;
    let api = site.stage.get("/openapi.json").await.json();
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            if item[&method.to_ascii_lowercase()].is_null() {
                continue;
            }
            let name = format!("{method} {path}");
            let known = [
                is_noted(method, path),
                BY_HANDLERS.contains(&name.as_str()),
                NOT_NOTED.contains(&name.as_str()),
            ];
            assert_eq!(known.iter().filter(|is| **is).count(), 1, "{name}: {known:?}");
        }
    }
}

#[actix_web::test]
async fn what_was_done_is_in_the_log_with_whom_and_what_to() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "ada").await;
    for (token, method, path, body) in [
        (&owner, "POST", "/api/agents/ada/stop", Value::Null),
        (&owner, "POST", "/api/agents/ada/start", Value::Null),
        (&owner, "POST", "/api/agents/ada/share", json!({"email": "friend@example.org"})),
        (&owner, "PUT", "/api/agents/ada/read-only", json!({"enabled": true})),
        (&owner, "PUT", "/api/agents/ada/rename", json!({"new_name": "bob"})),
        (&site.admin, "POST", "/api/ops/fleet/restart", Value::Null),
        (&owner, "DELETE", "/api/agents/bob", Value::Null),
    ] {
        let (status, told) = site.call(token, method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {told}");
    }
    // What was refused was not done.
    assert_eq!(site.call(&owner, "POST", "/api/agents/bob/start", Value::Null).await.0, 404);
    assert_eq!(site.call(&owner, "POST", "/api/ops/fleet/stop", Value::Null).await.0, 403);
    let (_, log) = site.call(&site.admin, "GET", "/api/audit-log", Value::Null).await;
    let mut entries = log["entries"].as_array().unwrap().clone();
    entries.reverse();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            ["event_type", "event_action", "target_type", "target_id", "actor_email"]
                .map(|field| entry[field].as_str().unwrap_or_default())
        })
        .collect();
    let owner = "owner@example.org";
    let expected = [
        ["agent_lifecycle", "create", "agent", "ada", owner],
        ["agent_lifecycle", "stop", "agent", "ada", owner],
        ["agent_lifecycle", "start", "agent", "ada", owner],
        ["authorization", "share", "agent", "ada", owner],
        ["configuration", "read_only", "agent", "ada", owner],
        ["agent_lifecycle", "rename", "agent", "bob", owner],
        ["agent_lifecycle", "fleet_restart", "fleet", "all", "admin"],
        ["agent_lifecycle", "delete", "agent", "bob", owner],
    ];
    assert_eq!(told, expected);
}
