//! Templates: folders that agents begin with, of this host or of a repository.
//!
//! A template's files are copied into the workspace once, before the agent first starts, and its
//! `template.yaml` says what the agent is. What a template brings is a stranger's: links in it are
//! not followed, its description is read within bounds, and cloning runs nothing of it.

mod archive;
mod clone;
mod deployed;
mod error;
mod local;
mod name;
mod picture;
mod service;
mod settings;
mod template;
pub mod yaml;

pub use archive::{ARCHIVE_MAX_BYTES, ArchiveError};
pub use deployed::{Imported, Verified};
pub use error::TemplateError;
pub use name::{Repository, TemplateName};
pub use picture::{PICTURES, picture};
pub use service::{Deployed, Fetched, Listed, Templates};
pub use settings::TemplatesSettings;
pub use template::{Runtime, SharedFolders, Template};
