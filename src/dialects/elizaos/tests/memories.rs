//! Memories under both prefixes.

use greenroom_actors::ids::{AgentId, seen_by};
use greenroom_actors::ports::VirtualClock;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{NOBODY, stage, stage_at};
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;
const CHANNEL: &str = "aaaaaaaa-0031-4000-8000-000000000031";

#[actix_web::test]
async fn a_memory_is_made_read_changed_and_forgotten() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    for prefix in ["/api/agents", "/api/memory", "/agents"] {
        let path = format!("{prefix}/{id}/memories");
        let body = json!({"type": "message", "content": {"text": "first"}, "roomId": CHANNEL,
            "entityId": NOBODY, "metadata": {"k": 1}});
        let (status, made) = stage.said("POST", &path, body).await;
        assert_eq!(status, 201, "{made}");
        let memory = &made["data"];
        assert_eq!((&memory["type"], &memory["unique"]), (&json!("messages"), &json!(true)));
        assert_eq!((&memory["roomId"], &memory["entityId"]), (&json!(CHANNEL), &json!(NOBODY)));
        let one = format!("{path}/{}", memory["id"].as_str().unwrap());
        let read = stage.get(&one).await.json();
        assert_eq!(read["data"]["memory"], *memory);
        let patch = json!({"id": NOBODY, "content": {"text": "second"}, "roomId": "odd"});
        let (status, patched) = stage.said("PATCH", &one, patch).await;
        assert_eq!((status, &patched["data"]["content"]["text"]), (200, &json!("second")));
        assert_eq!(patched["data"]["message"], "Memory updated successfully");
        assert_eq!(patched["data"]["id"], memory["id"]);
        for _ in 0..2 {
            let gone = stage.said("DELETE", &one, NONE).await;
            let words = json!({"message": "Memory deleted successfully", "success": true});
            assert_eq!(gone, (200, json!({"success": true, "data": words})));
        }
        assert_eq!(stage.get(&one).await.status, 404);
        let (status, patched) = stage.said("PATCH", &one, json!({"content": {}})).await;
        assert_eq!((status, patched["data"].as_object().unwrap().len()), (200, 2));
    }
}

#[actix_web::test]
async fn memories_are_listed_as_each_prefix_has_it() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    let agent: AgentId = id.parse().unwrap();
    let room = seen_by(agent, CHANNEL).to_string();
    let path = format!("/api/memory/{id}/memories");
    for number in 0..55 {
        let body = json!({"content": {"text": number.to_string()}, "roomId": room});
        stage.send("POST", &path, body).await;
    }
    stage.send("POST", &path, json!({"type": "facts", "content": {"text": "fact"}})).await;
    let count = async |path: String| {
        let body = stage.get(&path).await.json();
        (body["data"]["memories"].as_array().map(Vec::len), body["data"]["total"].clone())
    };
    let agents = format!("/api/agents/{id}/memories");
    assert_eq!(count(agents.clone()).await, (Some(50), json!(55)));
    assert_eq!(count(format!("{agents}?limit=5&offset=53")).await, (Some(2), json!(55)));
    assert_eq!(count(format!("{agents}?type=facts")).await, (Some(1), json!(1)));
    assert_eq!(count(format!("{agents}?type=message&room={NOBODY}")).await, (Some(0), json!(0)));
    assert_eq!(count(path.clone()).await, (Some(55), NONE));
    assert_eq!(count(format!("{path}?tableName=nonsense")).await, (Some(0), NONE));
    assert_eq!(count(format!("{path}?channelId={CHANNEL}")).await, (Some(55), NONE));
    assert_eq!(count(format!("{path}?roomId={room}")).await, (Some(55), NONE));
    assert_eq!(count(format!("{path}?before=1000")).await, (Some(0), NONE));
    let of_room = format!("/api/memory/{id}/rooms/{CHANNEL}/memories");
    assert_eq!(count(of_room.clone()).await.0, Some(20));
    assert_eq!(count(format!("{of_room}?limit=1")).await.0, Some(1));
    assert_eq!(count(format!("{of_room}?limit=abc")).await.0, Some(20));
    assert_eq!(count(format!("{of_room}?before=2000-01-01T00:00:00Z")).await.0, Some(0));
    let both = stage.get(&of_room).await.json();
    assert_eq!(both["data"]["data"], both["data"]["memories"]);
    assert!(both["data"]["memories"][0].get("embedding").is_none());
}

