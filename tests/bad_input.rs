//! Whatever is sent: it is done, or refused with a 4xx that names what is wrong, and then nothing has
//! changed. Never a 5xx, never a panic.

mod routes;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::Site;
use crate::support::database::{Database, Dump};
use crate::support::http::{Request, Response};
use crate::support::server::Server;
use routes::{Field, Kind, ROUTES, Route};

/// Random requests of each kind.
const CASES: u32 = 300;

/// Tables that the host writes in its own time: vectors of what is remembered, and how far the
/// full-text indexes have come.
const BESIDE: [&str; 3] = ["embeddings", "unembedded", "indexed"];

/// A host with one agent that runs, and something of everything.
struct Target {
    runtime: Runtime,
    server: Server,
    database: Database,
    /// What `{agent}` and the like in paths stand for.
    ids: Vec<(&'static str, String)>,
}

impl Target {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let site = Site::new()
            .with("GREENROOM_ELIZAOS__SHOWS_ENVIRONMENT", "true")
            .with("GREENROOM_ELIZAOS__FETCHES_CHARACTERS", "false");
        let site = Arc::new(site);
        let (server, ids) = runtime.block_on(async {
            let server = Server::start(&site).await;
            let ids = furnish(&server).await;
            (server, ids)
        });
        let database = Database::open(&site.data());
        Self { runtime, server, database, ids }
    }

    fn path(&self, template: &str) -> String {
        let ids = self.ids.iter();
        ids.fold(template.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
    }

    fn dump(&self) -> Dump {
        self.database.dump(&BESIDE)
    }

    /// Sends it and checks what holds for every answer. An error says what does not.
    fn send(&mut self, request: &Request) -> Result<Response, String> {
        let before = self.dump();
        let client = self.server.client();
        let shown = format!("{} {:.300}", request.method, request.path);
        let sent = self.runtime.block_on(client.send(request));
        let response = sent.map_err(|error| format!("{shown}: no answer: {error}"))?;
        if !self.server.is_alive() {
            return Err(format!("{shown}: the process is gone"));
        }
        if response.status >= 500 {
            return Err(format!("{shown}: {} {}", response.status, response.text()));
        }
        if response.status >= 400 {
            let after = self.dump();
            let changed = after.iter().filter(|(table, rows)| before.get(*table) != Some(*rows));
            let changed = changed.map(|(table, _)| table.as_str()).collect::<Vec<_>>();
            if !changed.is_empty() {
                return Err(format!("{shown}: refused, and yet changed: {}", changed.join(", ")));
            }
        }
        Ok(response)
    }

    /// The body of a route that is right but for one field.
    fn body(&self, route: &Route, field: &Field, value: &Value) -> Value {
        let mut fields = serde_json::from_str::<Value>(&self.path(route.body)).unwrap();
        let mut place = &mut fields;
        for key in field.0.split('.') {
            place = match key.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[key],
            };
        }
        *place = value.clone();
        fields
    }

    /// Sends a value of a wrong type in one field.
    fn send_wrong(&mut self, route: &Route, field: &Field, value: &Value) -> Result<(), String> {
        let body = self.body(route, field, value);
        let request = Request::new(route.method, self.path(route.path)).json(&body);
        let response = self.send(&request)?;
        let name = match field.0 {
            // The character as a whole, which has no path of its own, as with elizaOS.
            "characterJson" | "agent" => "Character",
            // An item has one of three forms, and nobody knows which was meant.
            path if path.contains("knowledge.0") => "knowledge.0",
            path => path.rsplit('.').find(|key| key.parse::<usize>().is_err()).unwrap(),
        };
        let place = format!("{} {} {}", route.method, route.path, field.0);
        if !(400..500).contains(&response.status) {
            return Err(format!("{place}: {value:.200} is answered with {}", response.status));
        }
        if !response.text().contains(name) {
            return Err(format!("{place}: {value:.200}: not named in {}", response.text()));
        }
        Ok(())
    }
}

