//! What a program is told: the prompt as one text, its arguments, its environment.

use std::ffi::OsString;
use std::path::Path;

use greenroom_actors::ports::{Prompt, Role};

use super::asked::{RuntimeKind, Wish, is_tool};
use crate::workspace::ReadOnly;

/// Variables that a program is given of the host's own.
const KEPT: [&str; 2] = ["PATH", "LANG"];

/// Variables by which an environment would decide what is run, and how programs are loaded: an agent
/// that may write its environment must not choose that.
const REFUSED: [&str; 12] = [
    "PATH",
    "HOME",
    "SHELL",
    "ENV",
    "IFS",
    "BASH_ENV",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "RUBYOPT",
];

/// Beginnings of such variables.
const REFUSED_BEGINNINGS: [&str; 4] = ["LD_", "DYLD_", "GIT_CONFIG", "GIT_SSH"];

/// Tools of Claude Code's own.
const TOOLS: [&str; 19] = [
    "AskUserQuestion",
    "Bash",
    "BashOutput",
    "Edit",
    "ExitPlanMode",
    "Glob",
    "Grep",
    "KillShell",
    "LS",
    "MultiEdit",
    "NotebookEdit",
    "NotebookRead",
    "Read",
    "Skill",
    "SlashCommand",
    "Task",
    "WebFetch",
    "WebSearch",
    "Write",
];

/// How tools of MCP servers are called.
const SERVERS_TOOLS: &str = "mcp__";

/// Tools of Claude Code that change files or could.
const CHANGING_TOOLS: [&str; 5] = ["Write", "Edit", "MultiEdit", "NotebookEdit", "Bash"];

/// The prompt as one text: who the agent is, what was said, and what is to be answered.
pub(super) fn text(prompt: &Prompt) -> String {
    let mut text = prompt.system.trim().to_owned();
    let (last, before) = match prompt.turns.split_last() {
        Some((last, before)) => (Some(last), before),
        None => (None, &[][..]),
    };
    if !before.is_empty() {
        text.push_str("\n\n# The conversation so far\n");
        for turn in before.iter().filter(|turn| !turn.text.trim().is_empty()) {
            let who = match turn.role {
                Role::User => "User",
                Role::Assistant => "You",
                Role::Tool => "Tool",
            };
            text.push_str(&format!("\n{who}: {}\n", turn.text.trim()));
        }
    }
    if let Some(last) = last {
        text.push_str(&format!("\n\n# Now\n\n{}\n", last.text.trim()));
    }
    text
}

/// The arguments; nothing that is said to the agent is among them.
pub(super) fn arguments(wish: &Wish, prompt: &Prompt, more: &[String]) -> Vec<OsString> {
    let mut arguments: Vec<String> = Vec::new();
    let model = wish.model.as_ref().map(|model| format!("--model={model}"));
    match wish.kind {
        RuntimeKind::ClaudeCode => {
            arguments
                .extend(["-p", "--output-format", "stream-json", "--verbose"].map(String::from));
            arguments.extend(model);
            let turns = prompt.bounds.rounds_max;
            arguments.extend(turns.map(|turns| format!("--max-turns={turns}")));
            arguments.extend(tools(wish, prompt));
        }
        RuntimeKind::GeminiCli => {
            arguments.extend(["--output-format", "json"].map(String::from));
            arguments.extend(model);
        }
    }
    arguments.extend(more.iter().cloned());
    arguments.into_iter().map(OsString::from).collect()
}

/// What Claude Code is told of tools. That some may be used keeps it from no other: all others of its own
/// are named as well, and servers are left aside of which none is named.
fn tools(wish: &Wish, prompt: &Prompt) -> Vec<String> {
    let mut told = Vec::new();
    let mut refused: Vec<&str> =
        wish.guardrails.disallowed_tools.iter().map(String::as_str).collect();
    if ReadOnly::of(&prompt.character).is_enabled {
        refused.extend(CHANGING_TOOLS);
    }
    if let Some(allowed) = &prompt.bounds.allowed_tools {
        let allowed: Vec<&str> =
            allowed.iter().map(String::as_str).filter(|tool| is_tool(tool)).collect();
        // A tool may be allowed in part: `Bash(git log:*)`.
        let is_named = |tool: &str| allowed.iter().any(|one| one.split('(').next() == Some(tool));
        refused.extend(TOOLS.into_iter().filter(|tool| !is_named(tool)));
        if !allowed.iter().any(|tool| tool.starts_with(SERVERS_TOOLS)) {
            told.push("--strict-mcp-config".to_owned());
        }
        if !allowed.is_empty() {
            told.push(format!("--allowedTools={}", allowed.join(",")));
        }
    }
    let mut each: Vec<&str> = Vec::new();
    for tool in refused {
        if !each.contains(&tool) {
            each.push(tool);
        }
    }
    if !each.is_empty() {
        told.push(format!("--disallowedTools={}", each.join(",")));
    }
    told
}

/// All of a program's environment: where programs are, its home, the language, the host's key if the
/// agent may use it, and the agent's own credentials.
pub(super) fn environment(
    host: &dyn Fn(&str) -> Option<String>,
    home: &Path,
    platform: Option<(String, String)>,
    own: Vec<(String, String)>,
) -> Vec<(String, OsString)> {
    let kept = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), host(name)?.into())));
    let mut environment: Vec<(String, OsString)> = kept.collect();
    environment.push(("HOME".to_owned(), home.as_os_str().to_owned()));
    environment.extend(platform.map(|(name, key)| (name, key.into())));
    let may_be = |(name, value): &(String, String)| {
        let upper = name.to_ascii_uppercase();
        !REFUSED.contains(&upper.as_str())
            && !REFUSED_BEGINNINGS.iter().any(|beginning| upper.starts_with(beginning))
            && !value.contains('\0')
    };
    // Its own go before the host's: the later of one name counts.
    environment.extend(own.into_iter().filter(may_be).map(|(name, value)| (name, value.into())));
    environment
}
