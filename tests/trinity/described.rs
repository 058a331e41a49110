//! `/openapi.json`: whether what it says of the API can be, and is so on a real port.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Town;
use crate::support::http::Request;

/// Paths that anyone may call.
const OPEN: [&str; 16] = [
    "/health",
    "/api/health",
    "/token",
    "/api/token",
    "/api/setup/",
    "/api/auth/",
    "/api/access/",
    "/api/public/",
    "/api/mcp/validate",
    "/openapi.json",
    "/docs",
    "/redoc",
    "/ws",
    "/api/agents/{name}/avatar",
    "/api/agents/{name}/avatar",
    "/api/agents/{name}/avatar/emotion/{emotion}",
];

struct Described(Value);

/// An operation: its method, its path and what is said of it.
type Operation<'a> = (&'a str, &'a str, &'a Map<String, Value>);

impl Described {
    fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            let methods = methods.filter(|(key, _)| {
                matches!(key.as_str(), "get" | "put" | "post" | "delete" | "patch")
            });
            methods
                .map(move |(method, it)| (method.as_str(), path.as_str(), it.as_object().unwrap()))
        })
    }
}

async fn described(town: &Town) -> Described {
    let answer = town.server.trinity().get("/openapi.json").await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    Described(answer.expect(200))
}

/// The values of all `$ref` below.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_is_described_whole() {
    let town = Town::new().await;
    let api = described(&town).await;
    assert!(api.0["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut ids = BTreeSet::new();
    for (method, path, it) in api.operations() {
        let id = it["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is the name of two");
        assert!(it["summary"].is_string() || it["description"].is_string(), "{method} {path}");
        let answers = it["responses"].as_object().unwrap();
        assert!(!answers.is_empty(), "{method} {path}");
        let is_open = OPEN
            .iter()
            .any(|open| path == *open || (open.ends_with('/') && path.starts_with(open)));
        if !is_open && !path.starts_with("/docs") && !path.starts_with("/ws") {
            assert!(answers.contains_key("401"), "{method} {path}");
            assert!(
                it["security"].as_array().is_some_and(|all| !all.is_empty()),
                "{method} {path}"
            );
        }
        // Each placeholder is a parameter, and each parameter of the path a placeholder.
        let placed: BTreeSet<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| name.split(':').next().unwrap())
            .collect();
        let named = it.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let named: BTreeSet<_> = named
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(placed, named, "{method} {path}");
    }
    assert!(ids.len() >= 32, "{} operations", ids.len());
}

#[tokio::test]
async fn every_schema_can_be_and_is_there() {
    let town = Town::new().await;
    let api = described(&town).await;
    let mut found = BTreeSet::new();
    references(&api.0, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(api.0.pointer(pointer).is_some(), "{reference} is not there");
    }
    for (name, schema) in api.0["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

#[tokio::test]
async fn nothing_is_described_that_nobody_serves_and_nothing_is_let_in_without_a_token() {
    let town = Town::new().await;
    let api = described(&town).await;
    for (method, path, it) in api.operations() {
        // One that no agent, nor anything else, has.
        let place =
            |part: &str| if part.starts_with('{') { "nothing".to_owned() } else { part.to_owned() };
        let called = path.split('/').map(place).collect::<Vec<_>>().join("/");
        let answer =
            town.server.trinity().send(&Request::new(&method.to_ascii_uppercase(), called)).await;
        let answer = answer.unwrap();
        let shown = format!("{method} {path}: {} {}", answer.status, answer.text());
        assert!(answer.status != 405 && answer.status < 500, "{shown}");
        if it.contains_key("security") && it["security"] != Value::Array(Vec::new()) {
            assert_eq!(answer.status, 401, "{shown}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{shown}");
        }
    }
}
