//! Accounts over the life of a process: what is set once stays so, however it ends.

use std::sync::Arc;

use serde_json::{Value, json};

use super::PASSWORD;
use crate::support::http::{Request, Response};
use crate::support::server::Server;
use crate::support::{Site, until};

async fn send(server: &Server, method: &str, path: &str, token: &str, body: Value) -> Response {
    let mut request = Request::new(method, path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = if body.is_null() { request } else { request.json(&body) };
    server.trinity().send(&request).await.unwrap()
}

/// The answer to a login as `admin`.
async fn log_in(server: &Server, password: &str) -> Response {
    let form = format!("username=admin&password={}", password.replace('!', "%21"));
    let request = Request::new("POST", "/api/token")
        .header("content-type", "application/x-www-form-urlencoded");
    let request = Request { body: Some(form.into_bytes()), ..request };
    server.trinity().send(&request).await.unwrap()
}

async fn token(server: &Server, password: &str) -> String {
    let told = log_in(server, password).await.expect(200);
    told["access_token"].as_str().unwrap().to_owned()
}

/// The newest one-time token of the log.
async fn setup_token(site: &Site) -> String {
    until("the token is in the log", async || {
        let log = site.log_text();
        let line = log.lines().rev().find(|line| line.contains("setup_token="))?;
        let token = line.split("setup_token=").nth(1)?.trim_start_matches('"');
        Some(token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
    })
    .await
}

async fn me(server: &Server, token: &str) -> u16 {
    send(server, "GET", "/api/users/me", token, Value::Null).await.status
}

#[tokio::test]
async fn a_setup_is_made_once_and_tokens_and_keys_survive_a_kill() {
    let site = Arc::new(Site::new());
    let server = Server::start(&site).await;
    assert_eq!(log_in(&server, PASSWORD).await.status, 403);
    let one_time = setup_token(&site).await;
    let setup = async |server: &Server, token: &str| {
        let body = json!({
            "password": PASSWORD, "confirm_password": PASSWORD, "setup_token": token
        });
        send(server, "POST", "/api/setup/admin-password", "", body).await.status
    };
    assert_eq!(setup(&server, "wrong").await, 403);
    assert_eq!(setup(&server, &one_time).await, 200);
    assert_eq!(setup(&server, &one_time).await, 403);
    let admin = token(&server, PASSWORD).await;
    let made = send(&server, "POST", "/api/mcp/keys", &admin, json!({"name": "k"})).await;
    let key = made.expect(200)["api_key"].as_str().unwrap().to_owned();
    let body = json!({"email": "ada@example.org", "default_role": "creator"});
    send(&server, "POST", "/api/settings/email-whitelist", &admin, body).await.expect(200);
    let body = json!({"value": "s3cret-planted"});
    send(&server, "PUT", "/api/settings/some_token", &admin, body).await.expect(200);
    server.kill().await;

    let server = Server::start(&site).await;
    assert_eq!((me(&server, &admin).await, me(&server, &key).await), (200, 200));
    assert_eq!(setup(&server, &setup_token(&site).await).await, 403);
    let listed = send(&server, "GET", "/api/settings/email-whitelist", &admin, Value::Null).await;
    assert_eq!(listed.expect(200)["whitelist"][0]["default_role"], "creator");
    let log = send(&server, "GET", "/api/audit-log", &admin, Value::Null).await.expect(200);
    assert!(log["total"].as_u64().unwrap() >= 4, "{log}");
    server.terminate().await;

    // What is secret stands nowhere as it is.
    let log = site.log_text();
    for file in std::fs::read_dir(site.data()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in [PASSWORD, &admin, &key, "s3cret-planted"] {
            let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_there, "{} is in {}", &secret[..6], path.display());
        }
    }
    for secret in [PASSWORD, &admin, &key, "s3cret-planted"] {
        assert!(!log.contains(secret), "{} is in the log", &secret[..6]);
    }
}

#[tokio::test]
async fn the_command_sets_the_password_of_a_running_host_and_of_one_that_is_down() {
    let site = Arc::new(Site::new().with("GREENROOM_PASSWORD", "Command-Line-1!x"));
    let server = Server::start(&site).await;
    let said = site.say(&["admin", "password", "--url", &server.url()]);
    assert!(said.contains("is set") && !said.contains("Command-Line"), "{said}");
    let admin = token(&server, "Command-Line-1!x").await;
    assert_eq!(me(&server, &admin).await, 200);
    assert_eq!(
        send(&server, "GET", "/api/setup/status", "", Value::Null).await.expect(200),
        json!({"setup_completed": true})
    );
    // Whoever may speak to the operator's routes, and cannot write in the folder, changes nothing.
    let (client, body) = (server.client(), json!({"password": "x"}));
    let asked = client.post("/api/greenroom/admin-password", &body).await;
    assert_eq!(asked.unwrap().status, 409);
    let url = server.url();
    server.kill().await;

    let weak = site
        .command(&["admin", "password", "--url", &url])
        .env("GREENROOM_PASSWORD", "weak")
        .output()
        .unwrap();
    assert!(!weak.status.success());
    assert!(String::from_utf8_lossy(&weak.stderr).contains("12 characters"));
    let down = site
        .command(&["admin", "password", "--url", &url])
        .env("GREENROOM_PASSWORD", "Down-And-Out-2!")
        .output()
        .unwrap();
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    let server = Server::start(&site).await;
    assert_eq!(log_in(&server, "Command-Line-1!x").await.status, 401);
    assert_eq!(me(&server, &token(&server, "Down-And-Out-2!").await).await, 200);
    assert_eq!(me(&server, &admin).await, 401, "tokens from before are good no longer");
}
