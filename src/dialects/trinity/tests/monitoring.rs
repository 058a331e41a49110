//! Whether the agents are well.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

#[actix_web::test]
async fn agents_are_watched_for_those_who_may_see_them() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    for name in ["up", "down"] {
        site.agent(&owner, name).await;
    }
    site.call(&owner, "POST", "/api/agents/down/stop", Value::Null).await;
    let get = async |token: &str, path: &str| {
        let path = format!("/api/monitoring{path}");
        site.call(token, "GET", &path, Value::Null).await
    };
    let (status, told) = get(&owner, "/status").await;
    assert_eq!((status, &told["enabled"]), (200, &json!(true)));
    let summary = json!({
        "total_agents": 2, "healthy": 1, "degraded": 0, "unhealthy": 0, "critical": 0, "unknown": 1,
    });
    assert_eq!(told["summary"], summary);
    let up = told["agents"].as_array().unwrap().iter().find(|agent| agent["name"] == "up").unwrap();
    assert_eq!((&up["docker_status"], &up["runtime_available"]), (&json!("running"), &json!(true)));
    assert_eq!(up["last_check_at"], Value::Null, "nobody has checked it");
    assert_eq!(get(&stranger, "/status").await.1["summary"]["total_agents"], 0);
    assert_eq!(get(&owner, "/alerts").await.1, json!({"count": 0, "alerts": []}));

    for (method, path) in
        [("GET", "/agents/NAME"), ("GET", "/agents/NAME/history"), ("POST", "/agents/NAME/check")]
    {
        let path = format!("/api/monitoring{path}");
        for (token, name, status, words) in [
            (&stranger, "up", 403, "Access denied to agent"),
            (&stranger, "none", 404, "Agent not found"),
            (&owner, "none", 404, "Agent not found"),
        ] {
            let refused =
                site.refused(token, method, &path.replace("NAME", name), Value::Null).await;
            assert_eq!(refused, (status, words.to_owned()), "{path}");
        }
        let mine = path.replace("NAME", "up");
        assert_eq!(site.refused("", method, &mine, Value::Null).await.0, 401);
        assert_eq!(site.call(&owner, method, &mine, Value::Null).await.0, 200, "{path}");
    }
    let (_, told) = get(&owner, "/agents/up/history").await;
    assert_eq!((&told["count"], &told["checks"][0]["answered"]), (&json!(1), &json!(true)));
    let (_, told) = get(&owner, "/agents/up").await;
    assert_eq!((&told["status"], &told["restart_count"]), (&json!("healthy"), &json!(0)));
    assert!(told["last_check_at"].is_string());
    assert_eq!(get(&owner, "/agents/up/history?limit=x").await.0, 422);
}

#[actix_web::test]
async fn watching_is_switched_by_administrators_and_stays_so() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    for (path, enabled) in [("disable", false), ("enable", true)] {
        let path = format!("/api/monitoring/{path}");
        let (status, told) = site.call(&site.admin, "POST", &path, Value::Null).await;
        assert_eq!((status, &told["enabled"]), (200, &json!(enabled)));
        let (_, told) = site.call(&owner, "GET", "/api/monitoring/config", Value::Null).await;
        assert_eq!(told["enabled"], enabled);
    }
    let (_, told) = site.call(&site.admin, "POST", "/api/monitoring/check-all", Value::Null).await;
    assert_eq!((&told["checked"], &told["answered"]), (&json!(1), &json!(1)));
}
