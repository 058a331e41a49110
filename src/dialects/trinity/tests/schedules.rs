//! Schedules and the gate that autonomy is for them.

use std::time::Duration;

use greenroom_actors::ids::FiringId;
use greenroom_actors::ports::FiringQuery;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{NewTrigger, Schedule};
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::{Role, Scope};
use crate::dialects::trinity::short;
use crate::roster::Share;

/// How long a firing may take. A guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent, and everybody who may stand to it.
struct Cast {
    site: Site,
    owner: String,
    shared: String,
    stranger: String,
    key: String,
}

impl Cast {
    async fn new() -> Self {
        let site = Site::new().await;
        let owner = site.user("owner@example.org", Role::Creator).await;
        let shared = site.user("shared@example.org", Role::User).await;
        let stranger = site.user("stranger@example.org", Role::Creator).await;
        site.agent(&owner, "ada").await;
        let roster = &site.stage.host.roster;
        let ada = roster.find("ada").await.unwrap().unwrap();
        let share = Share {
            id: 1,
            email: "shared@example.org".to_owned(),
            by_id: 1,
            by: "owner@example.org".to_owned(),
            created_at: UnixMillis(0),
            allows_proactive: false,
        };
        let kept = roster.amend(ada.id, |entry| {
            entry.shares.push(share);
            Ok::<_, greenroom_actors::error::CoreError>(())
        });
        kept.await.unwrap();
        let accounts = &site.stage.host.accounts;
        let user = accounts.user("owner@example.org").unwrap();
        // It has one already where creation makes one.
        accounts.make_agent_key(ada.id, "ada", &user, Scope::Agent).await.unwrap();
        let key = site.agent_key("ada").await;
        Self { site, owner, shared, stranger, key }
    }

