//! Notifications, views, and what agents tell one another.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

#[actix_web::test]
async fn what_an_agent_tells_is_seen_by_those_who_may() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let key = site.agent_key("mine").await;
    let new = |kind: &str, title: &str, priority: &str| json!({"notification_type": kind, "title": title, "priority": priority, "metadata": {"a": 1}});
    let (status, told) =
        site.call(&key, "POST", "/api/notifications", new("alert", "Fire", "urgent")).await;
    assert_eq!(status, 201, "{told}");
    let id = told["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("notif_") && id.len() == 22, "{id}");
    for (field, value) in [
        ("agent_name", json!("mine")),
        ("status", json!("pending")),
        ("priority", json!("urgent")),
        ("metadata", json!({"a": 1})),
        ("acknowledged_at", Value::Null),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    site.call(
        &key,
        "POST",
        "/api/notifications",
        json!({"notification_type": "info", "title": "b"}),
    )
    .await;
    let (_, own) =
        site.call(&owner, "POST", "/api/notifications", new("status", "own", "low")).await;
    assert_eq!(own["agent_name"], "owner@example.org");
    let titles = async |token: &str, query: &str| {
        let (status, told) =
            site.call(token, "GET", &format!("/api/notifications{query}"), Value::Null).await;
        assert_eq!(status, 200, "{query}: {told}");
        let list = told["notifications"].as_array().unwrap();
        assert_eq!(told["count"], list.len());
        let mut titles: Vec<_> =
            list.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        titles.join(" ")
    };
    for (token, query, expected) in [
        (&owner, "", "Fire b own"),
        (&site.admin, "", "Fire b own"),
        (&stranger, "", ""),
        (&owner, "?priority=urgent,low", "Fire own"),
        (&owner, "?agent_name=mine", "Fire b"),
        (&owner, "?status=acknowledged", ""),
        (&owner, "?limit=500", "Fire b own"),
    ] {
        assert_eq!(titles(token, query).await, expected, "{query}");
    }
    let count = async || {
        site.call(&owner, "GET", "/api/agents/mine/notifications/count", Value::Null).await.1
    };
    assert_eq!(count().await, json!({"agent_name": "mine", "pending_count": 2}));
    let path = format!("/api/notifications/{id}");
    let (status, told) =
        site.call(&owner, "POST", &format!("{path}/acknowledge"), Value::Null).await;
    assert_eq!((status, &told["status"], &told["id"]), (200, &json!("acknowledged"), &json!(id)));
    assert_eq!(count().await["pending_count"], 1);
    let (_, told) = site.call(&owner, "POST", &format!("{path}/dismiss"), Value::Null).await;
    assert_eq!(told["status"], "dismissed");
    let (_, told) = site
        .call(&owner, "GET", "/api/agents/mine/notifications?status=dismissed", Value::Null)
        .await;
    assert_eq!(told["count"], 1);
    let long = "x".repeat(201);
    for (token, method, path, body, status, words) in [
        (&key, "POST", "/api/notifications", new("shout", "a", "low"), 400, "notification_type"),
        (&key, "POST", "/api/notifications", new("alert", "a", "huge"), 400, "priority"),
        (&key, "POST", "/api/notifications", new("alert", &long, "low"), 400, "title"),
        (&key, "POST", "/api/notifications", json!({"title": "a"}), 422, "missing"),
        (&owner, "GET", "/api/notifications?status=x", Value::Null, 400, "status"),
        (
            &owner,
            "GET",
            "/api/notifications?priority=low,x",
            Value::Null,
            400,
            "Invalid priorities: x",
        ),
        (&owner, "GET", "/api/notifications?limit=501", Value::Null, 422, "less_than_equal"),
        (&owner, "GET", "/api/notifications?limit=0", Value::Null, 422, "greater_than_equal"),
        (
            &stranger,
            "GET",
            "/api/notifications?agent_name=mine",
            Value::Null,
            403,
            "Access denied to agent",
        ),
        (&stranger, "GET", &path, Value::Null, 403, "Access denied to agent"),
        (&stranger, "POST", &format!("{path}/dismiss"), Value::Null, 403, "Access denied to agent"),
        (
            &owner,
            "GET",
            "/api/notifications/notif_0000000000000000",
            Value::Null,
            404,
            "Notification not found",
        ),
        (&owner, "GET", "/api/notifications/x", Value::Null, 404, "Notification not found"),
        (
            &stranger,
            "GET",
            "/api/agents/mine/notifications",
            Value::Null,
            403,
            "Access denied to agent",
        ),
        (
            &stranger,
            "GET",
            "/api/agents/none/notifications/count",
            Value::Null,
            404,
            "Agent not found",
        ),
    ] {
        let (found, told) = site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    // Gone with the agent.
    site.call(&owner, "DELETE", "/api/agents/mine", Value::Null).await;
    assert_eq!(titles(&site.admin, "").await, "own");
}

#[actix_web::test]
async fn views_are_their_owners_and_shared_with_all_or_nobody() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::User).await;
    let other = site.user("other@example.org", Role::Creator).await;
    site.agent(&other, "a").await;
    site.call(&other, "POST", "/api/agents/a/tags/prod", Value::Null).await;
    let new = json!({"name": " Prod ", "filter_tags": ["Prod", "prod"], "color": "#8B5CF6"});
    let (status, view) = site.call(&other, "POST", "/api/system-views", new).await;
    assert_eq!(status, 201, "{view}");
    assert_eq!((&view["name"], &view["filter_tags"]), (&json!("Prod"), &json!(["prod"])));
    assert_eq!(
        (&view["agent_count"], &view["owner_email"]),
        (&json!(1), &json!("other@example.org"))
    );
    let path = format!("/api/system-views/{}", view["id"].as_str().unwrap());
    let count = async |token: &str| {
        let (_, views) = site.call(token, "GET", "/api/system-views", Value::Null).await;
        views["views"].as_array().unwrap().len()
    };
    assert_eq!((count(&other).await, count(&owner).await), (1, 0));
    let make = |name: &str, tags: Value| json!({"name": name, "filter_tags": tags});
    for (token, method, path, body, status, words) in [
        (&owner, "GET", path.as_str(), Value::Null, 403, "Access denied to this view"),
        (&owner, "PUT", &path, json!({}), 403, "Only the owner or admin can edit this view"),
        (&owner, "DELETE", &path, Value::Null, 403, "Only the owner or admin can delete this view"),
        (&owner, "GET", "/api/system-views/sv_x", Value::Null, 403, "Access denied to this view"),
        (&site.admin, "GET", "/api/system-views/sv_x", Value::Null, 404, "View not found"),
        (&owner, "POST", "/api/system-views", make(" ", json!(["a"])), 400, "name"),
        (
            &owner,
            "POST",
            "/api/system-views",
            make(&"x".repeat(101), json!(["a"])),
            400,
            "too long",
        ),
        (&owner, "POST", "/api/system-views", make("x", json!([])), 400, "filter tag"),
        (
            &owner,
            "POST",
            "/api/system-views",
            json!({"name": "x", "filter_tags": ["a"], "color": "red"}),
            400,
            "hex",
        ),
        (&owner, "POST", "/api/system-views", json!({"name": "x"}), 422, "missing"),
        (&other, "PUT", &path, json!({"name": ""}), 400, "name"),
        (&other, "PUT", &path, json!({"filter_tags": []}), 400, "filter tag"),
    ] {
        let (found, told) = site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    let (status, view) =
        site.call(&other, "PUT", &path, json!({"is_shared": true, "name": "P"})).await;
    assert_eq!((status, &view["name"], &view["color"]), (200, &json!("P"), &json!("#8B5CF6")));
    assert_eq!(count(&owner).await, 1);
    let (status, view) = site.call(&owner, "GET", &path, Value::Null).await;
    assert_eq!((status, &view["agent_count"]), (200, &json!(0)));
    let heard = site.send(&other, "DELETE", &path, Value::Null).await;
    assert_eq!((heard.status, heard.text.as_str()), (204, ""));
    assert_eq!(count(&other).await, 0);
}

#[actix_web::test]
async fn an_event_writes_to_those_that_have_subscribed_and_may_still() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    for name in ["source", "reader"] {
        site.agent(&owner, name).await;
    }
    let key = site.agent_key("source").await;
    let subscriptions = "/api/agents/reader/event-subscriptions";
    let new = |kind: &str| {
        let message = "Look at {{payload.report.name}}: {{payload.none}}";
        json!({"source_agent": "source", "event_type": kind, "target_message": message})
    };
    let refused = async |token: &str, method: &str, path: &str, body: Value| {
        site.refused(token, method, path, body).await
    };
    let (status, told) = refused(&owner, "POST", subscriptions, new("report.ready")).await;
    assert!(status == 403 && told.contains("Grant permission"), "{told}");
    site.call(&owner, "POST", "/api/agents/reader/permissions/source", Value::Null).await;
    let (status, made) = site.call(&owner, "POST", subscriptions, new("report.ready")).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["subscriber_agent"], &made["source_agent"]),
        (&json!("reader"), &json!("source"))
    );
    let path = format!("/api/event-subscriptions/{}", made["id"].as_str().unwrap());
    for (token, method, path, body, status, words) in [
        (&owner, "POST", subscriptions, new("report.ready"), 409, "already exists"),
        (&owner, "POST", subscriptions, new("report..ready"), 400, "dot-separated"),
        (&owner, "POST", subscriptions, json!({}), 422, "missing"),
        (&stranger, "POST", subscriptions, new("x"), 403, "Owner access required"),
        (&owner, "POST", "/api/agents/none/event-subscriptions", new("x"), 404, "Agent not found"),
        (&stranger, "GET", path.as_str(), Value::Null, 403, "Access denied to agent"),
        (&stranger, "PUT", &path, json!({}), 403, "Only the owner"),
        (&stranger, "DELETE", &path, Value::Null, 403, "Only the owner"),
        (
            &owner,
            "GET",
            "/api/event-subscriptions/esub_x",
            Value::Null,
            404,
            "Event subscription not found",
        ),
        (&owner, "PUT", &path, json!({"event_type": "a b"}), 400, "dot-separated"),
        (&key, "POST", "/api/events", json!({"event_type": "a-b"}), 400, "dot-separated"),
        (
            &stranger,
            "POST",
            "/api/agents/source/emit-event",
            json!({"event_type": "a"}),
            403,
            "Access denied to agent",
        ),
        (&stranger, "GET", "/api/agents/source/events", Value::Null, 403, "Access denied to agent"),
        (
            &stranger,
            "GET",
            "/api/events?source_agent=source",
            Value::Null,
            403,
            "Access denied to agent",
        ),
    ] {
        let (found, told) = refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    for (direction, at, expected) in [
        ("subscriber", "reader", 1),
        ("source", "reader", 0),
        ("source", "source", 1),
        ("both", "source", 1),
    ] {
        let at = format!("/api/agents/{at}/event-subscriptions?direction={direction}");
        assert_eq!(site.call(&owner, "GET", &at, Value::Null).await.1["count"], expected, "{at}");
    }
    let emit = async |kind: &str| {
        let body = json!({"event_type": kind, "payload": {"report": {"name": "Q3"}}});
        let (status, event) = site.call(&key, "POST", "/api/events", body).await;
        assert_eq!((status, &event["source_agent"]), (201, &json!("source")), "{event}");
        event["subscriptions_triggered"].as_u64().unwrap()
    };
    assert_eq!(emit("report.ready").await, 1);
    assert_eq!(emit("report.late").await, 0);
    let host = &site.stage.host;
    let id = async |name: &str| host.roster.find(name).await.unwrap().unwrap().id;
    let (source, reader) = (id("source").await, id("reader").await);
    let query = greenroom_actors::ports::MemoryQuery::of(reader, 10);
    let said = host.registry.store().memories(query).await.unwrap();
    let letter = said.iter().find(|memory| memory.content.get("hops").is_some()).unwrap();
    assert_eq!(letter.text(), "Look at Q3: {{payload.none}}");
    assert_eq!(letter.entity_id, source.into());
    // Not while it is off, and not once it may no longer.
    site.call(&owner, "PUT", &path, json!({"enabled": false})).await;
    assert_eq!(emit("report.ready").await, 0);
    site.call(&owner, "PUT", &path, json!({"enabled": true})).await;
    site.call(&owner, "DELETE", "/api/agents/reader/permissions/source", Value::Null).await;
    assert_eq!(emit("report.ready").await, 0);
    let (_, events) = site
        .call(&owner, "GET", "/api/agents/source/events?event_type=report.late", Value::Null)
        .await;
    assert_eq!(events["count"], 1);
    let (_, events) = site.call(&owner, "GET", "/api/events?limit=2", Value::Null).await;
    assert_eq!(events["count"], 2);
    assert_eq!(site.call(&stranger, "GET", "/api/events", Value::Null).await.1["count"], 0);
    let gone = site.call(&owner, "DELETE", &path, Value::Null).await;
    assert_eq!((gone.0, &gone.1["status"]), (200, &json!("deleted")));
    assert_eq!(site.call(&owner, "GET", &path, Value::Null).await.0, 404);
}
