//! Logs, figures of one agent and of all, and the machine.

use greenroom_actors::agent::{AddTrigger, Change, Delivery, SetAutonomy};
use greenroom_actors::ids::{AgentId, EntityId, RoomId};
use greenroom_actors::lifecycle::{Autonomy, Command};
use greenroom_actors::records::Room;
use greenroom_actors::triggers::{NewTrigger, Schedule, TriggerPatch};
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::dialects::trinity::system_agent;

pub(super) async fn id_of(site: &Site, name: &str) -> AgentId {
    site.stage.host.roster.find(name).await.unwrap().unwrap().id
}

/// Says something to an agent, and waits for its answer.
async fn talk(site: &Site, name: &str, text: &str) {
    let registry = &site.stage.host.registry;
    let id = id_of(site, name).await;
    let room = Room {
        id: RoomId::new(),
        agent_id: id,
        name: "Talk".to_owned(),
        channel_id: None,
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "test".to_owned(),
        metadata: None,
        created_at: registry.clock().now(),
    };
    let content = json!({"text": text}).as_object().cloned().unwrap();
    let asking = Delivery::asking(EntityId::new(), room, content);
    let delivered = registry.deliver(id, asking).await.unwrap();
    drop(registry.reply(delivered.reply.unwrap()).await);
}

pub(super) async fn schedule(site: &Site, name: &str) {
    let id = id_of(site, name).await;
    let anchor = site.stage.host.registry.clock().now();
    let slots = Schedule::Interval { every_ms: 3_600_000, anchor };
    let trigger = NewTrigger::new("tea", "make tea", slots);
    site.stage.host.registry.ask(id, AddTrigger(Box::new(trigger))).await.unwrap();
}

/// An owner, somebody it is not shared with, and an agent that runs.
async fn set() -> (Site, String, String) {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    (site, owner, stranger)
}

async fn share(site: &Site, name: &str, email: &str) {
    let share = crate::roster::Share {
        id: 1,
        email: email.to_owned(),
        by_id: 1,
        by: "admin".to_owned(),
        created_at: site.stage.host.registry.clock().now(),
        allows_proactive: false,
    };
    let id = id_of(site, name).await;
    let shared = site.stage.host.roster.amend(id, |entry| {
        entry.shares.push(share);
        Ok::<_, greenroom_actors::error::CoreError>(())
    });
    shared.await.unwrap();
}

#[actix_web::test]
async fn logs_and_stats_are_for_those_who_may_use_the_agent() {
    let (site, owner, stranger) = set().await;
    let friend = site.user("friend@example.org", Role::User).await;
    share(&site, "mine", "friend@example.org").await;
    for what in ["logs", "stats"] {
        let mine = format!("/api/agents/mine/{what}");
        let none = format!("/api/agents/none/{what}");
        for token in [&owner, &friend, &site.admin] {
            assert_eq!(site.call(token, "GET", &mine, Value::Null).await.0, 200, "{what}");
            let refused = site.refused(token, "GET", &none, Value::Null).await;
            assert_eq!(refused, (404, "Agent not found".to_owned()));
        }
        let refused = site.refused(&stranger, "GET", &mine, Value::Null).await;
        assert_eq!(refused, (403, "Access denied to agent".to_owned()));
        let refused = site.refused(&stranger, "GET", &none, Value::Null).await;
        assert_eq!(refused, (404, "Agent not found".to_owned()));
        assert_eq!(site.refused("", "GET", &mine, Value::Null).await.0, 401);
    }
}

#[actix_web::test]
async fn the_tail_of_a_log_is_told_also_of_a_stopped_agent() {
    let (site, owner, _) = set().await;
    talk(&site, "mine", "hello").await;
    let id = id_of(&site, "mine").await;
    let many: Vec<_> = (0..200).map(|number| format!("line {number}")).collect();
    site.stage.host.registry.write_lines(id, &many).await.unwrap();
    site.stage.host.registry.ask(id, Change::to(Command::Stop)).await.unwrap();
    let logs = async |query: &str| {
        let path = format!("/api/agents/mine/logs{query}");
        let (status, told) = site.call(&owner, "GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{told}");
        told["logs"].as_str().unwrap().to_owned()
    };
    let all = logs("?tail=-1").await;
    assert!(all.ends_with("INFO stopped\n"), "{all}");
    assert!(all.lines().next().unwrap().ends_with("Z INFO agent created"));
    assert!(all.contains("INFO said: echo: hello\n"));
    for (query, count) in [
        ("", 100),
        ("?lines=3", 100),
        ("?tail=0", 0),
        ("?tail=2", 2),
        ("?tail=1000000", all.lines().count()),
        ("?tail=-7", all.lines().count()),
    ] {
        let told = logs(query).await;
        assert_eq!(told.lines().count(), count, "{query}");
        assert!(all.ends_with(&told), "{query}");
    }
    let path = "/api/agents/mine/logs?tail=many";
    let (status, told) = site.call(&owner, "GET", path, Value::Null).await;
    assert_eq!((status, &told["detail"][0]["type"]), (422, &json!("int_parsing")));
    assert_eq!(told["detail"][0]["loc"], json!(["query", "tail"]));
}

