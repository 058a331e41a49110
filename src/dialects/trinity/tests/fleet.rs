//! The whole fleet, and the host's own agent.

use serde_json::{Value, json};

use super::measured::{id_of, schedule};
use super::support::Site;
use crate::accounts::{Role, Scope};
use crate::dialects::trinity::system_agent;

async fn set() -> (Site, String) {
    let site = Site::new().await;
    system_agent::ensure(&site.stage.host).await.unwrap();
    let owner = site.user("owner@example.org", Role::Creator).await;
    for name in ["a-one", "a-two", "b-one"] {
        site.agent(&owner, name).await;
    }
    site.call(&owner, "POST", "/api/agents/a-two/stop", Value::Null).await;
    (site, owner)
}

#[actix_web::test]
async fn only_administrators_see_and_command_the_fleet() {
    let (site, owner) = set().await;
    for (method, path) in [
        ("GET", "/api/ops/fleet/status"),
        ("GET", "/api/ops/fleet/health"),
        ("POST", "/api/ops/fleet/restart"),
        ("POST", "/api/ops/fleet/stop"),
        ("POST", "/api/ops/emergency-stop"),
        ("POST", "/api/ops/schedules/pause"),
        ("POST", "/api/ops/schedules/resume"),
        ("GET", "/api/ops/costs"),
        ("GET", "/api/ops/alerts"),
        ("GET", "/api/ops/auth-report"),
        ("GET", "/api/system-agent/status"),
        ("POST", "/api/system-agent/restart"),
        ("POST", "/api/system-agent/reinitialize"),
        ("POST", "/api/monitoring/check-all"),
        ("POST", "/api/monitoring/enable"),
        ("POST", "/api/monitoring/disable"),
    ] {
        let refused = site.refused(&owner, method, path, Value::Null).await;
        assert_eq!(refused, (403, "Admin access required".to_owned()), "{path}");
        assert_eq!(site.refused("", method, path, Value::Null).await.0, 401, "{path}");
        let (status, told) = site.call(&site.admin, method, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {told}");
    }
}

#[actix_web::test]
async fn the_fleet_is_told_stopped_and_restarted_without_the_hosts_own_agent() {
    let (site, _) = set().await;
    let admin = async |method: &str, path: &str| {
        let (status, told) = site.call(&site.admin, method, path, Value::Null).await;
        assert_eq!(status, 200, "{told}");
        told
    };
    let status = admin("GET", "/api/ops/fleet/status").await;
    let summary = json!({"total": 4, "running": 3, "stopped": 1, "high_context": 0});
    assert_eq!(status["summary"], summary);
    let system =
        status["agents"].as_array().unwrap().iter().find(|agent| agent["is_system"] == true);
    assert_eq!(system.unwrap()["type"], "system-orchestrator");

    let restarted = admin("POST", "/api/ops/fleet/restart?system_prefix=a-").await;
    let summary = json!({"total": 2, "successes": 1, "failures": 0, "skipped": 1});
    assert_eq!(restarted["summary"], summary);
    let results = json!([
        {"agent": "a-one", "result": "success"},
        {"agent": "a-two", "result": "skipped", "reason": "not_running"},
    ]);
    assert_eq!(restarted["results"], results);

    let stopped = admin("POST", "/api/ops/fleet/stop").await;
    let summary = json!({"total": 4, "successes": 2, "failures": 0, "skipped": 2});
    assert_eq!(stopped["summary"], summary);
    let status = admin("GET", "/api/ops/fleet/status").await;
    assert_eq!(status["summary"]["running"], 1, "the host's own agent goes on");
    let health = admin("GET", "/api/ops/fleet/health").await;
    assert_eq!(health["summary"], json!({"total": 4, "healthy": 4, "warnings": 0, "critical": 0}));
    let report = admin("GET", "/api/ops/auth-report").await;
    assert_eq!(report["summary"]["not_configured"], 4);
    assert_eq!(admin("GET", "/api/ops/costs").await["enabled"], true);
}

#[actix_web::test]
async fn schedules_are_paused_and_resumed_for_all_and_for_one() {
    let (site, _) = set().await;
    for name in ["a-one", "a-one", "b-one"] {
        schedule(&site, name).await;
    }
    let admin = async |path: &str| site.call(&site.admin, "POST", path, Value::Null).await;
    let enabled = async || {
        let totals = site.stage.host.registry.store().trigger_totals().await.unwrap();
        totals.iter().map(|of| of.enabled).sum::<u64>()
    };
    let (status, told) = admin("/api/ops/schedules/pause?agent_name=b-one").await;
    assert_eq!((status, &told["paused_count"]), (200, &json!(1)));
    assert_eq!((&told["agent_filter"], &told["success"]), (&json!("b-one"), &json!(true)));
    assert_eq!(enabled().await, 2);
    let (_, told) = admin("/api/ops/schedules/pause").await;
    assert_eq!((&told["paused_count"], &told["agent_filter"]), (&json!(2), &Value::Null));
    assert_eq!(enabled().await, 0);
    let (_, told) = admin("/api/ops/schedules/resume").await;
    assert_eq!((&told["resumed_count"], enabled().await), (&json!(3), 3));
    assert_eq!(admin("/api/ops/schedules/pause?agent_name=none").await.0, 404);

    let (_, told) = admin("/api/ops/emergency-stop").await;
    assert_eq!((&told["schedules_paused"], &told["agents_stopped"]), (&json!(3), &json!(2)));
    assert_eq!((&told["success"], enabled().await), (&json!(true), 0));
}

#[actix_web::test]
async fn the_hosts_own_agent_is_always_there_and_nobody_takes_it_away() {
    let site = Site::new().await;
    let admin = async |method: &str, path: &str, body: Value| {
        site.call(&site.admin, method, path, body).await
    };
    let (_, told) = admin("GET", "/api/system-agent/status", Value::Null).await;
    assert_eq!((&told["exists"], &told["status"]), (&json!(false), &json!("not_found")));
    let refused = admin("POST", "/api/system-agent/restart", Value::Null).await;
    assert_eq!(refused.0, 404);

    system_agent::ensure(&site.stage.host).await.unwrap();
    system_agent::ensure(&site.stage.host).await.unwrap();
    let id = id_of(&site, "trinity-system").await;
    let (_, told) = admin("GET", "/api/system-agent/status", Value::Null).await;
    for (field, value) in [
        ("exists", json!(true)),
        ("status", json!("running")),
        ("name", json!("trinity-system")),
        ("owner", json!("admin")),
        ("is_system", json!(true)),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert_eq!(told["container_id"].as_str().unwrap().len(), 12);
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    for (token, method, path, body, words) in [
        (&site.admin, "DELETE", "", Value::Null, "System agents cannot be deleted"),
        (&stranger, "DELETE", "", Value::Null, "System agents cannot be deleted"),
        (
            &site.admin,
            "PUT",
            "/rename",
            json!({"new_name": "mine"}),
            "System agents cannot be renamed",
        ),
        (&stranger, "PUT", "/rename", json!({"new_name": "a"}), "System agents cannot be renamed"),
        (&site.admin, "PUT", "/autonomy", json!({"enabled": true}), "system agent"),
        (&site.admin, "PUT", "/autonomy", json!({"enabled": false}), "system agent"),
        (&site.admin, "PUT", "/autonomy", json!({}), "system agent"),
        (&stranger, "PUT", "/autonomy", json!({"enabled": true}), "owner"),
        (&site.admin, "PUT", "/read-only", json!({"enabled": true}), "system agent"),
        (&site.admin, "PUT", "/read-only", json!({"enabled": false}), "system agent"),
        (&site.admin, "PUT", "/read-only", json!({}), "system agent"),
        (&stranger, "PUT", "/read-only", json!({"enabled": true}), "owner"),
    ] {
        let path = format!("/api/agents/trinity-system{path}");
        let (status, told) = site.refused(token, method, &path, body).await;
        assert!(status == 403 && told.contains(words), "{method} {path}: {status} {told}");
    }
    // What the contract leaves open to administrators.
    let turns = json!({"max_turns_chat": 5});
    let guardrails = "/api/agents/trinity-system/guardrails";
    assert_eq!(admin("PUT", guardrails, turns).await.0, 200);
    let (_, flags) = admin("GET", "/api/agents/autonomy-status", Value::Null).await;
    assert_eq!(flags, json!({}));
    admin("POST", "/api/agents/trinity-system/stop", Value::Null).await;
    let (status, told) = admin("POST", "/api/system-agent/restart", Value::Null).await;
    assert_eq!((status, &told["status"]), (200, &json!("running")));
    let key = site
        .stage
        .host
        .accounts
        .agent_key(site.stage.host.roster.find("trinity-system").await.unwrap().unwrap().id);
    assert_eq!(key.unwrap().scope, Scope::System);
    let secret = site.agent_key("trinity-system").await;
    let (_, told) = site.call(&secret, "POST", "/api/mcp/validate", Value::Null).await;
    assert_eq!((&told["scope"], &told["agent_name"]), (&json!("system"), &json!("trinity-system")));
    let has_its_files = async || {
        let path = "/api/agents/trinity-system/files?show_hidden=true";
        let files = admin("GET", path, Value::Null).await.1.to_string();
        for name in ["CLAUDE.md", "template.yaml", "mcp-servers", ".trinity-initialized"] {
            assert!(files.contains(name), "{name}: {files}");
        }
        files.contains("mine.txt")
    };
    assert!(!has_its_files().await);
    let path = "/api/agents/trinity-system/files?path=mine.txt";
    assert_eq!(admin("PUT", path, json!({"content": "x"})).await.0, 200);
    assert!(has_its_files().await);
    let (status, told) = admin("POST", "/api/system-agent/reinitialize", Value::Null).await;
    assert_eq!((status, told["steps_completed"].as_array().unwrap().len()), (200, 5));
    assert!(!has_its_files().await);
    assert_eq!(site.agent_key("trinity-system").await, secret);
    assert_eq!(id_of(&site, "trinity-system").await, id);
}

#[actix_web::test]
async fn an_agent_of_peoples_with_that_name_stays_theirs() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "trinity-system").await;
    system_agent::ensure(&site.stage.host).await.unwrap();
    let (_, told) = site.call(&site.admin, "GET", "/api/system-agent/status", Value::Null).await;
    assert_eq!(told["exists"], false);
}

