//! What this host can do, in the form in which clients know plugins: providers of models, the database,
//! and what agents are able to.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload, ServiceConfig, get, put};
use greenroom_actors::character::AgentRecord;
use serde_json::{Map, Value, json};

use super::error::MiladyError;
use super::provider::{self, Provider};
use super::routes::on;
use super::shared::Shared;
use super::{Answer, body};
use crate::models::Offer;
use crate::primary::{Choice, confidential};
use crate::speech::Wish;

/// What every host can do: its id, its name and what it is, and the category.
const BUILT_IN: [(&str, &str, &str, &str); 5] = [
    ("sql", "SQLite", "Everything is kept in one SQLite database", "database"),
    ("memory", "Memory", "Remembers what was said, and finds it again by its meaning", "feature"),
    ("autonomy", "Autonomy", "Acts by itself at intervals, towards its goals", "feature"),
    ("triggers", "Triggers", "Instructions at a time, or again and again", "feature"),
    ("workspace", "Workspace", "A folder of files of its own", "feature"),
];

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/plugins").route(get().to(list)))
        .service(on("/api/plugins/{id}").route(put().to(change)));
}

/// What the entries are made of.
struct Scene {
    offers: Vec<Offer>,
    config: Map<String, Value>,
    /// The provider of the model that answers for the agent.
    speaks_by: Option<String>,
}

impl Scene {
    async fn of(shared: &Shared) -> Result<Self, MiladyError> {
        let offers = shared.host.models.offers();
        let agent = shared.host.primary.agent().await?;
        let speaks_by = agent.and_then(|agent| Self::speaks_by(&offers, &agent));
        // A file that cannot be read says so where it is asked for; the list goes on without it.
        let config = shared.config.read().await.unwrap_or_default();
        Ok(Self { offers, config, speaks_by })
    }

    fn speaks_by(offers: &[Offer], agent: &AgentRecord) -> Option<String> {
        let named = agent.character.model();
        let by_name = || offers.iter().find(|offer| named == Some(&offer.name));
        let by_model = || offers.iter().find(|offer| named == Some(&offer.model));
        let found = by_name().or_else(by_model);
        let found = found.or_else(|| offers.iter().find(|offer| offer.is_default));
        found.map(|offer| offer.provider.clone())
    }

    fn provider(&self, provider: &Provider) -> Value {
        let is_active = self.speaks_by.as_deref() == Some(provider.id);
        let offered = self.offers.iter().filter(|offer| offer.provider == provider.id);
        let is_offered = offered.clone().any(|offer| offer.is_configured);
        let is_set = provider.key.is_some_and(|key| self.has(key));
        let parameters = provider.key.map(|key| {
            let hidden = is_set.then_some(confidential::HIDDEN);
            json!([{
                "key": key,
                "type": "string",
                "description": format!("The key for {}", provider.name),
                "required": true,
                "sensitive": true,
                "currentValue": hidden,
                "isSet": is_set,
            }])
        });
        let mut entry = entry(provider.id, provider.name, provider.description, "ai-provider");
        entry.extend([
            ("enabled".to_owned(), json!(is_active || is_offered)),
            ("configured".to_owned(), json!(provider.key.is_none() || is_set || is_offered)),
            ("isActive".to_owned(), json!(is_active)),
            ("envKey".to_owned(), json!(provider.key)),
            ("configKeys".to_owned(), json!(provider.key.iter().collect::<Vec<_>>())),
            ("parameters".to_owned(), parameters.unwrap_or(json!([]))),
            ("models".to_owned(), offered.map(|offer| json!(offer.name)).collect()),
        ]);
        Value::Object(entry)
    }

    /// Whether there is a value for that variable, here or in the environment of the process.
    fn has(&self, variable: &str) -> bool {
        let kept = self.config.get("env").and_then(|env| env.get(variable)?.as_str());
        kept.is_some_and(|value| !value.is_empty())
            || std::env::var(variable).is_ok_and(|value| !value.trim().is_empty())
    }
}