    async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, told) = self.site.call(&self.owner, method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
        told
    }

    async fn schedule(&self, more: Value) -> Value {
        let mut body =
            json!({"name": "tea", "cron_expression": "0 9 * * *", "message": "make tea"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ok("POST", "/api/agents/ada/schedules", body).await
    }
}

fn at(schedule: &Value, rest: &str) -> String {
    format!("/api/agents/ada/schedules/{}{rest}", schedule["id"].as_str().unwrap())
}

#[actix_web::test]
async fn a_schedule_is_made_told_changed_and_removed() {
    let cast = Cast::new().await;
    cast.ok("PUT", "/api/agents/ada/autonomy", json!({"enabled": true})).await;
    let made = cast.schedule(json!({"description": "with milk"})).await;
    for (field, value) in [
        ("agent_name", json!("ada")),
        ("name", json!("tea")),
        ("cron_expression", json!("0 9 * * *")),
        ("message", json!("make tea")),
        ("enabled", json!(true)),
        ("timezone", json!("UTC")),
        ("description", json!("with milk")),
        ("last_run_at", Value::Null),
        ("timeout_seconds", json!(900)),
        ("allowed_tools", Value::Null),
        ("model", Value::Null),
        ("max_retries", json!(0)),
        ("retry_delay_seconds", json!(60)),
        ("validation_enabled", json!(false)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert!(made["next_run_at"].as_str().unwrap().ends_with("T09:00:00.000000Z"), "{made}");
    assert_eq!(cast.ok("GET", &at(&made, ""), Value::Null).await, made);
    let all = cast.ok("GET", "/api/agents/ada/schedules", Value::Null).await;
    assert_eq!(all, json!([made]));

    let patch = json!({
        "name": "coffee", "timezone": "Europe/Berlin", "description": null, "enabled": "no",
        "allowed_tools": ["recall"], "timeout_seconds": 60, "max_retries": 2,
    });
    let changed = cast.ok("PUT", &at(&made, ""), patch).await;
    for (field, value) in [
        ("name", json!("coffee")),
        ("message", json!("make tea")),
        ("timezone", json!("Europe/Berlin")),
        ("description", Value::Null),
        ("enabled", json!(false)),
        ("next_run_at", Value::Null),
        ("allowed_tools", json!(["recall"])),
        ("timeout_seconds", json!(60)),
        ("max_retries", json!(2)),
        ("created_at", made["created_at"].clone()),
    ] {
        assert_eq!(changed[field], value, "{field}");
    }
    let cleared = cast.ok("PUT", &at(&made, ""), json!({"allowed_tools": null})).await;
    assert_eq!(cleared["allowed_tools"], Value::Null);
    for (verb, enabled) in [("enable", true), ("enable", true), ("disable", false)] {
        let told = cast.ok("POST", &at(&made, &format!("/{verb}")), Value::Null).await;
        assert_eq!(told, json!({"status": format!("{verb}d"), "schedule_id": made["id"]}));
        let shown = cast.ok("GET", &at(&made, ""), Value::Null).await;
        assert_eq!(
            (&shown["enabled"], shown["next_run_at"].is_string()),
            (&json!(enabled), enabled)
        );
    }
    cast.ok("DELETE", &at(&made, ""), Value::Null).await;
    let gone = cast.site.refused(&cast.owner, "GET", &at(&made, ""), Value::Null).await;
    assert_eq!(gone, (404, "Schedule not found".to_owned()));
}

#[actix_web::test]
async fn seconds_and_years_are_taken_where_clients_write_them() {
    let cast = Cast::new().await;
    cast.ok("PUT", "/api/agents/ada/autonomy", json!({"enabled": true})).await;
    for (expression, next) in [
        ("0 9 * * * 30", "T09:00:30.000000Z"),
        ("0 9 1 1 * 30 2090", "2090-01-01T09:00:30.000000Z"),
        ("0  9 * * MON-FRI", "T09:00:00.000000Z"),
        ("@hourly", ":00:00.000000Z"),
    ] {
        let made = cast.schedule(json!({"cron_expression": expression})).await;
        assert_eq!(made["cron_expression"], expression);
        assert!(made["next_run_at"].as_str().unwrap().ends_with(next), "{made}");
    }
}

#[actix_web::test]
async fn a_schedule_that_cannot_be_is_refused_by_its_field() {
    let cast = Cast::new().await;
    let made = cast.schedule(json!({})).await;
    for (more, status, words) in [
        (json!({"cron_expression": "soon"}), 400, "Invalid cron expression"),
        (json!({"cron_expression": "61 * * * *"}), 400, "Invalid cron expression"),
        (json!({"cron_expression": "* * * *"}), 400, "Invalid cron expression"),
        (json!({"cron_expression": "0 0 30 2 *"}), 400, "Invalid cron expression"),
        (json!({"cron_expression": "0 0 1 1 * 0 1999"}), 400, "Invalid cron expression"),
        (json!({"timezone": "Mars/Olympus"}), 400, "timezone"),
        (json!({"name": " "}), 400, "name"),
        (json!({"message": ""}), 400, "message"),
        (json!({"allowed_tools": ["nothing"]}), 400, "allowed_tools"),
        (json!({"model": "nobody"}), 400, "model"),
        (json!({"description": "x".repeat(5_000)}), 400, "description"),
        (json!({"timeout_seconds": 0}), 422, "greater_than_equal"),
        (json!({"timeout_seconds": "long"}), 422, "int_parsing"),
        (json!({"max_retries": 11}), 422, "less_than_equal"),
        (json!({"retry_delay_seconds": 0}), 422, "greater_than_equal"),
        (json!({"enabled": "perhaps"}), 422, "bool_parsing"),
        (json!({"name": 5}), 422, "string_type"),
        (json!({"allowed_tools": "recall"}), 422, "list_type"),
    ] {
        let mut body = json!({"name": "n", "cron_expression": "0 9 * * *", "message": "m"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for (method, path, body) in
            [("POST", "/api/agents/ada/schedules".to_owned(), &body), ("PUT", at(&made, ""), &more)]
        {
            let (found, told) = cast.site.refused(&cast.owner, method, &path, body.clone()).await;
            assert!(found == status && told.contains(words), "{method} {more}: {found} {told}");
        }
    }
    for field in ["name", "cron_expression", "message"] {
        let mut body = json!({"name": "n", "cron_expression": "0 9 * * *", "message": "m"});
        body.as_object_mut().unwrap().remove(field);
        let path = "/api/agents/ada/schedules";
        let (status, told) = cast.site.refused(&cast.owner, "POST", path, body).await;
        assert!(status == 422 && told.contains("missing") && told.contains(field), "{told}");
    }
}

#[actix_web::test]
async fn each_guard_lets_in_whom_it_should() {
    let cast = Cast::new().await;
    let made = cast.schedule(json!({})).await;
    let one = at(&made, "");
    let body = json!({"name": "n", "cron_expression": "0 9 * * *", "message": "m"});
    let denied = "Access denied to agent";
    let none = "Schedule not found";
    let (owner, shared, stranger) = (&cast.owner, &cast.shared, &cast.stranger);
    let admin = &cast.site.admin;
    let none_of_ours = format!("/api/agents/ada/schedules/{}", short::of(uuid::Uuid::nil()));
    let list = "/api/agents/ada/schedules";
    let (nobody, nobodys) = ("/api/agents/none/schedules", "/api/agents/none/schedules/x");
    let autonomy = "/api/agents/ada/autonomy";
    let on = json!({"enabled": true});
    let n = || Value::Null;
    for (token, method, path, body, status, words) in [
        ("", "GET", list, n(), 401, "Not authenticated"),
        (stranger, "GET", list, n(), 403, denied),
        (stranger, "GET", nobody, n(), 404, "Agent not found"),
        (stranger, "POST", list, body.clone(), 403, "access denied"),
        (stranger, "POST", list, json!({}), 422, "missing"),
        (stranger, "POST", nobody, body.clone(), 403, "access denied"),
        (admin, "POST", nobody, body.clone(), 404, "Agent not found"),
        (stranger, "GET", &one, n(), 403, denied),
        (stranger, "PUT", &one, json!({}), 403, denied),
        (stranger, "DELETE", &one, n(), 403, denied),
        (stranger, "POST", &at(&made, "/enable"), n(), 403, denied),
        (stranger, "POST", &at(&made, "/disable"), n(), 403, denied),
        (stranger, "POST", &at(&made, "/trigger"), n(), 403, denied),
        (stranger, "GET", &at(&made, "/executions"), n(), 403, denied),
        (owner, "GET", &none_of_ours, n(), 404, none),
        (owner, "GET", &format!("{list}/x"), n(), 404, none),
        (owner, "PUT", &none_of_ours, json!({}), 404, none),
        (owner, "DELETE", &none_of_ours, n(), 404, none),
        (owner, "POST", &format!("{none_of_ours}/trigger"), n(), 404, none),
        (owner, "POST", &format!("{none_of_ours}/enable"), n(), 404, none),
        (owner, "GET", &format!("{none_of_ours}/executions"), n(), 404, none),
        (owner, "GET", &at(&made, "/executions?limit=x"), n(), 422, "int_parsing"),
        (admin, "GET", nobodys, n(), 404, "Agent not found"),
        (owner, "GET", "/api/agents/scheduler/status", n(), 403, "Admin access required"),
        (owner, "GET", "/api/ops/schedules", n(), 403, "Admin access required"),
        (owner, "POST", "/api/ops/schedules/pause", n(), 403, "Admin access required"),
        (owner, "POST", "/api/ops/schedules/resume", n(), 403, "Admin access required"),
        (admin, "GET", "/api/ops/schedules?agent_name=none", n(), 404, "Agent not found"),
        (admin, "GET", "/api/ops/schedules?enabled_only=perhaps", n(), 422, "bool_parsing"),
        (stranger, "GET", autonomy, n(), 403, "permission to access"),
        (stranger, "GET", "/api/agents/none/autonomy", n(), 403, "permission to access"),
        (admin, "GET", "/api/agents/none/autonomy", n(), 404, "Agent not found"),
        (shared, "PUT", autonomy, on.clone(), 403, "owner"),
        (shared, "PUT", autonomy, on.clone(), 403, "autonomy settings"),
        (stranger, "PUT", "/api/agents/none/autonomy", on, 403, "autonomy settings"),
        (owner, "PUT", autonomy, json!({}), 400, "enabled is required"),
        (owner, "PUT", autonomy, json!({"enabled": null}), 400, "enabled is required"),
        (owner, "PUT", autonomy, json!({"enabled": "perhaps"}), 400, "enabled"),
        (owner, "PUT", autonomy, json!({"enabled": 2}), 400, "enabled"),
        (owner, "PUT", autonomy, json!({"enabled": []}), 400, "enabled"),
        (owner, "PUT", autonomy, n(), 422, "missing"),
    ] {
        let (found, told) = cast.site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    for token in [owner, shared, admin, &cast.key] {
        for (method, path, body, status) in [
            ("GET", list, n(), 200),
            ("GET", &one, n(), 200),
            ("PUT", &one, json!({"name": "tea"}), 200),
            ("POST", &at(&made, "/disable"), n(), 200),
            ("POST", &at(&made, "/enable"), n(), 200),
            ("GET", &at(&made, "/executions"), n(), 200),
            ("GET", autonomy, n(), 200),
            ("POST", list, body.clone(), 201),
        ] {
            let (found, told) = cast.site.call(token, method, path, body).await;
            assert_eq!(found, status, "{method} {path}: {told}");
        }
    }
}

#[actix_web::test]
async fn autonomy_is_a_gate_and_leaves_the_schedules_own_flags() {
    let cast = Cast::new().await;
    let on = cast.schedule(json!({})).await;
    let off = cast.schedule(json!({"enabled": false})).await;
    let told = async |enabled: bool| {
        cast.ok("PUT", "/api/agents/ada/autonomy", json!({"enabled": enabled})).await
    };
    let view = async || cast.ok("GET", "/api/agents/ada/autonomy", Value::Null).await;
    let flags = async || {
        let all = cast.ok("GET", "/api/agents/ada/schedules", Value::Null).await;
        let all = all.as_array().unwrap().iter();
        all.map(|it| (it["enabled"] == true, it["next_run_at"].is_string())).collect::<Vec<_>>()
    };
    let expected = json!({
        "agent_name": "ada", "autonomy_enabled": false, "total_schedules": 2, "enabled_schedules": 0,
        "status": "running",
    });
    assert_eq!(view().await, expected);
    assert_eq!(flags().await, [(true, false), (false, false)]);

    let switched = told(true).await;
    assert_eq!(switched["schedules_updated"], 1);
    assert_eq!(
        (&switched["status"], &switched["autonomy_enabled"]),
        (&json!("updated"), &json!(true))
    );
    assert_eq!(view().await["enabled_schedules"], 1);
    assert_eq!(flags().await, [(true, true), (false, false)]);
    assert_eq!(told(true).await["schedules_updated"], 0);
    let shown = cast.ok("GET", "/api/agents/ada", Value::Null).await;
    assert_eq!(shown["autonomy_enabled"], true);

    assert_eq!(told(false).await["schedules_updated"], 1);
    assert_eq!(flags().await, [(true, false), (false, false)]);
    // By hand it fires all the same, and whether or not it is enabled.
    for schedule in [&on, &off] {
        cast.ok("POST", &at(schedule, "/trigger"), Value::Null).await;
    }
}

#[actix_web::test]
async fn what_came_of_a_schedule_is_told() {
    let cast = Cast::new().await;
    let made = cast.schedule(json!({})).await;
    let fails = cast.schedule(json!({"message": "!fail", "name": "bad"})).await;
    let (registry, roster) = (&cast.site.stage.host.registry, &cast.site.stage.host.roster);
    let ada = roster.find("ada").await.unwrap().unwrap().id;
    for (schedule, status) in [(&made, "success"), (&fails, "failed")] {
        let told = cast.ok("POST", &at(schedule, "/trigger"), Value::Null).await;
        assert_eq!(told["status"], "triggered");
        assert_eq!(told["schedule_name"], schedule["name"]);
        let id = FiringId(short::parse(told["execution_id"].as_str().unwrap()).unwrap());
        let firing = registry.store().firing(ada, id).await.unwrap().unwrap();
        registry.firing_outcome(&firing, PATIENCE).await.unwrap();
        let all = cast.ok("GET", &at(schedule, "/executions"), Value::Null).await;
        let one = &all[0];
        assert_eq!((&one["id"], &one["status"]), (&told["execution_id"], &json!(status)));
        assert_eq!(
            (&one["triggered_by"], &one["schedule_id"]),
            (&json!("manual"), &schedule["id"])
        );
        assert_eq!(one["message"], schedule["message"]);
        assert!(one["completed_at"].is_string() && one["duration_ms"].is_i64(), "{one}");
        let said = (one["response"].as_str(), one["error"].is_string());
        match status {
            "success" => assert_eq!(said, (Some("echo: make tea"), false)),
            _ => assert_eq!(said, (None, true)),
        }
        let log: Value = serde_json::from_str(one["execution_log"].as_str().unwrap()).unwrap();
        assert_eq!(log[0]["type"], "init");
        let last = &log.as_array().unwrap().last().unwrap();
        assert_eq!(
            (&last["type"], &last["is_error"]),
            (&json!("result"), &json!(status == "failed"))
        );
        let shown = cast.ok("GET", &at(schedule, ""), Value::Null).await;
        assert!(shown["last_run_at"].is_string());
    }
    assert_eq!(
        cast.ok("GET", &at(&made, "/executions?limit=1"), Value::Null)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let path = "/api/ops/schedules";
    let (_, fleet) = cast.site.call(&cast.site.admin, "GET", path, Value::Null).await;
    assert_eq!(fleet["schedules"][1]["last_execution"]["status"], "failed");

    cast.ok("POST", "/api/agents/ada/stop", Value::Null).await;
    let (status, told) =
        cast.site.refused(&cast.owner, "POST", &at(&made, "/trigger"), Value::Null).await;
    assert_eq!((status, told.as_str()), (503, "Agent is not running"));
    let all = FiringQuery { agent_id: ada, trigger_id: None, offset: 0, limit: 10 };
    assert_eq!(registry.firings(all).await.unwrap().len(), 2, "nothing waits for the next start");
}

#[actix_web::test]
async fn all_are_paused_and_those_go_on_that_were_enabled() {
    let cast = Cast::new().await;
    cast.ok("PUT", "/api/agents/ada/autonomy", json!({"enabled": true})).await;
    let on = cast.schedule(json!({})).await;
    cast.schedule(json!({"enabled": false})).await;
    let meanwhile = cast.schedule(json!({"name": "other"})).await;
    let ops = async |method: &str, path: &str| {
        let (status, told) = cast.site.call(&cast.site.admin, method, path, Value::Null).await;
        assert_eq!(status, 200, "{told}");
        told
    };
    let (_, jobs) = {
        let told = ops("GET", "/api/agents/scheduler/status").await;
        assert_eq!((&told["running"], &told["jobs_count"]), (&json!(true), &json!(2)));
        (told["uptime_seconds"].as_u64().unwrap(), told["jobs"].clone())
    };
    assert!(jobs.as_array().unwrap().iter().any(|job| job["id"] == on["id"]));
    let paused = ops("POST", "/api/ops/schedules/pause?agent_name=ada").await;
    assert_eq!((&paused["paused_count"], &paused["agent_filter"]), (&json!(2), &json!("ada")));
    let all = ops("GET", "/api/ops/schedules").await;
    let expected = json!({"total": 3, "enabled": 0, "disabled": 3, "agents_with_schedules": 1});
    assert_eq!(all["summary"], expected);
    assert_eq!(ops("POST", "/api/ops/schedules/pause").await["paused_count"], 0);
    // Whoever disables one meanwhile means it.
    cast.ok("POST", &at(&meanwhile, "/disable"), Value::Null).await;
    assert_eq!(ops("POST", "/api/ops/schedules/resume").await["resumed_count"], 1);
    assert_eq!(ops("GET", "/api/ops/schedules?enabled_only=true").await["summary"]["total"], 1);
    assert_eq!(cast.ok("GET", &at(&on, ""), Value::Null).await["enabled"], true);
    assert_eq!(ops("POST", "/api/ops/schedules/resume").await["resumed_count"], 0);
}

#[actix_web::test]
async fn triggers_of_other_apis_are_told_as_what_they_are() {
    let cast = Cast::new().await;
    let (registry, roster) = (&cast.site.stage.host.registry, &cast.site.stage.host.roster);
    let ada = roster.find("ada").await.unwrap().unwrap().id;
    let now = registry.clock().now();
    let later = now.plus(Duration::from_secs(3_600));
    let cron = |expression: &str| Schedule::Cron {
        expression: expression.to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    };
    for (schedule, shown) in [
        (cron("30 0 9 * * *"), "0 9 * * * 30".to_owned()),
        (Schedule::Interval { every_ms: 90_000, anchor: now }, "@every 90s".to_owned()),
        (
            Schedule::Once { at: later },
            format!("@at {}", crate::dialects::trinity::times::iso(later)),
        ),
    ] {
        let wanted = NewTrigger::new("n", "m", schedule.clone());
        let trigger = registry.add_trigger(ada, wanted).await.unwrap();
        let path = format!("/api/agents/ada/schedules/{}", short::of(trigger.id.0));
        let told = cast.ok("GET", &path, Value::Null).await;
        assert_eq!(told["cron_expression"], shown);
        assert!(told["next_run_at"].is_string(), "it does not wait for autonomy: {told}");
        // Said again as it is, it stays as it is.
        let body = json!({"cron_expression": shown, "name": "renamed"});
        assert_eq!(cast.ok("PUT", &path, body).await["cron_expression"], shown);
        assert_eq!(registry.trigger(ada, trigger.id).await.unwrap().schedule, schedule);
        let changed = cast.ok("PUT", &path, json!({"cron_expression": "5 5 * * *"})).await;
        assert_eq!(changed["cron_expression"], "5 5 * * *");
    }
}

#[actix_web::test]
async fn the_system_agent_is_not_made_autonomous() {
    let cast = Cast::new().await;
    let roster = &cast.site.stage.host.roster;
    let ada = roster.find("ada").await.unwrap().unwrap();
    let kept = roster.amend(ada.id, |entry| {
        entry.is_system = true;
        Ok::<_, greenroom_actors::error::CoreError>(())
    });
    kept.await.unwrap();
    let path = "/api/agents/ada/autonomy";
    let refused = cast.site.refused(&cast.owner, "PUT", path, json!({"enabled": true})).await;
    assert!(refused.0 == 403 && refused.1.contains("system agent"), "{refused:?}");
}

#[actix_web::test]
async fn what_somebody_scheduled_is_paused_when_the_agent_is_shared_with_them_no_longer() {
    let cast = Cast::new().await;
    let (site, schedules) = (&cast.site, "/api/agents/ada/schedules");
    cast.schedule(json!({"name": "own"})).await;
    for name in ["theirs", "theirs too"] {
        let body = json!({"name": name, "cron_expression": "0 9 * * *", "message": "go"});
        let (status, made) = site.call(&cast.shared, "POST", schedules, body).await;
        assert!(status < 300, "{made}");
    }
    let pause = "/api/ops/schedules/pause";
    let (_, told) = site.call(&site.admin, "POST", pause, Value::Null).await;
    assert_eq!(told["paused_count"], 3);
    let enabled = async || {
        let (_, list) = site.call(&cast.owner, "GET", schedules, Value::Null).await;
        let enabled = list.as_array().unwrap().iter().filter(|it| it["enabled"] == true);
        let mut names: Vec<_> = enabled.map(|it| it["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert!(enabled().await.is_empty());
    let body = json!({"name": "begun after", "cron_expression": "0 9 * * *", "message": "go"});
    site.call(&cast.shared, "POST", schedules, body).await;
    cast.schedule(json!({"name": "own, later"})).await;
    let path = "/api/agents/ada/share/shared@example.org";
    assert_eq!(site.call(&cast.owner, "DELETE", path, Value::Null).await.0, 200);
    assert_eq!(enabled().await, ["own, later"]);
    let (_, told) = site.call(&cast.owner, "GET", "/api/notifications", Value::Null).await;
    let notice = &told["notifications"][0];
    assert_eq!((&told["count"], &notice["agent_name"]), (&json!(1), &json!("ada")), "{told}");
    let message = notice["message"].as_str().unwrap();
    assert!(message.contains("shared@example.org") && message.contains("begun after"), "{message}");
    // Nor does it go on with those of all others.
    site.call(&site.admin, "POST", "/api/ops/schedules/resume", Value::Null).await;
    assert_eq!(enabled().await, ["own", "own, later"]);
    // Its owner may want it.
    let (_, list) = site.call(&cast.owner, "GET", schedules, Value::Null).await;
    let theirs = list.as_array().unwrap().iter().find(|it| it["name"] == "begun after").unwrap();
    cast.ok("PUT", &at(theirs, ""), json!({"enabled": true})).await;
    assert_eq!(enabled().await, ["begun after", "own", "own, later"]);
}