#[actix_web::test]
async fn every_restart_puts_in_force_what_is_pending() {
    let site = Site::new().await;
    system_agent::ensure(&site.stage.host).await.unwrap();
    let owner = site.user("owner@example.org", Role::Creator).await;
    let manifest = "name: team\nagents: {a: {template: 'local:default'}}";
    let body = json!({"manifest": manifest});
    assert_eq!(site.call(&owner, "POST", "/api/systems/deploy", body).await.0, 200);
    for (token, agent, restart) in [
        (&site.admin, "team-a", "/api/ops/fleet/restart?system_prefix=team-"),
        (&owner, "team-a", "/api/systems/team/restart"),
        (&site.admin, "trinity-system", "/api/system-agent/restart"),
    ] {
        let of = |what: &str| format!("/api/agents/{agent}/{what}");
        let get = async |what: &str| site.call(&site.admin, "GET", &of(what), Value::Null).await.1;
        let before = get("resources").await["current_cpu"].clone();
        let cpu = if before == "8" { "4" } else { "8" };
        let put = site.call(&site.admin, "PUT", &of("resources"), json!({"cpu": cpu})).await;
        assert_eq!((put.0, &put.1["restart_needed"]), (200, &json!(true)), "{restart}");
        let exposes = get("folders").await["expose_enabled"] == true;
        let body = json!({"expose_enabled": !exposes});
        assert_eq!(site.call(&site.admin, "PUT", &of("folders"), body).await.0, 200);
        // What is shared no longer ends at once.
        assert_eq!(get("folders").await["restart_required"], !exposes);
        let (status, told) = site.call(token, "POST", restart, Value::Null).await;
        assert_eq!(status, 200, "{restart}: {told}");
        assert_eq!(get("resources").await["current_cpu"], cpu, "{restart}");
        let folders = get("folders").await;
        assert_eq!(
            (&folders["restart_required"], &folders["status"]),
            (&json!(false), &json!("running"))
        );
    }
}
