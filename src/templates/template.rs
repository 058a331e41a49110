//! What a `template.yaml` says of an agent.

use serde::Serialize;
use serde_json::{Map, Value};

/// Items of one list that count.
const ITEMS_MAX: usize = 500;

/// What a `template.yaml` says of an agent. What it does not say, or not in a way that can be
/// understood, is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// The name that people are shown.
    pub display_name: String,
    /// What it is, in a line.
    pub tagline: String,
    /// What it is.
    pub description: String,
    /// Its version.
    pub version: String,
    /// Who wrote it.
    pub author: String,
    /// When it was changed.
    pub updated: String,
    /// The type of its agents.
    pub kind: Option<String>,
    /// What its agents may use: `cpu`, `memory`.
    pub resources: Map<String, Value>,
    /// What runs its agents.
    pub runtime: Option<Runtime>,
    /// Whether its agents share folders.
    pub shared_folders: SharedFolders,
    /// How a picture of its agents is to be drawn.
    pub avatar_prompt: Option<String>,
    /// Texts, or objects with `name` and `description`.
    pub use_cases: Vec<Value>,
    /// As of use cases.
    pub capabilities: Vec<Value>,
    /// As of use cases.
    pub sub_agents: Vec<Value>,
    /// As of use cases.
    pub commands: Vec<Value>,
    /// As of use cases.
    pub platforms: Vec<Value>,
    /// As of use cases.
    pub tools: Vec<Value>,
    /// As of use cases.
    pub skills: Vec<Value>,
    /// As of use cases; where none are said, those that credentials are for.
    pub mcp_servers: Vec<Value>,
    /// The environment variables that its agents want.
    pub required_credentials: Vec<String>,
    /// What its agents measure of themselves.
    pub metrics: Vec<Value>,
    /// Globs of what is kept when an agent is made anew.
    pub persistent_state: Vec<String>,
}

/// What runs an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runtime {
    /// Its name.
    pub kind: String,
    /// The model that it is to use.
    pub model: Option<String>,
}

/// Whether an agent shares folders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SharedFolders {
    /// Whether others may see one of its own.
    pub expose: bool,
    /// Whether it sees those of others.
    pub consume: bool,
}

impl Template {
    /// Reads a `template.yaml`.
    ///
    /// # Errors
    /// In words, if it is no YAML, too much, or no mapping.
    pub fn read(text: &str) -> Result<Self, String> {
        match super::yaml::read(text)? {
            Value::Object(said) => Ok(Self::of(&said)),
            Value::Null => Ok(Self::default()),
            _ => Err("it is no mapping of keys to values".to_owned()),
        }
    }

    fn of(said: &Map<String, Value>) -> Self {
        let text = |key: &str| said.get(key).and_then(text).unwrap_or_default();
        let list = |key: &str| said.get(key).map(list).unwrap_or_default();
        let asks_for = servers(said);
        let named = list("mcp_servers");
        let flag = |key: &str| {
            let folders = said.get("shared_folders");
            folders.and_then(|folders| folders.get(key)).and_then(Value::as_bool) == Some(true)
        };
        let name = text("name");
        Self {
            display_name: filled(text("display_name")).unwrap_or_else(|| name.clone()),
            name,
            tagline: text("tagline"),
            description: text("description"),
            version: text("version"),
            author: text("author"),
            updated: text("updated"),
            kind: filled(text("type")),
            resources: said
                .get("resources")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            runtime: said.get("runtime").and_then(Runtime::of),
            shared_folders: SharedFolders { expose: flag("expose"), consume: flag("consume") },
            avatar_prompt: filled(text("avatar_prompt")),
            use_cases: list("use_cases"),
            capabilities: list("capabilities"),
            sub_agents: list("sub_agents"),
            commands: list("commands"),
            platforms: list("platforms"),
            tools: list("tools"),
            skills: list("skills"),
            mcp_servers: if named.is_empty() {
                asks_for.iter().map(|(name, _)| Value::from(name.as_str())).collect()
            } else {
                named
            },
            required_credentials: credentials(said, &asks_for),
            metrics: list("metrics"),
            persistent_state: texts(said.get("persistent_state")),
        }
    }
}

