//! What agents begin with, what they say of themselves, and the folders that they share.

use std::sync::Arc;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::files::Company;
use super::support::Site;
use crate::accounts::Role;
use crate::dialects::trinity::error::TrinityError;
use crate::runtimes::{Runtimes, RuntimesSettings};
use crate::workspace::Begin;

#[actix_web::test]
async fn an_agent_begins_with_its_template_and_says_what_it_is() {
    let company = Company::new().await;
    let site = &company.site;
    let folder = site.stage.folder().join("templates/helper");
    std::fs::create_dir_all(folder.join("content")).unwrap();
    std::fs::write(folder.join("content/start.md"), "begin").unwrap();
    let description = "name: helper\ntype: assistant\nresources: {cpu: 4, memory: 8g}\nruntime: gemini-cli\n\
        shared_folders: {expose: true}\nuse_cases: [one, {name: two, description: x}]\n\
        credentials: {mcp_servers: {mail: {env_vars: [KEY]}}}\n";
    std::fs::write(folder.join("template.yaml"), description).unwrap();
    let body = json!({"name": "helped", "template": "local:helper"});
    let (status, made) = site.call(&company.owner, "POST", "/api/agents", body).await;
    assert_eq!(status, 200, "{made}");
    for (field, value) in [
        ("type", json!("assistant")),
        ("resources", json!({"cpu": "4", "memory": "8g"})),
        ("runtime", json!("gemini-cli")),
        ("template", json!("local:helper")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    // What is asked for in so many words goes before the template.
    let body = json!({"name": "asked", "template": "local:helper", "resources": {"cpu": 8}});
    let (_, asked) = site.call(&company.owner, "POST", "/api/agents", body).await;
    assert_eq!(asked["resources"], json!({"cpu": "8", "memory": "8g"}));
    let get = async |path: &str| site.call(&company.owner, "GET", path, Value::Null).await;
    let (_, files) = get("/api/agents/helped/files?show_hidden=true").await;
    let all = files.to_string();
    for name in
        ["start.md", "template.yaml", ".trinity-initialized", "persistent-state.yaml", "shared-out"]
    {
        assert!(all.contains(name), "{name}: {all}");
    }
    let (_, info) = get("/api/agents/helped/info").await;
    for (field, value) in [
        ("has_template", json!(true)),
        ("template_path", json!("/home/developer/template.yaml")),
        ("agent_name", json!("helped")),
        ("name", json!("helper")),
        ("display_name", json!("helper")),
        ("tagline", json!("")),
        ("type", json!("assistant")),
        ("use_cases", json!(["one", {"name": "two", "description": "x"}])),
        ("mcp_servers", json!(["mail"])),
        ("commands", json!([])),
        ("avatar_prompt", Value::Null),
        ("status", json!("running")),
    ] {
        assert_eq!(info[field], value, "{field}");
    }
    // What the agent changed stays over a stop and a start.
    let path = "/api/agents/helped/files?path=content";
    site.call(&company.owner, "DELETE", path, Value::Null).await;
    for path in ["/api/agents/helped/stop", "/api/agents/helped/start"] {
        assert_eq!(site.call(&company.owner, "POST", path, Value::Null).await.0, 200);
    }
    assert_eq!(get(path).await.0, 404);

    let (_, plain) = get("/api/agents/mine/info").await;
    assert_eq!((&plain["has_template"], &plain["template_name"]), (&json!(false), &json!("")));
    let (_, stopped) = get("/api/agents/still/info").await;
    assert_eq!(
        (&stopped["status"], &stopped["type"]),
        (&json!("stopped"), &json!("business-assistant"))
    );
    for (token, path, status, words) in [
        (&company.stranger, "/api/agents/none/info", 404, "Agent not found"),
        (&company.stranger, "/api/agents/mine/info", 403, "Access denied to agent"),
    ] {
        let (found, told) = site.refused(token, "GET", path, Value::Null).await;
        assert!(found == status && told.contains(words), "{path}: {found} {told}");
    }
    company.write("mine", "template.yaml", "{").await;
    let (status, broken) = get("/api/agents/mine/info").await;
    assert!(status == 200 && broken["message"].as_str().unwrap().contains("cannot be read"));
}

#[actix_web::test]
async fn templates_are_listed_and_those_that_are_none_refused() {
    let company = Company::new().await;
    let site = &company.site;
    let (_, all) = site.call(&company.shared, "GET", "/api/templates", Value::Null).await;
    let ids: Vec<_> = all.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["local:default", "local:trinity-system"]);
    let one = site.call(&company.shared, "GET", "/api/templates/local:default", Value::Null).await;
    assert_eq!((one.0, &one.1["source"]), (200, &json!("local")));
    for path in ["/api/templates/local:none", "/api/templates/github:a/b"] {
        let (status, told) = site.refused(&company.shared, "GET", path, Value::Null).await;
        assert_eq!((status, told.as_str()), (404, "Template not found"));
    }
    let repositories =
        json!({"templates": [{"github_repo": "Org/helper", "description": "Helps"}]});
    let path = "/api/settings/github-templates";
    assert_eq!(site.call(&site.admin, "PUT", path, repositories).await.0, 200);
    let offered = site.call(&company.shared, "GET", "/api/templates", Value::Null).await.1;
    assert_eq!(offered.as_array().unwrap().len(), 3);
    // Not held against the description, which knows no path with slashes in a segment.
    let request = TestRequest::get().uri("/api/templates/github:Org/helper");
    let token = ("authorization", format!("Bearer {}", company.shared));
    let one = site.stage.ask(request.insert_header(token)).await;
    assert_eq!((one.status, &one.json()), (200, &offered[0]));
    let one = &offered[0];
    for (field, value) in
        [("source", "github"), ("github_repo", "Org/helper"), ("display_name", "helper")]
    {
        assert_eq!(one[field], value);
    }
    for (template, status, words) in [
        ("local:none", 400, "local:none"),
        ("local:../x", 400, "local:../x"),
        ("github:x", 400, "github:<owner>/<repository>"),
        ("github:a/b@-x", 400, "branch"),
    ] {
        let body = json!({"name": "never", "template": template});
        let (found, told) = site.refused(&company.owner, "POST", "/api/agents", body).await;
        assert!(found == status && told.contains(words), "{template}: {found} {told}");
        let never = site.call(&company.owner, "GET", "/api/agents/never", Value::Null).await;
        assert_eq!(never.0, 404);
    }
    // A word that is none of these is kept, and says nothing.
    for (name, template) in [("word", "business-assistant"), ("built", "local:default")] {
        let body = json!({"name": name, "template": template});
        let (status, made) = site.call(&company.owner, "POST", "/api/agents", body).await;
        assert_eq!((status, &made["template"]), (200, &json!(template)));
    }
}

#[actix_web::test]
async fn folders_are_shared_with_agents_that_may_call_from_their_next_start() {
    let company = Company::new().await;
    let site = &company.site;
    site.agent(&company.owner, "bob").await;
    let (mine, bob) = (company.id("mine").await, company.id("bob").await);
    let permit = |entry: &mut crate::roster::Entry| {
        entry.permits.insert(bob);
        Ok::<_, TrinityError>(())
    };
    site.stage.host.roster.amend(mine, permit).await.unwrap();
    let get = async |path: &str| site.call(&company.owner, "GET", path, Value::Null).await.1;
    let put = async |name: &str, body: Value| {
        let path = format!("/api/agents/{name}/folders");
        let (status, set) = site.call(&company.owner, "PUT", &path, body).await;
        assert_eq!(status, 200, "{set}");
        set
    };
    let before = get("/api/agents/mine/folders").await;
    let expected = json!({
        "agent_name": "mine", "expose_enabled": false, "consume_enabled": false,
        "exposed_volume": null, "exposed_path": "/home/developer/shared-out",
        "consumed_folders": [], "restart_required": false, "status": "running",
    });
    assert_eq!(before, expected);
    put("bob", json!({"expose_enabled": "on"})).await;
    let set = put("mine", json!({"consume_enabled": true})).await;
    assert_eq!((&set["consume_enabled"], &set["restart_required"]), (&json!(true), &json!(true)));
    let source = get("/api/agents/bob/folders").await;
    assert_eq!(
        (&source["exposed_volume"], &source["restart_required"]),
        (&json!("agent-bob-shared"), &json!(true))
    );
    let consumed = async |is_mounted: bool| {
        let found = get("/api/agents/mine/folders").await;
        let folder = json!({
            "source_agent": "bob", "mount_path": "/home/developer/shared-in/bob",
            "access_mode": "rw", "currently_mounted": is_mounted,
        });
        assert_eq!(found["consumed_folders"], json!([folder]));
        assert_eq!(found["restart_required"], json!(!is_mounted));
    };
    consumed(false).await;
    let available = get("/api/agents/mine/folders/available").await;
    let folder = json!({
        "source_agent": "bob", "volume_name": "agent-bob-shared",
        "mount_path": "/home/developer/shared-in/bob", "source_status": "running",
    });
    assert_eq!(available, json!({"agent_name": "mine", "available_folders": [folder], "count": 1}));
    let consumers = get("/api/agents/bob/folders/consumers").await;
    let consumer = json!({
        "agent_name": "mine", "mount_path": "/home/developer/shared-in/bob", "status": "running",
    });
    assert_eq!(consumers, json!({"source_agent": "bob", "consumers": [consumer], "count": 1}));

    for name in ["bob", "mine"] {
        for verb in ["stop", "start"] {
            let path = format!("/api/agents/{name}/{verb}");
            assert_eq!(site.call(&company.owner, "POST", &path, Value::Null).await.0, 200);
        }
    }
    consumed(true).await;
    company.write("bob", "shared-out/a.txt", "from bob").await;
    let path = "/api/agents/mine/files/download?path=shared-in/bob/a.txt";
    assert_eq!(site.send(&company.owner, "GET", path, Value::Null).await.text, "from bob");
    assert_eq!(company.put("shared-in/bob/b.txt", "from mine").await.0, 200);
    let path = "/api/agents/bob/files/download?path=shared-out/b.txt";
    assert_eq!(site.send(&company.owner, "GET", path, Value::Null).await.text, "from mine");
    let path = "/api/agents/mine/files?path=shared-in/bob";
    let (status, _) = site.call(&company.owner, "DELETE", path, Value::Null).await;
    assert_eq!(status, 403);

    // A source that has another name is found under that at once, and under no other.
    let body = json!({"new_name": "robert"});
    let renamed = site.call(&company.owner, "PUT", "/api/agents/bob/rename", body).await;
    assert_eq!(renamed.0, 200);
    let path = "/api/agents/mine/files/download?path=shared-in/robert/a.txt";
    assert_eq!(site.send(&company.owner, "GET", path, Value::Null).await.text, "from bob");
    let path = "/api/agents/mine/files/download?path=shared-in/bob/a.txt";
    assert_eq!(site.call(&company.owner, "GET", path, Value::Null).await.0, 404);
    let found = get("/api/agents/mine/folders").await;
    assert_eq!(found["restart_required"], false, "{found}");
    assert_eq!(found["consumed_folders"][0]["mount_path"], "/home/developer/shared-in/robert");

    // The source's end takes the folder from all.
    assert_eq!(site.call(&company.owner, "DELETE", "/api/agents/robert", Value::Null).await.0, 200);
    let gone = get("/api/agents/mine/folders").await;
    assert_eq!((&gone["consumed_folders"], &gone["restart_required"]), (&json!([]), &json!(false)));
    let path = "/api/agents/mine/files/download?path=shared-in/robert/a.txt";
    assert_eq!(site.call(&company.owner, "GET", path, Value::Null).await.0, 404);
}

#[actix_web::test]
async fn folders_are_set_by_the_owner_alone() {
    let company = Company::new().await;
    let site = &company.site;
    for rest in ["/folders", "/folders/available", "/folders/consumers"] {
        company.check_permitted("GET", rest, Value::Null).await;
        let path = format!("/api/agents/mine{rest}");
        assert_eq!(site.call(&company.shared, "GET", &path, Value::Null).await.0, 200);
    }
    for (token, body, status, words) in [
        (&company.shared, json!({}), 403, "folder sharing"),
        (&company.stranger, json!({}), 403, "owner"),
        (&company.owner, json!({"expose_enabled": "perhaps"}), 400, "expose_enabled"),
        (&company.owner, json!({"consume_enabled": []}), 400, "consume_enabled"),
        (&company.owner, json!([]), 422, "model_attributes_type"),
    ] {
        let (found, told) =
            site.refused(token, "PUT", "/api/agents/mine/folders", body.clone()).await;
        assert!(found == status && told.contains(words), "{body}: {found} {told}");
    }
}

#[actix_web::test]
async fn an_agent_shows_what_it_measures_and_its_dashboard() {
    let company = Company::new().await;
    let site = &company.site;
    let get = async |path: &str| site.call(&company.shared, "GET", path, Value::Null).await.1;
    company.check_permitted("GET", "/metrics", Value::Null).await;
    let none = get("/api/agents/mine/metrics").await;
    assert_eq!((&none["has_metrics"], &none["status"]), (&json!(false), &json!("running")));
    company.write("mine", "template.yaml", "metrics: [{name: seen, type: counter}]").await;
    let values = r#"{"seen": 3, "last_updated": "2026-01-01T00:00:00Z"}"#;
    company.write("mine", "metrics.json", values).await;
    let some = get("/api/agents/mine/metrics").await;
    assert_eq!(
        (&some["values"], &some["last_updated"]),
        (&json!({"seen": 3}), &json!("2026-01-01T00:00:00Z"))
    );
    assert_eq!(some["definitions"], json!([{"name": "seen", "type": "counter"}]));
    let owner = site.call(&company.owner, "GET", "/api/agents/still/metrics", Value::Null).await;
    assert_eq!((owner.0, &owner.1["status"]), (200, &json!("stopped")));

    assert_eq!(get("/api/agent-dashboard/mine/exists").await, json!({"has_dashboard": false}));
    company.write("mine", "dashboard.yaml", "title: Mine\nsections: []").await;
    assert_eq!(get("/api/agent-dashboard/mine/exists").await, json!({"has_dashboard": true}));
    let shown = get("/api/agent-dashboard/mine").await;
    assert_eq!(
        (&shown["config"], &shown["error"]),
        (&json!({"title": "Mine", "sections": []}), &Value::Null)
    );
    company.write("mine", "dashboard.yaml", "{").await;
    let broken = get("/api/agent-dashboard/mine").await;
    assert!(broken["has_dashboard"] == json!(true) && broken["error"].is_string());
    let other = site.user("other@example.org", Role::Creator).await;
    let (status, _) = site.refused(&other, "GET", "/api/agent-dashboard/mine", Value::Null).await;
    assert_eq!(status, 403);
}

#[actix_web::test]
async fn an_agent_says_what_really_answers_for_it() {
    let site = Site::arranged(|host| {
        let mut settings = RuntimesSettings::default();
        settings.claude_code.program = "sh".into();
        settings.gemini_cli.program = "no-such-program".into();
        let (models, workspaces) = (Arc::new(host.models.clone()), host.workspaces.clone());
        let folder = std::env::temp_dir();
        host.runtimes =
            Runtimes::new(settings, models, workspaces, Arc::clone(&host.secrets), &folder, |_| {
                None
            });
        host.govern_runtimes();
    })
    .await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&site.admin, "ours").await;
    site.agent(&owner, "theirs").await;
    let body = json!({"name": "other", "runtime": "gemini-cli"});
    assert_eq!(site.call(&site.admin, "POST", "/api/agents", body).await.0, 200);
    let info = async |name: &str| {
        let path = format!("/api/agents/{name}/info");
        site.call(&site.admin, "GET", &path, Value::Null).await.1["runtime"].clone()
    };
    let ours = json!({
        "asked": "claude-code", "answered_by": "claude-code", "model": null, "reason": null,
    });
    assert_eq!(info("ours").await, ours);
    for (name, words) in [("theirs", "administrators"), ("other", "not installed")] {
        let told = info(name).await;
        assert_eq!((&told["answered_by"], &told["model"]), (&json!("model"), &json!("doctor")));
        assert!(told["reason"].as_str().unwrap().contains(words), "{told}");
    }
    // Clients name a program's models also where it does not answer.
    let put = async |name: &str, model: &str| {
        let path = format!("/api/agents/{name}/model");
        site.call(&site.admin, "PUT", &path, json!({"model": model})).await.0
    };
    assert_eq!((put("theirs", "opus").await, put("theirs", "doctor").await), (200, 200));
    assert_eq!((put("ours", "--evil").await, put("ours", "opus").await), (400, 200));
    assert_eq!(info("ours").await["model"], "opus");
    let told = site.call(&site.admin, "GET", "/api/agents/ours/model", Value::Null).await.1;
    assert_eq!((&told["model"], &told["available_models"][0]), (&json!("opus"), &json!("sonnet")));
    site.call(&site.admin, "POST", "/api/agents/ours/stop", Value::Null).await;
    assert_eq!(info("ours").await["answered_by"], "claude-code");
}

