//! Replays the lines of one file, a server for each profile.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::binder::Binder;
use super::compare::{Comparison, Difference, is_recorded_in_full};
use super::decisions::Decisions;
use super::line::{self, AUTH_TOKEN, Asked, Line};
use crate::support::Site;
use crate::support::http::{Client, Request, Response};
use crate::support::model::ModelServer;
use crate::support::server::Server;

/// The token of servers that ask for one.
pub(super) const TOKEN: &str = "a-token-of-the-replay";

/// The agent that is there before the first line.
const STANDING: &str = "52b464d2-13a3-0603-8af4-cc4004c65c52";

/// Headers that are recorded in full a few times only, and hold for every answer.
const ALWAYS: [&str; 9] = [
    "content-security-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "origin-agent-cluster",
    "x-content-type-options",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-frame-options",
    "x-permitted-cross-domain-policies",
];

/// How long is waited for what happens meanwhile.
const AWAITED: Duration = Duration::from_secs(5);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

/// What became of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Matched,
    /// It differs, and is meant to: the rules that say so.
    Decided(Vec<String>),
    Skipped(String),
    /// It differs, and nobody says why.
    Unexplained(Vec<String>),
}

/// The lines of a file that belong to one server, and that server.
pub(crate) struct Replay<'a> {
    pub(super) decisions: &'a Decisions,
    /// Headers of an answer that shows them all.
    reference: Map<String, Value>,
    model: ModelServer,
    pub(super) since: DateTime<Utc>,
    site: Arc<Site>,
    pub(super) server: Server,
    pub(super) binder: Binder,
    /// What was said last: its channel, and its id.
    said: Option<(String, String)>,
}

/// Replays a file; what became of each line.
pub(crate) async fn file(
    lines: &[Line],
    reference: &Map<String, Value>,
    decisions: &Decisions,
) -> Vec<(String, Outcome)> {
    let mut profiles = BTreeMap::<&str, Vec<&Line>>::new();
    for line in lines {
        profiles.entry(&line.profile).or_default().push(line);
    }
    let mut outcomes = BTreeMap::new();
    for (profile, lines) in profiles {
        let mut replay = Replay::start(profile, reference, decisions).await;
        for line in lines {
            outcomes.insert(line.id.clone(), replay.line(line).await);
        }
    }
    outcomes.into_iter().collect()
}

impl<'a> Replay<'a> {
    pub(super) async fn start(
        profile: &str,
        reference: &Map<String, Value>,
        decisions: &'a Decisions,
    ) -> Self {
        let model = ModelServer::start().await;
        let site = Arc::new(site(profile, &model.name()));
        let since = Utc::now();
        let server = Server::start(&site).await;
        let mut binder = Binder::default();
        if profile != "no-agents" {
            let client = server.client().with("x-api-key", TOKEN);
            let character = json!({
                "name": "Golden", "username": "golden", "bio": ["A test agent.", "Used for recording."],
                "system": "You are a test agent. Answer briefly.", "topics": ["testing"],
                "adjectives": ["brief"], "style": {"all": ["be brief"], "chat": [], "post": []},
                "plugins": ["@elizaos/plugin-bootstrap", "@elizaos/plugin-openai"],
            });
            assert_eq!(client.create(&character).await, STANDING);
            let start = Request::new("POST", format!("/api/agents/{STANDING}/start"));
            client.send(&start).await.unwrap().expect(200);
            binder.agent(STANDING);
        }
        let reference = reference.clone();
        Self { decisions, reference, model, since, site, server, binder, said: None }
    }

