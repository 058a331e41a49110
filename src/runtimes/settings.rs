//! What an operator may say about runtimes.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::asked::RuntimeKind;

/// The `[runtimes]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimesSettings {
    /// Whether agents may be carried out by programs at all.
    pub enabled: bool,
    /// Whose agents may be carried out by programs.
    pub owners: Owners,
    /// Programs that run at once.
    pub at_once: u32,
    /// Runs that wait for a place; further ones are refused.
    pub waiting: u32,
    /// Seconds that a program may take, whatever its agent is allowed.
    pub timeout_s: u32,
    /// Bytes that a program may write; beyond, it is ended.
    pub output_max_bytes: usize,
    /// Claude Code.
    #[serde(rename = "claude-code", deserialize_with = "claude_code")]
    pub claude_code: ProgramSettings,
    /// The Gemini CLI.
    #[serde(rename = "gemini-cli", deserialize_with = "gemini_cli")]
    pub gemini_cli: ProgramSettings,
}

/// Whose agents may be carried out by programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owners {
    /// Those of administrators, and those of nobody else, which are the host's own. A program runs as the
    /// host's user, and does what files in the agent's folder tell it to.
    Administrators,
    /// Those of everybody.
    Everybody,
}

/// One program: a section `[runtimes.<name>]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgramSettings {
    /// Its name on the search path, or where it is; empty: it is not used.
    pub program: PathBuf,
    /// Further arguments, such as what it may do without being asked.
    pub arguments: Vec<String>,
    /// The host's variable that holds a key for it, for agents that may use that; empty: none does.
    pub key_env: String,
    /// US dollars that one run of it is taken to cost at most, where ceilings in dollars hold.
    pub cost_max: f64,
}

impl ProgramSettings {
    fn usual(name: &str, key_env: &str) -> Self {
        Self {
            program: PathBuf::from(name),
            arguments: Vec::new(),
            key_env: key_env.to_owned(),
            cost_max: 1.0,
        }
    }

    /// With what a section says of it; the rest is as always.
    fn with<'de, D: Deserializer<'de>>(self, section: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Section {
            program: Option<PathBuf>,
            arguments: Option<Vec<String>>,
            key_env: Option<String>,
            cost_max: Option<f64>,
        }
        let said = Section::deserialize(section)?;
        Ok(Self {
            program: said.program.unwrap_or(self.program),
            arguments: said.arguments.unwrap_or(self.arguments),
            key_env: said.key_env.unwrap_or(self.key_env),
            cost_max: said.cost_max.unwrap_or(self.cost_max),
        })
    }
}

fn claude_code<'de, D: Deserializer<'de>>(section: D) -> Result<ProgramSettings, D::Error> {
    RuntimesSettings::default().claude_code.with(section)
}

fn gemini_cli<'de, D: Deserializer<'de>>(section: D) -> Result<ProgramSettings, D::Error> {
    RuntimesSettings::default().gemini_cli.with(section)
}

impl Default for RuntimesSettings {
    fn default() -> Self {
        let program = ProgramSettings::usual;
        Self {
            enabled: true,
            owners: Owners::Administrators,
            at_once: 4,
            waiting: 64,
            timeout_s: 7_200,
            output_max_bytes: 16 * 1024 * 1024,
            claude_code: program("claude", "ANTHROPIC_API_KEY"),
            gemini_cli: program("gemini", "GEMINI_API_KEY"),
        }
    }
}

impl RuntimesSettings {
    /// What is said of one of them.
    #[must_use]
    pub fn of(&self, kind: RuntimeKind) -> &ProgramSettings {
        match kind {
            RuntimeKind::ClaudeCode => &self.claude_code,
            RuntimeKind::GeminiCli => &self.gemini_cli,
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// What is wrong, the key first.
    pub fn check(&self) -> Result<(), String> {
        if self.at_once == 0 {
            return Err("at_once must be 1 or more".to_owned());
        }
        if !(1..=86_400).contains(&self.timeout_s) {
            return Err("timeout_s must be 1 to 86400".to_owned());
        }
        if self.output_max_bytes == 0 {
            return Err("output_max_bytes must be 1 or more".to_owned());
        }
        for kind in RuntimeKind::ALL {
            let cost = self.of(kind).cost_max;
            if !cost.is_finite() || !(0.0..=10_000.0).contains(&cost) {
                return Err(format!("{}.cost_max must be 0 to 10000", kind.as_str()));
            }
        }
        Ok(())
    }
}

impl ProgramSettings {
    /// What one run is taken to cost at most, in millionths of a US dollar.
    pub(super) fn cost_max_micros(&self) -> u64 {
        super::answer::micros(self.cost_max)
    }
}
