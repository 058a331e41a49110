//! One line of a recording: a request, and what the recorded server answered.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::form;

/// What stands in recordings for the token that a server of the profile `auth` asks for.
pub(crate) const AUTH_TOKEN: &str = "<AUTH_TOKEN>";

/// A line as it stands in the file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) profile: String,
    pub(crate) title: String,
    /// What had happened since the line before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    pub(crate) request: Asked,
    pub(crate) response: Answered,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Given where the request came from an address of its own.
    #[serde(default)]
    pub(crate) source: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answered {
    /// Absent where the connection was refused.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    #[serde(default)]
    pub(crate) body: Value,
}

impl Line {
    /// All lines of a file.
    pub(crate) fn all(file: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(file).unwrap();
        let read = |line: &str| {
            let mut line: Self = serde_json::from_str(line).expect(line);
            line.response.body = repeated(&line.response.body);
            line
        };
        text.lines().map(read).collect()
    }

    /// What its scenario is called: the first two parts of the id.
    pub(crate) fn scenario(&self) -> &str {
        self.id.rsplit_once('-').unwrap().0
    }

    /// How often more the request was sent before this line.
    pub(crate) fn more_of_the_same(&self) -> usize {
        let more = self.after.as_deref().and_then(|after| after.strip_suffix(" more of the same"));
        more.map_or(0, |count| count.parse().unwrap())
    }
}

/// The bytes of a recorded request's body.
pub(crate) fn bytes(body: &Value) -> Vec<u8> {
    if let Some(text) = body.get("$text") {
        return text.as_str().unwrap().as_bytes().to_vec();
    }
    if let Some(text) = body.get("$base64") {
        return STANDARD.decode(text.as_str().unwrap()).unwrap();
    }
    if let Some(parts) = body.get("$multipart") {
        let parts = parts.as_array().unwrap().iter().map(part).collect::<Vec<_>>();
        return form::body(&parts);
    }
    serde_json::to_vec(&repeated(body)).unwrap()
}

/// The media type of a body whose recorded one says too little.
pub(crate) fn media_type(body: &Value) -> Option<String> {
    body.get("$multipart").map(|_| form::media_type())
}

fn part(part: &Value) -> Vec<u8> {
    let mut head = format!("name=\"{}\"", part["name"].as_str().unwrap());
    if let Some(file) = part["filename"].as_str() {
        head += &format!("; filename=\"{file}\"");
    }
    if let Some(media_type) = part["contentType"].as_str() {
        head += &format!("\r\ncontent-type: {media_type}");
    }
    match part["base64"].as_str() {
        Some(coded) => form::part(&head, &STANDARD.decode(coded).unwrap()),
        None => form::part(&head, repeated(&part["data"]).as_str().unwrap().as_bytes()),
    }
}

/// Bytes of ours in the form that a recorded body has, if it holds bytes, or ours are no text.
pub(crate) fn as_recorded(recorded: &Value, ours: &[u8]) -> Option<Value> {
    let is_long = recorded.get("$base64_start").is_some();
    if recorded.get("$base64").is_some() || !is_long && std::str::from_utf8(ours).is_err() {
        return Some(json!({"$base64": STANDARD.encode(ours)}));
    }
    let start = recorded.get("$base64_start")?.as_str()?;
    let coded = STANDARD.encode(ours);
    let start = coded.get(..start.len()).unwrap_or(&coded);
    Some(json!({"$base64_start": start, "$bytes": ours.len()}))
}

/// With every `$repeat` written out.
fn repeated(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(repeated).collect(),
        Value::Object(fields) => match fields.get("$repeat").and_then(Value::as_array) {
            Some(repeat) => {
                let count = usize::try_from(repeat[1].as_u64().unwrap()).unwrap();
                repeat[0].as_str().unwrap().repeat(count).into()
            }
            None => fields.iter().map(|(key, value)| (key.clone(), repeated(value))).collect(),
        },
        other => other.clone(),
    }
}

#[test]
fn bodies_are_written_out() {
    for (body, expected) in [
        (json!({"$text": "{\"a\""}), "{\"a\""),
        (json!({"$base64": "aGk="}), "hi"),
        (json!({"a": [{"$repeat": ["xy", 3]}], "b": null}), "{\"a\":[\"xyxyxy\"],\"b\":null}"),
        (json!([]), "[]"),
        (
            json!({"$multipart": [{"name": "a", "data": {"$repeat": ["x", 2]}}]}),
            "------between-the-parts\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nxx\r\n\
             ------between-the-parts--\r\n",
        ),
    ] {
        assert_eq!(bytes(&body), expected.as_bytes());
    }
}

#[test]
fn bytes_are_compared_in_the_form_of_the_recording() {
    for (recorded, ours) in [
        (json!({"$base64": "eA=="}), Some(json!({"$base64": "aGk="}))),
        (
            json!({"$base64_start": "aa", "$bytes": 9}),
            Some(json!({"$base64_start": "aG", "$bytes": 2})),
        ),
        (json!({"a": 1}), None),
        (json!("hi"), None),
    ] {
        assert_eq!(as_recorded(&recorded, b"hi"), ours);
    }
}

#[test]
fn a_line_knows_its_scenario() {
    let line = r#"{"id":"errors-045-02","profile":"rate-limit","title":"t","after":"99 more of the same",
        "request":{"method":"GET","path":"/healthz"},"response":{"$connection":"ECONNREFUSED"}}"#;
    let line: Line = serde_json::from_str(line).unwrap();
    assert_eq!((line.scenario(), line.more_of_the_same()), ("errors-045", 99));
    assert_eq!(line.response.status, None);
}