impl Runtime {
    /// What is said as a text, or as an object with `type` and `model`.
    fn of(said: &Value) -> Option<Self> {
        match said {
            Value::Object(said) => Some(Self {
                kind: said.get("type").and_then(text).and_then(filled)?,
                model: said.get("model").and_then(text).and_then(filled),
            }),
            said => Some(Self { kind: text(said).and_then(filled)?, model: None }),
        }
    }
}

/// The servers that credentials are for, and the variables that each wants.
fn servers(said: &Map<String, Value>) -> Vec<(String, Vec<String>)> {
    let servers = said.get("credentials").and_then(|said| said.get("mcp_servers"));
    let servers = servers.and_then(Value::as_object).into_iter().flatten();
    servers
        .take(ITEMS_MAX)
        .map(|(name, server)| (name.clone(), texts(server.get("env_vars"))))
        .collect()
}

/// All variables that are wanted, each once.
fn credentials(said: &Map<String, Value>, servers: &[(String, Vec<String>)]) -> Vec<String> {
    let file = texts(said.get("credentials").and_then(|said| said.get("env_file")));
    let wanted = servers.iter().flat_map(|(_, names)| names).chain(&file);
    let mut each: Vec<String> = Vec::new();
    for name in wanted.take(ITEMS_MAX) {
        if !each.contains(name) {
            each.push(name.clone());
        }
    }
    each
}

/// A text, or what YAML took for a number or a truth value where a text was meant.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn filled(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// Texts and objects of a list; of a mapping, its keys.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => {
            let fits = |item: &&Value| item.is_string() || item.is_object();
            items.iter().filter(fits).take(ITEMS_MAX).cloned().collect()
        }
        Value::Object(named) => {
            named.keys().take(ITEMS_MAX).map(|name| Value::from(name.as_str())).collect()
        }
        _ => Vec::new(),
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(text).take(ITEMS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_is_read_and_what_is_strange_is_left() {
        let template = Template::read(
            "
name: ada
version: 1.2
type: researcher
tagline: ~
resources: {cpu: 4, memory: 8g}
runtime: {type: gemini-cli, model: pro}
shared_folders: {expose: true, consume: 'yes'}
use_cases: [one, {name: two, description: second}, 3]
commands: {a: 1, b: 2}
avatar_prompt: ' '
persistent_state: ['workspace/**', .mcp.json]
credentials:
  mcp_servers:
    mail: {env_vars: [MAIL_KEY, SHARED]}
    web: nothing
  env_file: [SHARED, OWN]
metrics:
  - {name: seen, type: counter}
tools: nonsense
",
        )
        .unwrap();
        let two = json!({"name": "two", "description": "second"});
        let expected = Template {
            name: "ada".into(),
            display_name: "ada".into(),
            version: "1.2".into(),
            kind: Some("researcher".into()),
            resources: json!({"cpu": 4, "memory": "8g"}).as_object().unwrap().clone(),
            runtime: Some(Runtime { kind: "gemini-cli".into(), model: Some("pro".into()) }),
            shared_folders: SharedFolders { expose: true, consume: false },
            use_cases: vec![json!("one"), two],
            commands: vec![json!("a"), json!("b")],
            mcp_servers: vec![json!("mail"), json!("web")],
            required_credentials: ["MAIL_KEY", "SHARED", "OWN"].map(str::to_owned).into(),
            metrics: vec![json!({"name": "seen", "type": "counter"})],
            persistent_state: ["workspace/**", ".mcp.json"].map(str::to_owned).into(),
            ..Template::default()
        };
        assert_eq!(template, expected);
        let plain = Template::read("runtime: claude-code\nmcp_servers: [x]").unwrap();
        assert_eq!(plain.runtime, Some(Runtime { kind: "claude-code".into(), model: None }));
        assert_eq!(plain.mcp_servers, [json!("x")]);
        assert_eq!(Template::read("").unwrap(), Template::default());
        assert!(Template::read("- a").is_err() && Template::read("{").is_err());
    }
}
