//! The shapes of files.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::dialects::trinity::times;
use crate::workspace::{Content, Node};

/// The files and folders of an agent.
#[derive(Serialize, ToSchema)]
pub(super) struct FileTree {
    pub(super) base_path: &'static str,
    /// The folder, from the home; the home itself is a dot.
    pub(super) requested_path: String,
    pub(super) tree: Vec<FileNode>,
    pub(super) total_files: u64,
    pub(super) show_hidden: bool,
    /// There where there is more than is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) truncated: Option<bool>,
}

/// A file or a folder.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum FileNode {
    /// A folder, with what it holds.
    Directory {
        name: String,
        /// From the home.
        path: String,
        #[schema(no_recursion)]
        children: Vec<FileNode>,
        /// Files in it and in all folders below.
        file_count: u64,
        modified: String,
    },
    /// A file.
    File {
        name: String,
        /// From the home.
        path: String,
        size: u64,
        modified: String,
    },
}

pub(super) fn nodes(nodes: Vec<Node>) -> Vec<FileNode> {
    nodes.into_iter().map(node).collect()
}

fn node(node: Node) -> FileNode {
    let (name, path) = (node.name, node.path.to_string());
    let modified = times::without_zone(node.changed_at);
    match node.content {
        Content::File { bytes: size } => FileNode::File { name, path, size, modified },
        Content::Folder { nodes: within, files: file_count } => {
            FileNode::Directory { name, path, children: nodes(within), file_count, modified }
        }
    }
}

/// What a file is to hold.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewContent {
    pub(super) content: String,
}

/// What was written.
#[derive(Serialize, ToSchema)]
pub(super) struct Written {
    pub(super) success: bool,
    /// As it was sent.
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) modified: String,
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
pub(super) struct Deleted {
    pub(super) success: bool,
    /// As it was sent.
    pub(super) deleted: String,
    /// `file` or `directory`.
    pub(super) r#type: &'static str,
    /// What a folder held, folders included; 1 of a file.
    pub(super) file_count: u64,
}
