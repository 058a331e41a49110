//! Agents under `/api`: made, read, changed, started, stopped, removed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::support::{HUSH, NOBODY, stage, stage_over};
use crate::dialects::elizaos::ElizaosSettings;
use crate::secrets::is_sealed;

const NONE: Value = Value::Null;

#[actix_web::test]
async fn an_agent_lives_as_recorded() {
    let stage = stage(ElizaosSettings::default()).await;
    let character = json!({"characterJson": {"name": "Ada", "bio": "A small test agent"}});
    let (status, made) = stage.said("POST", "/api/agents", character).await;
    let id = "5c3cb098-d52d-0b3f-a7e9-7b7fba960c4c";
    assert_eq!((status, &made["data"]["id"]), (201, &json!(id)));
    assert_eq!(
        made["data"]["character"],
        json!({"name": "Ada", "bio": "A small test agent", "id": id})
    );
    assert_eq!(made["data"]["status"], "inactive");
    let path = format!("/api/agents/{id}");
    let on = |route: &str| format!("{path}/{route}");

    let not_found = json!({"success": false,
        "error": {"code": "NOT_FOUND", "message": "Agent not found"}});
    assert_eq!(stage.said("POST", &on("stop"), NONE).await, (404, not_found.clone()));
    assert_eq!(stage.said("GET", &on("panels"), NONE).await, (404, not_found.clone()));
    for _ in 0..2 {
        let (status, started) = stage.said("POST", &on("start"), NONE).await;
        assert_eq!((status, &started["data"]["status"]), (200, &json!("active")));
        assert_eq!(started["data"]["enableAutonomy"], false);
        assert!(started["data"]["startedAt"].is_i64());
    }
    assert_eq!(stage.get(&path).await.json()["data"]["status"], "active");
    let panels = stage.said("GET", &on("panels"), NONE).await;
    assert_eq!((panels.0, &panels.1["data"][0]["id"]), (200, &json!("overview")));
    assert_eq!(stage.get(&on("panels/x")).await.status, 404);
    let (status, stopped) = stage.said("POST", &on("stop"), NONE).await;
    assert_eq!((status, &stopped["data"]["message"]), (200, &json!("Agent stopped")));
    assert_eq!(stage.said("POST", &on("stop"), NONE).await.0, 404);
    assert_eq!(stage.get(&path).await.json()["data"]["status"], "inactive");

    let gone = stage.send("DELETE", &path, NONE).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", on("start"))] {
        assert_eq!(stage.said(method, &path, NONE).await, (404, not_found.clone()), "{method}");
    }
}

#[actix_web::test]
async fn every_form_of_a_character_makes_an_agent() {
    let stage = stage(ElizaosSettings::default()).await;
    for (name, body) in [
        ("A", json!({"characterJson": {"name": "A", "bio": "x"}})),
        ("B", json!({"agent": {"name": "B", "bio": ["x"]}, "characterJson": null})),
        ("C", json!({"name": "C", "bio": "x", "clients": ["unknown"], "lore": ["old"]})),
        (
            "D",
            json!({"characterJson": {"name": "D", "bio": "x", "status": "active", "enabled": true,
                "createdAt": 1, "updatedAt": 2, "server_id": null}}),
        ),
    ] {
        let (status, made) = stage.said("POST", "/api/agents", body).await;
        assert_eq!((status, &made["data"]["name"]), (201, &json!(name)));
    }
    let listed = stage.get("/api/agents").await.json();
    let names: Vec<_> =
        listed["data"]["agents"].as_array().unwrap().iter().map(|agent| &agent["name"]).collect();
    assert_eq!(names, ["A", "B", "C", "D"]);
    let second = json!({"characterJson": {"name": "A", "bio": "second"}});
    let (status, made) = stage.said("POST", "/api/agents", second).await;
    assert_eq!((status, &made["data"]["character"]["bio"]), (201, &json!("second")));
    let id = made["data"]["id"].as_str().unwrap();
    let kept = stage.get(&format!("/api/agents/{id}")).await.json();
    assert_eq!(kept["data"]["bio"], "x", "the stored one stays as it was");
}

