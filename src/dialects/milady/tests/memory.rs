//! What the agent is told to remember, and what it finds again.

use serde_json::{Value, json};

use super::support::{bare, stage};

#[actix_web::test]
async fn what_is_remembered_is_found_and_told() {
    let stage = stage().await;
    let text = "The teapot is in the attic";
    let body = json!({"text": format!(" {text} ")});
    let (status, kept) = stage.said("POST", "/api/memory/remember", body).await;
    assert_eq!(status, 200, "{kept}");
    let expected = json!({
        "ok": true, "id": kept["id"], "text": text, "createdAt": kept["createdAt"],
    });
    assert_eq!(kept, expected);
    assert!(kept["createdAt"].is_i64());
    stage.said("POST", "/api/memory/remember", json!({"text": "Looms count"})).await;
    let (status, found) = stage.said("GET", "/api/memory/search?q=teapot", Value::Null).await;
    assert_eq!(status, 200);
    let result = json!({
        "id": kept["id"], "text": text, "createdAt": kept["createdAt"],
        "score": found["results"][0]["score"],
    });
    assert!(result["score"].is_number());
    assert_eq!(found, json!({"query": "teapot", "count": 1, "results": [result], "limit": 10}));
    for (limit, expected) in [("3", 3), ("0", 10), ("x", 10), ("999", 50)] {
        let path = format!("/api/memory/search?q=teapot&limit={limit}");
        assert_eq!(stage.said("GET", &path, Value::Null).await.1["limit"], expected);
    }
    let (status, told) = stage.said("GET", "/api/context/quick?q=teapot", Value::Null).await;
    assert_eq!(status, 200, "{told}");
    let answer = format!("echo: What you know that may matter:\n- {text}\n\nteapot");
    let expected = json!({
        "query": "teapot", "answer": answer, "memories": [result], "knowledge": [],
    });
    assert_eq!(told, expected);
    let (_, told) = stage.said("GET", "/api/context/quick?q=zebra", Value::Null).await;
    assert_eq!((&told["answer"], &told["memories"]), (&json!("echo: zebra"), &json!([])));
}

#[actix_web::test]
async fn nothing_is_neither_remembered_nor_looked_for() {
    let (with, without) = (stage().await, bare().await);
    let long = "x".repeat(64 * 1024 + 1);
    for stage in [&with, &without] {
        for body in [json!({}), json!({"text": " "}), json!({"text": 5}), json!({"text": long})] {
            assert_eq!(stage.said("POST", "/api/memory/remember", body).await.0, 400);
        }
        for path in ["/api/memory/search", "/api/memory/search?q=%20", "/api/context/quick"] {
            let (status, answer) = stage.said("GET", path, Value::Null).await;
            assert_eq!((status, answer), (400, json!({"error": "q is required"})), "{path}");
        }
    }
    let no_agent = (503, json!({"error": "Agent is not running"}));
    let kept = without.said("POST", "/api/memory/remember", json!({"text": "x"})).await;
    assert_eq!(kept, no_agent);
    for path in ["/api/memory/search?q=x", "/api/context/quick?q=x"] {
        assert_eq!(without.said("GET", path, Value::Null).await, no_agent, "{path}");
    }
}
