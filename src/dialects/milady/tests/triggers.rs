//! Triggers, from their making to the end of their last run.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::ports::{MemoryQuery, VirtualClock};
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{AGENT, Stage, bare, stage, stage_with};
use crate::dialects::milady::MiladySettings;
use crate::dialects::stage::{NOBODY, Setting};

const NONE: Value = Value::Null;

async fn make(stage: &Stage, more: Value) -> Value {
    let mut said = json!({"instructions": "water the plants", "intervalMs": 60_000});
    said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, made) = stage.said("POST", "/api/triggers", said).await;
    assert_eq!(status, 201, "{made}");
    made["trigger"].clone()
}

fn at(trigger: &Value, rest: &str) -> String {
    format!("/api/triggers/{}{rest}", trigger["id"].as_str().unwrap())
}

#[actix_web::test]
async fn a_trigger_is_made_found_by_either_id_changed_and_removed() {
    let stage = stage().await;
    assert_eq!(stage.said("GET", "/api/triggers", NONE).await, (200, json!({"triggers": []})));
    let b = make(&stage, json!({"displayName": "b"})).await;
    let a = make(&stage, json!({"displayName": "A", "intervalMs": 90_000})).await;
    let (_, listed) = stage.said("GET", "/api/triggers", NONE).await;
    assert_eq!(listed, json!({"triggers": [a, b]}));

    let by_task = format!("/api/triggers/{}", a["taskId"].as_str().unwrap());
    for path in [at(&a, ""), by_task] {
        assert_eq!(stage.said("GET", &path, NONE).await, (200, json!({"trigger": a})));
    }
    let change = json!({"displayName": "z", "enabled": false});
    let (status, changed) = stage.said("PUT", &at(&a, ""), change).await;
    assert_eq!((status, &changed["trigger"]["displayName"]), (200, &json!("z")));
    assert_eq!(changed["trigger"]["enabled"], false);
    assert_eq!(stage.said("DELETE", &at(&a, ""), NONE).await, (200, json!({"ok": true})));
    assert_eq!(stage.said("DELETE", &at(&a, ""), NONE).await.0, 404);
}

#[actix_web::test]
async fn what_is_not_there_or_cannot_be_is_refused() {
    let stage = stage().await;
    let made = make(&stage, json!({})).await;
    let nobody = format!("/api/triggers/{NOBODY}");
    for (method, path, body, status) in [
        ("GET", nobody.clone(), NONE, 404),
        ("GET", "/api/triggers/x".to_owned(), NONE, 404),
        ("PUT", nobody.clone(), json!({}), 404),
        ("DELETE", nobody.clone(), NONE, 404),
        ("GET", format!("{nobody}/runs"), NONE, 404),
        ("POST", format!("{nobody}/execute"), NONE, 404),
        ("POST", "/api/triggers".to_owned(), json!([]), 400),
        ("POST", "/api/triggers".to_owned(), json!({}), 400),
        ("PUT", at(&made, ""), json!({"maxRuns": 0}), 400),
        ("PATCH", at(&made, ""), json!({}), 404),
        ("GET", at(&made, "/execute"), NONE, 404),
        ("GET", "/api/triggers/".to_owned(), NONE, 404),
    ] {
        let (found, body) = stage.said(method, &path, body).await;
        assert_eq!(found, status, "{method} {path}: {body}");
        assert!(body["error"].is_string(), "{body}");
    }
}

#[actix_web::test]
async fn one_that_is_like_an_enabled_one_is_refused() {
    let stage = stage().await;
    let made = make(&stage, json!({})).await;
    let again = json!({"instructions": "WATER  the plants", "intervalMs": 60_000});
    let (status, refused) = stage.said("POST", "/api/triggers", again.clone()).await;
    assert_eq!(status, 409, "{refused}");
    stage.said("PUT", &at(&made, ""), json!({"enabled": false})).await;
    assert_eq!(stage.said("POST", "/api/triggers", again).await.0, 201);
}

#[actix_web::test]
async fn a_creator_has_so_many_active_ones() {
    let settings = MiladySettings { triggers_active_max: 2, ..MiladySettings::default() };
    let stage = stage_with(Setting { primary: AGENT, ..Setting::default() }, settings).await;
    make(&stage, json!({"instructions": "a"})).await;
    make(&stage, json!({"instructions": "b", "enabled": false})).await;
    let active = make(&stage, json!({"instructions": "c"})).await;
    let more = json!({"instructions": "d", "intervalMs": 60_000});
    let (status, refused) = stage.said("POST", "/api/triggers", more).await;
    assert_eq!(status, 429, "{refused}");
    make(&stage, json!({"instructions": "d", "createdBy": "ada"})).await;
    stage.said("DELETE", &at(&active, ""), NONE).await;
    make(&stage, json!({"instructions": "e"})).await;
}

