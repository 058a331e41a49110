//! Streams of events, as recordings hold them: `{"$sse": [{"event", "data"}]}`.
//!
//! Where the pieces of an answer are cut says nothing; what they say together, and in which order
//! they are numbered, does.

use serde_json::{Map, Value, json};

/// What such an answer calls itself.
pub(crate) const TYPE: &str = "text/event-stream";

/// The events of a stream; comments, numbers and what is broken off are left out.
pub(crate) fn read(text: &str) -> Value {
    let frames = text.split_inclusive("\n\n").filter_map(|frame| frame.strip_suffix("\n\n"));
    let events = frames.filter_map(|frame| {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ")?;
        let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
        Some(json!({"event": field("event: "), "data": data}))
    });
    json!({"$sse": events.collect::<Vec<_>>()})
}

/// The same with the pieces of each message as one; anything else as it is.
pub(crate) fn joined(body: &Value) -> Value {
    let Some(events) = body.get("$sse").and_then(Value::as_array) else { return body.clone() };
    let mut joined = Vec::<Value>::new();
    for event in events {
        match joined.last_mut() {
            Some(last) if is_next_piece(last, event) => join(last, event),
            _ => joined.push(started(event)),
        }
    }
    for event in &mut joined {
        // How many there were says nothing either.
        event.as_object_mut().unwrap().shift_remove("pieces");
    }
    json!({"$sse": joined})
}

/// The first piece counts those that follow it in order.
fn started(event: &Value) -> Value {
    let mut event = event.clone();
    if event["event"] == "chunk" && event["data"]["index"] == 0 {
        event["data"]["index"] = json!("in order");
        event["pieces"] = json!(1);
    }
    event
}

fn is_next_piece(last: &Value, event: &Value) -> bool {
    event["event"] == "chunk"
        && last["pieces"].is_number()
        && last["pieces"] == event["data"]["index"]
        && last["data"]["messageId"] == event["data"]["messageId"]
}

fn join(last: &mut Value, event: &Value) {
    last["pieces"] = json!(last["pieces"].as_u64().unwrap() + 1);
    let more = event["data"].as_object().unwrap();
    let whole: &mut Map<String, Value> = last["data"].as_object_mut().unwrap();
    for key in ["chunk", "text"] {
        if let (Some(Value::String(whole)), Some(more)) = (whole.get_mut(key), more.get(key)) {
            whole.push_str(more.as_str().unwrap());
        }
    }
}

#[test]
fn pieces_are_joined_where_they_are_in_order() {
    let chunk = |id: &str, index: u32, text: &str| {
        format!(
            "event: chunk\ndata: {}\n\n",
            json!({"messageId": id, "chunk": text, "index": index})
        )
    };
    let whole =
        ": hello\n\n".to_owned() + &chunk("a", 0, "one ") + "id: 7\n" + &chunk("a", 1, "two");
    let events = &joined(&read(&whole))["$sse"];
    assert_eq!(
        *events,
        json!([{"event": "chunk",
                "data": {"messageId": "a", "chunk": "one two", "index": "in order"}}])
    );
    for broken in [
        chunk("a", 1, "x"),
        chunk("a", 0, "x") + &chunk("a", 2, "y"),
        chunk("a", 0, "x") + &chunk("b", 1, "y"),
    ] {
        let events = joined(&read(&broken));
        let last = events["$sse"].as_array().unwrap().last().unwrap().clone();
        assert!(last["data"]["index"].is_number(), "{events}");
    }
    assert_eq!(joined(&json!({"a": 1})), json!({"a": 1}));
}
