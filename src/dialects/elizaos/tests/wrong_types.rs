//! Every field of every body, with every wrong type: refused by name, and nothing is changed.

use serde_json::{Value, json};

use super::support::stage;
use crate::dialects::elizaos::ElizaosSettings;

/// What fields may hold.
const TEXT: &[&str] = &["string"];
const FLAG: &[&str] = &["boolean"];
const NUMBER: &[&str] = &["number"];
const OBJECT: &[&str] = &["object"];
const LIST: &[&str] = &["array"];

/// One value of each type.
fn samples() -> [(&'static str, Value); 5] {
    [
        ("string", json!("x")),
        ("boolean", json!(true)),
        ("number", json!(5)),
        ("array", json!([5])),
        ("object", json!({"a": 1})),
    ]
}

/// A route, a body that it takes but for the fields, the fields and what they may hold.
type Row = (&'static str, String, Value, Vec<(&'static str, &'static [&'static str])>);

fn table(id: &str) -> Vec<Row> {
    let character = vec![
        ("name", TEXT),
        ("username", TEXT),
        ("system", TEXT),
        ("templates", OBJECT),
        ("bio", &["string", "array"]),
        ("messageExamples", LIST),
        ("postExamples", LIST),
        ("topics", LIST),
        ("adjectives", LIST),
        ("knowledge", LIST),
        ("plugins", LIST),
        ("settings", OBJECT),
        ("secrets", OBJECT),
        ("style", OBJECT),
        ("lore", LIST),
        ("modelProvider", TEXT),
    ];
    let start = vec![("enableAutonomy", FLAG), ("settings", OBJECT)];
    let stop = vec![("graceful", FLAG), ("timeout", NUMBER)];
    let memory = vec![
        ("content", OBJECT),
        ("metadata", OBJECT),
        ("type", TEXT),
        ("roomId", TEXT),
        ("entityId", TEXT),
        ("worldId", TEXT),
        ("unique", FLAG),
    ];
    let patch = memory.iter().copied().filter(|(name, _)| *name != "type").collect();
    let room = vec![
        ("name", TEXT),
        ("type", TEXT),
        ("source", TEXT),
        ("worldId", TEXT),
        ("messageServerId", TEXT),
        ("metadata", OBJECT),
    ];
    let world =
        vec![("name", TEXT), ("worldId", TEXT), ("messageServerId", TEXT), ("metadata", OBJECT)];
    let message = vec![
        ("text", TEXT),
        ("userId", TEXT),
        ("userName", TEXT),
        ("roomId", TEXT),
        ("attachments", LIST),
        ("metadata", OBJECT),
    ];
    let group = vec![
        ("agentIds", LIST),
        ("name", TEXT),
        ("worldId", TEXT),
        ("source", TEXT),
        ("metadata", OBJECT),
    ];
    let at = |path: &str| path.replace("{id}", id);
    let named = || json!({"name": "New", "bio": "x"});
    vec![
        ("POST", at("/api/agents"), named(), character.clone()),
        ("POST", at("/agents"), named(), character.clone()),
        ("PATCH", at("/api/agents/{id}"), json!({}), character.clone()),
        ("PATCH", at("/agents/{id}"), json!({}), character),
        ("POST", at("/api/agents/{id}/start"), json!({}), start.clone()),
        ("POST", at("/agents/{id}/start"), json!({}), start),
        ("POST", at("/api/agents/{id}/stop"), json!({}), stop.clone()),
        ("POST", at("/agents/{id}/stop"), json!({}), stop),
        ("POST", at("/api/agents/{id}/memories"), json!({"content": {}}), memory.clone()),
        ("POST", at("/api/memory/{id}/memories"), json!({"content": {}}), memory),
        ("PATCH", at("/api/agents/{id}/memories/{id}"), json!({}), patch),
        ("POST", at("/api/memory/{id}/rooms"), json!({"name": "x"}), room),
        ("POST", at("/api/agents/{id}/worlds"), json!({"name": "x"}), world.clone()),
        (
            "PATCH",
            at("/api/agents/{id}/worlds/{id}"),
            json!({}),
            vec![("name", TEXT), ("metadata", OBJECT), ("settings", OBJECT)],
        ),
        ("POST", at("/api/memory/groups/{id}"), json!({"agentIds": [id]}), group),
        ("POST", at("/agents/{id}/message"), json!({"text": "x"}), message),
        ("POST", at("/api/server/logs"), json!({}), vec![("logs", LIST)]),
    ]
}

#[actix_web::test]
async fn a_field_of_the_wrong_type_is_refused_by_name_and_nothing_is_changed() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    let look = async || {
        let mut seen = Vec::new();
        for path in ["", "/worlds", "/rooms", "/memories", "/runs", "/logs"] {
            seen.push(stage.get(&format!("/api/agents/{id}{path}")).await.text);
        }
        seen.push(stage.get("/api/agents").await.text);
        seen
    };
    let before = look().await;
    let mut tried = 0;
    for (method, path, body, fields) in table(&id) {
        for (name, allowed) in fields {
            for (kind, value) in samples() {
                if allowed.contains(&kind) {
                    continue;
                }
                let mut body = body.clone();
                body[name] = value;
                let (status, said) = stage.said(method, &path, body.clone()).await;
                let error = said["error"]["message"].as_str().or(said["error"].as_str());
                let error = error.unwrap_or_default();
                assert!(
                    (400..500).contains(&status) && error.contains(name),
                    "{method} {path} {body}: {status} {said}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 250, "{tried}");
    assert_eq!(look().await, before);
}

#[actix_web::test]
async fn a_body_that_is_no_object_is_refused_everywhere() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    for (method, path, _, _) in table(&id) {
        for body in [json!([]), json!([1]), json!("x"), json!(5), json!(true)] {
            let heard = stage.send(method, &path, body.clone()).await;
            assert_eq!(heard.status, 400, "{method} {path} {body}: {}", heard.text);
        }
    }
}

#[actix_web::test]
async fn instants_that_are_none_are_refused_by_name() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    for (path, name) in [
        (format!("/api/agents/{id}/memories?before=soon"), "before"),
        (format!("/api/memory/{id}/rooms/{id}/memories?before=soon"), "before"),
        (format!("/api/agents/{id}/logs?from=soon"), "from"),
        (format!("/api/agents/{id}/runs?to=soon"), "to"),
        ("/api/server/logs?since=soon".to_owned(), "since"),
        (format!("/agents/{id}/rooms/{id}/messages?after=soon"), "after"),
    ] {
        let (status, said) = stage.said("GET", &path, Value::Null).await;
        let words = said["error"]["message"].as_str().or(said["error"].as_str()).unwrap();
        assert!(status == 400 && words.starts_with(&format!("{name}: ")), "{path}: {said}");
    }
}