async fn furnish(server: &Server) -> Vec<(&'static str, String)> {
    let client = server.client();
    let agent = client.create(&json!({"name": "Ada", "bio": "Is there."})).await;
    let other = client.create(&json!({"name": "Bob", "bio": "Is not started."})).await;
    client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    let said = client.post(format!("/agents/{agent}/message"), &json!({"text": "Hello!"})).await;
    said.unwrap().expect(200);
    let mut ids = vec![("agent", agent.clone()), ("other", other.clone())];
    for (name, path, body) in [
        ("memory", "memories", json!({"content": {"text": "The door is blue."}})),
        ("room", "rooms", json!({"name": "Hall"})),
        ("world", "worlds", json!({"name": "House"})),
    ] {
        let made = client.post(format!("/api/agents/{agent}/{path}"), &body).await.unwrap();
        let made = made.expect(201);
        let id = made["data"]["id"].as_str().or_else(|| made["data"]["world"]["id"].as_str());
        ids.push((name, id.unwrap().to_owned()));
    }
    let (server, user) = (uuid::Uuid::nil().to_string(), uuid::Uuid::new_v4().to_string());
    // Nobody there runs, so that nothing is done later.
    let body = json!({
        "name": "Yard", "type": "GROUP", "message_server_id": server,
        "participantCentralUserIds": [other],
    });
    let made = client.post("/api/messaging/channels", &body).await.unwrap().expect(201);
    let channel = made["data"]["id"].as_str().unwrap().to_owned();
    let said = json!({"content": "x", "author_id": user, "message_server_id": server});
    let path = format!("/api/messaging/channels/{channel}/messages");
    let said = client.post(path, &said).await.unwrap().expect(201);
    let message = said["data"]["id"].as_str().unwrap().to_owned();
    let begun = json!({"agentId": agent, "userId": user});
    let begun = client.post("/api/messaging/sessions", &begun).await.unwrap().expect(201);
    let session = begun["sessionId"].as_str().unwrap().to_owned();
    ids.extend([
        ("server", server),
        ("user", user),
        ("channel", channel),
        ("message", message),
        ("session", session),
    ]);
    for (name, path) in [("log", "logs"), ("run", "runs")] {
        let listed = client.get(format!("/api/agents/{agent}/{path}")).await.unwrap().expect(200);
        let data = &listed["data"];
        let id = data[0]["id"].as_str().or_else(|| data["runs"][0]["runId"].as_str());
        ids.push((name, id.unwrap().to_owned()));
    }
    ids
}

#[test]
fn a_value_of_the_wrong_type_is_refused_by_name() {
    let mut target = Target::new();
    let mut faults = Vec::new();
    let mut sent = 0;
    for route in ROUTES {
        for field in route.fields {
            for value in field.1.wrong() {
                sent += 1;
                faults.extend(target.send_wrong(route, field, &value).err());
            }
        }
    }
    println!("{sent} values of a wrong type");
    // What is right does change something, so that nothing would have been noticed otherwise.
    let before = target.dump();
    let room = target.path("/api/agents/{agent}/rooms");
    let made = target.send(&Request::new("POST", room).json(&json!({"name": "Cellar"}))).unwrap();
    assert!(made.status == 201 && target.dump() != before, "{}", made.text());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Any JSON, not very deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Runs a property against one target, the same cases each time.
fn check<S: Strategy>(
    strategy: S,
    mut property: impl FnMut(&mut Target, S::Value) -> Result<(), String>,
) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let target = std::cell::RefCell::new(Target::new());
    let property = std::cell::RefCell::new(&mut property);
    let held = TestRunner::new_with_rng(config, random).run(&strategy, |case| {
        let mut target = target.borrow_mut();
        (property.borrow_mut())(&mut target, case).map_err(TestCaseError::fail)
    });
    held.unwrap_or_else(|fault| panic!("{fault}"));
}

fn any_field() -> impl Strategy<Value = (&'static Route, &'static Field)> {
    let fields =
        ROUTES.iter().flat_map(|route| route.fields.iter().map(move |field| (route, field)));
    prop::sample::select(fields.collect::<Vec<_>>())
}

#[test]
fn any_value_in_any_field_is_taken_or_refused() {
    check((any_field(), any_json()), |target, ((route, field), value)| {
        if field.1.takes(&value) {
            let body = target.body(route, field, &value);
            return target
                .send(&Request::new(route.method, target.path(route.path)).json(&body))
                .map(drop);
        }
        target.send_wrong(route, field, &value)
    });
}

#[test]
fn any_body_is_taken_or_refused() {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let text = any_json().prop_map(|value| value.to_string().into_bytes());
    let cut = (any_json(), 0..40_usize).prop_map(|(value, cut)| {
        let text = value.to_string().into_bytes();
        text[..text.len().saturating_sub(cut)].to_vec()
    });
    let kind = prop::sample::select(vec![
        "application/json",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
    ]);
    let coding =
        prop::option::weighted(0.2, prop::sample::select(vec!["gzip", "br", "zip", "deflate"]));
    let body = prop_oneof![bytes, text, cut];
    check((any_field(), kind, coding, body), |target, ((route, _), kind, coding, body)| {
        let mut request = Request::new(route.method, target.path(route.path));
        request = request.header("content-type", kind);
        if let Some(coding) = coding {
            request = request.header("content-encoding", coding);
        }
        request.body = Some(body);
        target.send(&request).map(drop)
    });
}

