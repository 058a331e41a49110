//! Why there is no template to begin with.

use std::io;

use crate::workspace::WorkspaceError;

/// Why there is no template to begin with.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// What it is called cannot be the name of one.
    #[error("the template {name} is not named as one: {reason}")]
    Form {
        /// As it was named.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No local template has that name.
    #[error("there is no template {0}")]
    Unknown(String),
    /// The repository or its branch is not there, or not for us.
    #[error("{0}")]
    NoRepository(String),
    /// Its description cannot be read.
    #[error("the template.yaml of {name} cannot be read: {reason}")]
    Unreadable {
        /// The template.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is larger than a template may be.
    #[error("the template {name} takes more than {limit} bytes")]
    TooLarge {
        /// The template.
        name: String,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// This host has no program to clone with.
    #[error("a template of a repository needs the program git, which is not installed here")]
    NoGit,
    /// The repository could not be reached, or did not answer as it should.
    #[error("the repository of {name} could not be cloned: {reason}")]
    Upstream {
        /// The template.
        name: String,
        /// What was said.
        reason: String,
    },
    /// Too many are being cloned.
    #[error("too many templates are being cloned; try again in a moment")]
    Busy,
    /// The workspace does not take it.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The host's own file system failed.
    #[error("templates: {0}")]
    Io(#[from] io::Error),
}
