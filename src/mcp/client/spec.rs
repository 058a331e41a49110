//! Servers as they are meant: by the configuration, or by a character.

use std::collections::BTreeMap;
use std::ffi::OsString;

use greenroom_actors::character::{AgentRecord, Character};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use crate::http::outbound::{Guard, Hosts, Reach};
use crate::mcp::settings::{McpServerSettings, McpSettings};

use super::process::Program;

/// Characters of a server's name at most, so that a tool's name has its place behind it.
const NAME_MAX: usize = 24;

/// Servers that one character may name.
const PER_CHARACTER_MAX: usize = 8;

/// Variables that a program is given in any case: where things are, and in which language.
const KEPT: [&str; 8] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ", "SHELL"];

/// Whether a text may be the name of a server. Two signs in a row would hide where it ends.
pub(crate) fn is_name(text: &str) -> bool {
    let is_of_signs = text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-');
    (1..=NAME_MAX).contains(&text.len())
        && is_of_signs
        && !text.contains("__")
        && !text.ends_with('_')
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By running a program.
    Program(Program),
    /// Over streamable HTTP.
    Url {
        url: String,
        headers: Vec<(HeaderName, HeaderValue)>,
        /// How far it may lead, where a character named it.
        within: Option<Reach>,
    },
}

/// A server as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) way: Way,
    pub(super) settings: McpServerSettings,
}

/// What a variable of the environment holds.
pub(super) type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

impl Spec {
    /// The server of the configuration.
    ///
    /// # Errors
    /// What is not there or cannot be, as a lower-case fragment.
    pub(super) fn configured(
        name: &str,
        settings: &McpServerSettings,
        env: Env<'_>,
    ) -> Result<Self, String> {
        let named = |variable: &str| {
            env(variable).ok_or_else(|| format!("the environment variable {variable} is not set"))
        };
        let way = match (&settings.command, &settings.url) {
            (Some(command), _) => {
                let own = settings.env.iter().map(|name| Ok((name.clone(), named(name)?)));
                let own = own.collect::<Result<BTreeMap<_, _>, String>>()?;
                Way::Program(Program {
                    command: command.clone(),
                    args: settings.args.clone(),
                    env: environment(env, own),
                    cwd: settings.cwd.clone(),
                })
            }
            (None, Some(url)) => {
                let headers = settings.headers.iter().map(|(name, variable)| {
                    let unfit = |_| format!("the header {name} is not fit to be sent");
                    let key = HeaderName::try_from(name).map_err(|error| unfit(error.into()))?;
                    let value = HeaderValue::try_from(named(variable)?);
                    let mut value = value.map_err(|error| unfit(http::Error::from(error)))?;
                    value.set_sensitive(true);
                    Ok((key, value))
                });
                let headers = headers.collect::<Result<_, String>>()?;
                Way::Url { url: url.clone(), headers, within: None }
            }
            (None, None) => return Err("neither a command nor a url is given".to_owned()),
        };
        Ok(Self { name: name.to_owned(), way, settings: settings.clone() })
    }
}

fn environment(env: Env<'_>, own: BTreeMap<String, String>) -> Vec<(String, OsString)> {
    let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), env(name)?)));
    let all: BTreeMap<_, _> = kept.chain(own).collect();
    all.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// What a character says about the protocol: its `settings.mcp`, as elizaOS' plugin reads it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    servers: BTreeMap<String, WishedServer>,
    /// The tools that the agent uses: names of servers, or of tools as they are offered, which may
    /// end with `*`. Absent: all that it may use.
    pub(super) tools: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WishedServer {
    command: Option<String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    url: Option<String>,
}

impl Wish {
    /// What an agent's character says; nothing, where that cannot be read.
    pub(super) fn of(agent: &AgentRecord) -> Self {
        read(&agent.character).unwrap_or_default()
    }

    /// Whether the agent uses a tool, by its server and the name that it is offered under.
    pub(super) fn uses(&self, server: &str, tool: &str) -> bool {
        let Some(tools) = &self.tools else { return true };
        tools.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(start) => tool.starts_with(start),
            None => wanted == server || wanted == tool,
        })
    }

    /// The servers that the character names and may have.
    pub(super) fn servers(&self, settings: &McpSettings, reach: Reach, env: Env<'_>) -> Vec<Spec> {
        let named = self.servers.iter().filter(|(name, _)| is_name(name)).take(PER_CHARACTER_MAX);
        named.filter_map(|(name, wished)| wished.spec(name, settings, reach, env)).collect()
    }
}

impl WishedServer {
    fn spec(&self, name: &str, settings: &McpSettings, reach: Reach, env: Env<'_>) -> Option<Spec> {
        let way = match (&self.command, &self.url) {
            (Some(command), _) if settings.allows_character_commands => Way::Program(Program {
                command: command.clone(),
                args: self.args.clone(),
                env: environment(env, self.env.clone()),
                cwd: None,
            }),
            (None, Some(url)) if settings.allows_character_urls => {
                if let Err(error) = Guard::new(Hosts::every(), reach).read(url) {
                    tracing::debug!(server = name, %error, "a character names no good address");
                    return None;
                }
                Way::Url { url: url.clone(), headers: Vec::new(), within: Some(reach) }
            }
            (Some(_), _) | (None, Some(_)) => {
                tracing::debug!(server = name, "a character names an MCP server it may not have");
                return None;
            }
            (None, None) => return None,
        };
        Some(Spec { name: name.to_owned(), way, settings: McpServerSettings::default() })
    }
}

fn read(character: &Character) -> Option<Wish> {
    let wish = character.setting("mcp")?;
    // A server that cannot be read must not hide the list of tools, which narrows.
    match serde_json::from_value(wish.clone()) {
        Ok(wish) => Some(wish),
        Err(error) => {
            tracing::debug!(%error, "what a character says about MCP cannot be read");
            let tools = wish.get("tools").and_then(Value::as_array);
            let tools = tools
                .map(|tools| tools.iter().filter_map(Value::as_str).map(str::to_owned).collect());
            Some(Wish { servers: BTreeMap::new(), tools: Some(tools.unwrap_or_default()) })
        }
    }
}
