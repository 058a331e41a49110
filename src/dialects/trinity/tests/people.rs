//! Users, their roles, and keys.

use greenroom_actors::ids::AgentId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::Site;
use crate::accounts::{Role, Scope};

#[actix_web::test]
async fn administrators_see_users_and_give_them_roles() {
    let site = Site::new().await;
    let ada = site.user("ada@example.org", Role::User).await;
    let admin = site.admin.as_str();
    let (status, users) = site.call(admin, "GET", "/api/users", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(users[0]["username"], "admin");
    assert_eq!((&users[1]["id"], &users[1]["role"]), (&json!(2), &json!("user")));
    assert!(users[1]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(users[1]["last_login"], Value::Null);
    for (token, path, role, status, words) in [
        (&ada, "/api/users/ada@example.org/role", "admin", 403, "Admin access required"),
        (&site.admin, "/api/users/admin/role", "user", 400, "own role"),
        (
            &site.admin,
            "/api/users/ada@example.org/role",
            "root",
            400,
            "admin, creator, operator, user",
        ),
        (&site.admin, "/api/users/nobody/role", "user", 404, "User not found"),
    ] {
        let (found, told) = site.refused(token, "PUT", path, json!({"role": role})).await;
        assert!(found == status && told.contains(words), "{path}: {found} {told}");
    }
    assert_eq!(site.refused(&ada, "GET", "/api/users", Value::Null).await.0, 403);
    let path = "/api/users/ada%40example.org/role";
    assert_eq!(
        site.call(admin, "PUT", path, json!({"role": "creator"})).await,
        (200, json!({"username": "ada@example.org", "role": "creator"}))
    );
    assert_eq!(site.call(&ada, "GET", "/api/users/me", Value::Null).await.1["role"], "creator");
    assert_eq!(site.refused(admin, "PUT", path, json!({})).await.0, 422);
}

#[actix_web::test]
async fn keys_are_made_shown_once_listed_and_ended() {
    let site = Site::new().await;
    let ada = site.user("ada@example.org", Role::User).await;
    let bob = site.user("bob@example.org", Role::User).await;
    let (status, made) =
        site.call(&ada, "POST", "/api/mcp/keys", json!({"name": "k", "description": "d"})).await;
    assert_eq!(status, 200, "{made}");
    let secret = made["api_key"].as_str().unwrap().to_owned();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 22);
    for (field, value) in [
        ("name", json!("k")),
        ("description", json!("d")),
        ("key_prefix", json!(secret[..20])),
        ("last_used_at", Value::Null),
        ("usage_count", json!(0)),
        ("is_active", json!(true)),
        ("user_id", json!(2)),
        ("username", json!("ada@example.org")),
        ("user_email", json!("ada@example.org")),
        ("agent_name", Value::Null),
        ("scope", json!("user")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let (_, me) = site.call(&secret, "GET", "/api/users/me", Value::Null).await;
    assert_eq!(me["username"], "ada@example.org");
    let (status, valid) = site.call(&secret, "POST", "/api/mcp/validate", Value::Null).await;
    let expected = json!({
        "valid": true, "key_id": id, "user_id": "ada@example.org",
        "user_email": "ada@example.org", "key_name": "k", "agent_name": null, "scope": "user"
    });
    assert_eq!((status, valid), (200, expected));
    for token in [ada.as_str(), "", "nonsense"] {
        assert_eq!(site.call(token, "POST", "/api/mcp/validate", Value::Null).await.0, 401);
    }
    let path = format!("/api/mcp/keys/{id}");
    let (_, shown) = site.call(&ada, "GET", &path, Value::Null).await;
    assert_eq!(shown["usage_count"], 2);
    assert!(shown["last_used_at"].is_string() && shown["api_key"].is_null());
    let count = async |token: &str| {
        let (_, list) = site.call(token, "GET", "/api/mcp/keys", Value::Null).await;
        list.as_array().unwrap().len()
    };
    assert_eq!((count(&ada).await, count(&bob).await, count(&site.admin).await), (1, 0, 1));
    for (token, method, path) in [
        (&bob, "GET", path.clone()),
        (&bob, "DELETE", path.clone()),
        (&bob, "POST", format!("{path}/revoke")),
        (&ada, "GET", "/api/mcp/keys/nonsense".to_owned()),
    ] {
        let refused = site.refused(token, method, &path, Value::Null).await;
        assert_eq!(refused, (404, "MCP API key not found".to_owned()), "{method} {path}");
    }
    // Of a person who has one, none is made.
    let ensure = "/api/mcp/keys/ensure-default";
    assert_eq!(site.call(&ada, "POST", ensure, Value::Null).await, (200, Value::Null));
    let (_, default) = site.call(&bob, "POST", ensure, Value::Null).await;
    assert_eq!(default["name"], "Default MCP Key");
    assert!(default["api_key"].is_string());
    let (status, told) = site.call(&ada, "POST", &format!("{path}/revoke"), Value::Null).await;
    assert!(status == 200 && told["message"].is_string());
    assert_eq!(site.call(&secret, "GET", "/api/users/me", Value::Null).await.0, 401);
    let (_, shown) = site.call(&ada, "GET", &path, Value::Null).await;
    assert_eq!(shown["is_active"], false);
    assert_eq!(site.call(&site.admin, "DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(site.call(&ada, "GET", &path, Value::Null).await.0, 404);
    for body in
        [json!({}), json!({"name": ""}), json!({"name": 1}), json!({"name": "x".repeat(201)})]
    {
        assert_eq!(site.refused(&ada, "POST", "/api/mcp/keys", body).await.0, 422);
    }
}

#[actix_web::test]
async fn an_agent_speaks_for_its_owner_but_grants_nothing() {
    let site = Site::new().await;
    let accounts = &site.stage.host.accounts;
    let admin = accounts.user("admin").unwrap();
    let agent = AgentId(Uuid::new_v4());
    accounts.make_agent_key(agent, "helper", &admin, Scope::Agent).await.unwrap();
    let key = accounts.agent_secret(agent).unwrap();
    let key = key.reveal();
    let (_, me) = site.call(key, "GET", "/api/users/me", Value::Null).await;
    assert_eq!(me["username"], "admin");
    let (_, valid) = site.call(key, "POST", "/api/mcp/validate", Value::Null).await;
    assert_eq!((&valid["scope"], &valid["agent_name"]), (&json!("agent"), &json!("helper")));
    site.user("ada@example.org", Role::User).await;
    for (method, path, body) in [
        ("POST", "/api/mcp/keys", json!({"name": "more"})),
        ("POST", "/api/mcp/keys/ensure-default", Value::Null),
        ("PUT", "/api/users/ada@example.org/role", json!({"role": "admin"})),
        ("PUT", "/api/settings/ssh_access_enabled", json!({"value": "true"})),
        ("POST", "/api/settings/email-whitelist", json!({"email": "a@b"})),
    ] {
        let (status, told) = site.refused(key, method, path, body).await;
        assert!(status == 403 && told.contains("person"), "{path}: {status} {told}");
    }
}

#[actix_web::test]
async fn an_administrators_agent_is_no_administrator() {
    let site = Site::new().await;
    let other = site.user("other@example.org", Role::Creator).await;
    site.agent(&other, "theirs").await;
    site.agent(&site.admin, "mine").await;
    let key = site.agent_key("mine").await;
    for (method, path) in [
        ("GET", "/api/credentials/encryption-key"),
        ("GET", "/api/users"),
        ("GET", "/api/agents/theirs"),
        ("POST", "/api/agents/theirs/ssh-access"),
        ("DELETE", "/api/agents/theirs"),
        ("POST", "/api/ops/fleet/stop"),
    ] {
        let body = if method == "POST" { json!({}) } else { Value::Null };
        let (status, told) = site.refused(&key, method, path, body).await;
        assert_eq!(status, 403, "{method} {path}: {told}");
    }
    assert_eq!(site.call(&key, "GET", "/api/agents/mine", Value::Null).await.0, 200);
}

#[actix_web::test]
async fn the_hosts_own_administrator_stays_one() {
    let site = Site::new().await;
    let ada = site.user("ada@example.org", Role::Admin).await;
    let eve = site.user("eve@example.org", Role::Admin).await;
    let put = async |token: &str, name: &str, role: &str| {
        let path = format!("/api/users/{name}/role");
        site.refused(token, "PUT", &path, json!({"role": role})).await
    };
    for role in ["user", "creator", "operator"] {
        let (status, told) = put(&ada, "admin", role).await;
        assert!(status == 400 && told.contains("own administrator"), "{role}: {status} {told}");
    }
    assert_eq!(put(&ada, "admin", "admin").await.0, 200);
    // Others demote one another, one of them alone.
    let both = [(&ada, "eve@example.org"), (&eve, "ada@example.org")];
    let both = both.map(|(token, name)| put(token, name, "user"));
    futures::future::join_all(both).await;
    let (status, users) = site.call(&site.admin, "GET", "/api/users", Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(users[0]["role"], "admin", "{users}");
}