    async fn line(&mut self, line: &Line) -> Outcome {
        if line.after.as_deref().is_some_and(|after| after.contains("started on the same data")) {
            self.restart().await;
        }
        if let Some(reason) = self.decisions.skipped(&line.id) {
            return Outcome::Skipped(reason.to_owned());
        }
        let Some(status) = line.response.status else { return self.refused(line).await };
        let request = self.request(line);
        let client = self.client(line);
        for _ in 0..line.more_of_the_same() {
            client.send(&request).await.unwrap();
        }
        // What happens meanwhile, as to a job, is waited for: only reads can be tried again.
        let is_awaited =
            line.after.is_some() || line.request.path.starts_with("/api/messaging/jobs");
        let is_read = line.request.method == "GET";
        if line.after.is_some() && !is_read {
            self.answered().await;
        }
        let deadline = Instant::now() + AWAITED;
        loop {
            let ours = match client.send(&request).await {
                Ok(ours) => ours,
                Err(error) => return Outcome::Unexplained(vec![format!("no answer: {error}")]),
            };
            let before = self.binder.clone();
            let outcome = self.judge(line, status, &ours);
            let is_early = matches!(outcome, Outcome::Unexplained(_)) && is_awaited && is_read;
            if !is_early || Instant::now() >= deadline {
                self.heard(&ours);
                return outcome;
            }
            self.binder = before;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Keeps in mind what was said last.
    fn heard(&mut self, ours: &Response) {
        let Some(body) = ours.parsed() else { return };
        let said = &body["userMessage"];
        if let (Some(channel), Some(message)) = (said["channelId"].as_str(), said["id"].as_str()) {
            self.said = Some((channel.to_owned(), message.to_owned()));
        }
    }

    /// Waits until what was said last is answered in its channel.
    async fn answered(&self) {
        let Some((channel, message)) = &self.said else { return };
        let client = self.server.client().with("x-api-key", TOKEN);
        let path = format!("/api/messaging/channels/{channel}/messages");
        let deadline = Instant::now() + AWAITED;
        while Instant::now() < deadline {
            let listed = client.get(&path).await.unwrap().parsed().unwrap();
            let messages = listed["data"]["messages"].as_array().unwrap();
            if messages.iter().any(|listed| listed["inReplyToRootMessageId"] == json!(message)) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Of a line without an answer: the server was told to stop, and is gone.
    async fn refused(&mut self, line: &Line) -> Outcome {
        let status = self.server.ended().await;
        let answer = self.client(line).send(&self.request(line)).await;
        if status.success() && answer.is_err() {
            return Outcome::Matched;
        }
        Outcome::Unexplained(vec![format!("it ended with {status}, and answers {answer:?}")])
    }

    async fn restart(&mut self) {
        let next = Arc::clone(&self.site);
        let fresh = Server::start(&Arc::new(site("default", &self.model.name()))).await;
        let old = std::mem::replace(&mut self.server, fresh);
        assert!(old.terminate().await.success());
        self.server = Server::start(&next).await;
    }

    fn request(&mut self, line: &Line) -> Request {
        request(&mut self.binder, &line.request)
    }

    /// Called from the address that the line was recorded from, in a manner of speaking: it is
    /// another one than that of all other lines.
    fn client(&self, line: &Line) -> Client {
        let client = self.server.client();
        if line.request.source.is_none() || line.title.contains("127.0.0.1") {
            return client;
        }
        let number = line.id.split('-').nth(1).and_then(|number| number.parse().ok()).unwrap();
        let last = if line.title.starts_with("another address") { 3 } else { 2 };
        client.at(IpAddr::V4(Ipv4Addr::new(127, 0, number, last)))
    }

    fn judge(&mut self, line: &Line, status: u16, ours: &Response) -> Outcome {
        let recorded = &line.response;
        let created = &recorded.body["data"]["id"];
        if status == 201 && line.request.path == "/api/agents" && line.request.method == "POST" {
            self.binder.agent(created.as_str().unwrap());
        }
        let mut headers = recorded.headers.clone();
        if !is_recorded_in_full(&headers) {
            for name in ALWAYS {
                headers.insert(name.to_owned(), self.reference[name].clone());
            }
        }
        let is_in_full = is_recorded_in_full(&recorded.headers);
        let answer = self.decisions.answer(&line.id);
        let mut comparison = Comparison::new(&mut self.binder, self.since);
        comparison.status(answer.map_or(status, |answer| answer.status), ours.status);
        comparison.headers(&headers, is_in_full, ours, line.profile == "rate-limit");
        let body = match ours.parsed() {
            _ if ours.body.is_empty() && recorded.body.is_null() => Value::Null,
            Some(parsed) => parsed,
            None => ours.text().into(),
        };
        if answer.is_none() {
            comparison.body(&recorded.body, &body);
        }
        let differences = comparison.differences();
        let mut reasons = Vec::new();
        if let Some(answer) = answer {
            reasons.push(answer.reason.clone());
            if !answer.fits(&body, &self.binder) {
                let expected = answer.expected().to_string();
                return Outcome::Unexplained(vec![format!("{body} instead of {expected}")]);
            }
        }
        outcome(self.decisions, &line.id, &differences, reasons, &self.binder)
    }
}

/// What became of a line that differs so, where other `reasons` are known already.
pub(super) fn outcome(
    decisions: &Decisions,
    line: &str,
    differences: &[Difference],
    mut reasons: Vec<String>,
    binder: &Binder,
) -> Outcome {
    let mut unexplained = Vec::new();
    for difference in differences {
        match decisions.reason(line, difference, binder) {
            Some("") => {}
            Some(reason) => reasons.push(reason.to_owned()),
            None => unexplained.push(told(difference)),
        }
    }
    if !unexplained.is_empty() {
        return Outcome::Unexplained(unexplained);
    }
    reasons.sort();
    reasons.dedup();
    if reasons.is_empty() { Outcome::Matched } else { Outcome::Decided(reasons) }
}

/// A recorded request as it is made here.
pub(super) fn request(binder: &mut Binder, asked: &Asked) -> Request {
    let body = asked.body.as_ref();
    let written = body.map(Value::to_string).unwrap_or_default();
    let headers = Value::Object(asked.headers.clone()).to_string();
    for text in [&asked.path, &headers, &written] {
        binder.chosen(text);
    }
    let here = |text: &str| binder.translated(&text.replace(AUTH_TOKEN, TOKEN));
    let mut request = Request::new(&asked.method, here(&asked.path));
    for (name, value) in &asked.headers {
        request = request.header(name, here(value.as_str().unwrap()));
    }
    let is_coded = body.is_some_and(|body| body.get("$base64").is_some());
    request.body = body.map(line::bytes).map(|bytes| match String::from_utf8(bytes) {
        Ok(text) if !is_coded => here(&text).into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(bytes) => bytes.into_bytes(),
    });
    request
}

/// What the server of a profile is started with.
fn site(profile: &str, model: &str) -> Site {
    let site = Site::new();
    let characters = site.folder().join("characters");
    fs::create_dir(&characters).unwrap();
    let pathy = json!({"name": "Pathy", "bio": ["from a file"], "topics": ["files"]});
    for (name, text) in [
        ("pathy.json", pathy.to_string()),
        ("broken.json", "{\"name\": ".to_owned()),
        ("nochar.json", "{\"bio\": 5}".to_owned()),
    ] {
        fs::write(characters.join(name), text).unwrap();
    }
    let environment = site.folder().join("env");
    let site = site
        .with("GREENROOM_ELIZAOS__IS_LOOPBACK_RATE_LIMITED", "true")
        .with("GREENROOM_ELIZAOS__CHARACTER_DIR", characters.to_str().unwrap())
        .with("GREENROOM_ELIZAOS__SHOWS_ENVIRONMENT", "true")
        .with("GREENROOM_ELIZAOS__ENV_FILE", environment.to_str().unwrap())
        .with("GREENROOM_MODEL__DEFAULT", model);
    match profile {
        "auth" => site.with("ELIZA_SERVER_AUTH_TOKEN", TOKEN),
        "socket-key" => site.with("SERVER_API_KEY", TOKEN),
        "no-ui" => site.with("ELIZA_UI_ENABLE", "false"),
        "default" | "no-agents" | "plugin-routes" | "rate-limit" | "restart" | "stop" => site,
        other => panic!("no such profile: {other}"),
    }
}

fn told(difference: &Difference) -> String {
    let short = |value: &Value| {
        let text = value.to_string();
        text.chars().take(300).collect::<String>()
    };
    let Difference { at, is, recorded, ours } = difference;
    format!("{at}: {is:?}: recorded {}, ours {}", short(recorded), short(ours))
}
