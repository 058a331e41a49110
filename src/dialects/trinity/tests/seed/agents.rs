//! Section 4, the list, creation and end of agents.

use actix_web::test::TestRequest;
use greenroom_actors::error::StoreError;
use serde_json::{Value, json};

use super::{ALL, Cast, Row, Who};
use crate::accounts::Role;
use crate::templates::{Templates, TemplatesSettings};

const AGENTS: &str = "/api/agents";

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|agent| agent["name"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn the_list_is_of_those_that_one_may_see() {
    let cast = Cast::new().await;
    let own = ["idle", "ada"];
    for who in ALL {
        if who == Who::Nobody {
            cast.told([(who, "GET", AGENTS, Value::Null, 401, "=Not authenticated")]).await;
            continue;
        }
        let (status, list) = cast.site.call(cast.token(who), "GET", AGENTS, Value::Null).await;
        let expected = match who {
            Who::Admin => vec!["idle", "ada", "theirs", "trinity-system"],
            Who::Stranger | Who::OtherKey => vec!["theirs"],
            _ => own.to_vec(),
        };
        assert_eq!((status, names(&list)), (200, expected), "{who:?}");
        for agent in list
            .as_array()
            .unwrap()
            .iter()
            .filter(|agent| own.iter().any(|it| agent["name"] == *it))
        {
            assert_eq!(agent["owner"], "owner@example.org");
            assert_eq!(agent["is_shared"], who == Who::Shared, "{who:?}");
            assert_eq!(agent["is_owner"], who.owns() && who != Who::Admin, "{who:?}");
            let status = if agent["name"] == "ada" { "running" } else { "stopped" };
            assert_eq!(agent["status"], status);
        }
    }
}

#[actix_web::test]
async fn the_list_is_narrowed_by_tags() {
    let cast = Cast::of(None, false).await;
    for (name, tags) in [("ada", json!(["red", "blue"])), ("idle", json!(["blue"]))] {
        cast.ok("PUT", &format!("/api/agents/{name}/tags"), json!({"tags": tags})).await;
    }
    for (query, expected) in [
        ("?tags=red", vec!["ada"]),
        ("?tags=%20RED%20,nothing", vec!["ada"]),
        ("?tags=red,blue", vec!["idle", "ada"]),
        ("?tags=", vec!["idle", "ada"]),
        ("?tags=,%20,", vec!["idle", "ada"]),
        ("?tags=green", vec![]),
        ("?unknown=x", vec!["idle", "ada"]),
        ("/?tags=red", vec!["ada"]),
    ] {
        let list = cast.ok("GET", &format!("{AGENTS}{query}"), Value::Null).await;
        assert_eq!(names(&list), expected, "{query}");
    }
}

#[actix_web::test]
async fn an_agent_is_created_by_those_who_may() {
    let cast = Cast::new().await;
    let operator = cast.site.user("operator@example.org", Role::Operator).await;
    for who in ALL {
        let name = format!("made-{who:?}").to_lowercase();
        let want = match who {
            Who::Nobody => (401, "=Not authenticated"),
            Who::Shared => (403, "'creator'"),
            _ => (200, ""),
        };
        cast.told([(who, "POST", AGENTS, json!({"name": name}), want.0, want.1)]).await;
    }
    let body = json!({"name": "x"});
    let refused = (403, "'creator'");
    cast.told_with(&operator, Who::Shared, ("POST", AGENTS, body), refused).await;
    let whole = json!({
        "name": " !!! a  b..c__d-- ", "type": "etl", "template": "business-assistant",
        "runtime": "gemini-cli", "runtime_model": "x", "resources": {"cpu": 4},
        "custom_instructions": "be brief", "github_repo": "Org/repo", "tools": ["web_search"],
        "base_image": "trinity-agent-base:1", "mcp_servers": [], "port": 40_000,
        "github_credential_id": null, "source_branch": "main", "source_mode": "yes",
        "full_capabilities": true, "unknown": 1,
    });
    let made = cast.ok("POST", AGENTS, whole).await;
    for (field, value) in [
        ("name", json!("a-b..c__d")),
        ("type", json!("etl")),
        ("status", json!("running")),
        ("port", json!(40_000)),
        ("resources", json!({"cpu": "4", "memory": "4g"})),
        ("template", json!("business-assistant")),
        ("runtime", json!("gemini-cli")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(made.as_object().unwrap().len(), 10, "{made}");
    let least = cast.ok("POST", AGENTS, json!({"name": "least", "type": null})).await;
    for (field, value) in [
        ("type", json!("business-assistant")),
        ("resources", json!({"cpu": "2", "memory": "4g"})),
        ("template", Value::Null),
        ("runtime", json!("claude-code")),
    ] {
        assert_eq!(least[field], value, "{field}");
    }
}

#[actix_web::test]
async fn each_refusal_of_creation_is_told() {
    let cast = Cast::of(None, false).await;
    let long = "x".repeat(64);
    cast.ok("POST", AGENTS, json!({"name": "ported", "port": 40_001})).await;
    let refused = |body: Value, status: u16, words: &'static str| -> Row<'static> {
        (Who::Owner, "POST", AGENTS, body, status, words)
    };
    let mut rows = vec![
        refused(Value::Null, 422, "missing|body"),
        refused(json!({}), 422, "missing|name"),
        refused(json!([]), 422, "model_attributes_type"),
        refused(json!({"name": 1}), 422, "string_type|name"),
        refused(json!({"name": null}), 422, "string_type|name"),
        refused(json!({"name": 1, "tools": "x"}), 422, "string_type|list_type"),
        refused(json!({"name": "n", "port": "x"}), 422, "int_parsing|port"),
        refused(json!({"name": "n", "source_mode": "perhaps"}), 422, "bool_parsing"),
        refused(json!({"name": ""}), 400, "at least one alphanumeric"),
        refused(json!({"name": "!!!"}), 400, "at least one alphanumeric"),
        refused(json!({"name": ".."}), 400, "at least one alphanumeric"),
        refused(json!({"name": long}), 400, "too long"),
        refused(json!({"name": "n", "runtime": "bash"}), 400, "runtime|bash"),
        refused(json!({"name": "n", "resources": []}), 400, "resources"),
        refused(json!({"name": "n", "resources": {"cpu": "3"}}), 400, "resources.cpu"),
        refused(json!({"name": "n", "resources": {"memory": "3g"}}), 400, "resources.memory"),
        refused(json!({"name": "n", "port": 1_023}), 400, "port"),
        refused(json!({"name": "n", "port": 65_536}), 400, "port"),
        refused(json!({"name": "n", "port": 40_001}), 409, "port"),
        refused(json!({"name": "n", "template": "local:nobody"}), 400, "local:nobody"),
        refused(json!({"name": "n", "template": "github:no-slash"}), 400, "github:"),
        refused(json!({"name": "n", "base_image": "evil:1"}), 403, "evil:1|not allowed"),
        refused(json!({"name": "ADA"}), 409, "=Agent already exists"),
        // Whether it is there is asked first.
        refused(json!({"name": "ada", "base_image": "evil:1"}), 409, "=Agent already exists"),
        // One that nobody else may know of is taken all the same.
        (Who::Stranger, "POST", AGENTS, json!({"name": "ada"}), 409, "=Agent already exists"),
        // The role comes before the shape.
        (Who::Shared, "POST", AGENTS, json!({}), 403, "'creator'"),
    ];
    for word in [
        "context-stats",
        "autonomy-status",
        "execution-stats",
        "slots",
        "sync-health",
        "permissions-edges",
        "deploy-local",
    ] {
        rows.push(refused(json!({"name": word}), 400, "reserved"));
    }
    cast.told(rows).await;
    // Nothing came of any of them.
    let list = cast.ok("GET", AGENTS, Value::Null).await;
    assert_eq!(names(&list), ["ported", "idle", "ada"]);
    for (sort, body, kind) in [
        ("application/json", "{\"name\": ", "json_invalid"),
        ("text/plain", "{\"name\": \"n\"}", "model_attributes_type"),
    ] {
        // What is no JSON is told even to those who are not known.
        let token = if kind == "json_invalid" { "nonsense" } else { &cast.owner };
        let request = TestRequest::post().uri(AGENTS).set_payload(body);
        let request = request.insert_header(("content-type", sort));
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        let heard = cast.site.stage.ask(request).await;
        assert_eq!((heard.status, &heard.json()["detail"][0]["type"]), (422, &json!(kind)));
    }
}

#[actix_web::test]
async fn a_repository_that_cannot_be_had_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let hub = format!("file://{}", folder.path().join("hub").display());
    for (git, url, status, words) in [
        ("/nowhere/git", "http://127.0.0.1:1", 501, "git|not installed"),
        ("git", "http://127.0.0.1:1", 502, "github:owner/repo|could not be cloned"),
        ("git", &hub, 400, "owner/repo|not there"),
    ] {
        let settings = TemplatesSettings {
            git: git.into(),
            github_url: url.to_owned(),
            ..TemplatesSettings::default()
        };
        let cast = Cast::arranged(None, false, |host| {
            let (local, spool) = (folder.path().join("templates"), folder.path().join("clones"));
            let workspaces = host.workspaces.clone();
            host.templates = Templates::open(local, spool, &settings, None, workspaces).unwrap();
        });
        let body = json!({"name": "n", "template": "github:owner/repo"});
        let cast = cast.await;
        cast.told([
            (Who::Owner, "POST", AGENTS, body, status, words),
            (Who::Owner, "GET", "/api/agents/n", Value::Null, 404, "=Agent not found"),
        ])
        .await;
    }
}

#[actix_web::test]
async fn quotas_bound_what_one_owns() {
    let cast = Cast::of(None, false).await;
    let quotas = "/api/settings/agent-quotas";
    let set = async |count: u32| {
        let body = json!({"max_agents_creator": count});
        let (status, _) = cast.site.call(&cast.site.admin, "PUT", quotas, body).await;
        assert_eq!(status, 200);
    };
    set(2).await;
    let told = "QUOTA_EXCEEDED|\"current\":2|\"limit\":2";
    cast.told([
        (Who::Owner, "POST", AGENTS, json!({"name": "third"}), 429, told),
        (Who::Key, "POST", AGENTS, json!({"name": "third"}), 429, told),
        // Before the image is looked at, and after the name.
        (Who::Owner, "POST", AGENTS, json!({"name": "n", "base_image": "evil:1"}), 429, told),
        (Who::Owner, "POST", AGENTS, json!({"name": "ada"}), 409, "=Agent already exists"),
        // An administrator is not bound, nor the place of one that is gone.
        (Who::Admin, "POST", AGENTS, json!({"name": "third"}), 200, ""),
        (Who::Owner, "DELETE", "/api/agents/idle", Value::Null, 200, ""),
        (Who::Owner, "POST", AGENTS, json!({"name": "second"}), 200, ""),
    ])
    .await;
    // Nought is no bound.
    set(0).await;
    cast.told([(Who::Owner, "POST", AGENTS, json!({"name": "fourth"}), 200, "")]).await;
}

#[actix_web::test]
async fn one_agent_is_told_in_detail_to_those_who_may() {
    let cast = Cast::of(None, false).await;
    for who in ALL.into_iter().filter(|who| who.uses()) {
        let (status, ada) =
            cast.site.call(cast.token(who), "GET", "/api/agents/ada", Value::Null).await;
        assert_eq!(status, 200, "{who:?}");
        for (field, value) in [
            ("name", json!("ada")),
            ("owner", json!("owner@example.org")),
            ("is_owner", json!(who.owns() && who != Who::Admin)),
            ("is_shared", json!(who == Who::Shared)),
            ("is_system", json!(false)),
            ("can_share", json!(who.owns())),
            ("can_delete", json!(who.owns())),
            ("autonomy_enabled", json!(false)),
            ("read_only_enabled", json!(false)),
            ("tags", json!([])),
            ("github_repo", Value::Null),
            ("memory_limit", Value::Null),
            ("cpu_limit", Value::Null),
            ("avatar_url", Value::Null),
        ] {
            assert_eq!(ada[field], value, "{who:?} {field}");
        }
        let shares = ada["shares"].as_array().unwrap().len();
        assert_eq!(shares, usize::from(who.owns()), "{who:?}");
    }
    // Names are matched as they are.
    cast.told([
        (Who::Owner, "GET", "/api/agents/Ada", Value::Null, 404, "=Agent not found"),
        (Who::Owner, "GET", "/api/agents/%61da", Value::Null, 200, ""),
        (Who::Owner, "GET", "/api/agents/ada/", Value::Null, 200, ""),
        (Who::Owner, "PATCH", "/api/agents/ada", Value::Null, 405, "=Method Not Allowed"),
    ])
    .await;
}

#[actix_web::test]
async fn an_agent_is_gone_at_once_and_its_name_free() {
    let cast = Cast::of(None, false).await;
    let system = "System agents cannot be deleted";
    let rows: Vec<Row<'_>> = [Who::Stranger, Who::Shared, Who::Owner, Who::Admin, Who::Key]
        .map(|who| (who, "DELETE", "/api/agents/trinity-system", Value::Null, 403, system))
        .into();
    cast.told(rows).await;
    let ended = cast.ok("DELETE", "/api/agents/ada", Value::Null).await;
    assert_eq!(ended, json!({"message": "Agent ada deleted"}));
    cast.told([
        (Who::Owner, "GET", "/api/agents/ada", Value::Null, 404, "=Agent not found"),
        (Who::Owner, "DELETE", "/api/agents/ada", Value::Null, 403, "permission to delete"),
        (Who::Admin, "DELETE", "/api/agents/ada", Value::Null, 404, "=Agent not found"),
        // With the agent goes its key.
        (Who::Key, "GET", AGENTS, Value::Null, 401, "=Could not validate credentials"),
        (Who::Stranger, "POST", AGENTS, json!({"name": "ada"}), 200, ""),
        (Who::Shared, "GET", "/api/agents/ada", Value::Null, 403, "=Access denied to agent"),
    ])
    .await;
}

#[actix_web::test]
async fn what_cannot_be_stored_did_not_happen() {
    let cast = Cast::of(None, false).await;
    for (method, path, body, words) in [
        ("POST", AGENTS, json!({"name": "new"}), "=Failed to create agent"),
        ("POST", "/api/agents/idle/start", Value::Null, "=Failed to start agent"),
        ("POST", "/api/agents/ada/stop", Value::Null, "=Failed to stop agent"),
        ("PUT", "/api/agents/ada/rename", json!({"new_name": "eve"}), "=Storage failed"),
    ] {
        let disk = StoreError::Failed("a disk".to_owned());
        cast.site.stage.store.fail_next_commit(disk);
        cast.told([(Who::Owner, method, path, body, 500, words)]).await;
    }
    let list = cast.ok("GET", AGENTS, Value::Null).await;
    let seen: Vec<_> =
        list.as_array().unwrap().iter().map(|it| (&it["name"], &it["status"])).collect();
    let (idle, ada) = ((&json!("idle"), &json!("stopped")), (&json!("ada"), &json!("running")));
    assert_eq!(seen, [idle, ada]);
    cast.told([
        (Who::Owner, "POST", AGENTS, json!({"name": "new"}), 200, ""),
        (Who::Owner, "POST", "/api/agents/idle/start", Value::Null, 200, ""),
        (Who::Owner, "POST", "/api/agents/ada/stop", Value::Null, 200, ""),
        (Who::Owner, "PUT", "/api/agents/ada/rename", json!({"new_name": "eve"}), 200, ""),
    ])
    .await;
}
