//! Files of the agent's own workspace.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::masks::Left;
use greenroom_actors::ports::{Effect, Invocation, Tool, ToolError, ToolOutput, Tools};
use serde_json::json;

use super::arguments::Arguments;
use super::{text_max, tool};
use crate::workspace::{
    Entry, Kind, ReadOnly, WorkPath, Workspace, WorkspaceError, Workspaces, Written,
};

/// Entries of a folder that are listed at once.
const ENTRIES_MAX: usize = 200;

/// Folders within folders that are listed where nobody says otherwise.
const DEPTH: u64 = 2;

const READ: &str = "read_file";
const WRITE: &str = "write_file";
const APPEND: &str = "append_to_file";
const LIST: &str = "list_files";
const DELETE: &str = "delete_file";

/// Reads, writes, lists and deletes files of the workspace of whoever calls.
pub struct FileTools {
    workspaces: Workspaces,
}

impl FileTools {
    /// Tools for those workspaces.
    #[must_use]
    pub fn new(workspaces: Workspaces) -> Self {
        Self { workspaces }
    }
}

impl Tools for FileTools {
    fn offered(&self, _: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        std::future::ready(tools()).boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let workspace = self.workspaces.bound(call.agent.id, ReadOnly::of(&call.agent.character));
        async move {
            let (arguments, text_max) = (Arguments(&call.arguments), text_max(&call));
            match call.name.as_str() {
                READ => read(&workspace, &arguments, text_max).await,
                WRITE => {
                    let content = arguments.text("content")?.into();
                    written(workspace.write(path(&arguments)?, content).await)
                }
                APPEND => {
                    let content = arguments.text("content")?.into();
                    written(workspace.append(path(&arguments)?, content).await)
                }
                LIST => list(&workspace, &arguments, text_max).await,
                DELETE => {
                    let path = path(&arguments)?;
                    let text = format!("deleted {path}");
                    workspace.remove(path, false).await.map_err(changing)?;
                    Ok(ToolOutput::text(text))
                }
                name => Err(ToolError::Refused(format!("there is no tool {name}"))),
            }
        }
        .boxed()
    }
}

fn tools() -> Vec<Tool> {
    let path = json!({
        "type": "string",
        "description": "the path within your workspace, such as notes/today.md",
    });
    let content = json!({"type": "string", "description": "the text"});
    vec![
        tool(
            READ,
            "Read a text file of your workspace.",
            Effect::Reads,
            json!({"path": path, "from": {
                "type": "integer", "minimum": 0,
                "description": "the byte to begin with, for a file too long to be read at once",
            }}),
            &["path"],
        ),
        tool(
            WRITE,
            "Write a text file of your workspace, in place of what it held. Folders are made.",
            Effect::Idempotent,
            json!({"path": path, "content": content}),
            &["path", "content"],
        ),
        tool(
            APPEND,
            "Add text at the end of a file of your workspace. It is made where it is not there.",
            Effect::Once,
            json!({"path": path, "content": content}),
            &["path", "content"],
        ),
        tool(
            LIST,
            "List the files and folders of your workspace.",
            Effect::Reads,
            json!({
                "path": {"type": "string", "description": "a folder; the whole workspace if absent"},
                "depth": {
                    "type": "integer", "minimum": 0,
                    "description": "how many folders deep, 2 if absent",
                },
            }),
            &[],
        ),
        tool(
            DELETE,
            "Delete a file or an empty folder of your workspace.",
            Effect::Idempotent,
            json!({"path": path}),
            &["path"],
        ),
    ]
}

fn path(arguments: &Arguments<'_>) -> Result<WorkPath, ToolError> {
    at(arguments.text("path")?)
}

fn at(path: &str) -> Result<WorkPath, ToolError> {
    path.parse().map_err(reading)
}

