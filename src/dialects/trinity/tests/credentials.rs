//! Credentials: the four files, the bundle, the key.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::credentials::bundle::Key;
use crate::credentials::{CredentialSettings, Credentials, Known};

pub(super) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A host with that key, where `mine` runs.
pub(super) async fn with_key(key: Option<&str>, mcp_url: &str) -> (Site, String) {
    let settings =
        CredentialSettings { key: key.and_then(Key::parse), mcp_url: mcp_url.to_owned() };
    let site = Site::arranged(|host| {
        let known = std::sync::Arc::new(Known::new(host.secrets.clone()));
        let (registry, workspaces) = (host.registry.clone(), host.workspaces.clone());
        host.credentials = Credentials::open(registry, workspaces, known, settings);
    })
    .await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    (site, owner)
}

fn at(deed: &str) -> String {
    format!("/api/agents/mine/credentials/{deed}")
}

#[actix_web::test]
async fn files_are_injected_sealed_and_unpacked() {
    let (site, owner) = with_key(Some(KEY), "").await;
    let none = site.call(&owner, "GET", &at("status"), Value::Null).await;
    let absent = json!({"exists": false});
    let expected = json!({"agent_name": "mine", "credential_count": 0, "files": {
        ".env": absent, ".mcp.json": absent, ".mcp.json.template": absent, ".credentials.enc": absent,
    }});
    assert_eq!(none, (200, expected));
    let files = json!({"files": {".mcp.json": "{}", ".env": "# x\nA=sk-1\nB=2\n"}});
    let (status, told) = site.call(&owner, "POST", &at("inject"), files).await;
    assert_eq!((status, &told["status"]), (200, &json!("success")));
    assert_eq!(told["files_written"], json!([".mcp.json", ".env"]));
    let (_, there) = site.call(&owner, "GET", &at("status"), Value::Null).await;
    assert_eq!(there["credential_count"], 2);
    assert_eq!(there["files"][".env"]["size"], 15);
    assert!(!there["files"][".env"]["modified"].as_str().unwrap().ends_with('Z'));
    let exported = site.call(&owner, "POST", &at("export"), Value::Null).await;
    let expected =
        json!({"status": "success", "encrypted_file": ".credentials.enc", "files_exported": 2});
    assert_eq!(exported, (200, expected));
    let (status, told) = site.call(&owner, "POST", &at("import"), Value::Null).await;
    assert_eq!((status, &told["files_imported"]), (200, &json!([".env", ".mcp.json"])));

    // A start unpacks the bundle; that of a running agent does nothing.
    let started = site.call(&owner, "POST", "/api/agents/mine/start", Value::Null).await.1;
    assert_eq!(started["credentials_result"]["reason"], "container_already_running");
    site.call(&owner, "POST", "/api/agents/mine/stop", Value::Null).await;
    let (_, stopped) = site.call(&owner, "GET", &at("status"), Value::Null).await;
    assert_eq!(
        (&stopped["status"], &stopped["agent_name"]),
        (&json!("agent_not_running"), &json!("mine"))
    );
    let started = site.call(&owner, "POST", "/api/agents/mine/start", Value::Null).await.1;
    assert_eq!(started["credentials_injection"], "success");
    let expected =
        json!({"status": "success", "credential_count": 2, "files": [".env", ".mcp.json"]});
    assert_eq!(started["credentials_result"], expected);
}

