//! Replays the recorded sockets: the client's steps in their order, and what it hears.
//!
//! What a connection hears is compared in its order; what two of them hear has none. Before each
//! step is waited for what the client had heard before it when it was recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::binder::Binder;
use super::compare::{Comparison, Difference, Kind};
use super::decisions::Decisions;
use super::line::AUTH_TOKEN;
use super::replay::{self, Outcome, Replay, TOKEN, outcome};
use super::timeline::{self, Answer, COMPLETE, Deed, Entry, Moment, Scenario};
use crate::support::http::{Client, Request};
use crate::support::socket::{Carrier, SEPARATOR, Socket};

/// How long is waited for what is to come: the ping comes after 25 s. A guard, not a measure.
const AWAITED: Duration = Duration::from_secs(45);

/// How long nothing more must come in the end.
const QUIET: Duration = Duration::from_millis(500);

/// A session's id on both levels: ours are shorter.
const SID: &str = "^[0-9A-Za-z_-]{16,20}$";

/// Replays the file; what became of each scenario.
pub(crate) async fn file(
    scenarios: &[Scenario],
    reference: &Map<String, Value>,
    decisions: &Decisions,
) -> Vec<(String, Outcome)> {
    let mut profiles = BTreeMap::<&str, Vec<&Scenario>>::new();
    for scenario in scenarios {
        profiles.entry(&scenario.profile).or_default().push(scenario);
    }
    let mut outcomes = BTreeMap::new();
    for (profile, scenarios) in profiles {
        let replay = Replay::start(profile, reference, decisions).await;
        // Side by side: each makes what it needs, and some wait for long.
        let played = scenarios.iter().map(async |scenario| {
            if let Some(reason) = decisions.skipped(&scenario.id) {
                return (scenario.id.clone(), Outcome::Skipped(reason.to_owned()));
            }
            (scenario.id.clone(), Play::of(&replay, scenario).play().await)
        });
        outcomes.extend(join_all(played).await);
    }
    outcomes.into_iter().collect()
}

/// A scenario that is played.
struct Play<'a> {
    replay: &'a Replay<'a>,
    scenario: &'a Scenario,
    client: Client,
    binder: Binder,
    /// Ids of sessions: theirs to ours.
    sids: BTreeMap<String, String>,
    /// Connections, and whether packets are compared as they stand on the wire.
    sockets: BTreeMap<&'a str, (Socket, bool)>,
    /// Something did not come; nothing is waited for any more.
    is_late: bool,
    found: Vec<Difference>,
}

impl<'a> Play<'a> {
    fn of(replay: &'a Replay<'a>, scenario: &'a Scenario) -> Self {
        Self {
            replay,
            scenario,
            client: replay.server.client(),
            binder: replay.binder.clone(),
            sids: BTreeMap::new(),
            sockets: BTreeMap::new(),
            is_late: false,
            found: Vec::new(),
        }
    }

    async fn play(mut self) -> Outcome {
        for (place, moment) in self.scenario.timeline().iter().enumerate() {
            match moment {
                Moment::Client(deed) => {
                    self.wait(place).await;
                    if let Err(error) = self.act(deed).await {
                        return Outcome::Unexplained(vec![format!("{}: {error}", deed.conn)]);
                    }
                }
                Moment::Http { request, response } => {
                    self.wait(place).await;
                    let asked = replay::request(&mut self.binder, request);
                    let request = typed(Request { path: self.here(&asked.path), ..asked });
                    if let Err(error) = self.http(&request, response).await {
                        return Outcome::Unexplained(vec![format!("{}: {error}", request.path)]);
                    }
                }
                Moment::Server { .. } | Moment::Note {} => {}
            }
        }
        self.wait(self.scenario.timeline().len()).await;
        self.complete().await;
        join_all(self.sockets.values().map(|(socket, _)| socket.quiet(QUIET))).await;
        let sockets = std::mem::take(&mut self.sockets);
        for (conn, (socket, is_raw)) in &sockets {
            self.compare(conn, socket, *is_raw);
        }
        outcome(self.replay.decisions, &self.scenario.id, &self.found, Vec::new(), &self.binder)
    }

    /// Waits until every connection has heard what it had before the moment of that place.
    async fn wait(&mut self, place: usize) {
        for (conn, (socket, is_raw)) in &self.sockets {
            let recorded = self.scenario.heard(conn, place);
            let within = if self.is_late { Duration::ZERO } else { AWAITED };
            let has_come = socket.heard_enough(within, |heard| {
                let ours = timeline::ours(heard, *is_raw);
                timeline::has_come(&recorded, &ours) || timeline::is_over(&ours)
            });
            self.is_late |= !has_come.await;
        }
    }

    /// Waits until everything that was said is dealt with, as no recording shows.
    async fn complete(&mut self) {
        for (conn, (socket, is_raw)) in &self.sockets {
            let is_complete = |heard: &[_]| timeline::is_complete(&timeline::ours(heard, *is_raw));
            if !socket.heard_enough(AWAITED, is_complete).await {
                let at = format!("event {COMPLETE}, once for each message, at {conn}");
                let heard = format!("{:?}", socket.heard()).into();
                self.found.push(Difference {
                    at,
                    is: Kind::Missing,
                    recorded: heard,
                    ours: Value::Null,
                });
            }
        }
    }

    /// A text of the recording as it would be here.
    fn here(&self, text: &str) -> String {
        let text = self.binder.translated(&text.replace(AUTH_TOKEN, TOKEN));
        self.sids.iter().fold(text, |text, (theirs, ours)| text.replace(theirs, ours))
    }

    fn value_here(&mut self, value: &Value) -> Value {
        let text = value.to_string();
        self.binder.chosen(&text);
        serde_json::from_str(&self.here(&text)).unwrap()
    }

