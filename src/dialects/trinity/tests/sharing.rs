//! Sharing: who else sees and uses an agent, and that its end is at once.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

const OWNER: &str = "owner@example.org";
const FRIEND: &str = "friend@example.org";

#[actix_web::test]
async fn who_an_agent_is_shared_with_uses_it_until_that_ends() {
    let site = Site::new().await;
    let owner = site.user(OWNER, Role::Creator).await;
    let friend = site.user(FRIEND, Role::Creator).await;
    site.agent(&owner, "mine").await;
    let status = async |method: &str, path: &str, body: Value| {
        site.call(&friend, method, path, body).await.0
    };
    let rows = [
        ("GET", "/api/agents/mine", Value::Null, 200, 403),
        ("GET", "/api/agents/mine/tags", Value::Null, 200, 403),
        ("GET", "/api/agents/mine/permissions", Value::Null, 200, 403),
        ("GET", "/api/agents/mine/notifications", Value::Null, 200, 403),
        ("GET", "/api/agents/mine/event-subscriptions", Value::Null, 200, 403),
        ("GET", "/api/agents/mine/voice/status", Value::Null, 200, 403),
        ("POST", "/api/agents/mine/stop", Value::Null, 200, 403),
        ("POST", "/api/agents/mine/start", Value::Null, 200, 403),
        // Not for those that it is shared with.
        ("GET", "/api/agents/mine/shares", Value::Null, 403, 403),
        ("POST", "/api/agents/mine/share", json!({"email": "x@y.z"}), 403, 403),
        ("DELETE", "/api/agents/mine/share/friend@example.org", Value::Null, 403, 403),
        ("PUT", "/api/agents/mine/tags", json!({"tags": []}), 403, 403),
        ("PUT", "/api/agents/mine/permissions", json!({"permitted_agents": []}), 403, 403),
        ("GET", "/api/agents/mine/public-links", Value::Null, 403, 403),
        ("DELETE", "/api/agents/mine", Value::Null, 403, 403),
    ];
    for (method, path, body, _, before) in rows.clone() {
        assert_eq!(status(method, path, body).await, before, "before: {method} {path}");
    }
    let (found, share) = site
        .call(
            &owner,
            "POST",
            "/api/agents/mine/share",
            json!({"email": " Friend@Example.org", "role": "x"}),
        )
        .await;
    assert_eq!(found, 200, "{share}");
    assert_eq!(share["shared_with_email"], FRIEND);
    assert_eq!((&share["agent_name"], &share["shared_by_email"]), (&json!("mine"), &json!(OWNER)));
    assert_eq!(share["allow_proactive"], false);
    for (method, path, body, shared, _) in rows.clone() {
        assert_eq!(status(method, path, body).await, shared, "shared: {method} {path}");
    }
    let (_, seen) = site.call(&friend, "GET", "/api/agents", Value::Null).await;
    assert_eq!((&seen[0]["name"], &seen[0]["is_shared"]), (&json!("mine"), &json!(true)));
    let (_, detail) = site.call(&friend, "GET", "/api/agents/mine", Value::Null).await;
    assert_eq!((&detail["shares"], &detail["can_share"]), (&json!([]), &json!(false)));
    // Their own agents may call it, as long as they may.
    site.agent(&friend, "theirs").await;
    let permission = "/api/agents/theirs/permissions/mine";
    let (_, added) = site.call(&friend, "POST", permission, Value::Null).await;
    assert_eq!(added["status"], "added");
    let ended =
        site.call(&owner, "DELETE", "/api/agents/mine/share/FRIEND@example.org", Value::Null).await;
    assert_eq!(ended, (200, json!({"message": "Sharing removed for friend@example.org"})));
    for (method, path, body, _, after) in rows {
        assert_eq!(status(method, path, body).await, after, "after: {method} {path}");
    }
    let (_, seen) = site.call(&friend, "GET", "/api/agents", Value::Null).await;
    assert_eq!(seen.as_array().unwrap().len(), 1);
    let theirs = site.stage.host.roster.find("theirs").await.unwrap().unwrap();
    assert!(theirs.entry.permits.is_empty());
    // No number is given twice.
    let (_, again) =
        site.call(&owner, "POST", "/api/agents/mine/share", json!({"email": FRIEND})).await;
    assert!(again["id"].as_u64() > share["id"].as_u64());
}

