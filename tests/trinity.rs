//! The listener of Trinity: people, and agents by name.

mod accounts;
mod described;
mod killed;
mod renamed;
mod secrets;
mod seed;
mod three;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::http::{Client, Request, Response};
use crate::support::server::Server;
use crate::support::{Site, until};

/// The administrator's password.
pub(crate) const PASSWORD: &str = "Correct-Horse-7!";

/// A host with an administrator.
pub(crate) struct Town {
    pub(crate) site: Arc<Site>,
    pub(crate) server: Server,
    /// The administrator's token.
    pub(crate) admin: String,
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::of(Site::new()).await
    }

    /// Over a folder of that configuration.
    pub(crate) async fn of(site: Site) -> Self {
        let site =
            site.with("ADMIN_PASSWORD", PASSWORD).with("GREENROOM_TRINITY__SYSTEM_AGENT", "true");
        let site = Arc::new(site);
        let server = Server::start(&site).await;
        let form = format!("username=admin&password={}", PASSWORD.replace('!', "%21"));
        let request = Request::new("POST", "/api/token")
            .header("content-type", "application/x-www-form-urlencoded");
        let request = Request { body: Some(form.into_bytes()), ..request };
        let told = server.trinity().send(&request).await.unwrap().expect(200);
        let admin = told["access_token"].as_str().unwrap().to_owned();
        Self { site, server, admin }
    }

    /// The token of somebody of that address and role, who logs in for the first time.
    pub(crate) async fn person(&self, email: &str, role: &str) -> String {
        let body = json!({"email": email, "default_role": role});
        self.ok(&self.admin, "POST", "/api/settings/email-whitelist", body).await;
        self.login(email).await
    }

    /// The token of somebody who may log in, with the code that the log has.
    pub(crate) async fn login(&self, email: &str) -> String {
        self.ok("", "POST", "/api/auth/email/request", json!({"email": email})).await;
        let code = self.code(email).await;
        let body = json!({"email": email, "code": code});
        let told = self.ok("", "POST", "/api/auth/email/verify", body).await;
        told["access_token"].as_str().unwrap().to_owned()
    }

    /// The newest code for that address.
    pub(crate) async fn code(&self, email: &str) -> String {
        until("the code is in the log", async || {
            let log = self.site.log_text();
            let line =
                log.lines().rev().find(|line| line.contains(email) && line.contains("code="))?;
            let code = line.split("code=").nth(1)?.trim_start_matches('"');
            Some(code.chars().take_while(char::is_ascii_digit).collect())
        })
        .await
    }

    /// The answer to a request of whoever has that token; nobody's, where it is empty.
    pub(crate) async fn call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Response {
        let request = Request::new(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        self.client(token).send(&request).await.unwrap()
    }

    pub(crate) fn client(&self, token: &str) -> Client {
        let client = self.server.trinity();
        match token {
            "" => client,
            token => client.with("authorization", &format!("Bearer {token}")),
        }
    }

    /// The body of an answer that must be a good one.
    pub(crate) async fn ok(&self, token: &str, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(token, method, path, body).await;
        let text = answer.text();
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {text}", answer.status);
        answer.parsed().unwrap_or(Value::Null)
    }
}