/// An entry of something that is there and needs nothing.
fn entry(id: &str, name: &str, description: &str, category: &str) -> Map<String, Value> {
    let fields = [
        ("id", json!(id)),
        ("name", json!(name)),
        ("description", json!(description)),
        ("enabled", json!(true)),
        ("configured", json!(true)),
        ("envKey", Value::Null),
        ("category", json!(category)),
        ("source", json!("bundled")),
        ("configKeys", json!([])),
        ("parameters", json!([])),
        ("validationErrors", json!([])),
        ("validationWarnings", json!([])),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("isActive", json!(true)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

async fn list(shared: Data<Shared>) -> Answer {
    let scene = Scene::of(&shared).await?;
    let mut plugins = provider::all().map(|it| scene.provider(&it)).collect::<Vec<_>>();
    plugins.extend(abilities(&shared).into_iter().map(Value::Object));
    Ok(HttpResponse::Ok().json(json!({"plugins": plugins})))
}

/// What agents of this host are able to, beside speaking by a model.
fn abilities(shared: &Shared) -> Vec<Map<String, Value>> {
    let built_in = BUILT_IN.iter();
    let mut all =
        built_in.map(|(id, name, about, sort)| entry(id, name, about, sort)).collect::<Vec<_>>();
    let speech = &shared.host.speech;
    if speech.synthesizer(&Wish::default()).is_ok() || speech.recognizer(&Wish::default()).is_ok() {
        all.push(entry("speech", "Speech", "Speaks and listens", "feature"));
    }
    for server in shared.host.mcp.servers() {
        let id = format!("mcp-{}", server.name);
        let about = format!("Tools of the MCP server {}", server.name);
        let mut ability = entry(&id, &server.name, &about, "feature");
        ability.insert("isActive".to_owned(), json!(server.state == "ready"));
        if let Some(reason) = server.reason {
            let warning = json!([{"field": "server", "message": reason}]);
            ability.insert("validationWarnings".to_owned(), warning);
        }
        all.push(ability);
    }
    all
}

/// Sets the key of a provider, and whether the agent speaks by it. All else is up to the operator.
async fn change(
    shared: Data<Shared>,
    id: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let sent = body::object(&shared, &request, payload).await?;
    let is_enabled = sent.get("enabled").and_then(Value::as_bool);
    let config = sent.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(provider) = provider::all().find(|provider| provider.id == *id) else {
        let known = abilities(&shared).into_iter();
        let mut known = known.filter(|ability| ability.get("id") == Some(&json!(*id)));
        let Some(ability) = known.next() else { return Err(MiladyError::NOT_FOUND) };
        let plugin = Value::Object(ability);
        return if is_enabled == Some(false) || !config.is_empty() {
            refused(plugin, "enabled", "it is part of the host, and set in its configuration")
        } else {
            Ok(HttpResponse::Ok().json(json!({"ok": true, "plugin": plugin})))
        };
    };
    let entry = |scene: Scene| scene.provider(&provider);
    let scene = Scene::of(&shared).await?;
    if let Some(unknown) = config.keys().find(|name| Some(name.as_str()) != provider.key) {
        return refused(entry(scene), unknown, "it is not a setting of this provider");
    }
    if let Some((name, _)) = config.iter().find(|(_, value)| !value.is_string() && !value.is_null())
    {
        return refused(entry(scene), name, "must be a string");
    }
    let is_chosen = Choice::read(&scene.config).is_some_and(|it| it.provider == provider.id);
    if is_enabled == Some(false) && !is_chosen {
        let is_on = scene.provider(&provider).get("enabled") == Some(&json!(true));
        if is_on {
            return refused(entry(scene), "enabled", "the host is configured with it");
        }
    }
    let mut patch = Map::new();
    if !config.is_empty() {
        patch.insert("env".to_owned(), Value::Object(config));
    }
    let kept = shared.config.change(patch).await?;
    let configured = |offer: &&Offer| offer.is_configured && offer.provider == provider.id;
    let configured = scene.offers.iter().find(configured).filter(|_| !is_chosen);
    if is_enabled == Some(false) && is_chosen {
        choose(&shared, None).await?;
    } else if let (Some(true), Some(offer)) = (is_enabled, configured) {
        // What the operator has set up goes before a usual model of the provider.
        if scene.speaks_by.as_deref() != Some(provider.id) {
            choose(&shared, None).await?;
            shared.host.primary.speak_by(Some(&offer.name)).await?;
        }
    } else if is_enabled == Some(true) || is_chosen {
        let chosen = Choice::read(&kept).filter(|chosen| chosen.provider == provider.id);
        let chosen = chosen.unwrap_or_else(|| provider.usual());
        let key = chosen.key(&shared.config, &kept);
        if let Err(error) = chosen.learn(&shared.host.models, key.as_deref().map(String::as_str)) {
            let scene = Scene::of(&shared).await?;
            return refused(entry(scene), provider.key.unwrap_or("enabled"), &error.to_string());
        }
        choose(&shared, Some(&chosen)).await?;
    }
    let plugin = entry(Scene::of(&shared).await?);
    Ok(HttpResponse::Ok().json(json!({"ok": true, "plugin": plugin})))
}

/// Keeps the choice, and has the agent speak so.
async fn choose(shared: &Shared, choice: Option<&Choice>) -> Result<(), MiladyError> {
    let patch = Map::from_iter([("agents".to_owned(), Choice::patch(choice))]);
    let config = shared.config.change(patch).await?;
    provider::apply(shared, choice, &config).await
}

fn refused(plugin: Value, field: &str, reason: &str) -> Answer {
    let errors = json!([{"field": field, "message": reason}]);
    let told = json!({"ok": false, "plugin": plugin, "validationErrors": errors});
    Ok(HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(told))
}
