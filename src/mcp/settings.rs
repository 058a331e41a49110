//! What an operator says about the Model Context Protocol: the section `[mcp]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use greenroom_actors::supervisor::RestartIntensity;
use serde::{Deserialize, Serialize};

use super::client::is_name;

/// The `[mcp]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpSettings {
    /// Whether the host's own operations are served as tools, at `/mcp` of the elizaOS listener.
    pub serves: bool,
    /// Whether a character may name programs to run, which means: whoever may create agents may run
    /// programs on this machine.
    pub allows_character_commands: bool,
    /// Whether a character may name addresses of servers.
    pub allows_character_urls: bool,
    /// Servers that characters name at most, over all agents.
    pub character_servers_max: u32,
    /// How often a server may break or not start within which time; then it is left alone.
    pub restart_intensity: RestartIntensity,
    /// Seconds after which one that is left alone is tried again, once an agent wants it.
    pub retry_after_s: u32,
    /// Servers whose tools agents may use, by name.
    pub servers: BTreeMap<String, McpServerSettings>,
}

impl Default for McpSettings {
    fn default() -> Self {
        Self {
            serves: true,
            allows_character_commands: false,
            allows_character_urls: false,
            character_servers_max: 64,
            restart_intensity: RestartIntensity::default(),
            retry_after_s: 600,
            servers: BTreeMap::new(),
        }
    }
}

impl McpSettings {
    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (name, server) in &self.servers {
            if !is_name(name) {
                return Err(format!(
                    "servers: `{name}` is not a name of 1 to 24 letters, digits, - and single _"
                ));
            }
            server.check().map_err(|at_fault| format!("servers.{name}.{at_fault}"))?;
        }
        Ok(())
    }
}

/// One server: a section `[mcp.servers.<name>]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpServerSettings {
    /// The program that is run, and spoken with over its standard input and output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables that it is given, by name. Otherwise it gets a few that say where
    /// things are (`PATH`, `HOME`, …), and none of the host's secrets.
    pub env: Vec<String>,
    /// The folder that it runs in; the host's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<PathBuf>,
    /// Where it is reached over streamable HTTP, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Headers that it is sent: the environment variable that holds the value, by name.
    pub headers: BTreeMap<String, String>,
    /// The agents that may use it, by id or name; empty: all.
    pub agents: Vec<String>,
    /// The tools of it that are offered; empty: all.
    pub tools: Vec<String>,
    /// Tools that change nothing.
    pub read_only: Vec<String>,
    /// Tools that may be called twice as well as once.
    pub idempotent: Vec<String>,
    /// Tools that do what has the same key once; each call is sent its own, as
    /// `io.greenroom/idempotency-key` of its `_meta`.
    pub keyed: Vec<String>,
    /// Tools that a person has to allow each call of.
    pub ask_first: Vec<String>,
    /// Whether what the server says of its own tools is believed: which of them change nothing or
    /// may be called twice.
    pub trusts_hints: bool,
    /// Whether it is started with the host; if not, when an agent first runs that may use it.
    pub starts_at_boot: bool,
    /// Seconds that a call may take.
    pub timeout_s: u32,
    /// Seconds that it may take to start and to list its tools.
    pub start_timeout_s: u32,
    /// Seconds without use after which one that was not started with the host is ended. 0: never.
    pub idle_s: u32,
    /// Calls in flight at most; further ones fail at once.
    pub calls_max: u32,
    /// Tools at most; further ones are not offered.
    pub tools_max: u32,
    /// Bytes of one message of it; a larger one ends the connection.
    pub message_max_bytes: u32,
}

impl Default for McpServerSettings {
    fn default() -> Self {
        Self {
            command: None,
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            url: None,
            headers: BTreeMap::new(),
            agents: Vec::new(),
            tools: Vec::new(),
            read_only: Vec::new(),
            idempotent: Vec::new(),
            keyed: Vec::new(),
            ask_first: Vec::new(),
            trusts_hints: false,
            starts_at_boot: false,
            timeout_s: 60,
            start_timeout_s: 30,
            idle_s: 900,
            calls_max: 8,
            tools_max: 128,
            message_max_bytes: 1_048_576,
        }
    }
}

impl McpServerSettings {
    fn check(&self) -> Result<(), String> {
        match (&self.command, &self.url) {
            (None, None) => return Err("command: this or url must be there".to_owned()),
            (Some(_), Some(_)) => return Err("url: not beside command".to_owned()),
            (Some(command), None) if command.is_empty() => {
                return Err("command: must not be empty".to_owned());
            }
            (None, Some(url)) => {
                let url = reqwest::Url::parse(url).map_err(|error| format!("url: {error}"))?;
                if !matches!(url.scheme(), "http" | "https") {
                    return Err("url: must begin with http:// or https://".to_owned());
                }
            }
            (Some(_), None) => {}
        }
        for (key, value) in [
            ("timeout_s", self.timeout_s),
            ("start_timeout_s", self.start_timeout_s),
            ("calls_max", self.calls_max),
            ("tools_max", self.tools_max),
        ] {
            if value == 0 {
                return Err(format!("{key}: is 0, and must be at least 1"));
            }
        }
        if self.message_max_bytes < 4_096 {
            return Err("message_max_bytes: must be at least 4096".to_owned());
        }
        Ok(())
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s.into())
    }

    pub(super) fn start_timeout(&self) -> Duration {
        Duration::from_secs(self.start_timeout_s.into())
    }

    /// How long it is kept without use; `None`: for good.
    pub(super) fn idle(&self) -> Option<Duration> {
        let keeps = self.starts_at_boot || self.idle_s == 0;
        (!keeps).then(|| Duration::from_secs(self.idle_s.into()))
    }

    pub(super) fn message_max(&self) -> usize {
        usize::try_from(self.message_max_bytes).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (text, expected) in [
            ("[servers.files]\ncommand = \"x\"", ""),
            ("[servers.web]\nurl = \"https://example.org/mcp\"", ""),
            ("[servers.x]", "servers.x.command: "),
            ("[servers.x]\ncommand = \"\"", "servers.x.command: "),
            ("[servers.x]\ncommand = \"x\"\nurl = \"http://x\"", "servers.x.url: "),
            ("[servers.x]\nurl = \"file:///x\"", "servers.x.url: "),
            ("[servers.x]\nurl = \"x\"", "servers.x.url: "),
            ("[servers.x]\ncommand = \"x\"\ntimeout_s = 0", "servers.x.timeout_s: "),
            ("[servers.x]\ncommand = \"x\"\nmessage_max_bytes = 9", "servers.x.message_max"),
            ("[servers.\"a b\"]\ncommand = \"x\"", "servers: "),
            ("[servers.a__b]\ncommand = \"x\"", "servers: "),
        ] {
            let refused = toml::from_str::<McpSettings>(text).unwrap().check().err();
            let refused = refused.unwrap_or_default();
            let is_expected = refused.starts_with(expected);
            assert!(is_expected && refused.is_empty() == expected.is_empty(), "{text}: {refused}");
        }
    }
}
