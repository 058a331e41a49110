//! What begins with a slash: a few looks at the agent and its workspace.

use greenroom_actors::error::CoreError;

use super::talk::Talk;
use crate::workspace::{Kind, Listing, WorkPath, Workspace, WorkspaceError};

/// Entries of a folder that are shown.
const ENTRIES_MAX: usize = 200;

/// What there is to do.
pub(super) const HELP: &str = "\
Whatever you type is said to the agent. Ctrl-C has it stop answering, Ctrl-D leaves.
  /status          how the agent is doing
  /files [FOLDER]  what lies in its workspace
  /help            this
  /exit            leave
  //TEXT           say something that begins with a slash";

/// What a line wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish<'a> {
    /// Nothing.
    Nothing,
    /// To say this to the agent.
    Say(&'a str),
    Help,
    Status,
    /// What lies in that folder.
    Files(&'a str),
    Exit,
    /// Something that there is not.
    Unknown(&'a str),
}

impl<'a> Wish<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        let line = line.trim();
        if line.is_empty() {
            return Self::Nothing;
        }
        let Some(command) = line.strip_prefix('/') else { return Self::Say(line) };
        if command.starts_with('/') {
            return Self::Say(command);
        }
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match name {
            "help" | "?" => Self::Help,
            "status" => Self::Status,
            "files" | "ls" => Self::Files(rest.trim()),
            "exit" | "quit" => Self::Exit,
            _ => Self::Unknown(line),
        }
    }
}

/// How the agent is doing, in a few lines.
pub(super) async fn status(talk: &Talk) -> Result<String, CoreError> {
    let registry = talk.messaging().registry();
    let record = registry.record(talk.agent()).await?;
    let status = registry.status(talk.agent()).await?;
    let doing = if status.run.is_some() { "busy" } else { "free" };
    let up = status.lifecycle.started_at.map(|at| registry.clock().now().since(at));
    let up = up.map(|up| format!(", up {} min", up.as_secs() / 60)).unwrap_or_default();
    Ok(format!("{} is {}, {doing}{up}", record.handle, status.state))
}

/// What lies in a folder of the workspace, in a line for each.
pub(super) async fn files(workspace: &Workspace, folder: &str) -> Result<String, WorkspaceError> {
    let path = folder.parse::<WorkPath>()?;
    let Listing { entries, is_cut } = workspace.list(path, 0, ENTRIES_MAX).await?;
    if entries.is_empty() {
        return Ok("(nothing)".to_owned());
    }
    let mut lines: Vec<_> = entries
        .iter()
        .map(|entry| match entry.kind {
            Kind::File => format!("{:>12}  {}", entry.bytes, entry.path),
            Kind::Folder => format!("{:>12}  {}/", "", entry.path),
            Kind::Special => format!("{:>12}  {}", "(link)", entry.path),
        })
        .collect();
    if is_cut {
        lines.push(format!("(only the first {ENTRIES_MAX})"));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_do_not() {
        for (line, wish) in [
            ("  ", Wish::Nothing),
            (" hello you ", Wish::Say("hello you")),
            ("/help", Wish::Help),
            ("/status now", Wish::Status),
            ("/files", Wish::Files("")),
            ("/files  a b ", Wish::Files("a b")),
            ("/exit", Wish::Exit),
            ("/quit", Wish::Exit),
            ("//etc is a folder", Wish::Say("/etc is a folder")),
            ("/bin/sh", Wish::Unknown("/bin/sh")),
        ] {
            assert_eq!(Wish::of(line), wish, "{line}");
        }
    }
}
