//! What a person says at onboarding, read once.

use serde_json::{Map, Value, json};

use super::super::error::MiladyError;
use super::super::provider;
use crate::primary::Choice;

/// Characters of a name at most.
const NAME_MAX: usize = 100;

/// Fields of the body that are of the character, and what the character calls them.
const TRAITS: [(&str, &str); 7] = [
    ("bio", "bio"),
    ("systemPrompt", "system"),
    ("style", "style"),
    ("adjectives", "adjectives"),
    ("topics", "topics"),
    ("postExamples", "postExamples"),
    ("messageExamples", "messageExamples"),
];

/// Fields that are tokens of connectors, and the variables that they are kept under.
const CONNECTORS: [(&str, &str); 7] = [
    ("telegramToken", "TELEGRAM_BOT_TOKEN"),
    ("discordToken", "DISCORD_API_TOKEN"),
    ("twilioAccountSid", "TWILIO_ACCOUNT_SID"),
    ("twilioAuthToken", "TWILIO_AUTH_TOKEN"),
    ("twilioPhoneNumber", "TWILIO_PHONE_NUMBER"),
    ("blooioApiKey", "BLOOIO_API_KEY"),
    ("githubToken", "GITHUB_TOKEN"),
];

/// What a person wishes.
#[derive(Debug)]
pub(super) struct Wish {
    /// The character, or what is to change of one that is there.
    pub(super) character: Map<String, Value>,
    /// What the configuration file is to say beside that.
    pub(super) config: Map<String, Value>,
    /// What the agent is to speak by; absent: whatever the host is configured with.
    pub(super) choice: Option<Choice>,
    /// What of it this host cannot do.
    pub(super) notes: Vec<String>,
}

impl Wish {
    /// Reads the body. Fields that nobody knows are passed over: later clients send more.
    pub(super) fn read(mut body: Map<String, Value>) -> Result<Self, MiladyError> {
        let name =
            text(&body, "name").ok_or_else(|| MiladyError::bad("Missing or invalid agent name"))?;
        if name.chars().count() > NAME_MAX {
            return Err(MiladyError::bad(format!("name is longer than {NAME_MAX} characters")));
        }
        let mode = body.get("runMode").filter(|mode| !mode.is_null());
        if mode.is_some_and(|mode| mode != "local" && mode != "cloud") {
            return Err(MiladyError::bad("Invalid runMode, it must be local or cloud"));
        }
        let mut notes = Vec::new();
        if mode.is_some_and(|mode| mode == "cloud") {
            notes.push("the agent lives on this host: there is no cloud to run it in".to_owned());
        }
        let mut character = Map::from_iter([("name".to_owned(), json!(name))]);
        for (field, called) in TRAITS {
            let Some(mut value) = body.shift_remove(field).filter(|value| !value.is_null()) else {
                continue;
            };
            named(&mut value, &name);
            character.insert(called.to_owned(), value);
        }
        // Later clients say all that is about the provider in one place.
        if let Some(Value::Object(connection)) = body.shift_remove("connection") {
            for (field, value) in connection {
                let field = if field == "apiKey" { "providerApiKey".to_owned() } else { field };
                body.entry(field).or_insert(value);
            }
        }
        let mut env = Map::new();
        for (field, variable) in CONNECTORS {
            if let Some(token) = text(&body, field) {
                env.insert(variable.to_owned(), json!(token));
                notes.push(format!("{variable} is kept, and nothing on this host uses it"));
            }
        }
        let choice = choice(&body, &mut env, &mut notes);
        let mut config = Map::new();
        let mut ui = Map::from_iter([("assistant".to_owned(), json!({"name": name}))]);
        for field in ["theme", "avatarIndex"] {
            if let Some(value) = body.get(field).filter(|it| it.is_string() || it.is_number()) {
                ui.insert(field.to_owned(), value.clone());
            }
        }
        config.insert("ui".to_owned(), Value::Object(ui));
        if !env.is_empty() {
            config.insert("env".to_owned(), Value::Object(env));
        }
        Ok(Self { character, config, choice, notes })
    }
}