    async fn act(&mut self, deed: &'a Deed) -> std::io::Result<()> {
        if let Some(connect) = &deed.connect {
            let auth = self.value_here(&connect.auth);
            let socket = Socket::connect(&self.client, Carrier::Websocket, &auth).await?;
            self.sockets.insert(&deed.conn, (socket, false));
            return Ok(());
        }
        if let Some(open) = &deed.open {
            let path = self.here(open.strip_prefix("ws ").unwrap());
            let socket = Socket::open(&self.client, &path, true).await?;
            self.sockets.insert(&deed.conn, (socket, true));
            return Ok(());
        }
        let packet = match (&deed.packet, &deed.event) {
            (Some(packet), _) => Some(self.value_here(&json!(written(packet)))),
            (None, Some(event)) => {
                let mut parts = vec![json!(event)];
                parts.extend(deed.args.iter().map(|part| self.value_here(part)));
                let head = if deed.wants_ack { "421" } else { "42" };
                Some(json!(format!("{head}{}", Value::Array(parts))))
            }
            (None, None) => None,
        };
        let (socket, _) = &self.sockets[deed.conn.as_str()];
        match packet {
            Some(packet) => socket.send(packet.as_str().unwrap()),
            None => {
                assert!(deed.close, "{deed:?}");
                socket.close();
            }
        }
        Ok(())
    }

    async fn http(&mut self, request: &Request, recorded: &Answer) -> std::io::Result<()> {
        let mut ours = self.client.send(request).await?;
        let is_packets = request.path.contains("/socket.io/");
        let packets = |text: &str| timeline::polled(text.split(SEPARATOR));
        let theirs = recorded.body.as_str().map(packets).unwrap_or_default();
        let mut heard = packets(&ours.text());
        // What came in one answer may come in several.
        while is_packets
            && request.method == "GET"
            && ours.status == 200
            && heard.len() < theirs.len()
        {
            ours = self.client.send(request).await?;
            heard.extend(packets(&ours.text()));
        }
        let mut comparison = Comparison::new(&mut self.binder, self.replay.since);
        comparison.status(recorded.status, ours.status);
        comparison.headers(&recorded.headers, false, &ours, false);
        if !is_packets {
            let body =
                if ours.body.is_empty() { json!("") } else { ours.parsed().unwrap_or_default() };
            comparison.body(&recorded.body, &body);
        }
        let found = comparison.differences().into_iter();
        // Few of the headers were recorded.
        self.found.extend(
            found.filter(|found| !(found.is == Kind::Extra && found.at.starts_with("header"))),
        );
        if is_packets {
            self.entries(&theirs, &heard);
        }
        Ok(())
    }

    fn compare(&mut self, conn: &str, socket: &Socket, is_raw: bool) {
        let heard = socket.heard();
        let recorded = self.scenario.heard(conn, usize::MAX);
        self.entries(&recorded, &timeline::ours(&heard, is_raw));
        let log = timeline::log(&heard);
        let at = "event log_stream".to_owned();
        let recorded = self.scenario.log(conn);
        if !recorded.is_empty() {
            // Which entries there are, is never the same.
            let (recorded, ours) = (recorded.into(), log.clone().into());
            self.found.push(Difference { at: at.clone(), is: Kind::Other, recorded, ours });
        }
        let watches = self.scenario.watches_log(conn);
        for entry in log.into_iter().filter(|entry| !(watches && is_log_entry(entry))) {
            self.found.push(Difference {
                at: at.clone(),
                is: Kind::Extra,
                recorded: Value::Null,
                ours: entry,
            });
        }
    }

    fn entries(&mut self, recorded: &[Entry], ours: &[Entry]) {
        for pair in timeline::aligned(recorded, ours) {
            let (Some(recorded), Some(ours)) = pair else {
                self.found.push(timeline::alone(pair.0, pair.1));
                continue;
            };
            self.bind(&recorded.body["sid"], &ours.body["sid"]);
            let text = self
                .sids
                .iter()
                .fold(recorded.body.to_string(), |text, (theirs, ours)| text.replace(theirs, ours));
            let mut comparison = Comparison::new(&mut self.binder, self.replay.since);
            comparison.body(&serde_json::from_str(&text).unwrap(), &ours.body);
            for found in comparison.differences() {
                let at = found.at.replacen("body", &recorded.label, 1);
                self.found.push(Difference { at, ..found });
            }
        }
    }

    fn bind(&mut self, theirs: &Value, ours: &Value) {
        if let (Some(theirs), Some(ours)) = (theirs.as_str(), ours.as_str())
            && Regex::new(SID).unwrap().is_match(ours)
        {
            self.sids.insert(theirs.to_owned(), ours.to_owned());
        }
    }
}

/// With the type of its body, which these recordings leave out.
fn typed(request: Request) -> Request {
    let kind = match &request.body {
        None => return request,
        Some(body) if body.starts_with(b"{") => "application/json",
        Some(_) => "text/plain;charset=UTF-8",
    };
    request.header("content-type", kind)
}

/// A packet that is sent, written out.
fn written(packet: &Value) -> String {
    match packet.get("$repeat") {
        Some(repeat) => {
            let count = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
            let many = repeat[0].as_str().unwrap().repeat(count);
            packet["in"].as_str().unwrap().replace('…', &many)
        }
        None => packet.as_str().unwrap().to_owned(),
    }
}

fn is_log_entry(entry: &Value) -> bool {
    let payload = &entry["payload"];
    entry["type"] == "log_entry"
        && payload["time"].is_i64()
        && payload["level"].is_i64()
        && payload["msg"].is_string()
}
