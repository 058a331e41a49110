//! What a character document must look like, in the words that elizaOS' clients are used to.

use serde_json::{Map, Value};

use super::fault::{Faults, Path};

/// Keys of an agent's row that are no part of its character. Clients save a fetched agent to a file
/// and send it back.
const ROW_KEYS: [&str; 5] = ["enabled", "status", "createdAt", "updatedAt", "server_id"];

/// How strictly a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// It was sent as a character: unknown keys are a fault.
    Wrapped,
    /// It is the body itself: unknown keys are passed over, and a name is enough.
    Bare,
}

/// Checks a document, and gives back what is to be kept of it, in the order of the schema.
///
/// # Errors
/// Every fault, as `<path>: <text>`, with `; ` between.
pub(super) fn checked(
    document: Value,
    strictness: Strictness,
) -> Result<Map<String, Value>, String> {
    let mut faults = Faults::default();
    let mut fields = match document {
        Value::Object(fields) => fields,
        other => {
            faults.wrong(&Path::root(), "object", Some(&other));
            return Err(faults.words());
        }
    };
    let mut kept = Map::new();
    for (name, is_required, rule) in SCHEMA {
        let value = fields.shift_remove(*name);
        let is_required = *is_required && (strictness == Strictness::Wrapped || *name == "name");
        if value.is_none() && !is_required {
            continue;
        }
        rule(&Path::root().then(name), value.as_ref(), &mut faults);
        if let Some(value) = value {
            kept.insert((*name).to_owned(), value);
        }
    }
    fields.retain(|key, _| !ROW_KEYS.contains(&key.as_str()));
    if strictness == Strictness::Wrapped && !fields.is_empty() {
        faults.unknown(fields.keys());
    }
    if faults.are_none() { Ok(kept) } else { Err(faults.words()) }
}

/// Checks the fields of a character that a patch sets; null removes one. Other keys are passed over,
/// and left out of what is given back.
///
/// # Errors
/// As [`checked`].
pub(super) fn checked_patch(mut patch: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut faults = Faults::default();
    let mut kept = Map::new();
    for (name, is_required, rule) in SCHEMA {
        let Some(value) = patch.shift_remove(*name).filter(|_| *name != "id") else { continue };
        if *name == "settings" && value.is_object() {
            // A null in it removes a key.
        } else if !value.is_null() || *is_required {
            rule(&Path::root().then(name), Some(&value), &mut faults);
        }
        kept.insert((*name).to_owned(), value);
    }
    if faults.are_none() { Ok(kept) } else { Err(faults.words()) }
}

type Rule = fn(&Path<'_>, Option<&Value>, &mut Faults);

/// The fields of a character: name, whether it must be there, and its rule.
const SCHEMA: &[(&str, bool, Rule)] = &[
    ("id", false, |path, value, faults| uuid(path, value, "Invalid UUID format", faults)),
    ("name", true, name),
    ("username", false, text),
    ("system", false, text),
    ("templates", false, |path, value, faults| record(path, value, text, faults)),
    ("bio", true, bio),
    ("messageExamples", false, |path, value, faults| {
        list(path, value, |path, value, faults| list(path, value, example, faults), faults);
    }),
    ("postExamples", false, texts),
    ("topics", false, texts),
    ("adjectives", false, texts),
    ("knowledge", false, |path, value, faults| list(path, value, knowledge, faults)),
    ("plugins", false, texts),
    ("settings", false, |path, value, faults| record(path, value, setting, faults)),
    ("secrets", false, |path, value, faults| record(path, value, secret, faults)),
    ("style", false, |path, value, faults| {
        let parts: [(&str, Rule); 3] = [("all", texts), ("chat", texts), ("post", texts)];
        object(path, value, &[], &parts, faults);
    }),
    ("lore", false, texts),
    ("modelProvider", false, text),
];

fn text(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    if !matches!(value, Some(Value::String(_))) {
        faults.wrong(path, "string", value);
    }
}

fn name(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    match value {
        Some(Value::String(name)) if name.is_empty() => {
            faults.add(path, "Character name is required");
        }
        _ => text(path, value, faults),
    }
}

fn uuid(path: &Path<'_>, value: Option<&Value>, words: &str, faults: &mut Faults) {
    match value {
        Some(Value::String(id)) => {
            if id.parse::<greenroom_actors::ids::AgentId>().is_err() {
                faults.add(path, words);
            }
        }
        other => faults.wrong(path, "string", other),
    }
}

fn texts(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    list(path, value, text, faults);
}

fn bio(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    let is_one = matches!(value, Some(Value::String(_)));
    let is_many = matches!(value, Some(Value::Array(lines)) if lines.iter().all(Value::is_string));
    faults.unless(is_one || is_many, path);
}

fn knowledge(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    let is_item = match value {
        Some(Value::String(_)) => true,
        Some(Value::Object(item)) => {
            ["path", "directory"].iter().any(|key| item.get(*key).is_some_and(Value::is_string))
                && item.get("shared").is_none_or(Value::is_boolean)
        }
        _ => false,
    };
    faults.unless(is_item, path);
}

fn setting(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    faults.unless(value.is_some_and(|value| !value.is_null()), path);
}

fn secret(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    let is_secret = value
        .is_some_and(|value| matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_)));
    faults.unless(is_secret, path);
}

fn example(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    object(path, value, &[("name", text), ("content", content)], &[], faults);
}

fn content(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    let optional: [(&str, Rule); 9] = [
        ("text", text),
        ("thought", text),
        ("actions", texts),
        ("providers", texts),
        ("source", text),
        ("target", text),
        ("url", text),
        ("inReplyTo", |path, value, faults| uuid(path, value, "Invalid UUID format", faults)),
        ("attachments", |path, value, faults| list(path, value, media, faults)),
    ];
    object(path, value, &[], &optional, faults);
}