#[actix_web::test]
async fn one_that_is_executed_runs_at_once_and_its_history_tells() {
    let stage = stage().await;
    let made = make(&stage, json!({"enabled": false})).await;
    let (status, done) = stage.said("POST", &at(&made, "/execute"), NONE).await;
    assert_eq!((status, &done["ok"]), (200, &json!(true)), "{done}");
    let (result, record) = (&done["result"], &done["result"]["runRecord"]);
    assert_eq!((&result["status"], &result["taskDeleted"]), (&json!("success"), &json!(false)));
    assert_eq!((&record["source"], &record["taskId"]), (&json!("manual"), &made["taskId"]));
    assert!(record["finishedAt"].as_i64() >= record["startedAt"].as_i64());
    let trigger = &done["trigger"];
    assert_eq!((&trigger["runCount"], &trigger["lastStatus"]), (&json!(1), &json!("success")));
    assert!(trigger["lastRunAtIso"].is_string());

    stage.said("PUT", &at(&made, ""), json!({"instructions": "!fail"})).await;
    let (status, failed) = stage.said("POST", &at(&made, "/execute"), NONE).await;
    let result = &failed["result"];
    assert_eq!((status, &result["status"]), (200, &json!("error")), "{failed}");
    assert!(result["error"].is_string());
    assert_eq!(failed["trigger"]["lastStatus"], "error");

    let (_, history) = stage.said("GET", &at(&made, "/runs"), NONE).await;
    let runs: Vec<_> =
        history["runs"].as_array().unwrap().iter().map(|run| run["status"].clone()).collect();
    assert_eq!(runs, ["success", "error"]);
    let (_, health) = stage.said("GET", "/api/triggers/health", NONE).await;
    let last = failed["result"]["runRecord"]["finishedAt"].clone();
    assert_eq!(
        health,
        json!({"triggersEnabled": true, "activeTriggers": 0, "disabledTriggers": 1,
            "totalExecutions": 2, "totalFailures": 1, "totalSkipped": 0, "lastExecutionAt": last})
    );
}

#[actix_web::test]
async fn one_that_has_run_its_last_is_gone() {
    let stage = stage().await;
    let once = json!({"triggerType": "once", "scheduledAtIso": "2999-01-01"});
    for more in [once, json!({"maxRuns": 1})] {
        let made = make(&stage, more).await;
        let (status, done) = stage.said("POST", &at(&made, "/execute"), NONE).await;
        assert_eq!((status, &done["result"]["taskDeleted"]), (200, &json!(true)), "{done}");
        assert_eq!(done["trigger"], NONE);
        assert_eq!(stage.said("GET", &at(&made, ""), NONE).await.0, 404);
    }
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    assert!(stage.host.registry.triggers(agent).await.unwrap().is_empty());
}

#[actix_web::test]
async fn one_that_is_due_runs_by_itself_and_the_agent_remembers() {
    let clock = VirtualClock::at(UnixMillis(1_772_366_400_000));
    let setting = Setting { primary: AGENT, clock: Arc::new(clock.clone()), ..Setting::default() };
    let stage = stage_with(setting, MiladySettings::default()).await;
    let made = make(&stage, json!({"maxRuns": 2})).await;
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    let mut seconds = 0;
    while stage.said("GET", &at(&made, ""), NONE).await.0 == 200 {
        clock.advance(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 1_000, "it never ends");
    }
    let query = MemoryQuery::of(agent, 1_000);
    let memories = stage.host.registry.store().memories(query).await.unwrap();
    let told = memories.iter().filter(|memory| memory.text().contains("water the plants")).count();
    assert!(told >= 2, "{memories:?}");
}

#[actix_web::test]
async fn without_an_agent_or_switched_off_there_are_none() {
    let routes = [
        ("GET", "/api/triggers"),
        ("POST", "/api/triggers"),
        ("GET", "/api/triggers/x"),
        ("PUT", "/api/triggers/x"),
        ("DELETE", "/api/triggers/x"),
        ("GET", "/api/triggers/x/runs"),
        ("POST", "/api/triggers/x/execute"),
    ];
    let bare = bare().await;
    let settings = MiladySettings { triggers_enabled: false, ..MiladySettings::default() };
    let off = stage_with(Setting { primary: AGENT, ..Setting::default() }, settings).await;
    for (method, path) in routes {
        let (status, body) = bare.said(method, path, NONE).await;
        assert_eq!(status, 503, "{method} {path}");
        assert!(body["error"].as_str().unwrap().contains("not running"), "{body}");
        let (status, body) = off.said(method, path, NONE).await;
        assert_eq!(status, 503, "{method} {path}");
        assert!(body["error"].as_str().unwrap().contains("disabled"), "{body}");
    }
    assert_eq!(bare.get("/api/triggers/health").await.status, 503);
    let (status, health) = off.said("GET", "/api/triggers/health", NONE).await;
    assert_eq!((status, &health["triggersEnabled"]), (200, &json!(false)));
}

#[actix_web::test]
async fn a_paused_agent_executes_nothing() {
    let stage = stage().await;
    let made = make(&stage, json!({})).await;
    stage.said("POST", "/api/agent/pause", NONE).await;
    let (status, refused) = stage.said("POST", &at(&made, "/execute"), NONE).await;
    assert_eq!(status, 503, "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("paused"), "{refused}");
    assert_eq!(stage.said("GET", &at(&made, "/runs"), NONE).await.1, json!({"runs": []}));
}