#[actix_web::test]
async fn stats_are_measured_and_those_of_a_stopped_agent_refused() {
    let (site, owner, _) = set().await;
    let stats = async || site.call(&owner, "GET", "/api/agents/mine/stats", Value::Null).await;
    talk(&site, "mine", "hello").await;
    let id = id_of(&site, "mine").await;
    let tally = site.stage.host.registry.tally(id);
    tally.sent(1_000);
    tally.received(50);
    tally.children_hold(1 << 30);
    let (status, told) = stats().await;
    assert_eq!(status, 200);
    for (field, value) in [
        ("memory_limit_bytes", json!(4_u64 << 30)),
        ("memory_percent", json!(25.0)),
        ("network_tx_bytes", json!(1_000)),
        ("network_rx_bytes", json!(50)),
        ("status", json!("running")),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert!(told["memory_used_bytes"].as_u64().unwrap() > 1 << 30);
    assert!(told["cpu_percent"].as_f64().unwrap() >= 0.0);
    assert!(told["uptime_seconds"].is_u64());
    site.stage.host.registry.ask(id, Change::to(Command::Stop)).await.unwrap();
    let path = "/api/agents/mine/stats";
    let refused = site.refused(&owner, "GET", path, Value::Null).await;
    assert_eq!(refused, (400, "Agent is not running".to_owned()));
}

#[actix_web::test]
async fn what_is_told_of_all_agents_is_told_of_those_that_the_caller_may_see() {
    let (site, owner, stranger) = set().await;
    site.agent(&owner, "second").await;
    site.agent(&stranger, "other").await;
    let friend = site.user("friend@example.org", Role::User).await;
    share(&site, "second", "friend@example.org").await;
    let names = |told: &Value| -> Vec<String> {
        let agents = match &told["agents"] {
            Value::Null => told,
            agents => agents,
        };
        let mut names: Vec<_> = match agents {
            Value::Object(agents) => agents.keys().cloned().collect(),
            agents => {
                let named = |agent: &Value| match &agent["name"] {
                    Value::String(name) => name.clone(),
                    _ => agent["agent_name"].as_str().unwrap().to_owned(),
                };
                agents.as_array().unwrap().iter().map(named).collect()
            }
        };
        names.sort();
        names
    };
    for path in ["context-stats", "autonomy-status", "slots", "sync-health"] {
        let path = format!("/api/agents/{path}");
        for (token, expected) in [
            (&owner, vec!["mine", "second"]),
            (&stranger, vec!["other"]),
            (&friend, vec!["second"]),
            (&site.admin, vec!["mine", "other", "second"]),
        ] {
            let (status, told) = site.call(token, "GET", &path, Value::Null).await;
            assert_eq!(
                (status, names(&told)),
                (200, expected.into_iter().map(str::to_owned).collect())
            );
        }
        assert_eq!(site.refused("", "GET", &path, Value::Null).await.0, 401);
    }
    // Whoever may see none is told of none.
    let nobody = site.user("nobody@example.org", Role::User).await;
    let (_, told) = site.call(&nobody, "GET", "/api/agents/autonomy-status", Value::Null).await;
    assert_eq!(told, json!({}));
}

#[actix_web::test]
async fn windows_are_told_as_they_were_filled() {
    let (site, owner, _) = set().await;
    let stats = async || {
        let (_, told) = site.call(&owner, "GET", "/api/agents/context-stats", Value::Null).await;
        told["agents"][0].clone()
    };
    let fresh = stats().await;
    for (field, value) in [
        ("status", json!("running")),
        ("activityState", json!("idle")),
        ("contextPercent", json!(0.0)),
        ("contextUsed", json!(0)),
        ("contextMax", json!(200_000)),
        ("lastActivityTime", Value::Null),
    ] {
        assert_eq!(fresh[field], value, "{field}");
    }
    talk(&site, "mine", "hello").await;
    assert!(stats().await["lastActivityTime"].as_str().unwrap().ends_with('Z'));
    let id = id_of(&site, "mine").await;
    site.stage.host.registry.ask(id, Change::to(Command::Stop)).await.unwrap();
    let stopped = stats().await;
    for (field, value) in [
        ("status", json!("stopped")),
        ("activityState", json!("offline")),
        ("contextUsed", json!(0)),
        ("contextMax", json!(200_000)),
        ("lastActivityTime", Value::Null),
    ] {
        assert_eq!(stopped[field], value, "{field}");
    }
}

#[actix_web::test]
async fn the_hosts_own_agent_is_left_out_of_autonomy() {
    let (site, owner, _) = set().await;
    system_agent::ensure(&site.stage.host).await.unwrap();
    let id = id_of(&site, "mine").await;
    let autonomy = Some(Autonomy { every_ms: 3_600_000 });
    site.stage.host.registry.ask(id, SetAutonomy(autonomy)).await.unwrap();
    for token in [&owner, &site.admin] {
        let (_, told) = site.call(token, "GET", "/api/agents/autonomy-status", Value::Null).await;
        assert_eq!(told, json!({"mine": {"autonomy_enabled": true}}));
    }
}

#[actix_web::test]
async fn executions_are_counted_with_their_schedules() {
    let (site, owner, stranger) = set().await;
    site.agent(&owner, "idle").await;
    let stats = async |token: &str, query: &str| {
        let path = format!("/api/agents/execution-stats{query}");
        site.call(token, "GET", &path, Value::Null).await
    };
    assert_eq!(stats(&owner, "").await, (200, json!({"agents": []})));
    talk(&site, "mine", "hello").await;
    talk(&site, "mine", "!fail").await;
    schedule(&site, "mine").await;
    schedule(&site, "mine").await;
    let id = id_of(&site, "mine").await;
    let triggers = site.stage.host.registry.store().triggers(id).await.unwrap();
    let patch = Box::new(TriggerPatch::enabled(false));
    let off = greenroom_actors::agent::AmendTrigger { id: triggers[0].id, patch };
    site.stage.host.registry.ask(id, off).await.unwrap();
    let (_, told) = stats(&owner, "").await;
    assert_eq!(told["agents"].as_array().unwrap().len(), 1);
    let mine = &told["agents"][0];
    for (field, value) in [
        ("name", json!("mine")),
        ("task_count_24h", json!(2)),
        ("success_count", json!(1)),
        ("failed_count", json!(1)),
        ("running_count", json!(0)),
        ("success_rate", json!(50.0)),
        ("total_cost", json!(0.0)),
        ("schedules_total", json!(2)),
        ("schedules_enabled", json!(1)),
        ("task_count_7d", Value::Null),
    ] {
        assert_eq!(mine[field], value, "{field}");
    }
    assert!(mine["last_execution_at"].is_string());
    let (_, told) = stats(&owner, "?include_7d=true&hours=1").await;
    assert_eq!(told["agents"][0]["task_count_7d"], 2);
    assert_eq!(told["agents"][0]["success_rate_7d"], 50.0);
    assert_eq!(stats(&stranger, "").await.1, json!({"agents": []}));
    for query in ["?hours=x", "?hours=0", "?include_7d=perhaps"] {
        assert_eq!(stats(&owner, query).await.0, 422, "{query}");
    }
}

#[actix_web::test]
async fn the_machine_and_what_runs_on_it_are_told() {
    let (site, owner, stranger) = set().await;
    let (status, told) = site.call(&owner, "GET", "/api/telemetry/host", Value::Null).await;
    assert_eq!(status, 200);
    assert!(told["cpu"]["count"].as_u64().unwrap() > 0);
    assert!(told["memory"]["total_gb"].as_f64().unwrap() > 0.0);
    let (_, told) = site.call(&owner, "GET", "/api/telemetry/containers", Value::Null).await;
    assert_eq!(
        (&told["running_count"], &told["containers"][0]["name"]),
        (&json!(1), &json!("mine"))
    );
    let (_, told) = site.call(&stranger, "GET", "/api/telemetry/containers", Value::Null).await;
    assert_eq!((&told["running_count"], &told["containers"]), (&json!(0), &json!([])));
    let (_, told) = site.call(&owner, "GET", "/api/version", Value::Null).await;
    assert_eq!((&told["platform"], &told["version"]), (&json!("trinity"), &json!("0.0.0")));
    for path in ["/api/telemetry/host", "/api/telemetry/containers", "/api/version"] {
        assert_eq!(site.refused("", "GET", path, Value::Null).await.0, 401, "{path}");
    }
}
