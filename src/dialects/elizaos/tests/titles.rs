//! Titles of what was said in channels.

use serde_json::{Value, json};

use super::support::{HUSH, NOBODY, Stage, stage};
use crate::dialects::elizaos::ElizaosSettings;

const USER: &str = "aaaaaaaa-0142-4000-8000-000000000142";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const API: &str = "/api/messaging";

/// A channel with an agent, in which these were said.
async fn talk(stage: &Stage, agent: &str, said: &[&str]) -> String {
    let body = json!({"name": "Ch", "message_server_id": ZERO, "type": "DM",
        "participantCentralUserIds": [USER, agent]});
    let (_, made) = stage.said("POST", &format!("{API}/channels"), body).await;
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    for content in said {
        let body = json!({"channel_id": id, "message_server_id": ZERO, "author_id": USER,
            "content": content, "source_type": "test", "raw_message": {}});
        assert_eq!(stage.said("POST", &format!("{API}/submit"), body).await.0, 201);
    }
    id
}

#[actix_web::test]
async fn a_title_is_made_of_what_was_said_and_is_a_run_of_the_agent() {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Golden").await;
    let id = talk(&stage, &agent, &["one", "two", "three", "four", "five"]).await;
    let path = format!("{API}/channels/{id}/generate-title");
    let short = json!("Not enough messages to generate a title");
    for (path, title, reason) in [
        (path.clone(), json!("A Title of 5"), Value::Null),
        (format!("{path}?limit=4"), json!("A Title of 4"), Value::Null),
        (format!("{path}?limit=3"), Value::Null, short.clone()),
        (format!("{path}?limit=0"), Value::Null, short.clone()),
        (format!("{path}?before=2020-01-01T00:00:00Z"), Value::Null, short.clone()),
        (path.replace("/channels/", "/central-channels/"), json!("A Title of 5"), Value::Null),
    ] {
        let (status, said) = stage.said("POST", &path, json!({"agentId": agent})).await;
        let data = &said["data"];
        assert_eq!((status, &data["title"], &data["reason"]), (200, &title, &reason), "{path}");
        assert_eq!(data["channelId"], json!(id));
    }
    let bare = format!("/messaging/channels/{id}/generate-title");
    assert_eq!(stage.send("POST", &bare, json!({"agentId": agent})).await.status, 200);

    let runs = stage.get(&format!("/api/agents/{agent}/runs")).await.json();
    let run = &runs["data"]["runs"][0];
    assert_eq!((&run["status"], &run["counts"]["modelCalls"]), (&json!("completed"), &json!(1)));
    let logs = stage.get(&format!("/api/agents/{agent}/logs?type=useModel:TEXT_SMALL")).await;
    let log = &logs.json()["data"][0]["body"];
    assert_eq!((&log["modelType"], &log["runId"]), (&json!("TEXT_SMALL"), &run["runId"]));
}

#[actix_web::test]
async fn each_reason_why_there_is_no_title_is_told() {
    let settings = ElizaosSettings { reply_timeout_s: 1, ..ElizaosSettings::default() };
    let stage = stage(settings).await;
    let (agent, idle) = (stage.running("Golden").await, stage.created("Idle").await);
    let id = talk(&stage, &agent, &["one", "two", "three", "!ignore"]).await;
    let failing = talk(&stage, &agent, &["one", "two", "three", "!fail"]).await;
    let hanging = talk(&stage, &agent, &["one", "two", "three", HUSH]).await;
    let refused = |status: u16, code: &str, message: &str| {
        (status, json!({"success": false, "error": {"code": code, "message": message}}))
    };
    for (channel, body, expected) in [
        (
            id.as_str(),
            json!({"agentId": agent}),
            (200, json!({"success": true, "data": {"title": null, "channelId": id}})),
        ),
        (
            &failing,
            json!({"agentId": agent}),
            refused(500, "PROCESSING_ERROR", "Failed to summarize channel"),
        ),
        (
            &id,
            json!({"agentId": NOBODY}),
            refused(404, "NOT_FOUND", "Agent not found or not active"),
        ),
        (&id, json!({"agentId": idle}), refused(404, "NOT_FOUND", "Agent not found or not active")),
        (&id, json!({}), refused(400, "BAD_REQUEST", "Valid agent ID is required")),
        ("x", json!({"agentId": agent}), refused(400, "INVALID_ID", "Invalid channel ID format")),
        (
            &hanging,
            json!({"agentId": agent}),
            refused(408, "TIMEOUT", "No answer in time; whether it was done is unknown"),
        ),
    ] {
        let path = format!("{API}/channels/{channel}/generate-title");
        assert_eq!(stage.said("POST", &path, body.clone()).await, expected, "{channel} {body}");
    }
}
