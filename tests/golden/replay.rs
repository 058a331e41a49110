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
use super::sse;
use crate::support::database::Database;
use crate::support::http::{Client, Request, Response};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::{Site, until};

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
        match line.after.as_deref() {
            // One after the other, so that they are listed in one order.
            None if !is_read && line.request.path.ends_with("/messages") => self.dealt_with().await,
            None => {}
            Some(after) => match after.strip_suffix(" seconds").map(str::parse) {
                Some(Ok(seconds)) => self.pass(Duration::from_secs(seconds)),
                _ => self.dealt_with().await,
            },
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
        let Some(body) = ours.parsed().filter(|body| body.get("agentResponse").is_none()) else {
            return;
        };
        let said = &body["userMessage"];
        if let (Some(channel), Some(message)) = (said["channelId"].as_str(), said["id"].as_str()) {
            self.said = Some((channel.to_owned(), message.to_owned()));
        }
    }

    /// Waits until all agents are done with what was said last, whether or not they answered.
    async fn dealt_with(&self) {
        let Some((channel, message)) = &self.said else { return };
        let data = Database::open(&self.site.data());
        let question = format!(
            "SELECT count(*) FROM channel_events WHERE kind = 'completed' \
             AND lower(hex(channel)) = '{}' AND data LIKE '%{message}%'",
            channel.replace('-', "")
        );
        until("done with a message", async || (data.count(&question) > 0).then_some(())).await;
    }

    /// Lets time pass for sessions: those that there are have been there for so much longer.
    fn pass(&self, time: Duration) {
        let millis = time.as_millis();
        Database::alter(
            &self.site.data(),
            &format!(
                "UPDATE sessions SET created_at = created_at - {millis}, \
                 last_activity_at = last_activity_at - {millis}, expires_at = expires_at - {millis}"
            ),
        );
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
        let coded = line::as_recorded(&recorded.body, &ours.body);
        let body = match coded.or_else(|| ours.parsed()) {
            _ if ours.body.is_empty() && recorded.body.is_null() => Value::Null,
            Some(body) => body,
            None if ours.header("content-type") == Some(sse::TYPE) => sse::read(&ours.text()),
            None => ours.text().into(),
        };
        if let (Some(theirs), Some(ours)) = (recorded.headers.get("etag"), ours.header("etag")) {
            comparison.binder.tagged(theirs.as_str().unwrap(), ours);
        }
        if answer.is_none() {
            comparison.body(&sse::joined(&recorded.body), &sse::joined(&body));
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
    let form = body.and_then(line::media_type);
    for (name, value) in &asked.headers {
        let value = value.as_str().unwrap();
        let value = binder.tag(value).unwrap_or_else(|| here(value));
        let value = form.clone().filter(|_| name == "content-type").unwrap_or(value);
        request = request.header(name, value);
    }
    let is_coded = form.is_some() || body.is_some_and(|body| body.get("$base64").is_some());
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
    // As long as the recorded ones, whose texts nobody recorded.
    let pages = site.folder().join("pages");
    fs::create_dir_all(pages.join("assets")).unwrap();
    for (name, length) in [("index.html", 499), ("assets/main-CqTmsniN.js", 32_479)] {
        fs::write(pages.join(name), vec![b' '; length]).unwrap();
    }
    let environment = site.folder().join("env");
    let site = site
        .with("GREENROOM_ELIZAOS__IS_LOOPBACK_RATE_LIMITED", "true")
        .with("GREENROOM_ELIZAOS__CHARACTER_DIR", characters.to_str().unwrap())
        .with("GREENROOM_ELIZAOS__UI_DIR", pages.to_str().unwrap())
        .with("GREENROOM_ELIZAOS__SHOWS_ENVIRONMENT", "true")
        .with("GREENROOM_ELIZAOS__ENV_FILE", environment.to_str().unwrap())
        .with("GREENROOM_MODEL__DEFAULT", model);
    let speaking = |site: Site| {
        let site = site.with("GREENROOM_SPEECH__SYNTHESIZER", model);
        site.with("GREENROOM_SPEECH__RECOGNIZER", model)
    };
    match profile {
        "auth" => site.with("ELIZA_SERVER_AUTH_TOKEN", TOKEN),
        "socket-key" => site.with("SERVER_API_KEY", TOKEN),
        "no-ui" => site.with("ELIZA_UI_ENABLE", "false"),
        "short-sessions" => site
            .with("SESSION_DEFAULT_TIMEOUT_MINUTES", "1")
            .with("SESSION_MIN_TIMEOUT_MINUTES", "1")
            .with("SESSION_CLEANUP_INTERVAL_MINUTES", "60"),
        // It also shows what is answered without any model of speech.
        "no-agents" => site,
        "default" | "plugin-routes" | "rate-limit" | "restart" | "stop" => speaking(site),
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
