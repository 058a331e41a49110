//! What clients send: events by their names and numbers.

use serde_json::{Map, Value};

/// elizaOS' number for joining a channel.
const JOIN: i64 = 1;

/// elizaOS' number for saying something.
const SEND: i64 = 2;

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    /// To listen to a channel.
    Join(Map<String, Value>),
    /// To say something.
    Send(Map<String, Value>),
    /// To watch the log.
    Logs(LogWish),
}

/// What a client wants of the log.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LogWish {
    /// To be sent its lines.
    Subscribe,
    /// No longer to be.
    Unsubscribe,
    /// To be sent only some.
    Filter(Map<String, Value>),
}

/// What an event asks for; nothing if it is not known or not whole, which elizaOS ignores.
pub(super) fn read(name: &str, data: Option<Value>) -> Option<Wish> {
    match name {
        "message" => {
            let Value::Object(mut message) = data? else { return None };
            let number = message.get("type")?.as_i64()?;
            numbered(number, message.remove("payload")?)
        }
        "1" => numbered(JOIN, data?),
        "2" => numbered(SEND, data?),
        "subscribe_logs" => Some(Wish::Logs(LogWish::Subscribe)),
        "unsubscribe_logs" => Some(Wish::Logs(LogWish::Unsubscribe)),
        "update_log_filters" => {
            let filters = match data {
                Some(Value::Object(filters)) => filters,
                _ => Map::new(),
            };
            Some(Wish::Logs(LogWish::Filter(filters)))
        }
        _ => None,
    }
}

fn numbered(number: i64, payload: Value) -> Option<Wish> {
    let Value::Object(payload) = payload else { return None };
    match number {
        JOIN => Some(Wish::Join(payload)),
        SEND => Some(Wish::Send(payload)),
        _ => None,
    }
}

/// A text that is not empty, under the first of these names that has one.
pub(super) fn word<'a>(payload: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| payload.get(*name)?.as_str());
    texts.into_iter().find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_and_what_is_none_is_ignored() {
        let payload = json!({"channelId": "c"});
        let fields = payload.as_object().cloned().unwrap();
        let join = Some(Wish::Join(fields.clone()));
        for (name, data, expected) in [
            ("message", Some(json!({"type": 1, "payload": payload})), join.clone()),
            ("message", Some(json!({"type": 2, "payload": payload})), Some(Wish::Send(fields))),
            ("1", Some(payload.clone()), join),
            ("message", Some(json!({"type": 3, "payload": payload})), None),
            ("message", Some(json!({"type": "1", "payload": payload})), None),
            ("message", Some(json!({"type": 2})), None),
            ("message", Some(json!("hello")), None),
            ("message", Some(Value::Null), None),
            ("message", None, None),
            ("2", Some(json!([])), None),
            ("typing", Some(payload), None),
            ("subscribe_logs", None, Some(Wish::Logs(LogWish::Subscribe))),
            (
                "update_log_filters",
                Some(Value::Null),
                Some(Wish::Logs(LogWish::Filter(Map::new()))),
            ),
        ] {
            assert_eq!(read(name, data.clone()), expected, "{name} {data:?}");
        }
    }
}
