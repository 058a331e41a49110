//! Agents by name: the list, one of them, a new one, and the end of one.

use std::pin::pin;

use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::host::Host;

#[actix_web::test]
async fn an_agent_is_created_running_and_seen_by_those_who_may() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    let (status, made) = site
        .call(&owner, "POST", "/api/agents", json!({"name": "Data Loader (v2)", "type": "etl"}))
        .await;
    assert_eq!(status, 200);
    for (field, value) in [
        ("name", json!("data-loader-v2")),
        ("type", json!("etl")),
        ("status", json!("running")),
        ("resources", json!({"cpu": "2", "memory": "4g"})),
        ("template", Value::Null),
        ("runtime", json!("claude-code")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(made["container_id"].as_str().unwrap().len(), 64);
    let (status, detail) =
        site.call(&owner, "GET", "/api/agents/data-loader-v2", Value::Null).await;
    assert_eq!(status, 200);
    for (field, value) in [
        ("owner", json!("owner@example.org")),
        ("is_owner", json!(true)),
        ("is_shared", json!(false)),
        ("can_share", json!(true)),
        ("can_delete", json!(true)),
        ("shares", json!([])),
        ("tags", json!([])),
        ("container_id", made["container_id"].clone()),
        ("port", made["port"].clone()),
    ] {
        assert_eq!(detail[field], value, "{field}");
    }
    let names = async |token: &str| {
        let (_, list) = site.call(token, "GET", "/api/agents", Value::Null).await;
        list.as_array().unwrap().iter().map(|agent| agent["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&owner).await, [json!("data-loader-v2")]);
    assert!(names(&stranger).await.is_empty());
    assert!(names(&site.admin).await.contains(&json!("data-loader-v2")));
}

#[actix_web::test]
async fn an_agent_that_cannot_be_is_refused_by_its_field() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let plain = site.user("user@example.org", Role::User).await;
    site.agent(&owner, "taken").await;
    let refused =
        async |token: &str, body: Value| site.refused(token, "POST", "/api/agents", body).await;
    for (body, status, words) in [
        (json!({"name": "---"}), 400, "at least one alphanumeric"),
        (json!({"name": "slots"}), 400, "reserved"),
        (json!({"name": "x".repeat(64)}), 400, "too long"),
        (json!({"name": "Taken"}), 409, "Agent already exists"),
        (json!({"name": "a", "runtime": "bash"}), 400, "runtime"),
        (json!({"name": "a", "port": 80}), 400, "port"),
        (json!({"name": "a", "port": 70_000}), 400, "port"),
        (json!({"name": "a", "resources": {"cpu": "3"}}), 400, "resources.cpu"),
        (json!({"name": "a", "resources": {"memory": "3g"}}), 400, "resources.memory"),
        (json!({"name": "a", "resources": []}), 400, "resources"),
        (json!({"name": "a", "port": "x"}), 422, "int_parsing"),
        (json!({"name": "a", "tools": "x"}), 422, "list_type"),
    ] {
        let (found, told) = refused(&owner, body.clone()).await;
        assert!(found == status && told.contains(words), "{body}: {found} {told}");
    }
    let (status, told) = refused(&plain, json!({"name": "a"})).await;
    assert!(status == 403 && told.contains("'creator'"), "{told}");
    for (cpu, memory) in [(json!(2), json!("8G")), (json!("16"), json!("1Gi"))] {
        let name = format!("r{cpu}").replace('"', "");
        let body = json!({"name": name, "resources": {"cpu": cpu, "memory": memory}});
        let (status, made) = site.call(&owner, "POST", "/api/agents", body).await;
        assert_eq!(status, 200, "{made}");
        assert!(made["resources"]["cpu"].is_string() && made["resources"]["memory"].is_string());
    }
    let (_, one) =
        site.call(&owner, "POST", "/api/agents", json!({"name": "p", "port": 3000})).await;
    assert_eq!(one["port"], 3000);
    let (status, told) = refused(&owner, json!({"name": "q", "port": 3000})).await;
    assert!(status == 409 && told.to_lowercase().contains("port"), "{told}");
}

#[actix_web::test]
async fn guards_differ_in_what_a_stranger_sees() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    for (token, method, path, body, status, words) in [
        (&stranger, "GET", "/api/agents/none", Value::Null, 404, "Agent not found"),
        (&stranger, "GET", "/api/agents/mine", Value::Null, 403, "Access denied to agent"),
        (&stranger, "GET", "/api/agents/Mine", Value::Null, 404, "Agent not found"),
        (&stranger, "POST", "/api/agents/mine/stop", Value::Null, 403, "Access denied to agent"),
        (&stranger, "DELETE", "/api/agents/none", Value::Null, 403, "permission to delete"),
        (&stranger, "DELETE", "/api/agents/mine", Value::Null, 403, "permission to delete"),
        (&site.admin, "DELETE", "/api/agents/none", Value::Null, 404, "Agent not found"),
        (
            &stranger,
            "PUT",
            "/api/agents/none/rename",
            json!({"new_name": "x"}),
            403,
            "permission to rename",
        ),
        (&owner, "PUT", "/api/agents/mine/rename", json!({"new_name": ""}), 400, "empty"),
        (&owner, "PUT", "/api/agents/mine/rename", json!({"new_name": "mine"}), 400, "same"),
    ] {
        let (found, told) = site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
}

#[actix_web::test]
async fn an_agent_is_stopped_started_and_removed() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let call = async |method: &str, path: &str| site.call(&owner, method, path, Value::Null).await;
    let status = async || call("GET", "/api/agents/mine").await.1["status"].clone();
    for (path, message, after) in [
        ("/api/agents/mine/stop", "Agent mine stopped", "stopped"),
        ("/api/agents/mine/stop", "Agent mine stopped", "stopped"),
        ("/api/agents/mine/start", "Agent mine started", "running"),
        ("/api/agents/mine/start", "Agent mine started", "running"),
    ] {
        let (found, told) = call("POST", path).await;
        assert_eq!((found, &told["message"]), (200, &json!(message)));
        assert_eq!(status().await, after);
    }
    let (_, again) = call("POST", "/api/agents/mine/start").await;
    assert_eq!(again["credentials_injection"], "skipped");
    assert_eq!(again["credentials_result"]["reason"], "container_already_running");
    let (found, told) = call("DELETE", "/api/agents/mine").await;
    assert_eq!((found, told), (200, json!({"message": "Agent mine deleted"})));
    assert_eq!(call("GET", "/api/agents/mine").await.0, 404);
    // The name is free again at once.
    site.agent(&owner, "mine").await;
}

#[actix_web::test]
async fn nothing_is_fetched_for_whoever_may_have_no_further_agent() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let (status, _) = site
        .call(&site.admin, "PUT", "/api/settings/agent-quotas", json!({"max_agents_creator": 2}))
        .await;
    assert_eq!(status, 200);
    let create = async |name: &str, image: &str| {
        // To fetch it fails with a word about the template.
        let body = json!({"name": name, "template": "local:nowhere", "base_image": image});
        let (status, told) = site.call(&owner, "POST", "/api/agents", body).await;
        (status, told["detail"].to_string())
    };
    let deploy = async |count: usize| {
        let agents: Vec<_> =
            (0..count).map(|nth| format!("  a{nth}: {{template: 'local:nowhere'}}")).collect();
        let manifest = format!("name: fleet\nagents:\n{}\n", agents.join("\n"));
        let body = json!({"manifest": manifest});
        let (status, told) = site.call(&owner, "POST", "/api/systems/deploy", body).await;
        (status, told["detail"].to_string())
    };
    let usual = "trinity-agent-base:latest";
    site.agent(&owner, "one").await;
    let (status, told) = create("two", usual).await;
    assert!(status != 429 && told.contains("nowhere"), "{status} {told}");
    assert_eq!(create("two", "evil:latest").await.0, 403);
    assert_eq!(deploy(2).await.0, 429);
    let (status, told) = deploy(1).await;
    assert!(status != 429 && told.contains("nowhere"), "{status} {told}");
    site.agent(&owner, "two").await;
    // In the order of the contract: the name, another of that name, the quota, the image, the template.
    for (name, image, expected) in [
        ("!!", usual, 400),
        ("one", usual, 409),
        ("three", "evil:latest", 429),
        ("three", usual, 429),
    ] {
        let (status, told) = create(name, image).await;
        assert_eq!(status, expected, "{name} {image}: {told}");
    }
    let (status, told) = deploy(1).await;
    assert!(status == 429 && told.contains('2'), "{status} {told}");
    let body = json!({"archive": "no archive"});
    assert_eq!(site.call(&owner, "POST", "/api/agents/deploy-local", body).await.0, 429);
}

#[actix_web::test]
async fn an_agent_whose_maker_leaves_is_whole_or_not_there() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    for patience in 1..40 {
        let name = format!("left-{patience}");
        {
            let body = json!({"name": name});
            let mut making = pin!(site.call(&owner, "POST", "/api/agents", body));
            for _ in 0..patience {
                if futures::poll!(&mut making).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // What was begun goes on to its end.
        let roster = &site.stage.host.roster;
        let (known, agent) = loop {
            let known = roster.entries().into_iter().filter(|(id, _)| {
                let listed = site.stage.host.registry.directory().get(*id);
                listed.is_none_or(|listed| listed.handle.as_ref() == name)
            });
            let (known, agent) = (known.count(), roster.find(&name).await.unwrap());
            if known == 0 || agent.as_ref().is_some_and(|agent| agent.is_running()) {
                break (known, agent);
            }
            tokio::task::yield_now().await;
        };
        let Some(agent) = agent else { continue };
        assert_eq!(known, 1, "{name}");
        assert!(site.stage.host.accounts.agent_secret(agent.id).is_some(), "{name}");
        let path = format!("/api/agents/{name}/files?show_hidden=true");
        let (_, files) = site.call(&owner, "GET", &path, Value::Null).await;
        assert!(files.to_string().contains("persistent-state.yaml"), "{files}");
    }
}

#[actix_web::test]
async fn nothing_is_said_of_an_agent_that_is_gone() {
    let site = Site::new().await;
    let roster = &site.stage.host.roster;
    let gone = AgentId(uuid::Uuid::new_v4());
    let said = roster.amend(gone, |entry| {
        entry.kind = "ghost".to_owned();
        Ok::<_, CoreError>(())
    });
    assert!(matches!(said.await, Err(CoreError::AgentNotFound(id)) if id == gone));
    assert!(!roster.knows(gone));
}

#[actix_web::test]
async fn an_agent_that_was_made_elsewhere_has_a_name_and_a_port_that_reach_it() {
    let site = Site::new().await;
    site.agent(&site.admin, "ada").await;
    let Host { registry, roster, .. } = &site.stage.host;
    let mut ports = vec![roster.find("ada").await.unwrap().unwrap().entry.port];
    // Words that stand where a name does are no names; two of one word are told apart as ever.
    for (named, name) in [("Slots", "slots-agent"), ("slots!", "slots-agent-2"), ("Bob", "bob")] {
        registry.create(Character::named(named)).await.unwrap();
        let path = format!("/api/agents/{name}");
        let (status, told) = site.call(&site.admin, "GET", &path, Value::Null).await;
        assert_eq!(
            (status, &told["name"], &told["port"]),
            (200, &json!(name), &json!(0)),
            "{told}"
        );
        let id = roster.find(name).await.unwrap().unwrap().id;
        let port = roster.port_of(id).await.unwrap();
        assert_eq!(roster.port_of(id).await.unwrap(), port);
        let (_, told) = site.call(&site.admin, "GET", &path, Value::Null).await;
        assert_eq!(told["port"], port);
        ports.push(port);
    }
    assert_eq!(ports, [2222, 2223, 2224, 2225]);
    let id = roster.find("bob").await.unwrap().unwrap().id;
    let renamed = json!({"name": "Context Stats"}).as_object().unwrap().clone();
    let renamed = registry.revise(id, renamed).await.unwrap();
    assert_eq!(renamed.handle, "context-stats-agent");
    let gone = AgentId(uuid::Uuid::new_v4());
    assert_eq!(roster.port_of(gone).await, Err(CoreError::AgentNotFound(gone)));
}

#[actix_web::test]
async fn a_list_tells_of_those_that_are_there_as_they_are() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    for name in ["one", "two", "three"] {
        site.agent(&owner, name).await;
    }
    let list = async || {
        let (status, list) = site.call(&owner, "GET", "/api/agents", Value::Null).await;
        assert_eq!(status, 200, "{list}");
        let told = list.as_array().unwrap().iter().map(|agent| {
            (agent["name"].as_str().unwrap().to_owned(), agent["read_only_enabled"] == true)
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    };
    let told = |told: &[(&str, bool)]| -> Vec<(String, bool)> {
        told.iter().map(|(name, is_read_only)| ((*name).to_owned(), *is_read_only)).collect()
    };
    assert_eq!(list().await, told(&[("one", false), ("three", false), ("two", false)]));
    for enabled in [true, false, true] {
        let path = "/api/agents/two/read-only";
        let (status, _) = site.call(&owner, "PUT", path, json!({"enabled": enabled})).await;
        assert_eq!(status, 200);
        assert_eq!(list().await, told(&[("one", false), ("three", false), ("two", enabled)]));
    }
    // One that goes while the list is made is not told of, and the others are.
    let (listed, removed) =
        futures::join!(list(), site.call(&owner, "DELETE", "/api/agents/three", Value::Null));
    assert!(listed.len() >= 2 && removed.0 == 200, "{listed:?}");
    assert_eq!(list().await, told(&[("one", false), ("two", true)]));
}
