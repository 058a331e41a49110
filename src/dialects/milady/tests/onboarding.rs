//! Onboarding: from a host without an agent to one that speaks.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use greenroom_actors::character::Character;
use serde_json::{Value, json};

use super::support::{Setting, Stage, bare, stage, stage_with};
use crate::dialects::milady::MiladySettings;

/// Where the configuration is kept.
fn config_file(stage: &Stage) -> std::path::PathBuf {
    stage.host.primary.state_dir().path().join("milady.json")
}

async fn status(stage: &Stage) -> Value {
    stage.get("/api/onboarding/status").await.json()
}

#[actix_web::test]
async fn a_host_without_an_agent_is_in_the_forms_of_one_that_was_not_onboarded() {
    let stage = bare().await;
    assert_eq!(status(&stage).await, json!({"complete": false}));
    let (code, body) = stage.said("GET", "/api/status", Value::Null).await;
    assert_eq!(code, 200);
    assert_eq!((&body["state"], &body["agentName"]), (&json!("not_started"), &json!("Milady")));
    assert_eq!(body.get("model"), None);
    assert_eq!(stage.send("POST", "/api/agent/restart", Value::Null).await.status, 501);
    let (code, body) = stage.said("GET", "/api/config", Value::Null).await;
    assert_eq!((code, body), (200, json!({})));
    assert!(!config_file(&stage).exists());
}

#[actix_web::test]
async fn onboarding_makes_an_agent_that_runs() {
    let stage = bare().await;
    let body = json!({
        "name": "Marisol Vega", "runMode": "local", "theme": "dark",
        "bio": ["{{name}} watches."], "systemPrompt": "You are {{name}}.",
        "style": {"all": ["brief"], "chat": [], "post": []},
        "adjectives": ["calm"], "topics": ["stars"], "postExamples": ["Hello."],
        "messageExamples": [[{"user": "{{user1}}", "content": {"text": "hi"}}]],
        "discordToken": "d-secret", "unknown": {"of": "later"}
    });
    let (code, told) = stage.said("POST", "/api/onboarding", body).await;
    assert_eq!((code, &told["ok"]), (200, &json!(true)), "{told}");
    assert_eq!(told["notes"].as_array().unwrap().len(), 1);
    assert_eq!(status(&stage).await, json!({"complete": true}));

    let agent = stage.host.primary.agent().await.unwrap().unwrap();
    let Character { name, system, .. } = agent.character.clone();
    assert_eq!((name.as_str(), system.as_deref()), ("Marisol Vega", Some("You are Marisol Vega.")));
    assert_eq!(agent.character.bio.sentences(), ["Marisol Vega watches."]);
    let restarted = stage.said("POST", "/api/agent/restart", Value::Null).await.1;
    assert_eq!(restarted["status"]["state"], "running");

    let shown = stage.get("/api/config").await.json();
    let admin = shown["agents"]["defaults"]["adminEntityId"].as_str().unwrap();
    let derived = greenroom_actors::ids::derived("Marisol Vega-admin-entity");
    assert_eq!(admin, derived.to_string());
    assert_eq!(shown["agents"]["list"][0]["id"], json!(agent.id));
    assert_eq!(shown["ui"], json!({"assistant": {"name": "Marisol Vega"}, "theme": "dark"}));
    assert_eq!(shown["env"], json!({"DISCORD_API_TOKEN": "[REDACTED]"}));
    let file = config_file(&stage);
    assert!(!fs::read_to_string(&file).unwrap().contains("d-secret"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // Said again it changes the one there is, who keeps its person.
    let (code, _) = stage.said("POST", "/api/onboarding", json!({"name": "Vega"})).await;
    assert_eq!(code, 200);
    let again = stage.host.primary.agent().await.unwrap().unwrap();
    assert_eq!((again.id, again.character.name.as_str()), (agent.id, "Vega"));
    assert_eq!(again.character.system, agent.character.system);
    let config = stage.get("/api/config").await.json();
    assert_eq!(config["agents"]["defaults"]["adminEntityId"], json!(admin));
    assert_eq!(config["env"], shown["env"]);

    let (code, _) = stage.said("POST", "/api/agent/reset", Value::Null).await;
    assert_eq!(code, 200);
    assert_eq!(status(&stage).await, json!({"complete": false}));
    assert!(!file.exists());
}

#[actix_web::test]
async fn a_provider_that_is_chosen_is_what_the_agent_speaks_by() {
    let stage = bare().await;
    let body = json!({
        "name": "Ada", "provider": "groq", "providerApiKey": "gsk_secret", "primaryModel": "tiny"
    });
    let (code, told) = stage.said("POST", "/api/onboarding", body).await;
    assert_eq!((code, &told), (200, &json!({"ok": true, "notes": []})));
    let agent = stage.host.primary.agent().await.unwrap().unwrap();
    assert_eq!(agent.character.model(), Some("groq:tiny"));
    let offers = stage.host.models.offers();
    assert!(offers.iter().any(|offer| offer.name == "groq:tiny" && !offer.is_configured));
    let status = stage.get("/api/status").await.json();
    assert_eq!(status["model"], "groq:tiny");
    let text = fs::read_to_string(config_file(&stage)).unwrap();
    assert!(!text.contains("gsk_secret"), "{text}");
    assert!(!stage.get("/api/config").await.text.contains("gsk_secret"));
    assert!(!stage.get("/api/plugins").await.text.contains("gsk_secret"));
}

#[actix_web::test]
async fn a_provider_that_cannot_be_used_is_told_and_not_pretended() {
    for (body, word) in [
        (json!({"name": "Ada", "provider": "moon", "providerApiKey": "k"}), "moon"),
        (json!({"name": "Ada", "provider": "xai"}), "XAI_API_KEY"),
        (json!({"name": "Ada", "provider": "xai", "providerApiKey": "with space"}), "key"),
    ] {
        let stage = bare().await;
        let (code, told) = stage.said("POST", "/api/onboarding", body).await;
        assert_eq!(code, 200);
        assert!(told["notes"][0].as_str().unwrap().contains(word), "{told}");
        let agent = stage.host.primary.agent().await.unwrap().unwrap();
        assert_eq!(agent.character.model(), None);
        let config = stage.get("/api/config").await.json();
        assert_eq!(config["agents"]["defaults"].get("model"), None);
    }
}

#[actix_web::test]
async fn what_cannot_be_is_refused_and_nothing_is_made() {
    let stage = bare().await;
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "  "}),
        json!({"name": 7}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "Ada", "runMode": "moon"}),
        json!({"name": "Ada", "bio": 7}),
        json!({"name": "Ada", "style": "loud"}),
        json!({"name": "Ada", "adjectives": [{}]}),
    ] {
        let (code, told) = stage.said("POST", "/api/onboarding", body.clone()).await;
        assert_eq!(code, 400, "{body}: {told}");
        assert!(told["error"].is_string());
    }
    assert_eq!(status(&stage).await, json!({"complete": false}));
    // A file that cannot be written.
    let folder = stage.host.primary.state_dir().path().to_owned();
    fs::write(&folder, "in the way").unwrap();
    let (code, told) = stage.said("POST", "/api/onboarding", json!({"name": "Ada"})).await;
    assert_eq!((code, told["error"].is_string()), (500, true));
    assert_eq!(status(&stage).await, json!({"complete": false}));
}