#[test]
fn any_query_is_taken_or_refused() {
    let name = prop::sample::select(vec![
        "limit",
        "offset",
        "count",
        "before",
        "after",
        "from",
        "to",
        "roomId",
        "room",
        "channelId",
        "tableName",
        "type",
        "includeEmbedding",
        "status",
        "level",
        "excludeTypes",
        "since",
        "agentId",
        "agentName",
        "userId",
        "search",
        "page",
        "deleteAllData",
        "%00",
        "[]",
    ]);
    let value = prop_oneof![
        "[ -~]{0,12}".prop_map(|text| encoded(&text)),
        ".{0,6}".prop_map(|text| encoded(&text)),
        "[0-9a-f%&=+-]{0,20}",
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        Just("99999999-9999-4999-8999-999999999999".to_owned()),
    ];
    let path = prop::sample::select(routes::LISTS.to_vec());
    let query = prop::collection::vec((name, value), 0..4);
    check((path, query), |target, (path, query)| {
        let query = query.iter().map(|(name, value)| format!("{name}={value}"));
        let query = query.collect::<Vec<_>>().join("&");
        let request = Request::new("GET", format!("{}?{query}", target.path(path)));
        let response = target.send(&request)?;
        if response.status == 200 || [400, 404].contains(&response.status) {
            return Ok(());
        }
        Err(format!("{} for {}", response.status, request.path))
    });
}

#[test]
fn a_bad_id_is_refused_by_name() {
    let id = prop_oneof![
        "[ -~]{1,40}".prop_map(|text| encoded(&text)),
        ".{1,10}".prop_map(|text| encoded(&text)),
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11}",
        "[A-Za-z0-9%._~-]{1,60}",
    ];
    let wanted = prop::sample::select(routes::BY_ID.to_vec());
    check((wanted, id), |target, ((method, template, name), id)| {
        if ["worlds", "new", "groups", "all", "health", ".", ".."].contains(&id.as_str()) {
            return Ok(());
        }
        let path = template.replace(&format!("{{{name}}}"), &id);
        let mut request = Request::new(method, target.path(&path));
        if method != "GET" && method != "DELETE" {
            request = request.json(&json!({"name": "x", "content": {"text": "x"}}));
        }
        let response = target.send(&request)?;
        let is_refused = (400..500).contains(&response.status);
        // A dot segment or an encoded slash may make it another path.
        let says = response.text().to_lowercase();
        let is_named =
            ["id", "not found", "not exist", "no agent"].iter().any(|words| says.contains(words));
        if is_refused && is_named {
            return Ok(());
        }
        Err(format!("{method} {}: {} {says:.200}", request.path, response.status))
    });
}

#[test]
fn any_head_is_answered_or_hung_up_on() {
    let line = prop_oneof![
        "[ -~]{0,60}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..60),
        "(GET|POST|PUT|FOO|get) /[!-~]{0,40} HTTP/(1\\.1|1\\.0|2|9\\.9)"
            .prop_map(String::into_bytes),
    ];
    let header = prop_oneof![
        "[A-Za-z-]{1,20}: [ -~]{0,40}".prop_map(String::into_bytes),
        "(content-length|transfer-encoding|expect|upgrade|range|if-none-match|origin|host|x-api-key|\
          authorization|x-entity-id|accept-encoding|connection): [!-~]{0,30}"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let is_plain = prop::bool::weighted(0.7);
    let headers = prop::collection::vec(header, 0..5);
    check((is_plain, line, headers), |target, (is_plain, line, headers)| {
        let line = if is_plain { b"GET /api/agents HTTP/1.1".to_vec() } else { line };
        let mut bytes = line;
        for header in headers {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend(header);
        }
        bytes.extend_from_slice(b"\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (before, client) = (target.dump(), target.server.client());
        // Whoever says that more is to come is waited for, so the client says that it is done.
        let answer = target.runtime.block_on(client.blurt(&bytes)).unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if answer.starts_with("HTTP/1.1 5") && !answer.starts_with("HTTP/1.1 505") {
            return Err(answer);
        }
        if target.dump() != before {
            return Err("something changed".to_owned());
        }
        let ping = target.send(&Request::new("GET", "/api/server/ping"))?;
        if ping.status == 200 { Ok(()) } else { Err(ping.text()) }
    });
}

/// With everything but letters and digits as percent codes.
fn encoded(text: &str) -> String {
    let code = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(code).collect()
}

#[test]
fn what_a_field_takes_is_not_wrong() {
    for kind in [
        Kind::Text,
        Kind::TextOrList,
        Kind::Flag,
        Kind::Number,
        Kind::Object,
        Kind::List,
        Kind::Id,
        Kind::Any,
    ] {
        assert!(kind.wrong().iter().all(|value| !kind.takes(value)), "{kind:?}");
        assert!(kind.takes(&Value::Null));
    }
}
