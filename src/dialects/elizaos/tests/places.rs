//! Worlds, rooms and groups.

use greenroom_actors::ids::{AgentId, seen_by};
use serde_json::{Value, json};

use super::support::{NOBODY, stage};
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;
const SERVER: &str = "aaaaaaaa-0031-4000-8000-000000000031";
const WORLD: &str = "aaaaaaaa-0032-4000-8000-000000000032";

/// Takes from a room the times that it tells.
fn undated(room: &mut Value) {
    let room = room.as_object_mut().unwrap();
    let times = ["createdAt", "updatedAt"].map(|key| room.shift_remove(key).unwrap());
    assert!(times[0].is_i64() && times[0] == times[1]);
}

#[actix_web::test]
async fn an_agent_has_a_room_of_its_own_and_may_be_given_more() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Golden").await;
    let path = format!("/api/memory/{id}/rooms");
    let own = json!({"id": id, "name": "Golden", "channelId": id, "agentId": id,
        "messageServerId": id, "worldId": id, "type": "SELF", "source": "elizaos",
        "metadata": null, "serverId": id});
    let mut rooms = stage.get(&path).await.json()["data"]["rooms"].clone();
    undated(&mut rooms[0]);
    assert_eq!(rooms, json!([own]));

    let (status, made) = stage.said("POST", &path, json!({"name": "Room A"})).await;
    assert_eq!(status, 201);
    let room = made["data"].as_object().unwrap();
    let keys: Vec<_> = room.keys().map(String::as_str).collect();
    let all = ["id", "name", "agentId", "createdAt", "updatedAt", "source", "type", "worldId"];
    assert_eq!(keys, all);
    let mut one = stage.get(&format!("{path}/{}", room["id"].as_str().unwrap())).await.json();
    undated(&mut one["data"]);
    assert_eq!(
        one["data"],
        json!({"id": room["id"], "name": "Room A", "channelId": room["id"], "agentId": id,
            "messageServerId": null, "worldId": room["worldId"], "type": "DM",
            "source": "client", "metadata": null, "serverId": null,
            "worldName": "World for Room A"})
    );
    let full = json!({"name": "Room B", "type": "GROUP", "source": "test", "worldId": NOBODY,
        "messageServerId": SERVER, "metadata": {"k": "v"}});
    let (status, made) = stage.said("POST", &path, full).await;
    assert_eq!((status, &made["data"]["worldId"]), (201, &json!(NOBODY)));
    assert_eq!(made["data"]["metadata"], json!({"k": "v"}));
    assert_eq!(stage.get(&path).await.json()["data"]["rooms"].as_array().unwrap().len(), 3);

    let second = stage.get(&format!("{path}?offset=1&limit=1")).await.json();
    assert_eq!(second["data"]["rooms"].as_array().unwrap().len(), 1);

    let (status, said) = stage.said("POST", &path, json!({"type": "DM"})).await;
    let error = json!({"code": "MISSING_PARAM", "message": "Room name is required"});
    assert_eq!((status, &said["error"]), (400, &error));
    let (status, said) = stage.said("GET", &format!("{path}/{NOBODY}"), NONE).await;
    let error = json!({"code": "NOT_FOUND", "message": "Room not found"});
    assert_eq!((status, &said["error"]), (404, &error));
}

