//! Every route that takes a `POST`, and whether a key is honoured there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::super::support::{NOBODY, Stage};
use super::{USER, is_again, post, ready};

const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// What becomes of a request that is sent again under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Honoured {
    /// It is answered with the first answer.
    Answered,
    /// The first one was refused before anything was done, so it is carried out: nothing here speaks
    /// or listens, keeps its data in a file, or shows its environment. Or it changes nothing.
    Refused,
}

use Honoured::{Answered, Refused};

/// The handler, a path of it, a body, and what becomes of the second of two requests.
const ROUTES: &[(&str, &str, &str, Honoured)] = &[
    ("create::create", "/api/agents", r#"{"name": "New", "bio": "x"}"#, Answered),
    ("create::create_bare", "/agents", r#"{"name": "Newer", "bio": "x"}"#, Answered),
    ("remembering::create", "/api/agents/{agent}/memories", MEMORY, Answered),
    ("remembering::create", "/api/memory/{agent}/memories", MEMORY, Answered),
    ("remembering::create", "/agents/{agent}/memories", MEMORY, Answered),
    ("worlds::create", "/api/agents/{agent}/worlds", NAMED, Answered),
    ("worlds::create", "/agents/{agent}/worlds", NAMED, Answered),
    ("rooms::create", "/api/agents/{agent}/rooms", NAMED, Answered),
    ("rooms::create", "/api/memory/{agent}/rooms", NAMED, Answered),
    ("groups::create", "/api/memory/groups/{zero}", r#"{"agentIds": ["{agent}"]}"#, Answered),
    ("lifecycle::start", "/api/agents/{sleeper}/start", "", Answered),
    ("lifecycle::stop", "/api/agents/{sleeper}/stop", "", Answered),
    ("lifecycle::start_bare", "/agents/{sleeper}/start", "", Answered),
    ("lifecycle::stop_bare", "/agents/{sleeper}/stop", "", Answered),
    ("message::say", "/agents/{agent}/message", r#"{"text": "hello"}"#, Answered),
    ("server_logs::receive", "/api/logs", "{}", Answered),
    ("server_logs::receive", "/api/server/logs", "{}", Answered),
    ("system::write_env", "/api/system/env/local", r#"{"content": {}}"#, Answered),
    ("channels::create", "/api/messaging/channels", CHANNEL, Answered),
    ("channels::create", "/api/messaging/central-channels", CHANNEL, Answered),
    ("channels::create", "/messaging/channels", CHANNEL, Answered),
    ("channels::add_agent", "/api/messaging/channels/{channel}/agents", AGENT, Answered),
    ("saying::post", "/api/messaging/channels/{channel}/messages", SAID, Answered),
    ("saying::post", "/api/messaging/central-channels/{channel}/messages", SAID, Answered),
    ("saying::post", "/messaging/channels/{channel}/messages", SAID, Answered),
    ("titles::generate", "/api/messaging/channels/{channel}/generate-title", AGENT, Answered),
    (
        "media::to_channel_by_messaging",
        "/api/messaging/channels/{channel}/upload-media",
        "{}",
        Answered,
    ),
    ("agents_calls::submit", "/api/messaging/submit", BROUGHT, Answered),
    ("agents_calls::act", "/api/messaging/action", BROUGHT, Answered),
    (
        "agents_calls::complete",
        "/api/messaging/complete",
        r#"{"channel_id": "{channel}"}"#,
        Answered,
    ),
    ("agents_calls::ingest", "/api/messaging/ingest-external", BROUGHT, Answered),
    ("messages::search", "/api/messaging/messages/search", r#"{"query": "x"}"#, Answered),
    ("servers::create", "/api/messaging/message-servers", SERVER, Answered),
    ("servers::create", "/api/messaging/servers", SERVER, Answered),
    (
        "servers::sync_channels",
        "/api/messaging/message-servers/{zero}/sync-channels",
        r#"{"channels": []}"#,
        Answered,
    ),
    ("servers::add_agent", "/api/messaging/message-servers/{zero}/agents", AGENT, Answered),
    ("servers::add_agent", "/api/messaging/servers/{zero}/agents", AGENT, Answered),
    ("sessions::create", "/api/messaging/sessions", TALK, Answered),
    ("sessions::create", "/messaging/sessions", TALK, Answered),
    ("sessions::send", "/api/messaging/sessions/{session}/messages", CONTENT, Answered),
    ("sessions::renew", "/api/messaging/sessions/{session}/renew", "", Answered),
    ("sessions::heartbeat", "/messaging/sessions/{session}/heartbeat", "", Answered),
    ("jobs::create", "/api/messaging/jobs", JOB, Answered),
    ("jobs::create", "/messaging/jobs", JOB, Answered),
    ("to_agent", "/api/media/agents/{agent}/upload-media", "{}", Answered),
    ("to_agent", "/api/media/agents/{agent}/upload", "{}", Answered),
    ("to_channel", "/api/media/channels/{channel}/upload-media", "{}", Answered),
    ("hearing::message", "/api/audio/{agent}/audio-messages", "{}", Answered),
    ("hearing::transcribe", "/api/audio/{agent}/transcriptions", "{}", Answered),
    ("hearing::transcribe", "/api/agents/{agent}/speech/transcribe", "{}", Answered),
    ("speaking::synthesize", "/api/audio/{agent}/audio-messages/synthesize", TEXT, Refused),
    ("speaking::generate", "/api/audio/{agent}/speech/generate", TEXT, Refused),
    ("speaking::synthesize_packed", "/api/agents/{agent}/speech/synthesize", TEXT, Refused),
    ("conversation::by_text", "/api/audio/{agent}/speech/conversation", TEXT, Refused),
    ("conversation::by_sound", "/api/agents/{agent}/speech/conversation", "{}", Answered),
    ("conversation::process", "/api/audio/{agent}/speech", "{}", Answered),
    ("ending::pause", "/api/greenroom/agents/{agent}/pause", "", Answered),
    ("resume", "/api/greenroom/agents/{agent}/resume", "", Answered),
    (
        "transfer::export",
        "/api/greenroom/agents/{agent}/export",
        r#"{"password": "1234"}"#,
        Refused,
    ),
    ("transfer::import", "/api/greenroom/import", "{}", Answered),
    ("make_primary", "/api/greenroom/agents/{agent}/primary", "", Answered),
    ("ending::restart", "/api/greenroom/agents/{agent}/restart", "", Answered),
    ("message::say", "/api/greenroom/agents/{agent}/message", r#"{"text": "hello"}"#, Answered),
    ("ending::stop", "/api/greenroom/agents/{agent}/stop", "", Answered),
    ("goals::set", "/api/greenroom/agents/{agent}/goals", TEXT, Answered),
    ("triggers::add", "/api/greenroom/agents/{agent}/triggers", NAMED, Answered),
    ("triggers::fire", "/api/greenroom/agents/{agent}/triggers/{zero}/fire", "", Answered),
    ("accounts::take_over", "/api/greenroom/admin-password", "", Answered),
    ("dead_letters::requeue", "/api/greenroom/dead-letters/{zero}/requeue", "", Answered),
    ("grant", "/api/greenroom/approvals/{zero}/grant", "{}", Answered),
    ("deny", "/api/greenroom/approvals/{zero}/deny", "{}", Answered),
    ("host::halt", "/api/greenroom/halt", "", Answered),
    ("host::lift", "/api/greenroom/lift", "", Answered),
    ("host::backup", "/api/greenroom/backup", "", Answered),
    ("health::stop", "/api/stop", "", Answered),
    ("health::stop", "/api/server/stop", "", Answered),
];

const MEMORY: &str = r#"{"content": {"text": "x"}}"#;
const NAMED: &str = r#"{"name": "x"}"#;
const AGENT: &str = r#"{"agentId": "{agent}"}"#;
const TEXT: &str = r#"{"text": "x"}"#;
const CONTENT: &str = r#"{"content": "x"}"#;
const TALK: &str = r#"{"agentId": "{agent}", "userId": "{user}"}"#;
const JOB: &str = r#"{"agentId": "{agent}", "userId": "{user}", "content": "x"}"#;
const SERVER: &str = r#"{"name": "x", "sourceType": "test"}"#;
const CHANNEL: &str = r#"{"name": "x", "message_server_id": "{zero}",
    "participantCentralUserIds": ["{user}"]}"#;
const SAID: &str = r#"{"content": "x", "author_id": "{user}", "message_server_id": "{zero}"}"#;
const BROUGHT: &str = r#"{"channel_id": "{channel}", "server_id": "{zero}", "author_id": "{user}",
    "content": "x", "source_type": "test", "raw_message": {}}"#;

/// The files that say which handler answers which path.
const FILES: [&str; 6] = [
    "src/dialects/elizaos/routes.rs",
    "src/dialects/elizaos/messaging.rs",
    "src/dialects/elizaos/audio.rs",
    "src/dialects/elizaos/media.rs",
    "src/http/operator.rs",
    "src/http/operator/approvals.rs",
];

/// The handlers of `POST` that a file names.
fn handlers(text: &str) -> Vec<String> {
    let calls = text.split("post()").skip(1);
    let handler = |call: &str| Some(call.split_once(".to(")?.1.split_once(')')?.0.to_owned());
    calls.filter_map(handler).collect()
}

fn walk(folder: &Path, see: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, see);
        } else {
            see(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_route_that_takes_a_post_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = FILES.map(|file| root.join(file));
    let mut found = BTreeSet::new();
    for folder in ["src/dialects/elizaos", "src/http"] {
        walk(&root.join(folder), &mut |path, text| {
            let is_test = path.components().any(|part| {
                part.as_os_str().to_str().is_some_and(|part| part.starts_with("tests"))
            });
            if is_test {
                return;
            }
            let routed = text.replace("TestRequest::post()", "");
            assert!(
                !routed.contains("post()") || named.iter().any(|named| named == path),
                "{} has routes that take a POST: name it in FILES, and them in ROUTES",
                path.display()
            );
            found.extend(handlers(&routed));
        });
    }
    let listed = ROUTES.iter().map(|(handler, ..)| (*handler).to_owned()).collect();
    assert_eq!(found, listed, "what takes a POST, and what ROUTES says of it");
}

/// The values of the placeholders.
async fn filling(stage: &Stage) -> [(&'static str, String); 6] {
    let agent = stage.running("Acting").await;
    let sleeper = stage.created("Sleeper").await;
    let body = json!({"name": "Ch", "message_server_id": ZERO, "type": "GROUP",
        "participantCentralUserIds": [USER]});
    let channel = stage.send("POST", "/api/messaging/channels", body).await.json();
    let channel = channel["data"]["id"].as_str().unwrap().to_owned();
    let body = json!({"agentId": agent, "userId": USER});
    let session = stage.send("POST", "/api/messaging/sessions", body).await.json();
    let session = session["sessionId"].as_str().unwrap().to_owned();
    [
        ("{agent}", agent),
        ("{sleeper}", sleeper),
        ("{channel}", channel),
        ("{session}", session),
        ("{zero}", ZERO.to_owned()),
        ("{user}", USER.to_owned()),
    ]
}

#[actix_web::test]
async fn a_key_is_honoured_by_every_route_that_takes_a_post() {
    let (stage, _) = ready().await;
    let filling = filling(&stage).await;
    let fill = |text: &str| {
        filling.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    };
    let mut done = BTreeSet::new();
    for (handler, path, body, honoured) in ROUTES {
        let path = fill(path);
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str::<Value>(&fill(body)).unwrap()
        };
        let first = stage.ask(post(&path, "key", &body)).await;
        let again = stage.ask(post(&path, "key", &body)).await;
        assert!(!first.text.contains("API endpoint not found"), "{handler} {path}");
        assert_eq!(again.status, first.status, "{handler} {path}: {}", again.text);
        let expected = *honoured == Answered;
        assert_eq!(is_again(&again), expected, "{handler} {path}: {} {}", first.status, first.text);
        if expected {
            assert_eq!(again.text, first.text, "{handler} {path}");
        }
        if first.status < 300 {
            done.insert(*handler);
        }
    }
    // The list means something only where it is about work that was done.
    println!("done: {done:?}");
    assert!(done.len() >= 30, "{}: {done:?}", done.len());
    let nobody = format!("/api/agents/{NOBODY}/memories");
    let wrong = stage.ask(post(&nobody, "key", &json!({"content": {"text": "x"}}))).await;
    assert_eq!(wrong.status, 404);
}
