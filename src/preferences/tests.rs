//! Preferences over a store in memory.

use std::sync::Arc;

use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{NoTools, SystemClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

use super::*;
use crate::models::{self, ModelsSettings};

async fn registry(store: &MemoryStore) -> Registry {
    let ports = Ports {
        store: Arc::new(store.clone()),
        model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).unwrap()),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    Registry::start(ports, Settings { arbiters: Some(0), ..Settings::default() }).await.unwrap()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[actix_web::test]
async fn what_is_set_is_found_again_and_secrets_are_sealed() {
    let store = MemoryStore::new();
    let secrets = Arc::new(Secrets::new("salt"));
    let registry = registry(&store).await;
    let preferences = Preferences::open(registry.clone(), Arc::clone(&secrets)).await.unwrap();
    assert!(!preferences.allows_ssh());
    assert_eq!(preferences.base_images(), ["trinity-agent-base:*"]);
    assert!((preferences.ops_number("ops_cost_limit_daily_usd") - 50.0).abs() < 1e-9);
    preferences
        .set(vec![
            pair(SSH_ACCESS, "true"),
            pair(BASE_IMAGES, "[\"a:*\", \"b\"]"),
            pair("github_pat", "ghp_planted"),
            pair("max_agents_user", "nonsense"),
        ])
        .await
        .unwrap();
    let again = Preferences::open(registry.clone(), secrets).await.unwrap();
    for preferences in [&preferences, &again] {
        assert!(preferences.allows_ssh());
        assert_eq!(preferences.base_images(), ["a:*", "b"]);
        assert_eq!(preferences.number("max_agents_user", 1), 1);
        assert_eq!(preferences.secret("github_pat").unwrap().as_str(), "ghp_planted");
        assert_eq!(preferences.text("github_pat"), None, "a secret is not a text");
        assert_eq!(preferences.all().len(), 4);
    }
    let kept = registry.store().documents("trinity", "setting/", 0, 10).await.unwrap();
    assert!(!serde_json::to_string(&kept).unwrap().contains("planted"));
    assert_eq!(again.remove(vec!["github_pat".into(), "none".into()]).await.unwrap(), 1);
    assert_eq!(again.secret("github_pat"), None);
}

#[actix_web::test]
async fn what_is_out_of_bounds_is_refused_whole() {
    let secrets = Arc::new(Secrets::new("salt"));
    let preferences =
        Preferences::open(registry(&MemoryStore::new()).await, secrets).await.unwrap();
    let large = "x".repeat(VALUE_MAX_BYTES + 1);
    for (key, value) in [("", "x"), ("a b", "x"), ("a/b", "x"), ("a", large.as_str())] {
        let refused = preferences.set(vec![pair("fine", "x"), pair(key, value)]).await;
        assert!(matches!(refused, Err(CoreError::Invalid { .. })), "{key}");
    }
    assert!(preferences.all().is_empty());
    for (key, is) in [
        ("anthropic_api_key", true),
        ("github_pat", true),
        ("token", true),
        ("slack_signing_secret", true),
        ("keyboard", false),
        ("monkey", false),
        ("mcp_external_url", false),
    ] {
        assert_eq!(is_secret(key), is, "{key}");
    }
}