#[actix_web::test]
async fn worlds_are_made_changed_and_shared() {
    let stage = stage(ElizaosSettings::default()).await;
    assert_eq!(stage.get("/api/agents/worlds").await.status, 404);
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let path = format!("/api/agents/{ada}/worlds");
    let body = json!({"name": "Testland", "metadata": {"size": 3}});
    let (status, made) = stage.said("POST", &path, body).await;
    assert_eq!(status, 201);
    let world = &made["data"]["world"];
    assert_eq!((&world["name"], &world["metadata"]), (&json!("Testland"), &json!({"size": 3})));
    assert!(world["createdAt"].as_str().unwrap().ends_with('Z'));
    let id = world["id"].as_str().unwrap();
    let one = format!("{path}/{id}");
    for (patch, name, metadata) in [
        (json!({"name": "Newland"}), "Newland", json!({"size": 3})),
        (json!({"metadata": {"colour": "blue"}}), "Newland", json!({"size": 3, "colour": "blue"})),
        (
            json!({"settings": {"a": 1}}),
            "Newland",
            json!({"size": 3, "colour": "blue", "settings": {"a": 1}}),
        ),
        (
            json!({"settings": {"b": 2}}),
            "Newland",
            json!({"size": 3, "colour": "blue", "settings": {"a": 1, "b": 2}}),
        ),
    ] {
        let (status, said) = stage.said("PATCH", &one, patch).await;
        let world = &said["data"]["world"];
        assert_eq!((status, &world["name"], &world["metadata"]), (200, &json!(name), &metadata));
    }
    let read = stage.get(&one).await.json();
    assert_eq!(
        (&read["data"]["name"], &read["data"]["world"]["name"]),
        (&json!("Newland"), &json!("Newland"))
    );
    for agent in [&ada, &bob] {
        let path = format!("/api/agents/{agent}/worlds");
        let (status, said) = stage.said("POST", &path, json!({"worldId": id})).await;
        assert_eq!((status, &said["data"]["success"]), (200, &json!(true)));
        assert_eq!(said["data"]["world"]["agentId"], json!(agent));
        assert_eq!(stage.get(&format!("{path}/{id}")).await.status, 200);
    }
    let all = stage.get("/api/agents/worlds").await.json();
    assert_eq!(all["data"]["worlds"].as_array().unwrap().len(), 4);
    let (status, said) = stage.said("POST", &path, json!({})).await;
    let error = json!({"code": "BAD_REQUEST", "message": "World name is required"});
    assert_eq!((status, &said["error"]), (400, &error));
    for body in [json!({"worldId": NOBODY}), json!({"name": "x"})] {
        let method = if body.get("name").is_some() { "PATCH" } else { "POST" };
        let path = if method == "PATCH" { format!("{path}/{NOBODY}") } else { path.clone() };
        let (status, said) = stage.said(method, &path, body).await;
        let error = json!({"code": "NOT_FOUND", "message": "World not found"});
        assert_eq!((status, &said["error"]), (404, &error));
    }
}

#[actix_web::test]
async fn a_group_gives_each_member_its_room() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Golden").await;
    let agent: AgentId = id.parse().unwrap();
    let path = format!("/api/memory/groups/{SERVER}");
    let room = json!({"id": "f6176413-3215-0e52-97a6-b46a9707ca51", "name": "Group 1",
        "source": "client", "worldId": WORLD, "type": "API"});
    let body = json!({"name": "Group 1", "worldId": WORLD, "agentIds": [id], "metadata": {"a": 1}});
    let said = stage.said("POST", &path, body).await;
    assert_eq!(said, (201, json!({"success": true, "data": [room]})));
    let failed = json!({"agentId": NOBODY, "code": "CREATE_ERROR",
        "message": "Failed to Create group", "details": format!("Agent not found: {NOBODY}")});
    let body = json!({"name": "Group 1", "worldId": WORLD, "agentIds": [id, NOBODY]});
    let said = stage.said("POST", &path, body).await;
    assert_eq!(said, (207, json!({"success": false, "data": [room], "errors": [failed]})));
    let body = json!({"name": "Group 1", "worldId": WORLD, "agentIds": [NOBODY]});
    let said = stage.said("POST", &path, body).await;
    assert_eq!(said, (500, json!({"success": false, "error": [failed]})));
    for body in [json!({}), json!({"name": "x", "agentIds": []})] {
        let (status, said) = stage.said("POST", &path, body).await;
        let words = "agentIds must be a non-empty array";
        assert_eq!((status, &said["error"]["message"]), (400, &json!(words)));
    }
    let body = json!({"messageServerId": SERVER, "name": "All"});
    let (status, said) = stage.said("POST", &path, body).await;
    assert_eq!((status, &said["data"]["worldId"]), (201, &json!(SERVER)));
    assert_eq!(said["data"]["rooms"].as_array().unwrap().len(), 1);

    let room = seen_by(agent, SERVER).to_string();
    let memories = format!("/api/memory/{id}/memories");
    stage.send("POST", &memories, json!({"content": {"text": "x"}, "roomId": room})).await;
    let world = format!("/api/memory/groups/{SERVER}");
    let (status, said) = stage.said("DELETE", &format!("{world}/memories"), NONE).await;
    assert_eq!((status, &said["data"]), (200, &json!({"success": true, "deleted": 1})));
    assert_eq!(stage.get(&memories).await.json()["data"]["memories"], json!([]));
    assert_eq!(stage.get(&format!("/api/memory/{id}/rooms/{room}")).await.status, 200);
    assert_eq!(stage.send("DELETE", &world, NONE).await.status, 204);
    assert_eq!(stage.get(&format!("/api/memory/{id}/rooms/{room}")).await.status, 404);
    for path in ["/api/memory/groups/x", "/api/memory/groups/x/memories"] {
        let (status, said) = stage.said("DELETE", path, NONE).await;
        let words = "Invalid messageServerId (worldId) format";
        assert_eq!((status, &said["error"]["message"]), (400, &json!(words)));
    }
}