#[actix_web::test]
async fn what_is_no_character_makes_no_agent() {
    let stage = stage(ElizaosSettings::default()).await;
    for (body, words) in [
        (json!({}), "No character configuration provided"),
        (json!({"characterJson": null}), "No character configuration provided"),
        (
            json!({"characterJson": {"name": "", "bio": "x"}}),
            "Character validation failed: name: Character name is required",
        ),
        (
            json!({"characterJson": []}),
            "Character validation failed: : Invalid input: expected object, received array",
        ),
        (
            json!({"characterPath": "missing/none.json"}),
            "Character 'missing/none.json' not found. Please check if the file exists and the \
             path is correct.",
        ),
        (json!({"characterPath": 5}), "characterPath must be a string"),
        (json!({"name": "A", "bio": 5}), "Character validation failed: bio: Invalid input"),
    ] {
        let (status, said) = stage.said("POST", "/api/agents", body).await;
        assert_eq!(status, 400);
        let error = json!({"code": "CREATE_ERROR", "message": words, "details": words});
        assert_eq!(said, json!({"success": false, "error": error}));
    }
    assert_eq!(stage.get("/api/agents").await.json()["data"]["agents"], json!([]));
}

#[actix_web::test]
async fn a_character_may_stand_in_a_file_of_the_folder_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pathy.json"), r#"{"name": "Pathy", "bio": ["x"]}"#).unwrap();
    std::fs::write(folder.path().join("nochar.json"), r#"{"bio": 5}"#).unwrap();
    let settings = ElizaosSettings {
        character_dir: Some(folder.path().to_owned()),
        ..ElizaosSettings::default()
    };
    let stage = stage(settings).await;
    for path in ["pathy", "pathy.json"] {
        let (status, made) =
            stage.said("POST", "/api/agents", json!({"characterPath": path})).await;
        assert_eq!((status, &made["data"]["name"]), (201, &json!("Pathy")));
    }
    let (status, said) =
        stage.said("POST", "/api/agents", json!({"characterPath": "nochar.json"})).await;
    assert_eq!(status, 400);
    assert_eq!(
        said["error"]["message"],
        "Character file 'nochar.json' contains invalid character data. Failed to load character \
         from nochar.json: Character validation failed: name: Invalid input: expected string, \
         received undefined; bio: Invalid input"
    );
}

#[actix_web::test]
async fn secrets_are_answered_sealed_and_can_be_sent_back() {
    let stage = stage(ElizaosSettings::default()).await;
    let character = json!({"characterJson": {"name": "Sec", "bio": "x", "secrets": {"TOP": "one"},
        "settings": {"model": "m", "secrets": {"IN": "two"}}}});
    let (_, made) = stage.said("POST", "/api/agents", character).await;
    let echo = &made["data"]["character"];
    assert!(is_sealed(echo["secrets"]["TOP"].as_str().unwrap()));
    assert!(is_sealed(echo["settings"]["secrets"]["IN"].as_str().unwrap()));
    let path = format!("/api/agents/{}", made["data"]["id"].as_str().unwrap());
    let row = stage.get(&path).await;
    assert!(!row.text.contains("one") && !row.text.contains("two"), "{}", row.text);
    let secrets = row.json()["data"]["settings"]["secrets"].clone();
    for (name, secret) in [("TOP", "one"), ("IN", "two")] {
        let opened = stage.host.secrets.open(secrets[name].as_str().unwrap()).unwrap();
        assert_eq!(opened.as_str(), secret);
    }
    let back = stage.said("PATCH", &path, row.json()["data"].clone()).await.1;
    assert_eq!(back["data"]["settings"]["secrets"], secrets);
    let patch = json!({"secrets": {"NEW": "three"}, "settings": {"secrets": {"IN": null}}});
    let patched = stage.said("PATCH", &path, patch).await.1;
    let secrets = patched["data"]["settings"]["secrets"].as_object().unwrap();
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["TOP", "NEW"]);
    assert!(is_sealed(secrets["NEW"].as_str().unwrap()));
}

#[actix_web::test]
async fn settings_are_merged_and_everything_else_is_replaced() {
    let stage = stage(ElizaosSettings::default()).await;
    let character = json!({"characterJson": {"name": "Patchy", "bio": "before",
        "settings": {"a": 1, "nested": {"x": 1, "y": 2}}}});
    let (_, made) = stage.said("POST", "/api/agents", character).await;
    let path = format!("/api/agents/{}", made["data"]["id"].as_str().unwrap());
    let before = stage.get(&path).await.json();
    assert_eq!(stage.said("PATCH", &path, json!({})).await, (200, before.clone()));
    for (patch, field, expected) in [
        (json!({"bio": ["after"], "system": "s"}), "system", json!("s")),
        (
            json!({"settings": {"b": 2, "nested": {"y": 3}}}),
            "settings",
            json!({"a": 1, "nested": {"x": 1, "y": 3}, "b": 2}),
        ),
        (
            json!({"settings": {"a": null, "nested": {"x": null}}}),
            "settings",
            json!({"nested": {"y": 3}, "b": 2}),
        ),
        (json!({"settings": {"secrets": {"K": "v"}}}), "name", json!("Patchy")),
        (
            json!({"settings": {"secrets": {"K": null}}}),
            "settings",
            json!({"nested": {"y": 3}, "b": 2}),
        ),
        (json!({"name": "Renamed", "odd": 5}), "name", json!("Renamed")),
        (json!({"id": NOBODY}), "id", made["data"]["id"].clone()),
    ] {
        let (status, said) = stage.said("PATCH", &path, patch.clone()).await;
        assert_eq!((status, &said["data"][field]), (200, &expected), "{patch}");
    }
    let (status, said) = stage.said("PATCH", &path, json!({"plugins": "oops"})).await;
    assert_eq!(status, 400);
    assert_eq!(said["error"]["message"], "plugins: Invalid input: expected array, received string");
    assert_eq!(stage.get(&path).await.json()["data"]["plugins"], json!([]));
    let unknown = format!("/api/agents/{NOBODY}");
    assert_eq!(stage.said("PATCH", &unknown, json!({"bio": "x"})).await.0, 404);
}