#[actix_web::test]
async fn an_agent_of_another_api_with_that_name_is_the_one_that_is_meant() {
    let stage = bare().await;
    let made = stage.host.registry.create(Character::named("Ada")).await.unwrap();
    let body = json!({"name": "Ada", "bio": "Now known."});
    assert_eq!(stage.said("POST", "/api/onboarding", body).await.0, 200);
    let agent = stage.host.primary.agent().await.unwrap().unwrap();
    assert_eq!(
        (agent.id, agent.character.bio.sentences()),
        (made.id, &["Now known.".to_owned()][..])
    );
    assert_eq!(stage.get("/api/status").await.json()["state"], "running");
}

#[actix_web::test]
async fn there_is_something_to_choose_from() {
    let stage = stage().await;
    assert_eq!(status(&stage).await, json!({"complete": true}));
    let options = stage.get("/api/onboarding/options").await.json();
    assert_eq!(options["names"].as_array().unwrap().len(), 5);
    for list in ["styles", "providers", "cloudProviders", "inventoryProviders"] {
        assert!(options[list].is_array(), "{list}");
    }
    assert_eq!(options["models"]["small"][0]["provider"], "doctor");
    assert_eq!(options["githubOAuthAvailable"], false);
    assert_eq!(options["piAiDefaultModel"], Value::Null);
    let first = &options["providers"][0];
    for field in ["id", "name", "envKey", "pluginName", "keyPrefix", "description"] {
        assert!(first.get(field).is_some(), "{field}");
    }
}

#[actix_web::test]
async fn an_agent_that_the_host_made_has_a_configuration_too() {
    let stage = stage_with(
        Setting { primary: "night-watch", ..Setting::default() },
        MiladySettings::default(),
    )
    .await;
    let config = stage.get("/api/config").await.json();
    assert_eq!(config["agents"]["list"][0]["name"], "Night Watch");
    assert!(config["agents"]["defaults"]["adminEntityId"].is_string());
}
