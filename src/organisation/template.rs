//! Texts with places for what an event brings: `{{payload.name}}`.

use serde_json::Value;

const BEGIN: &str = "{{payload.";
const END: &str = "}}";

/// The text with every place filled that the payload has something for; the others stay as they are.
/// At most `bytes_max` bytes of it.
pub(super) fn filled(template: &str, payload: &Value, bytes_max: usize) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once(BEGIN) {
        text.push_str(before);
        let place = behind.split_once(END).filter(|(path, _)| is_path(path));
        match place {
            Some((path, after)) => {
                match found(payload, path) {
                    Some(value) => text.push_str(&value),
                    None => text.push_str(&format!("{BEGIN}{path}{END}")),
                }
                rest = after;
            }
            None => {
                text.push_str(BEGIN);
                rest = behind;
            }
        }
        if text.len() > bytes_max {
            break;
        }
    }
    if text.len() <= bytes_max {
        text.push_str(rest);
    }
    let cut = (0..=bytes_max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or(0));
    text
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && path.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// What lies at a path, as text.
fn found(payload: &Value, path: &str) -> Option<String> {
    let value = path.split('.').try_fold(payload, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })?;
    Some(match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_filled_and_what_is_none_stays() {
        let payload =
            json!({"a": "x", "n": 3, "deep": {"er": [true, {"b": null}]}, "t": "{{payload.a}}"});
        for (template, expected) in [
            ("", ""),
            ("no place", "no place"),
            ("{{payload.a}}", "x"),
            ("<{{payload.a}}|{{payload.n}}>", "<x|3>"),
            ("{{payload.deep.er.0}} {{payload.deep.er.1.b}}", "true null"),
            ("{{payload.deep}}", r#"{"er":[true,{"b":null}]}"#),
            ("{{payload.none}} {{payload.a.b}}", "{{payload.none}} {{payload.a.b}}"),
            (
                "{{payload.}} {{payload.a b}} {{payload.a",
                "{{payload.}} {{payload.a b}} {{payload.a",
            ),
            ("{{ payload.a }}", "{{ payload.a }}"),
            // What is filled in is not looked at again.
            ("{{payload.t}}", "{{payload.a}}"),
        ] {
            assert_eq!(filled(template, &payload, 1_000), expected, "{template}");
        }
    }

    #[test]
    fn no_text_is_longer_than_it_may_be() {
        let payload = json!({"a": "\u{e9}".repeat(100)});
        for most in [0, 1, 2, 3, 11, 1_000] {
            let text = filled(&"{{payload.a}}!".repeat(50), &payload, most);
            assert!(
                text.len() <= most && text.len() + 2 > most.min(50 * 201),
                "{most}: {}",
                text.len()
            );
        }
    }
}
