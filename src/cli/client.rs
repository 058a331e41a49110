//! The client: finds a running host and asks it.

use std::time::Duration;

use clap::Args;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::config::Loaded;
use crate::server::Listening;

use super::CliError;

/// How long a host may take to answer: longer than it gives an agent for a reply.
const ANSWER_DEADLINE: Duration = Duration::from_secs(180);

/// How long a whole file may take on its way, its packing and unpacking included.
const FILE_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// Which host.
#[derive(Clone, Debug, Args)]
pub(super) struct Remote {
    /// Where the host answers; found by itself where it runs on this machine.
    #[arg(long, value_name = "URL", env = "GREENROOM_URL")]
    url: Option<String>,
    /// The credential, if the host wants one; that of the configuration where none is given.
    #[arg(long, value_name = "TOKEN", env = "GREENROOM_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// A host to ask.
pub(super) struct Client {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Remote {
    /// The client for that host.
    pub(super) fn client(&self, loaded: &Loaded) -> Result<Client, CliError> {
        let base = match &self.url {
            Some(url) => url.clone(),
            None => format!("http://{}", Listening::address_of(&loaded.config)),
        };
        let base = base.trim_end_matches('/').trim_end_matches("/api").to_owned();
        let token = self.token.clone().or_else(|| loaded.text("elizaos.auth_token"));
        let http = reqwest::Client::builder()
            .timeout(ANSWER_DEADLINE)
            .build()
            .map_err(|error| CliError::Failed(error.to_string()))?;
        Ok(Client { base, token: token.filter(|token| !token.is_empty()), http })
    }
}

impl Client {
    /// Asks; answers with `data` of what came, or all of it where there is none.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let (status, answer) = self.exchange(method, path, body).await?;
        self.outcome(status, answer)
    }

    /// Asks for what may not be there.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, CliError> {
        let (status, answer) = self.exchange(Method::GET, path, None).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.outcome(status, answer).map(Some)
    }

    fn outcome(&self, status: StatusCode, answer: Value) -> Result<Value, CliError> {
        // Also where nothing went wrong, and there is nothing yet: what waits for a person's yes.
        let is_refused = answer.get("success") == Some(&Value::Bool(false));
        if !status.is_success() || is_refused {
            return Err(CliError::Failed(complaint(status, &answer, self.token.is_some())));
        }
        Ok(match answer {
            Value::Object(mut fields) => match fields.remove("data") {
                Some(data) => data,
                None => Value::Object(fields),
            },
            other => other,
        })
    }

    /// Whether a host answers at all.
    pub(super) async fn is_there(&self) -> bool {
        self.exchange(Method::GET, "/api/server/ping", None).await.is_ok()
    }

    /// Asks for a file; its bytes are still to be read.
    pub(super) async fn fetch(&self, path: &str, body: &Value) -> Result<Response, CliError> {
        let request = self.request(Method::POST, path).timeout(FILE_DEADLINE).json(body);
        let answer = request.send().await.map_err(|error| self.unreached(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, answer) = self.read(answer).await?;
        Err(CliError::Failed(complaint(status, &answer, self.token.is_some())))
    }

    /// Sends so many bytes; answers as [`ask`](Self::ask) does.
    pub(super) async fn upload(
        &self,
        path: &str,
        length: u64,
        body: Body,
    ) -> Result<Value, CliError> {
        let request = self.request(Method::POST, path).timeout(FILE_DEADLINE);
        let request = request
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .body(body);
        let answer = request.send().await.map_err(|error| self.unreached(&error))?;
        let (status, answer) = self.read(answer).await?;
        self.outcome(status, answer)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header("X-API-KEY", token),
            None => request,
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), CliError> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| self.unreached(&error))?;
        self.read(answer).await
    }

    async fn read(&self, answer: Response) -> Result<(StatusCode, Value), CliError> {
        let status = answer.status();
        let text = answer.text().await.map_err(|error| self.unreached(&error))?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    fn unreached(&self, error: &reqwest::Error) -> CliError {
        let base = &self.base;
        CliError::Failed(if error.is_builder() {
            format!("{base} is not an address")
        } else if error.is_connect() {
            format!("no host answers at {base}; run `greenroom serve`, or name another with --url")
        } else if error.is_timeout() {
            format!("no answer from {base} in time")
        } else {
            format!("no answer from {base}: {error}")
        })
    }
}

/// What the host says went wrong, in whichever envelope.
fn complaint(status: StatusCode, answer: &Value, has_token: bool) -> String {
    if status == StatusCode::UNAUTHORIZED && has_token {
        return "the host did not accept the token; give another with --token or GREENROOM_TOKEN"
            .to_owned();
    }
    let error = answer.get("error");
    let said = error
        .and_then(|error| error.get("message").or(Some(error)))
        .or_else(|| answer.get("message"))
        .and_then(Value::as_str);
    let said = said.map_or_else(|| format!("the host answered {status}"), str::to_owned);
    if status == StatusCode::UNAUTHORIZED {
        return format!("{said}; give it with --token or GREENROOM_TOKEN");
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn complaints_are_found_in_every_envelope() {
        let status = StatusCode::NOT_FOUND;
        for (answer, said) in [
            (json!({"success": false, "error": {"code": "X", "message": "gone"}}), "gone"),
            (json!({"success": false, "error": "gone"}), "gone"),
            (json!({"message": "gone"}), "gone"),
            (Value::Null, "the host answered 404 Not Found"),
        ] {
            assert_eq!(complaint(status, &answer, true), said);
        }
    }
}