#[actix_web::test]
async fn forgetting_all_tells_how_many_and_may_name_a_channel() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    let agent: AgentId = id.parse().unwrap();
    let path = format!("/api/memory/{id}/memories");
    let seen = seen_by(agent, CHANNEL).to_string();
    let remember = async |room: &str| {
        let body = json!({"content": {"text": "x"}, "roomId": room});
        assert_eq!(stage.send("POST", &path, body).await.status, 201);
    };
    for room in [seen.as_str(), CHANNEL, &id] {
        remember(room).await;
    }
    let gone = stage.send("DELETE", &format!("{path}/all/{CHANNEL}"), NONE).await;
    let data = json!({"success": true, "deleted": 2});
    assert_eq!((gone.status, &gone.json()["data"]), (200, &data));
    let (status, said) = stage.said("DELETE", &path, NONE).await;
    assert_eq!((status, &said["data"]["deleted"]), (200, &json!(1)));
    let (_, said) = stage.said("DELETE", &path, NONE).await;
    assert_eq!(
        said["data"],
        json!({"deleted": 0, "message": "All agent memories cleared successfully"})
    );
    let (status, said) = stage.said("DELETE", &format!("{path}/all/{NOBODY}"), NONE).await;
    assert_eq!((status, &said["data"]["deleted"]), (200, &json!(0)));
}

#[actix_web::test]
async fn an_agent_that_does_not_run_is_not_there() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.created("Idle").await;
    let not_found = json!({"code": "NOT_FOUND", "message": "Agent not found"});
    for agent in [id.as_str(), NOBODY] {
        for (method, route, body) in [
            ("GET", "memories", NONE),
            ("GET", "memories/99999999-9999-4999-8999-999999999999", NONE),
            ("POST", "memories", json!({"content": {"text": "x"}})),
            ("PATCH", "memories/99999999-9999-4999-8999-999999999999", json!({"content": {}})),
            ("DELETE", "memories", NONE),
            ("DELETE", "memories/99999999-9999-4999-8999-999999999999", NONE),
            ("DELETE", "memories/all/99999999-9999-4999-8999-999999999999", NONE),
            ("GET", "rooms", NONE),
            ("POST", "rooms", json!({"name": "x"})),
            ("GET", "rooms/99999999-9999-4999-8999-999999999999", NONE),
            ("GET", "rooms/99999999-9999-4999-8999-999999999999/memories", NONE),
            ("GET", "logs", NONE),
            ("GET", "runs", NONE),
            ("GET", "panels", NONE),
            ("GET", "worlds", NONE),
            ("POST", "worlds", json!({"name": "x"})),
            ("PATCH", "worlds/99999999-9999-4999-8999-999999999999", json!({"name": "x"})),
        ] {
            let path = format!("/api/agents/{agent}/{route}");
            let (status, said) = stage.said(method, &path, body).await;
            assert_eq!((status, &said["error"]), (404, &not_found), "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn a_memory_tells_when_it_was_last_changed() {
    let clock = VirtualClock::at(UnixMillis(1_700_000_000_000));
    let stage = stage_at(ElizaosSettings::default(), std::sync::Arc::new(clock.clone())).await;
    let agent = stage.running("Ada").await;
    let path = format!("/api/agents/{agent}/memories");
    let (_, made) = stage.said("POST", &path, json!({"content": {"text": "old"}})).await;
    let (made_at, changed_at) = (1_700_000_000_000_i64, 1_700_000_005_000_i64);
    let path = format!("{path}/{}", made["data"]["id"].as_str().unwrap());
    for (content, updated_at) in [(None, made_at), (Some("new"), changed_at)] {
        if let Some(text) = content {
            clock.advance(std::time::Duration::from_secs(5)).await;
            let (status, _) = stage.said("PATCH", &path, json!({"content": {"text": text}})).await;
            assert_eq!(status, 200);
        }
        let found = stage.get(&path).await.json()["data"].clone();
        assert_eq!(
            (&found["createdAt"], &found["updatedAt"]),
            (&json!(made_at), &json!(updated_at))
        );
    }
}
