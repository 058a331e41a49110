//! What a person can choose from at onboarding.

use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use super::super::provider;
use crate::models::Offer;

/// Names, manners and rules of writing, in words of our own.
const PRESETS: &str = include_str!("presets.json");

/// Names that are offered at once.
const NAMES: usize = 5;

/// All there is to choose from, on a host that has those models.
pub(super) fn all(offers: &[Offer]) -> Value {
    let mut presets: Map<String, Value> = serde_json::from_str(PRESETS).unwrap_or_default();
    let mut take = |key: &str| presets.shift_remove(key).unwrap_or_default();
    let names = take("names");
    let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
    let names = names.sample(&mut rand::rng(), NAMES).collect::<Vec<_>>();
    let providers = provider::all().enumerate().map(|(order, provider)| {
        json!({
            "id": provider.word(),
            "family": provider.word(),
            "authMode": if provider.key.is_some() { "api-key" } else { "local" },
            "group": "local",
            "order": order,
            "name": provider.name,
            "envKey": provider.key,
            "pluginName": provider.id,
            "keyPrefix": provider.key_prefix,
            "description": provider.description,
            "defaultModel": provider.model,
        })
    });
    let providers = providers.collect::<Vec<_>>();
    let models = offers.iter().map(|offer| {
        json!({
            "id": offer.name,
            "name": offer.model,
            "provider": offer.provider,
            "description": if offer.is_default { "What this host answers by" } else { "" },
        })
    });
    let models = models.collect::<Vec<_>>();
    json!({
        "names": names,
        "styles": take("styles"),
        "providers": providers,
        "cloudProviders": [],
        "models": {"small": models, "large": models},
        "piAiModels": [],
        "piAiDefaultModel": null,
        "inventoryProviders": [],
        "sharedStyleRules": take("sharedStyleRules"),
        "githubOAuthAvailable": false,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_five_of_fifty_five() {
        let presets: Value = serde_json::from_str(PRESETS).unwrap();
        let pool = presets["names"].as_array().unwrap();
        assert_eq!(pool.iter().collect::<HashSet<_>>().len(), 55);
        for name in [
            "Reimu", "Sakuya", "Yukari", "Marisa", "Youmu", "Reisen", "Aya", "Ran", "Sanae", "Chen",
        ] {
            assert!(pool.contains(&json!(name)), "{name}");
        }
        for _ in 0..20 {
            let all = all(&[]);
            let names = all["names"].as_array().unwrap();
            assert_eq!((names.len(), names.iter().collect::<HashSet<_>>().len()), (5, 5));
            assert!(names.iter().all(|name| pool.contains(name)));
        }
    }

    #[test]
    fn each_manner_has_all_its_parts() {
        let all = all(&[]);
        let styles = all["styles"].as_array().unwrap();
        assert!(styles.len() > 3);
        for style in styles {
            for text in ["catchphrase", "hint", "system"] {
                assert!(!style[text].as_str().unwrap().is_empty(), "{text}: {style}");
            }
            for list in ["bio", "adjectives", "topics", "postExamples", "messageExamples"] {
                assert!(!style[list].as_array().unwrap().is_empty(), "{list}: {style}");
            }
            for part in ["all", "chat", "post"] {
                assert!(!style["style"][part].as_array().unwrap().is_empty(), "{part}: {style}");
            }
            for turn in style["messageExamples"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|example| example.as_array().unwrap())
            {
                assert!(turn["user"].is_string() && turn["content"]["text"].is_string(), "{turn}");
            }
        }
        assert!(!all["sharedStyleRules"].as_str().unwrap().is_empty());
        assert_eq!(all["providers"][0]["envKey"], Value::Null);
    }
}