#[actix_web::test]
async fn each_refusal_has_its_status_and_words() {
    let (site, owner) = with_key(None, "").await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    let friend = site.user("friend@example.org", Role::User).await;
    let share = json!({"email": "friend@example.org"});
    site.call(&owner, "POST", "/api/agents/mine/share", share).await;
    let key = site.agent_key("mine").await;
    let none = Value::Null;
    let env = json!({"files": {".env": "A=1"}});
    for (token, deed, body, status, words) in [
        ("", "inject", env.clone(), 401, "Not authenticated"),
        (stranger.as_str(), "inject", env.clone(), 403, "Owner access required"),
        (&friend, "inject", env.clone(), 403, "Owner access required"),
        (&friend, "export", none.clone(), 403, "Owner access required"),
        (&friend, "import", none.clone(), 403, "Owner access required"),
        (&owner, "inject", json!({}), 422, "missing"),
        (&owner, "inject", json!({"files": {".env": 1}}), 422, "string_type"),
        (&owner, "inject", json!({"files": {}}), 400, "No files"),
        (&owner, "inject", json!({"files": {"a": "", ".env": ""}}), 400, "Disallowed file path(s)"),
        (&owner, "export", none.clone(), 400, "CREDENTIAL_ENCRYPTION_KEY"),
        (&owner, "import", none.clone(), 400, "CREDENTIAL_ENCRYPTION_KEY"),
        (&key, "inject", json!({"files": {}}), 400, "No files"),
        (&site.admin, "inject", json!({"files": {}}), 400, "No files"),
    ] {
        let (found, told) = site.refused(token, "POST", &at(deed), body).await;
        assert!(found == status && told.contains(words), "{deed}: {found} {told}");
    }
    for (token, status) in [(&owner, 200), (&friend, 200), (&key, 200), (&stranger, 403)] {
        assert_eq!(site.call(token, "GET", &at("status"), none.clone()).await.0, status);
    }
    for token in [&owner, &stranger] {
        for deed in ["status", "inject", "export", "import"] {
            let method = if deed == "status" { "GET" } else { "POST" };
            let body = if deed == "inject" { env.clone() } else { none.clone() };
            let path = format!("/api/agents/nobody/credentials/{deed}");
            assert_eq!(site.call(token, method, &path, body).await.0, 404, "{deed}");
        }
    }
    site.call(&owner, "POST", "/api/agents/mine/stop", none.clone()).await;
    for deed in ["inject", "export", "import"] {
        let body = if deed == "inject" { env.clone() } else { none.clone() };
        let (found, told) = site.refused(&owner, "POST", &at(deed), body).await;
        assert!(found == 400 && told.contains("not running (status: stopped)"), "{told}");
    }
    let key = "/api/credentials/encryption-key";
    assert_eq!(site.refused(&owner, "GET", key, none.clone()).await.0, 403);
    let (found, told) = site.refused(&site.admin, "GET", key, none).await;
    assert!(found == 503 && told.contains("CREDENTIAL_ENCRYPTION_KEY"), "{told}");
}

#[actix_web::test]
async fn bad_bundles_are_refused() {
    let (site, owner) = with_key(Some(KEY), "").await;
    for (bundle, words) in [
        (None, "No .credentials.enc"),
        (Some("no JSON".to_owned()), "invalid format"),
        (Some(json!({"version": 3}).to_string()), "unsupported version"),
        (Some(json!({"version": 1, "algorithm": "ROT13"}).to_string()), "unsupported algorithm"),
        (
            crate::credentials::bundle::seal(&[("../x", "y")], &Key::parse(KEY).unwrap(), [1; 12]),
            "Disallowed file path(s): ../x",
        ),
        (
            crate::credentials::bundle::seal(
                &[(".env", "A=1")],
                &Key::parse(&"5".repeat(64)).unwrap(),
                [1; 12],
            ),
            "decryption failed",
        ),
    ] {
        if let Some(bundle) = bundle {
            let files = json!({"files": {".credentials.enc": bundle}});
            assert_eq!(site.call(&owner, "POST", &at("inject"), files).await.0, 200);
        }
        let (status, told) = site.refused(&owner, "POST", &at("import"), Value::Null).await;
        assert!(status == 400 && told.contains(words), "{status} {told}");
    }
    let (status, told) = site.refused(&owner, "POST", &at("export"), Value::Null).await;
    assert!(status == 400 && told.contains("No credential files"), "{told}");
    // One that cannot be read lets the agent start all the same.
    site.call(&owner, "POST", "/api/agents/mine/stop", Value::Null).await;
    let started = site.call(&owner, "POST", "/api/agents/mine/start", Value::Null).await.1;
    assert_eq!(started["credentials_injection"], "failed");
    assert!(started["credentials_result"]["error"].is_string());
    let (status, told) =
        site.call(&site.admin, "GET", "/api/credentials/encryption-key", Value::Null).await;
    assert_eq!(
        (status, &told["key"], &told["algorithm"]),
        (200, &json!(KEY), &json!("AES-256-GCM"))
    );
}

#[actix_web::test]
async fn the_hosts_own_server_is_added_where_an_address_is_configured() {
    for (url, is_added) in [("", false), ("http://host/mcp", true)] {
        let (site, owner) = with_key(None, url).await;
        let files = json!({"files": {".mcp.json": "{\"mcpServers\": {}}"}});
        assert_eq!(site.call(&owner, "POST", &at("inject"), files).await.0, 200);
        let (_, there) = site.call(&owner, "GET", &at("status"), Value::Null).await;
        let size = there["files"][".mcp.json"]["size"].as_u64().unwrap();
        assert_eq!(size > 18, is_added, "{url}: {size}");
    }
}
