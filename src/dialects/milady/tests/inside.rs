//! What the dashboard shows of the inside: the log, the agent's parts, the audit.

use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{bare, stage};
use crate::telemetry::LogLine;

const NONE: Value = Value::Null;

#[actix_web::test]
async fn the_log_begins_with_the_start_and_names_its_sources_and_tags() {
    let stage = bare().await;
    let (status, logs) = stage.said("GET", "/api/logs", NONE).await;
    assert_eq!((status, &logs["sources"]), (200, &json!(["system"])));
    assert!(logs["entries"][0]["message"].as_str().unwrap().contains("started"));

    let now = stage.host.started_at;
    let lines = [("store", 30, None), ("runtime", 40, Some("Ada")), ("runtime", 50, None)];
    for (source, level, agent) in lines {
        let (agent_name, agent_id) = (agent.map(str::to_owned), agent.map(str::to_owned));
        let (time, msg) = (UnixMillis(now.0 + 5), "words".to_owned());
        stage.host.logs.push(LogLine {
            time,
            level,
            msg,
            source: source.into(),
            agent_name,
            agent_id,
        });
    }
    let (_, logs) = stage.said("GET", "/api/logs?source=runtime&tag=agent", NONE).await;
    assert_eq!(
        logs,
        json!({
            "entries": [{"timestamp": now.0 + 5, "level": "warn", "message": "words",
                "source": "runtime", "tags": ["agent", "Ada"]}],
            "sources": ["runtime", "store", "system"],
            "tags": ["Ada", "agent", "system"],
        })
    );
    let since = format!("/api/logs?since={}", now.0 + 1);
    assert_eq!(stage.get(&since).await.json()["entries"].as_array().unwrap().len(), 3);
    assert_eq!(
        stage.get("/api/logs?level=error").await.json()["entries"].as_array().unwrap().len(),
        1
    );
}

#[actix_web::test]
async fn the_runtime_tells_what_the_agent_is_made_of_and_none_of_its_secrets() {
    let stage = stage().await;
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    let secret = json!({"settings": {"secrets": {"KEY": "s3cret"}}}).as_object().unwrap().clone();
    stage.host.registry.revise(agent, secret).await.unwrap();
    let heard = stage.get("/api/runtime").await;
    assert!(!heard.text.contains("s3cret"));
    let runtime = heard.json();
    assert_eq!((heard.status, &runtime["runtimeAvailable"]), (200, &json!(true)));
    let meta = &runtime["meta"];
    assert_eq!((&meta["agentId"], &meta["agentState"]), (&json!(agent), &json!("running")));
    let actions = runtime["order"]["actions"].as_array().unwrap();
    assert!(!actions.is_empty());
    assert_eq!(meta["actionCount"], actions.len());
    assert_eq!(runtime["sections"]["actions"].as_array().unwrap().len(), actions.len());
    assert_eq!(actions[0]["index"], 0);
    assert_eq!(runtime["settings"]["maxDepth"], 10);

    let cut = stage.get("/api/runtime?depth=2&maxArrayLength=1").await.json();
    assert_eq!(cut["sections"]["actions"], json!(["…"]));
    assert_eq!(cut["order"]["actions"].as_array().unwrap().len(), actions.len());
}

#[actix_web::test]
async fn without_an_agent_the_runtime_is_empty() {
    let stage = bare().await;
    let (status, runtime) = stage.said("GET", "/api/runtime", NONE).await;
    assert_eq!((status, &runtime["runtimeAvailable"]), (200, &json!(false)));
    let meta = &runtime["meta"];
    assert_eq!((meta.get("agentId"), &meta["agentState"]), (None, &json!("not_started")));
    assert_eq!((&meta["model"], &meta["pluginCount"]), (&NONE, &json!(0)));
    for part in ["plugins", "actions", "providers", "evaluators", "services"] {
        assert_eq!(runtime["order"][part], json!([]), "{part}");
    }
}

#[actix_web::test]
async fn there_is_nothing_to_audit() {
    let stage = bare().await;
    let expected = json!({"entries": [], "totalBuffered": 0, "replayed": true});
    assert_eq!(stage.said("GET", "/api/security/audit", NONE).await, (200, expected));
}