#[actix_web::test]
async fn shares_that_cannot_be_are_refused_in_the_words_of_the_contract() {
    let site = Site::new().await;
    let owner = site.user(OWNER, Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let key = site.agent_key("mine").await;
    let share = "/api/agents/mine/share";
    let email = |email: &str| json!({"email": email});
    assert_eq!(site.call(&key, "POST", share, email("by-key@example.org")).await.0, 200);
    assert_eq!(site.call(&site.admin, "POST", share, email("by-admin@example.org")).await.0, 200);
    for (token, method, path, body, status, words) in [
        (&owner, "POST", share, email(OWNER), 400, "yourself"),
        (
            &owner,
            "POST",
            share,
            email("By-Key@example.org"),
            409,
            "already shared with by-key@example.org",
        ),
        (&owner, "POST", share, email(""), 400, "email"),
        (&owner, "POST", share, email("a@b@c"), 400, "email"),
        (&owner, "POST", share, email(&format!("{}@b.c", "a".repeat(251))), 400, "254"),
        (&owner, "POST", share, json!({}), 422, "missing"),
        (&owner, "POST", "/api/agents/none/share", email("x@y.z"), 404, "Agent not found"),
        (&stranger, "POST", share, email("x@y.z"), 403, "Owner access required"),
        (&stranger, "POST", "/api/agents/none/share", email("x@y.z"), 404, "Agent not found"),
        (
            &owner,
            "DELETE",
            "/api/agents/mine/share/no@body.x",
            Value::Null,
            404,
            "No sharing found for no@body.x",
        ),
        (&stranger, "GET", "/api/agents/mine/shares", Value::Null, 403, "Owner access required"),
        (
            &owner,
            "PUT",
            "/api/agents/mine/shares/proactive",
            json!({"email": "x", "allow_proactive": true}),
            422,
            "email",
        ),
        (
            &owner,
            "PUT",
            "/api/agents/mine/shares/proactive",
            json!({"email": "x@y.z", "allow_proactive": true}),
            404,
            "x@y.z",
        ),
    ] {
        let (found, told) = site.refused(token, method, path, body.clone()).await;
        assert!(found == status && told.contains(words), "{method} {path} {body}: {found} {told}");
    }
    let proactive = json!({"email": "by-key@example.org", "allow_proactive": true});
    let (status, _) =
        site.call(&owner, "PUT", "/api/agents/mine/shares/proactive", proactive).await;
    assert_eq!(status, 200);
    let (_, told) =
        site.call(&owner, "GET", "/api/agents/mine/shares/proactive", Value::Null).await;
    assert_eq!(told, json!({"agent_name": "mine", "emails": ["by-key@example.org"]}));
    let (_, shares) = site.call(&owner, "GET", "/api/agents/mine/shares", Value::Null).await;
    let by: Vec<_> =
        shares.as_array().unwrap().iter().map(|share| &share["shared_by_email"]).collect();
    assert_eq!(by, [OWNER, "admin"]);
    // Whoever it is shared with may log in, as a user.
    let listed = site.stage.host.accounts.listed();
    let listed = listed.iter().find(|listed| listed.email == "by-key@example.org").unwrap();
    assert_eq!((listed.default_role, listed.source.as_str()), (Role::User, "agent_sharing"));
}

#[actix_web::test]
async fn tags_are_words_and_counted_among_what_is_seen() {
    let site = Site::new().await;
    let owner = site.user(OWNER, Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    site.agent(&owner, "other").await;
    site.agent(&stranger, "theirs").await;
    let path = "/api/agents/mine/tags";
    let tags = |tags: Value| json!({"agent_name": "mine", "tags": tags});
    for (method, at, body, expected) in [
        ("GET", path.to_owned(), Value::Null, json!([])),
        (
            "PUT",
            path.to_owned(),
            json!({"tags": [" Prod ", "prod", "", "b-1", "Übung"]}),
            json!(["b-1", "prod", "übung"]),
        ),
        ("POST", format!("{path}/Fast"), Value::Null, json!(["b-1", "fast", "prod", "übung"])),
        ("POST", format!("{path}/fast"), Value::Null, json!(["b-1", "fast", "prod", "übung"])),
        ("DELETE", format!("{path}/FAST"), Value::Null, json!(["b-1", "prod", "übung"])),
        ("DELETE", format!("{path}/absent"), Value::Null, json!(["b-1", "prod", "übung"])),
        ("GET", path.to_owned(), Value::Null, json!(["b-1", "prod", "übung"])),
    ] {
        let told = site.call(&owner, method, &at, body).await;
        assert_eq!(told, (200, tags(expected)), "{method} {at}");
    }
    let long = "x".repeat(51);
    for (token, method, at, body, status, words) in [
        (&owner, "POST", format!("{path}/%20"), Value::Null, 400, "empty"),
        (&owner, "POST", format!("{path}/{long}"), Value::Null, 400, "max 50"),
        (&owner, "POST", format!("{path}/a_b"), Value::Null, 400, "letters, numbers, and hyphens"),
        (&owner, "PUT", path.to_owned(), json!({"tags": ["ok", "a b"]}), 400, "a b"),
        (&owner, "PUT", path.to_owned(), json!({"tags": "x"}), 422, "list_type"),
        (&owner, "PUT", path.to_owned(), json!({}), 422, "missing"),
        (&stranger, "GET", path.to_owned(), Value::Null, 403, "Access denied to agent"),
        (&stranger, "PUT", path.to_owned(), json!({"tags": []}), 403, "Owner access required"),
        (&stranger, "GET", "/api/agents/none/tags".to_owned(), Value::Null, 404, "Agent not found"),
    ] {
        let (found, told) = site.refused(token, method, &at, body).await;
        assert!(found == status && told.contains(words), "{method} {at}: {found} {told}");
    }
    for (token, name, tag) in
        [(&owner, "other", "prod"), (&stranger, "theirs", "prod"), (&stranger, "theirs", "zz")]
    {
        let at = format!("/api/agents/{name}/tags/{tag}");
        assert_eq!(site.call(token, "POST", &at, Value::Null).await.0, 200);
    }
    let counts = async |token: &str| site.call(token, "GET", "/api/tags", Value::Null).await.1;
    assert_eq!(counts(&owner).await["tags"][0], json!({"tag": "prod", "count": 2}));
    assert_eq!(counts(&owner).await["tags"].as_array().unwrap().len(), 3);
    assert_eq!(counts(&site.admin).await["tags"][0], json!({"tag": "prod", "count": 3}));
    let (_, seen) = site.call(&owner, "GET", "/api/agents?tags=PROD", Value::Null).await;
    assert_eq!(seen.as_array().unwrap().len(), 2);
}
