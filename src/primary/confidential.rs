//! What of a configuration is secret, by the names of its keys.

use serde_json::{Map, Value};

use crate::secrets::Secrets;

/// What stands for a secret where a configuration is shown.
pub(crate) const HIDDEN: &str = "[REDACTED]";

/// What is in the name of a secret, in lower case and without what stands between its words.
const WORDS: [&str; 9] = [
    "password",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "seedphrase",
    "mnemonic",
    "credential",
    "connectionstring",
];

/// What such a name ends in.
const ENDS: [&str; 3] = ["token", "authtokens", "authorization"];

/// Whether what has that name is a secret.
#[must_use]
pub(crate) fn is_secret(name: &str) -> bool {
    // As variables of the environment are called.
    if name.ends_with("_KEY") {
        return true;
    }
    let name = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
    let name = name.collect::<String>();
    WORDS.iter().any(|word| name.contains(word)) || ENDS.iter().any(|end| name.ends_with(end))
}

/// The configuration as it may be shown.
#[must_use]
pub(crate) fn hidden(mut config: Map<String, Value>) -> Map<String, Value> {
    each_secret(&mut config, &mut |secret| *secret = Value::String(HIDDEN.to_owned()));
    config
}

/// Seals what is secret and not sealed yet.
pub(super) fn seal(config: &mut Map<String, Value>, secrets: &Secrets) {
    each_secret(config, &mut |secret| {
        let sealed = match &*secret {
            Value::String(text) => secrets.seal(text),
            other => secrets.seal(&other.to_string()),
        };
        *secret = Value::String(sealed);
    });
}

fn each_secret(config: &mut Map<String, Value>, change: &mut impl FnMut(&mut Value)) {
    for (name, value) in config {
        visit(value, is_secret(name), change);
    }
}

/// All that lies below the name of a secret is secret, whatever it is called itself.
fn visit(value: &mut Value, is_within: bool, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                visit(value, is_within || is_secret(name), change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, is_within, change)),
        Value::String(text) if is_within && !text.is_empty() => change(value),
        Value::Number(_) if is_within => change(value),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Puts back what a patch was shown of the secrets that are kept; what stands for none is left out.
pub(super) fn restore(patch: &mut Map<String, Value>, kept: &Map<String, Value>) {
    patch.retain(|name, value| put_back(value, kept.get(name)));
}

/// Answers whether there is anything to be kept of the value.
fn put_back(value: &mut Value, kept: Option<&Value>) -> bool {
    match value {
        Value::String(text) if text == HIDDEN => match kept {
            Some(kept) => {
                value.clone_from(kept);
                true
            }
            None => false,
        },
        Value::Object(fields) => {
            fields.retain(|name, value| put_back(value, kept.and_then(|kept| kept.get(name))));
            true
        }
        Value::Array(items) => {
            let mut place = 0_usize;
            items.retain_mut(|item| {
                let kept = kept.and_then(|kept| kept.get(place));
                place = place.saturating_add(1);
                put_back(item, kept)
            });
            true
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for (name, expected) in [
            ("OPENAI_API_KEY", true),
            ("apiKey", true),
            ("botToken", true),
            ("MILADY_API_TOKEN", true),
            ("SOLANA_PRIVATE_KEY", true),
            ("clientSecret", true),
            ("secrets", true),
            ("Authorization", true),
            ("db_password", true),
            ("maxTokens", false),
            ("ENCRYPTION_KEY", true),
            ("envKey", false),
            ("keyPrefix", false),
            ("tokenizer", false),
            ("theme", false),
        ] {
            assert_eq!(is_secret(name), expected, "{name}");
        }
    }

    #[test]
    fn secrets_are_hidden_at_every_depth_and_put_back() {
        let kept = json!({
            "env": {"A": "k", "A_API_KEY": "k", "EMPTY_TOKEN": ""},
            "list": [{"token": "t", "n": 1}, {"token": "u"}],
            "secrets": {"deep": {"x": "s", "pin": 42, "on": true}},
        });
        let kept = kept.as_object().unwrap().clone();
        let mut shown = hidden(kept.clone());
        assert_eq!(
            Value::Object(shown.clone()),
            json!({
                "env": {"A": "k", "A_API_KEY": HIDDEN, "EMPTY_TOKEN": ""},
                "list": [{"token": HIDDEN, "n": 1}, {"token": HIDDEN}],
                "secrets": {"deep": {"x": HIDDEN, "pin": HIDDEN, "on": true}},
            })
        );
        restore(&mut shown, &kept);
        assert_eq!(shown, kept);

        let mut patch = json!({"new": {"token": HIDDEN, "a": [HIDDEN, 1]}, "x": HIDDEN});
        let patch = patch.as_object_mut().unwrap();
        restore(patch, &kept);
        assert_eq!(Value::Object(patch.clone()), json!({"new": {"a": [1]}}));
    }
}