/// What the agent is to speak by; a key goes into the environment of the configuration.
fn choice(
    body: &Map<String, Value>,
    env: &mut Map<String, Value>,
    notes: &mut Vec<String>,
) -> Option<Choice> {
    let word = text(body, "provider")?;
    let Some(provider) = provider::meant(&word) else {
        notes.push(format!("this host has no provider {word:?}; nothing of it was kept"));
        return None;
    };
    let key = text(body, "providerApiKey");
    if let (Some(variable), Some(key)) = (provider.key, key) {
        env.insert(variable.to_owned(), json!(key));
    }
    let model = text(body, "primaryModel").or_else(|| text(body, "largeModel"));
    // Some clients put the provider before the model's name.
    let model = model.map(|model| match model.split_once([':', '/']) {
        Some((owner, rest)) if owner == provider.id && !rest.is_empty() => rest.to_owned(),
        _ => model,
    });
    let model = model.unwrap_or_else(|| provider.model.to_owned());
    Some(Choice { provider: provider.id.to_owned(), model })
}

/// A text of the body that says something.
fn text(body: &Map<String, Value>, field: &str) -> Option<String> {
    let text = body.get(field)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Puts the name in where a preset leaves room for it.
fn named(value: &mut Value, name: &str) {
    match value {
        Value::String(text) => {
            for room in ["{{name}}", "{{agentName}}"] {
                if text.contains(room) {
                    *text = text.replace(room, name);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| named(item, name)),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, item)| named(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Wish, MiladyError> {
        Wish::read(body.as_object().unwrap().clone())
    }

    #[test]
    fn a_name_is_all_that_is_needed() {
        let wish = read(json!({"name": " Ada "})).unwrap();
        assert_eq!(Value::Object(wish.character), json!({"name": "Ada"}));
        assert_eq!(Value::Object(wish.config), json!({"ui": {"assistant": {"name": "Ada"}}}));
        assert!(wish.choice.is_none() && wish.notes.is_empty());
        for body in [
            json!({}),
            json!({"name": " "}),
            json!({"name": 1}),
            json!({"name": "x".repeat(101)}),
            json!({"name": "Ada", "runMode": "moon"}),
            json!({"name": "Ada", "runMode": 1}),
        ] {
            assert_eq!(read(body.clone()).unwrap_err().status(), 400, "{body}");
        }
    }

    #[test]
    fn what_is_said_finds_its_place() {
        let wish = read(json!({
            "name": "Ada", "runMode": "cloud", "theme": "dark", "future": {"x": 1}, "bio": null,
            "systemPrompt": "You are {{name}}.", "adjectives": ["calm"],
            "messageExamples": [[{"user": "{{agentName}}", "content": {"text": "hi"}}]],
            "provider": "OpenAI", "providerApiKey": " sk-1 ", "primaryModel": "openai/tiny",
            "discordToken": "d"
        }))
        .unwrap();
        assert_eq!(
            Value::Object(wish.character),
            json!({
                "name": "Ada", "system": "You are Ada.", "adjectives": ["calm"],
                "messageExamples": [[{"user": "Ada", "content": {"text": "hi"}}]]
            })
        );
        let env = json!({"DISCORD_API_TOKEN": "d", "OPENAI_API_KEY": "sk-1"});
        let ui = json!({"assistant": {"name": "Ada"}, "theme": "dark"});
        assert_eq!(Value::Object(wish.config), json!({"ui": ui, "env": env}));
        let choice = Choice { provider: "openai".to_owned(), model: "tiny".to_owned() };
        assert_eq!(wish.choice, Some(choice));
        assert_eq!(wish.notes.len(), 2);
    }

    #[test]
    fn later_clients_say_the_provider_in_another_place() {
        let connection = json!({"kind": "local-provider", "provider": "groq", "apiKey": "g"});
        let wish = read(json!({"name": "Ada", "connection": connection})).unwrap();
        assert_eq!(wish.choice.unwrap().provider, "groq");
        assert_eq!(wish.config["env"], json!({"GROQ_API_KEY": "g"}));
        let wish = read(json!({"name": "Ada", "provider": "moon", "providerApiKey": "k"})).unwrap();
        assert!(wish.choice.is_none() && wish.config.get("env").is_none());
        assert_eq!(wish.notes.len(), 1);
    }
}
