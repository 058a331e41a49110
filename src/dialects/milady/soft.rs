//! What clients of Milady ask for that this host has not: the answers of a server where it is not used.

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get};
use serde_json::{Value, json};

use super::Answer;
use super::routes::on;
use super::shared::Shared;

/// The whole answer to `GET` of a path.
type Said = fn() -> Value;

const ANSWERS: [(&str, Said); 12] = [
    ("/api/wallet/addresses", || json!({"evmAddress": null, "solanaAddress": null})),
    ("/api/cloud/status", || {
        json!({
            "connected": false,
            "enabled": false,
            "hasApiKey": false,
            "reason": "this host has no cloud",
        })
    }),
    ("/api/drop/status", || {
        json!({
            "dropEnabled": false,
            "publicMintOpen": false,
            "whitelistMintOpen": false,
            "mintedOut": false,
            "currentSupply": 0,
            "maxSupply": 2138,
            "shinyPrice": "0.1",
            "userHasMinted": false,
        })
    }),
    ("/api/registry/status", || {
        json!({
            "registered": false,
            "tokenId": 0,
            "agentName": "",
            "agentEndpoint": "",
            "capabilitiesHash": "",
            "isActive": false,
            "tokenURI": "",
            "walletAddress": "",
            "totalAgents": 0,
            "configured": false,
        })
    }),
    ("/api/coding-agents/coordinator/status", || {
        json!({
            "supervisionLevel": "autonomous",
            "taskCount": 0,
            "tasks": [],
            "pendingConfirmations": 0,
        })
    }),
    (
        "/api/extension/status",
        || json!({"relayReachable": false, "relayPort": 18792, "extensionPath": null}),
    ),
    ("/api/permissions", || json!({"_platform": platform(), "_shellEnabled": false})),
    ("/api/subscription/status", || json!({"providers": []})),
    ("/api/skills", || json!({"skills": []})),
    ("/api/custom-actions", || json!({"actions": []})),
    ("/api/secrets", || json!({"secrets": []})),
    ("/api/connectors", || json!({"connectors": {}})),
];

pub(super) fn routes(at: &mut ServiceConfig) {
    for (path, said) in ANSWERS {
        let answer = move || std::future::ready(HttpResponse::Ok().json(said()));
        at.service(on(path).route(get().to(answer)));
    }
    at.service(on("/api/update/status").route(get().to(update)))
        .service(on("/api/permissions/shell").route(get().to(shell)));
}

/// The platform in the words of Node.js.
fn platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    }
}

/// The host looks for no newer version of itself.
async fn update(shared: Data<Shared>) -> Answer {
    Ok(HttpResponse::Ok().json(json!({
        "currentVersion": shared.host.version,
        "channel": "stable",
        "installMethod": "unknown",
        "updateAvailable": false,
        "latestVersion": null,
        "channels": {"stable": null, "beta": null, "nightly": null},
        "distTags": {"stable": "latest", "beta": "beta", "nightly": "nightly"},
        "lastCheckAt": null,
        "error": null,
    })))
}

/// Agents have no shell.
async fn shell(shared: Data<Shared>) -> Answer {
    let checked = shared.now();
    let status = "not-applicable";
    Ok(HttpResponse::Ok().json(json!({
        "enabled": false,
        "id": "shell",
        "status": status,
        "lastChecked": checked,
        "canRequest": false,
        "permission": {
            "id": "shell",
            "status": status,
            "lastChecked": checked,
            "canRequest": false,
            "reason": "agents of this host have no shell",
        },
    })))
}
