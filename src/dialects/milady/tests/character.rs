//! Who the agent is.

use serde_json::{Value, json};

use super::support::{bare, stage};

const PATH: &str = "/api/character";

#[actix_web::test]
async fn without_an_agent_there_is_a_character_of_nothing() {
    let stage = bare().await;
    let shown = stage.said("GET", PATH, Value::Null).await;
    assert_eq!(shown, (200, json!({"character": {}, "agentName": "Milady"})));
    let set = stage.said("PUT", PATH, json!({"name": "Ada"})).await;
    assert_eq!(set, (503, json!({"error": "Agent is not running"})));
    assert_eq!(stage.said("PUT", PATH, json!({"x": 1})).await.0, 422);
}

#[actix_web::test]
async fn what_is_set_is_shown_and_the_rest_stays() {
    let stage = stage().await;
    let (status, before) = stage.said("GET", PATH, Value::Null).await;
    assert_eq!((status, &before["agentName"]), (200, &json!("Milady")));
    let body = json!({
        "name": "Ada", "bio": "Counts.", "adjectives": ["brief"], "style": {"chat": ["kind"]},
        "messageExamples": [{"examples": [{"name": "Ada", "content": {"text": "hi"}}]}],
    });
    let (status, set) = stage.said("PUT", PATH, body.clone()).await;
    assert_eq!((status, set), (200, json!({"ok": true, "character": body, "agentName": "Ada"})));
    let (_, after) = stage.said("GET", PATH, Value::Null).await;
    assert_eq!(after["agentName"], "Ada");
    let shown = &after["character"];
    assert_eq!(shown["bio"], json!(["Counts."]));
    for key in ["name", "adjectives", "style", "messageExamples"] {
        assert_eq!(shown[key], body[key], "{key}");
    }
    for key in ["system", "postExamples"] {
        assert_eq!(shown[key], before["character"][key], "{key}");
    }
    assert!(shown.get("topics").is_none(), "{shown}");
    // Elsewhere talks of the examples are lists.
    let agent = stage.host.primary.agent().await.unwrap().unwrap();
    let examples = agent.character.message_examples.clone().unwrap();
    assert_eq!(examples, [json!([{"name": "Ada", "content": {"text": "hi"}}])]);
    let (_, status) = stage.said("GET", "/api/status", Value::Null).await;
    assert_eq!(status["agentName"], "Ada");
    let nothing = stage.said("PUT", PATH, json!({})).await;
    assert_eq!(nothing, (200, json!({"ok": true, "character": {}, "agentName": "Ada"})));
}

#[actix_web::test]
async fn what_is_no_character_is_refused_and_nothing_changes() {
    let stage = stage().await;
    let before = stage.said("GET", PATH, Value::Null).await;
    for (body, expected) in [
        (
            json!({"name": "Ada", "settings": {}}),
            json!([{"path": "settings", "message": "Unrecognized key: \"settings\""}]),
        ),
        (
            json!({"name": "", "bio": 5}),
            json!([
                {"path": "name", "message": "Too small: expected string to have >=1 characters"},
                {
                    "path": "bio",
                    "message": "Invalid input: expected an array, received a number",
                },
            ]),
        ),
    ] {
        let (status, answer) = stage.said("PUT", PATH, body).await;
        assert_eq!((status, answer), (422, json!({"ok": false, "validationErrors": expected})));
    }
    assert_eq!(stage.said("PUT", PATH, json!([])).await.0, 400);
    assert_eq!(stage.said("GET", PATH, Value::Null).await, before);
}
