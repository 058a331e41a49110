//! Workspaces: a folder of its own for each agent, reached only by capability.
//!
//! Nothing here is a check of a path's text against another: every file is opened from a handle of
//! the agent's folder, beyond which no name leads, neither by `..` nor by a link. Links and special
//! files within are refused too, for what follows one would not be held to the read-only rule. What
//! is written is whole or not there at all, and durable before it is answered.
//!
//! The one way out are folders that agents share ([`Sharing`]): which they are the host's own table
//! says, and no link on the disk.
//!
//! The read-only rule binds the agent's own hands: whoever acts for a person takes the workspace
//! without it.

mod draft;
mod error;
mod files;
mod folder;
pub mod glob;
pub(crate) mod opening;
mod path;
mod read_only;
mod reader;
mod reading;
mod rename;
mod settings;
mod sharing;
mod tree;
mod walk;
mod watch;
mod workspaces;

pub use draft::{Begin, Draft};
pub use error::WorkspaceError;
pub use files::fill::{Filled, Layout};
pub use folder::{Part, Removed, Workspace, Written};
pub use path::WorkPath;
pub use read_only::ReadOnly;
pub use reader::Reader;
pub use reading::Opened;
pub use settings::WorkspaceSettings;
pub use sharing::{Lending, SHARED_IN, SHARED_OUT, Sharing};
pub use tree::{Content, Node, Tree, View};
pub use walk::{Entry, Kind, Listing};
pub use watch::{CREDENTIAL_FILES, Watcher};
pub use workspaces::Workspaces;