#[actix_web::test]
async fn ids_that_are_none_are_refused_in_the_words_of_the_route() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    for (method, path, words) in [
        ("GET", "x".to_owned(), "Invalid agent ID format"),
        ("GET", "%00".to_owned(), "Invalid agent ID format"),
        ("GET", "%zz".to_owned(), "Invalid agent ID format"),
        ("GET", format!("{id}%2Fstart"), "Invalid agent ID format"),
        ("PATCH", "x".to_owned(), "Invalid agent ID format"),
        ("DELETE", "x".to_owned(), "Invalid agent ID format"),
        ("POST", "x/start".to_owned(), "Invalid agent ID format"),
        ("POST", "x/stop".to_owned(), "Invalid agent ID format"),
        ("GET", "x/panels".to_owned(), "Invalid agent ID format"),
        ("GET", "x/logs".to_owned(), "Invalid agent ID format"),
        ("GET", "x/runs".to_owned(), "Invalid agent ID format"),
        ("GET", "x/rooms".to_owned(), "Invalid agent ID format"),
        ("GET", "x/memories".to_owned(), "Invalid agent ID"),
        ("DELETE", "x/memories".to_owned(), "Invalid agent ID"),
        ("POST", "x/worlds".to_owned(), "Invalid agent ID format"),
        ("DELETE", format!("{id}/logs/x"), "Invalid agent or log ID format"),
        ("GET", format!("{id}/runs/x"), "Invalid agent or run ID format"),
        ("PATCH", format!("{id}/worlds/x"), "Invalid agent ID or world ID format"),
        ("GET", format!("{id}/rooms/x"), "Invalid agent ID or room ID format"),
        ("GET", format!("{id}/rooms/x/memories"), "Invalid agent ID or channel ID format"),
        ("PATCH", format!("{id}/memories/x"), "Invalid agent ID or memory ID format"),
        ("DELETE", format!("{id}/memories/all/x"), "Invalid room ID"),
        ("GET", format!("{id}/logs?roomId=x"), "Invalid room ID format"),
        ("GET", format!("{id}/runs?roomId=x"), "Invalid room ID format"),
        ("GET", format!("{id}/memories?channelId=x"), "Invalid channel ID format"),
        ("GET", format!("{id}/memories?roomId=x"), "Invalid room ID format"),
    ] {
        let body = if method == "GET" || method == "DELETE" { NONE } else { json!({"name": "x"}) };
        let (status, said) = stage.said(method, &format!("/api/agents/{path}"), body).await;
        let error = json!({"code": "INVALID_ID", "message": words});
        assert_eq!((status, &said["error"]), (400, &error), "{method} {path}");
    }
}