#[actix_web::test]
async fn a_folder_that_is_shared_no_longer_is_out_of_reach_at_once() {
    let company = Company::new().await;
    let site = &company.site;
    let other = site.user("other@example.org", Role::Creator).await;
    site.agent(&other, "theirs").await;
    let (mine, theirs) = (company.id("mine").await, company.id("theirs").await);
    let workspaces = &site.stage.host.workspaces;
    let call = async |token: &str, method: &str, path: &str, body: Value| {
        let (status, told) = site.call(token, method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {told}");
    };
    let share = json!({"email": "owner@example.org"});
    let (folders, permits) = ("/api/agents/mine/folders", "/api/agents/mine/permissions");
    let one = "/api/agents/mine/permissions/theirs";
    for (token, method, path, body) in [
        (&other, "DELETE", "/api/agents/theirs/share/owner@example.org", Value::Null),
        (&company.owner, "DELETE", one, Value::Null),
        (&company.owner, "PUT", permits, json!({"permitted_agents": []})),
        (&other, "PUT", "/api/agents/theirs/folders", json!({"expose_enabled": false})),
        (&company.owner, "PUT", folders, json!({"consume_enabled": false})),
    ] {
        site.call(&other, "POST", "/api/agents/theirs/share", share.clone()).await;
        call(&company.owner, "POST", one, Value::Null).await;
        let exposes = json!({"expose_enabled": true});
        call(&other, "PUT", "/api/agents/theirs/folders", exposes).await;
        call(&company.owner, "PUT", folders, json!({"consume_enabled": true})).await;
        for (token, name) in [(&other, "theirs"), (&company.owner, "mine")] {
            for verb in ["stop", "start"] {
                call(token, "POST", &format!("/api/agents/{name}/{verb}"), Value::Null).await;
            }
        }
        company.write("theirs", "shared-out/a.txt", "theirs").await;
        let at = || "shared-in/theirs/a.txt".parse().unwrap();
        let hands = workspaces.free(mine);
        let open = hands.reader(at()).await.unwrap();
        assert_eq!(open.read(0, 9).await.unwrap(), b"theirs");
        let mut begun =
            hands.draft(at(), Begin { may_be_new: true, ..Begin::default() }).await.unwrap();
        begun.write(0, b"late".to_vec()).await.unwrap();

        call(token, method, path, body).await;

        let get = "/api/agents/mine/files/download?path=shared-in/theirs/a.txt";
        let (status, _) = site.call(&company.owner, "GET", get, Value::Null).await;
        assert_eq!(status, 404, "{method} {path}");
        assert!(hands.read(at(), 0, 9).await.is_err(), "{method} {path}");
        assert!(open.read(0, 9).await.is_err(), "a file that was open: {method} {path}");
        assert!(begun.keep().await.is_err(), "one that was begun: {method} {path}");
        // What is written there is the agent's own.
        company.put("shared-in/theirs/a.txt", "mine").await;
        let kept = workspaces.own(theirs).read("shared-out/a.txt".parse().unwrap(), 0, 9).await;
        assert_eq!(kept.unwrap().bytes, b"theirs", "{method} {path}");
        hands.remove("shared-in".parse().unwrap(), true).await.unwrap();
    }
}
