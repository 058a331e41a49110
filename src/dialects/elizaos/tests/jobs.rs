//! Jobs.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::ports::VirtualClock;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{NOBODY, stage, stage_at};
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;
const USER: &str = "aaaaaaaa-0301-4000-8000-000000000301";
const API: &str = "/api/messaging/jobs";

#[actix_web::test]
async fn a_job_is_answered_or_runs_out_of_time() {
    let clock = VirtualClock::at(UnixMillis(1_700_000_000_000));
    let stage = stage_at(ElizaosSettings::default(), Arc::new(clock.clone())).await;
    let agent = stage.running("Golden").await;
    let body = json!({"agentId": "", "userId": USER, "content": "what is up", "timeoutMs": 5000,
        "metadata": {"source": "test"}});
    let (status, made) = stage.said("POST", API, body).await;
    assert_eq!((status, &made["status"]), (201, &json!("processing")));
    assert_eq!(made["expiresAt"], json!(1_700_000_005_000_i64));
    clock.settle().await;
    let path = format!("{API}/{}", made["jobId"].as_str().unwrap());
    let job = stage.get(&path).await.json();
    assert_eq!((&job["status"], &job["agentId"]), (&json!("completed"), &json!(agent)), "{job}");
    assert_eq!(job["result"]["message"]["content"], "echo: what is up");
    assert_eq!(
        (&job["prompt"], &job["metadata"]),
        (&json!("what is up"), &json!({"source": "test"}))
    );
    assert!(job.get("success").is_none());

    let body = json!({"userId": USER, "content": "!ignore this", "timeoutMs": 1000});
    let (_, made) = stage.said("POST", API, body).await;
    let path = format!("{API}/{}", made["jobId"].as_str().unwrap());
    clock.settle().await;
    assert_eq!(stage.get(&path).await.json()["status"], "processing");
    clock.advance(Duration::from_secs(2)).await;
    let job = stage.get(&path).await.json();
    let words = "Job timed out waiting for agent response";
    assert_eq!((&job["status"], &job["error"]), (&json!("timeout"), &json!(words)));
    for (query, filtered) in [("", 2), ("?status=completed", 1), ("?limit=1", 1), ("?status=x", 2)]
    {
        let listed = stage.get(&format!("{API}{query}")).await.json();
        assert_eq!(
            (&listed["total"], &listed["filtered"]),
            (&json!(2), &json!(filtered)),
            "{query}"
        );
    }
    let health = stage.get(&format!("{API}/health")).await.json();
    assert_eq!((&health["healthy"], &health["maxJobs"]), (&json!(true), &json!(10_000)));
    assert_eq!(health["metrics"]["successRate"], json!(0.5));
    assert_eq!(health["statusCounts"]["timeout"], 1);
    stage.host.messaging.sweep_jobs().await.unwrap();
}

#[actix_web::test]
async fn a_job_that_cannot_be_is_refused_in_the_recorded_words() {
    let stage = stage(ElizaosSettings::default()).await;
    let full = |key: &str, value: Value| {
        let mut body = json!({"userId": USER, "content": "x"});
        body[key] = value;
        body
    };
    let (status, body) = stage.said("POST", API, full("content", json!("x"))).await;
    let words = "No agents available on server";
    assert_eq!((status, &body["error"]["message"]), (404, &json!(words)));
    stage.running("Golden").await;
    for (body, status, words) in [
        (NONE, 400, "Request body must be an object"),
        (json!([]), 400, "Request body must be an object"),
        (json!({}), 400, "userId is required and must be a valid UUID string"),
        (full("agentId", json!(5)), 400, "agentId must be a valid UUID string"),
        (full("userId", NONE), 400, "userId is required and must be a valid UUID string"),
        (full("content", json!("")), 400, "content cannot be empty"),
        (full("content", json!(5)), 400, "content is required and must be a string"),
        (
            full("content", json!("x".repeat(50_001))),
            400,
            "content exceeds maximum length of 50000 characters",
        ),
        (full("userId", json!("x")), 400, "Invalid userId format (must be valid UUID)"),
        (full("agentId", json!("x")), 400, "Invalid agentId format (must be valid UUID)"),
        (full("agentId", json!(NOBODY)), 404, &format!("Agent {NOBODY} not found")),
        (full("metadata", json!("m")), 400, "metadata must be an object"),
        (
            full("metadata", json!({"b": "q".repeat(10_001)})),
            400,
            "metadata exceeds maximum size of 10000 bytes",
        ),
        (full("timeoutMs", json!(10)), 400, "timeoutMs must be at least 1000ms"),
        (full("timeoutMs", json!(300_001)), 400, "timeoutMs cannot exceed 300000ms"),
        (full("timeoutMs", json!(-1)), 400, "timeoutMs must be a positive number"),
        (full("timeoutMs", json!("5000")), 400, "timeoutMs must be a positive number"),
    ] {
        let (got, said) = stage.said("POST", API, body).await;
        assert_eq!((got, &said["error"]["message"]), (status, &json!(words)));
    }
    for id in ["x", NOBODY] {
        let (status, said) = stage.said("GET", &format!("{API}/{id}"), NONE).await;
        assert_eq!((status, &said["error"]["message"]), (404, &json!("Job not found")));
    }
}