fn media(path: &Path<'_>, value: Option<&Value>, faults: &mut Faults) {
    let optional: [(&str, Rule); 4] =
        [("title", text), ("source", text), ("description", text), ("text", text)];
    object(path, value, &[("id", text), ("url", text)], &optional, faults);
}

fn list(path: &Path<'_>, value: Option<&Value>, rule: Rule, faults: &mut Faults) {
    let Some(Value::Array(items)) = value else { return faults.wrong(path, "array", value) };
    for (index, item) in items.iter().enumerate() {
        rule(&path.then(&index.to_string()), Some(item), faults);
    }
}

fn record(path: &Path<'_>, value: Option<&Value>, rule: Rule, faults: &mut Faults) {
    let Some(Value::Object(fields)) = value else { return faults.wrong(path, "record", value) };
    for (key, value) in fields {
        rule(&path.then(key), Some(value), faults);
    }
}

fn object(
    path: &Path<'_>,
    value: Option<&Value>,
    required: &[(&str, Rule)],
    optional: &[(&str, Rule)],
    faults: &mut Faults,
) {
    let Some(Value::Object(fields)) = value else { return faults.wrong(path, "object", value) };
    for (key, rule) in required {
        rule(&path.then(key), fields.get(*key), faults);
    }
    for (key, rule) in optional {
        if let Some(value) = fields.get(*key) {
            rule(&path.then(key), Some(value), faults);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_are_worded_as_recorded() {
        for (document, expected) in [
            (json!({"name": "", "bio": "x"}), "name: Character name is required"),
            (json!({"name": "NoBio"}), "bio: Invalid input"),
            (json!({"name": "B", "bio": 5}), "bio: Invalid input"),
            (json!({"id": "nope", "name": "B", "bio": "x"}), "id: Invalid UUID format"),
            (
                json!({"name": "B", "bio": "x", "plugins": "a"}),
                "plugins: Invalid input: expected array, received string",
            ),
            (json!([]), ": Invalid input: expected object, received array"),
            (
                json!({"name": "B", "bio": "x", "settings": [1]}),
                "settings: Invalid input: expected record, received array",
            ),
            (
                json!({"name": "B", "bio": "x", "messageExamples": ["hi"]}),
                "messageExamples.0: Invalid input: expected array, received string",
            ),
            (
                json!({"name": 7, "bio": null, "topics": "x"}),
                "name: Invalid input: expected string, received number; bio: Invalid input; \
                 topics: Invalid input: expected array, received string",
            ),
            (json!({"bio": "x"}), "name: Invalid input: expected string, received undefined"),
            (json!({"name": "B", "bio": "x", "a": 1, "b": 2}), ": Unrecognized keys: \"a\", \"b\""),
            (json!({"name": "B", "bio": "x", "a": 1}), ": Unrecognized key: \"a\""),
            (
                json!({"name": "B", "bio": "x", "messageExamples": [[{"name": "u"}]]}),
                "messageExamples.0.0.content: Invalid input: expected object, received undefined",
            ),
            (json!({"name": "B", "bio": "x", "knowledge": [5]}), "knowledge.0: Invalid input"),
            (json!({"name": "B", "bio": "x", "secrets": {"K": []}}), "secrets.K: Invalid input"),
            (
                json!({"name": "B", "bio": "x", "style": {"all": "x"}}),
                "style.all: Invalid input: expected array, received string",
            ),
            (
                json!({"name": "B", "bio": "x", "username": null}),
                "username: Invalid input: expected string, received null",
            ),
        ] {
            assert_eq!(checked(document, Strictness::Wrapped).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_row_that_is_sent_back_is_a_character() {
        let row = json!({"status": "active", "enabled": true, "server_id": null, "createdAt": 1,
            "updatedAt": 2, "lore": ["old"], "bio": ["x"], "name": "A", "settings": {"a": {"b": 1}}});
        let kept = checked(row, Strictness::Wrapped).unwrap();
        let keys: Vec<_> = kept.keys().map(String::as_str).collect();
        assert_eq!(keys, ["name", "bio", "settings", "lore"]);
    }

    #[test]
    fn the_bare_form_passes_over_what_it_does_not_know() {
        let kept = checked(json!({"name": "A", "clients": ["x"]}), Strictness::Bare).unwrap();
        assert_eq!(Value::Object(kept), json!({"name": "A"}));
        assert!(checked(json!({"name": "A", "topics": 1}), Strictness::Bare).is_err());
    }

    #[test]
    fn a_patch_is_checked_where_it_sets_something() {
        let patch = |value: Value| checked_patch(value.as_object().unwrap().clone());
        let kept = patch(json!({"id": "x", "bio": ["a"], "odd": 1, "system": null,
            "settings": {"a": null}}))
        .unwrap();
        assert_eq!(
            Value::Object(kept),
            json!({"system": null, "bio": ["a"], "settings": {"a": null}})
        );
        for faulty in [
            json!({"plugins": "oops"}),
            json!({"name": ""}),
            json!({"bio": null}),
            json!({"settings": 5}),
        ] {
            assert!(patch(faulty.clone()).is_err(), "{faulty}");
        }
    }

    #[test]
    fn a_document_of_nothing_but_faults_has_a_short_answer() {
        let document = json!({"name": "A", "bio": "x", "topics": vec![1; 10_000]});
        assert!(checked(document, Strictness::Wrapped).unwrap_err().len() < 5_000);
    }
}