async fn read(
    workspace: &Workspace,
    arguments: &Arguments<'_>,
    text_max: usize,
) -> Result<ToolOutput, ToolError> {
    let path = path(arguments)?;
    let from = arguments.number("from", 0)?;
    let bytes_max = u64::try_from(text_max).unwrap_or(u64::MAX);
    let part = workspace.read(path.clone(), from, bytes_max).await.map_err(reading)?;
    let taken = u64::try_from(part.bytes.len()).unwrap_or(u64::MAX);
    let is_cut = from.saturating_add(taken) < part.size;
    let no_text = || ToolError::Failed(format!("{path} is not text, but {} bytes", part.size));
    let (text, skipped) = whole_letters(&part.bytes, from > 0, is_cut).ok_or_else(no_text)?;
    let read = u64::try_from(skipped + text.len()).unwrap_or(u64::MAX);
    let details = json!({"path": path.to_string(), "bytes": part.size, "from": from});
    let next = from.saturating_add(read);
    let note = is_cut.then(|| format!("[{} bytes in all; go on with from = {next}]", part.size));
    let left = Left { is_before: from > 0, is_behind: is_cut };
    Ok(ToolOutput { text: text.to_owned(), details: Some(details), left, note })
}

/// The text in `bytes`, and how many of them stand before it: a letter that the part begins or ends
/// within is left out. `None` if they are not text.
fn whole_letters(bytes: &[u8], begins_within: bool, ends_within: bool) -> Option<(&str, usize)> {
    let is_inner = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let skipped = match begins_within {
        true => bytes.iter().take(3).take_while(|byte| is_inner(byte)).count(),
        false => 0,
    };
    let bytes = bytes.get(skipped..)?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((text, skipped)),
        Err(error) if ends_within && error.error_len().is_none() => {
            let text = std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?;
            Some((text, skipped))
        }
        Err(_) => None,
    }
}

fn written(written: Result<Written, WorkspaceError>) -> Result<ToolOutput, ToolError> {
    let Written { size, is_new, .. } = written.map_err(changing)?;
    let what = if is_new { "a new file" } else { "the file" };
    let details = json!({"bytes": size, "isNew": is_new});
    let text = format!("written; {what} has {size} bytes");
    Ok(ToolOutput { details: Some(details), ..ToolOutput::text(text) })
}

async fn list(
    workspace: &Workspace,
    arguments: &Arguments<'_>,
    text_max: usize,
) -> Result<ToolOutput, ToolError> {
    let path = at(arguments.optional_text("path")?.unwrap_or("."))?;
    let depth = usize::try_from(arguments.number("depth", DEPTH)?).unwrap_or(usize::MAX);
    let listing = workspace.list(path, depth, ENTRIES_MAX).await.map_err(reading)?;
    let mut room = text_max;
    let mut lines = Vec::new();
    for entry in &listing.entries {
        let line = line(entry);
        room = room.saturating_sub(line.len() + 1);
        if room == 0 {
            break;
        }
        lines.push(line);
    }
    let details = json!({"entries": lines.len()});
    if listing.entries.is_empty() {
        lines.push("nothing".to_owned());
    } else if listing.is_cut || lines.len() < listing.entries.len() {
        lines.push("[there is more: list one of the folders]".to_owned());
    }
    Ok(ToolOutput { details: Some(details), ..ToolOutput::text(lines.join("\n")) })
}

fn line(entry: &Entry) -> String {
    match entry.kind {
        Kind::File => format!("{}  {} bytes", entry.path, entry.bytes),
        Kind::Folder => format!("{}/", entry.path),
        Kind::Special => format!("{}  (a link or a special file)", entry.path),
    }
}

/// Why nothing was read.
fn reading(error: WorkspaceError) -> ToolError {
    match error {
        WorkspaceError::Path(reason) => ToolError::invalid("path", reason),
        WorkspaceError::Outside => ToolError::invalid("path", "leads out of the workspace"),
        WorkspaceError::ReadOnly { .. } => ToolError::Refused(error.to_string()),
        error => ToolError::Failed(error.to_string()),
    }
}

/// Why a change was not made, or may not have been.
fn changing(error: WorkspaceError) -> ToolError {
    match error {
        // The last step of a change is to make it durable.
        WorkspaceError::Store(_) => ToolError::Unknown(error.to_string()),
        error => reading(error),
    }
}
