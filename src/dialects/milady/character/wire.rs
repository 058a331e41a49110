//! A character as this dialect writes it. Talks of the examples are objects here, and lists elsewhere.

use greenroom_actors::character::Character;
use serde_json::{Map, Value, json};

/// What clients are shown, in this order; what the character does not have is absent.
const SHOWN: [&str; 9] = [
    "name",
    "username",
    "bio",
    "system",
    "adjectives",
    "topics",
    "style",
    "postExamples",
    "messageExamples",
];

/// What clients are shown of a character.
pub(super) fn shown(character: &Character) -> Map<String, Value> {
    let whole = serde_json::to_value(character).unwrap_or_default();
    let mut shown = Map::new();
    for key in SHOWN {
        let Some(value) = whole.get(key).cloned() else { continue };
        let value = match (key, value) {
            ("messageExamples", Value::Array(talks)) => {
                let talks = talks.iter().filter_map(Value::as_array);
                talks.map(|talk| json!({"examples": said(talk)})).collect()
            }
            (_, value) => value,
        };
        shown.insert(key.to_owned(), value);
    }
    shown
}

/// What is said in a talk, as clients write it: who says it is a name here, and a user elsewhere.
fn said(talk: &[Value]) -> Vec<Value> {
    let said = talk.iter().filter_map(|said| {
        let name = said.get("name").or_else(|| said.get("user"))?.as_str()?;
        let content = said.get("content")?;
        let mut shown = json!({"text": content.get("text")?.as_str()?});
        if let (Some(actions), Some(shown)) = (content.get("actions"), shown.as_object_mut()) {
            shown.insert("actions".to_owned(), actions.clone());
        }
        Some(json!({"name": name, "content": shown}))
    });
    said.collect()
}

/// What a body, which is sound, changes of a character.
pub(super) fn patch(mut body: Map<String, Value>) -> Map<String, Value> {
    if let Some(bio @ Value::String(_)) = body.get_mut("bio") {
        *bio = Value::Array(vec![bio.take()]);
    }
    if let Some(Value::Array(talks)) = body.get_mut("messageExamples") {
        for talk in talks {
            if let Some(examples) = talk.get_mut("examples") {
                *talk = examples.take();
            }
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_set_again() {
        let talk = json!([{"name": "{{user1}}", "content": {"text": "hi"}}]);
        let kept = json!([{"user": "{{user1}}", "content": {"text": "hi", "source": "x"}}]);
        let character: Character = serde_json::from_value(json!({
            "name": "Ada", "bio": ["Counts."], "style": {"all": ["brief"]},
            "messageExamples": [kept], "settings": {"secrets": {"KEY": "x"}}, "plugins": ["p"],
        }))
        .unwrap();
        let shown = shown(&character);
        assert_eq!(
            Value::Object(shown.clone()),
            json!({
                "name": "Ada", "bio": ["Counts."], "style": {"all": ["brief"]},
                "messageExamples": [{"examples": talk}],
            })
        );
        let patch = patch(shown);
        assert_eq!(patch["messageExamples"], json!([talk]));
        let one = json!({"bio": "One text."}).as_object().cloned().unwrap();
        assert_eq!(super::patch(one)["bio"], json!(["One text."]));
    }
}
