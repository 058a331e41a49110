//! What a character must look like that a client sets.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::body;

/// Faults that are told at most.
const FAULTS_MAX: usize = 50;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fault {
    path: String,
    message: String,
}

/// What is wrong with a body; nothing if it is sound.
pub(super) fn faults(body: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Faults(Vec::new());
    for (key, value) in body {
        match key.as_str() {
            "name" => faults.text(key, value, 1, Some(100)),
            "username" => faults.text(key, value, 0, Some(50)),
            "bio" if value.is_string() => {}
            "bio" => faults.texts(key, value, 0, None),
            "system" => faults.text(key, value, 0, Some(10_000)),
            "adjectives" => faults.texts(key, value, 1, Some(100)),
            "topics" => faults.texts(key, value, 1, Some(200)),
            "postExamples" => faults.texts(key, value, 0, None),
            "style" => faults.fields(key, value, |faults, name, path, value| {
                let is_known = matches!(name, "all" | "chat" | "post");
                if is_known {
                    faults.texts(path, value, 0, None);
                }
                is_known
            }),
            "messageExamples" => faults.list(key, value, Faults::talk),
            _ => faults.unknown(key),
        }
    }
    faults.0
}

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault { path: path.to_owned(), message: message.into() });
        }
    }

    fn wrong(&mut self, path: &str, expected: &str, found: Option<&Value>) {
        let found = found.map_or("nothing", body::kind);
        self.add(path, format!("Invalid input: expected {expected}, received {found}"));
    }

    fn unknown(&mut self, path: &str) {
        let key = path.rsplit('.').next().unwrap_or(path);
        self.add(path, format!("Unrecognized key: {key:?}"));
    }

    /// A text of so many characters, as JavaScript counts them.
    fn text(&mut self, path: &str, value: &Value, least: usize, most: Option<usize>) {
        let Value::String(text) = value else { return self.wrong(path, "a string", Some(value)) };
        let length = text.encode_utf16().count();
        if length < least {
            self.add(path, format!("Too small: expected string to have >={least} characters"));
        }
        if let Some(most) = most.filter(|most| length > *most) {
            self.add(path, format!("Too big: expected string to have <={most} characters"));
        }
    }

    fn texts(&mut self, path: &str, value: &Value, least: usize, most: Option<usize>) {
        self.list(path, value, |faults, path, value| faults.text(path, value, least, most));
    }

    fn list(&mut self, path: &str, value: &Value, mut each: impl FnMut(&mut Self, &str, &Value)) {
        let Value::Array(items) = value else { return self.wrong(path, "an array", Some(value)) };
        for (index, item) in items.iter().enumerate() {
            each(self, &format!("{path}.{index}"), item);
        }
    }

    /// An object, of whose fields `each` says whether it knows them.
    fn fields(
        &mut self,
        path: &str,
        value: &Value,
        mut each: impl FnMut(&mut Self, &str, &str, &Value) -> bool,
    ) {
        let Value::Object(fields) = value else {
            return self.wrong(path, "an object", Some(value));
        };
        for (name, value) in fields {
            let path = format!("{path}.{name}");
            if !each(self, name, &path, value) {
                self.unknown(&path);
            }
        }
    }

    fn required(&mut self, path: &str, value: &Value, names: &[&str]) {
        let Value::Object(fields) = value else { return };
        for name in names.iter().filter(|name| !fields.contains_key(**name)) {
            self.wrong(&format!("{path}.{name}"), "a value", None);
        }
    }

    /// One talk of the examples.
    fn talk(&mut self, path: &str, value: &Value) {
        self.fields(path, value, |faults, name, path, value| {
            let is_known = name == "examples";
            if is_known {
                faults.list(path, value, Self::message);
            }
            is_known
        });
        self.required(path, value, &["examples"]);
    }

    fn message(&mut self, path: &str, value: &Value) {
        self.fields(path, value, |faults, name, path, value| {
            match name {
                "name" => faults.text(path, value, 1, None),
                "content" => faults.content(path, value),
                _ => return false,
            }
            true
        });
        self.required(path, value, &["name", "content"]);
    }

    fn content(&mut self, path: &str, value: &Value) {
        self.fields(path, value, |faults, name, path, value| {
            match name {
                "text" => faults.text(path, value, 0, None),
                "actions" => faults.texts(path, value, 0, None),
                _ => return false,
            }
            true
        });
        self.required(path, value, &["text"]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(body: Value) -> Vec<String> {
        faults(body.as_object().unwrap()).into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn what_is_sound_has_no_fault() {
        for body in [
            json!({}),
            json!({"name": "x".repeat(100), "username": "", "bio": "x", "system": "s".repeat(10_000)}),
            json!({"bio": ["x", ""], "adjectives": ["a".repeat(100)], "topics": ["t".repeat(200)]}),
            json!({"style": {"all": [], "chat": ["x"]}, "postExamples": ["hi"]}),
            json!({"messageExamples": [{"examples": [
                {"name": "Ada", "content": {"text": "hi", "actions": ["WAVE"]}},
            ]}]}),
            json!({"name": "😀".repeat(50)}),
        ] {
            assert_eq!(paths(body.clone()), Vec::<String>::new(), "{body}");
        }
    }

    #[test]
    fn each_fault_is_told_with_its_place() {
        for (body, expected) in [
            (json!({"name": ""}), &["name"][..]),
            (json!({"name": null}), &["name"]),
            (json!({"name": "😀".repeat(51)}), &["name"]),
            (json!({"username": "u".repeat(51)}), &["username"]),
            (json!({"bio": 5}), &["bio"]),
            (json!({"bio": ["x", 5]}), &["bio.1"]),
            (json!({"system": "s".repeat(10_001)}), &["system"]),
            (json!({"adjectives": ["", "a".repeat(101)]}), &["adjectives.0", "adjectives.1"]),
            (json!({"topics": ["t".repeat(201)]}), &["topics.0"]),
            (json!({"style": {"mail": [], "all": "x"}}), &["style.mail", "style.all"]),
            (json!({"style": []}), &["style"]),
            (json!({"postExamples": [1]}), &["postExamples.0"]),
            (json!({"messageExamples": [[]]}), &["messageExamples.0"]),
            (json!({"messageExamples": [{}]}), &["messageExamples.0.examples"]),
            (
                json!({"messageExamples": [{"examples": [{"name": "", "content": {}}]}]}),
                &["messageExamples.0.examples.0.name", "messageExamples.0.examples.0.content.text"],
            ),
            (
                json!({"messageExamples": [{"examples": [{
                    "user": "x", "name": "x", "content": {"text": "x", "actions": [1], "url": "x"},
                }]}]}),
                &[
                    "messageExamples.0.examples.0.user",
                    "messageExamples.0.examples.0.content.actions.0",
                    "messageExamples.0.examples.0.content.url",
                ],
            ),
            (json!({"settings": {}, "id": "x"}), &["settings", "id"]),
        ] {
            assert_eq!(paths(body.clone()), expected, "{body}");
        }
        let many: Vec<_> = (0..1_000).map(Value::from).collect();
        assert_eq!(paths(json!({"topics": many})).len(), FAULTS_MAX);
    }
}