#[actix_web::test]
async fn autonomy_is_switched_on_at_a_start_and_its_ticks_are_seen() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.created("Auto").await;
    let path = format!("/api/agents/{id}");
    // What it thinks about, once it acts by itself.
    stage.said("POST", &format!("{path}/start"), json!({})).await;
    let memory = json!({"entityId": id, "roomId": id, "content": {"text": "The roof leaks."}});
    let (status, kept) = stage.said("POST", &format!("{path}/memories"), memory).await;
    assert_eq!(status, 201, "{kept}");
    stage.said("POST", &format!("{path}/stop"), json!({})).await;
    let body = json!({"enableAutonomy": true, "settings": {"autonomyIntervalSeconds": 3600}});
    let (status, started) = stage.said("POST", &format!("{path}/start"), body).await;
    assert_eq!((status, &started["data"]["enableAutonomy"]), (200, &json!(true)));
    let runs = loop {
        let runs = stage.get(&format!("{path}/runs?status=completed")).await.json();
        if runs["data"]["total"] == 1 {
            break runs["data"]["runs"].clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(runs[0]["counts"]["modelCalls"], 1);
    assert!(runs[0]["durationMs"].is_i64());
    let memories = stage.get(&format!("{path}/memories")).await.json();
    assert_eq!(memories["data"]["memories"][0]["content"]["source"], "autonomy");
    let run = runs[0]["runId"].as_str().unwrap();
    let detail = stage.get(&format!("{path}/runs/{run}")).await.json();
    let kinds: Vec<_> = detail["data"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["RUN_STARTED", "MODEL_USED", "RUN_ENDED"]);
    let logs = stage.get(&format!("{path}/logs?excludeTypes=run_event")).await.json();
    assert_eq!(logs["data"][0]["type"], "useModel:TEXT_LARGE");
    let log = logs["data"][0]["id"].as_str().unwrap();
    let one = format!("{path}/logs/{log}");
    assert_eq!(stage.get(&one).await.json()["data"], logs["data"][0]);
    assert_eq!(stage.send("DELETE", &one, NONE).await.status, 204);
    assert_eq!(stage.send("DELETE", &one, NONE).await.status, 204);
    assert_eq!(stage.get(&one).await.status, 404);
    let unknown = stage.get(&format!("{path}/runs/{NOBODY}")).await.json();
    assert_eq!(
        unknown["data"],
        json!({"summary": {"runId": NOBODY, "status": "started", "entityId": id,
            "counts": {"actions": 0, "modelCalls": 0, "errors": 0, "evaluators": 0}},
            "events": []})
    );
    assert_eq!(
        stage.get(&format!("{path}/logs?count=1&offset=1")).await.json()["data"][0]["type"],
        "run_event"
    );
}

#[actix_web::test]
async fn a_removed_agent_can_leave_its_memories() {
    let stage = stage(ElizaosSettings::default()).await;
    for (keeps, query, left) in
        [("true", "?deleteAllData=false", 1), ("false", "?deleteAllData=true", 0), ("-", "", 0)]
    {
        let id = stage.running("Leaver").await;
        let path = format!("/api/agents/{id}");
        let body = json!({"content": {"text": "x"}});
        assert_eq!(stage.send("POST", &format!("{path}/memories"), body).await.status, 201);
        assert_eq!(stage.send("DELETE", &format!("{path}{query}"), NONE).await.status, 204);
        stage.running("Leaver").await;
        let memories = stage.get(&format!("{path}/memories")).await.json();
        assert_eq!(memories["data"]["total"], left, "keeps: {keeps}");
        stage.send("DELETE", &path, NONE).await;
    }
    let id = stage.created("Stays").await;
    let odd = format!("/api/agents/{id}?deleteAllData=maybe");
    let (status, said) = stage.said("DELETE", &odd, NONE).await;
    assert_eq!(status, 400);
    assert_eq!(said["error"]["message"], "deleteAllData: expected true or false");
    assert_eq!(stage.get(&format!("/api/agents/{id}")).await.status, 200);
}

#[actix_web::test]
async fn lists_are_paged_and_say_how_many_there_are() {
    let stage = stage(ElizaosSettings { list_max: 2, ..ElizaosSettings::default() }).await;
    for name in ["A", "B", "C"] {
        stage.created(name).await;
    }
    stage.running("Z").await;
    for (query, expected, total) in [
        ("", vec!["Z", "A"], "4"),
        ("?limit=1", vec!["Z"], "4"),
        ("?limit=2&offset=3", vec!["C"], "4"),
        ("?limit=abc", vec!["Z", "A"], "4"),
    ] {
        let heard = stage.get(&format!("/api/agents{query}")).await;
        let body = heard.json();
        let agents = body["data"]["agents"].as_array().unwrap();
        let names: Vec<_> = agents.iter().map(|agent| agent["name"].as_str().unwrap()).collect();
        assert_eq!((names, heard.header("x-total-count")), (expected, total), "{query}");
    }
}

#[actix_web::test]
async fn a_run_that_was_cut_off_counts_as_an_error() {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Golden").await;
    let path = format!("/api/agents/{agent}/runs");
    let said = format!("/agents/{agent}/message");
    let hushed = stage.send("POST", &said, json!({"text": HUSH}));
    let begun = async {
        while stage.get(&path).await.json()["data"]["total"] == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        heard = hushed => panic!("{heard:?}"),
        () = begun => {}
    }
    let clock = Arc::clone(stage.host.registry.clock());
    let next = stage_over(stage.store.clone(), ElizaosSettings::default(), clock).await;
    let runs = next.get(&format!("{path}?status=error")).await.json();
    assert_eq!(runs["data"]["total"], 1, "{runs}");
    assert_eq!(runs["data"]["runs"][0]["counts"]["errors"], 1, "{runs}");
}
