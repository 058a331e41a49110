//! Permissions between agents, and that the agents' own tools keep to them.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

#[actix_web::test]
async fn none_may_call_another_until_its_owner_says_so() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    for name in ["a", "b", "c"] {
        site.agent(&owner, name).await;
    }
    site.agent(&stranger, "theirs").await;
    let call = async |method: &str, path: &str, body: Value| {
        let (status, told) = site.call(&owner, method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {told}");
        told
    };
    let may = async |from: &str, to: &str| {
        let host = &site.stage.host;
        let ids = [host.roster.find(from).await, host.roster.find(to).await];
        let [from, to] = ids.map(|known| known.unwrap().unwrap().id);
        host.organisation.may_call(from, to).await.unwrap()
    };
    let told = call("GET", "/api/agents/a/permissions", Value::Null).await;
    assert_eq!((&told["source_agent"], &told["permitted_agents"]), (&json!("a"), &json!([])));
    assert_eq!(told["available_agents"].as_array().unwrap().len(), 2);
    assert!(!may("a", "b").await && !may("b", "a").await, "of one owner, and closed");
    let changed = |status: &str, target: &str| json!({"status": status, "source_agent": "a", "target_agent": target});
    for (method, target, status) in [
        ("POST", "b", "added"),
        ("POST", "b", "already_exists"),
        ("POST", "c", "added"),
        ("DELETE", "c", "removed"),
        ("DELETE", "c", "not_found"),
        ("DELETE", "none", "not_found"),
    ] {
        let path = format!("/api/agents/a/permissions/{target}");
        assert_eq!(
            call(method, &path, Value::Null).await,
            changed(status, target),
            "{method} {target}"
        );
    }
    assert!(may("a", "b").await && !may("b", "a").await && !may("a", "c").await);
    let edges = call("GET", "/api/agents/permissions-edges", Value::Null).await;
    assert_eq!(edges, json!({"edges": [{"source": "a", "target": "b"}]}));
    let (_, edges) =
        site.call(&stranger, "GET", "/api/agents/permissions-edges", Value::Null).await;
    assert_eq!(edges, json!({"edges": []}));
    let set =
        call("PUT", "/api/agents/a/permissions", json!({"permitted_agents": ["c", "c"]})).await;
    assert_eq!(set, json!({"status": "updated", "source_agent": "a", "permitted_count": 1}));
    let told = call("GET", "/api/agents/a/permissions", Value::Null).await;
    assert_eq!(
        told["permitted_agents"],
        json!([{"name": "c", "status": "running", "type": "business-assistant", "permitted": true}])
    );
    // Gone with the agent.
    call("DELETE", "/api/agents/c", Value::Null).await;
    assert_eq!(call("GET", "/api/agents/permissions-edges", Value::Null).await["edges"], json!([]));
    let put = |names: &[&str]| json!({"permitted_agents": names});
    for (token, method, path, body, status, words) in [
        (&owner, "POST", "/api/agents/a/permissions/a", Value::Null, 400, "itself"),
        (&owner, "POST", "/api/agents/a/permissions/none", Value::Null, 400, "does not exist"),
        (&owner, "POST", "/api/agents/a/permissions/theirs", Value::Null, 400, "does not exist"),
        (&site.admin, "POST", "/api/agents/a/permissions/none", Value::Null, 400, "does not exist"),
        (&owner, "PUT", "/api/agents/a/permissions", put(&["a"]), 400, "itself"),
        (
            &owner,
            "PUT",
            "/api/agents/a/permissions",
            put(&["b", "none"]),
            400,
            "'none' does not exist",
        ),
        (&owner, "PUT", "/api/agents/a/permissions", json!({}), 422, "missing"),
        (&stranger, "GET", "/api/agents/a/permissions", Value::Null, 403, "permission to access"),
        (
            &stranger,
            "GET",
            "/api/agents/none/permissions",
            Value::Null,
            403,
            "permission to access",
        ),
        (&site.admin, "GET", "/api/agents/none/permissions", Value::Null, 404, "Agent not found"),
        (&stranger, "PUT", "/api/agents/a/permissions", put(&[]), 403, "owner"),
        (&stranger, "PUT", "/api/agents/a/permissions", put(&[]), 403, "agent permissions"),
        (&stranger, "DELETE", "/api/agents/a/permissions/b", Value::Null, 403, "owner"),
    ] {
        let (found, told) = site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    assert_eq!(
        site.call(&site.admin, "POST", "/api/agents/a/permissions/theirs", Value::Null).await.0,
        200
    );
}

#[actix_web::test]
async fn agents_made_elsewhere_write_to_whom_they_did_before() {
    let site = Site::new().await;
    let host = &site.stage.host;
    for name in ["Ada", "Bob"] {
        let character = greenroom_actors::character::Character::named(name);
        host.registry.create(character).await.unwrap();
    }
    site.agent(&site.admin, "mine").await;
    let id = async |name: &str| host.roster.find(name).await.unwrap().unwrap().id;
    let (ada, bob, mine) = (id("ada").await, id("bob").await, id("mine").await);
    let may = async |from, to| host.organisation.may_call(from, to).await.unwrap();
    assert!(may(ada, bob).await && may(bob, ada).await, "a family");
    assert!(!may(ada, mine).await && !may(mine, ada).await);
    let (_, told) = site.call(&site.admin, "GET", "/api/agents/ada/permissions", Value::Null).await;
    let permitted: Vec<_> =
        told["permitted_agents"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(permitted, ["bob"]);
    // One more, and what it had stays.
    let path = "/api/agents/ada/permissions/mine";
    assert_eq!(site.call(&site.admin, "POST", path, Value::Null).await.0, 200);
    assert!(may(ada, mine).await && may(ada, bob).await && !may(mine, ada).await);
    let path = "/api/agents/ada/permissions/bob";
    assert_eq!(site.call(&site.admin, "DELETE", path, Value::Null).await.1["status"], "removed");
    assert!(!may(ada, bob).await);
}
