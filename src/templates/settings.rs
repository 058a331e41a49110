//! What an operator may say about templates.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The `[templates]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemplatesSettings {
    /// The folder whose folders are the templates `local:<id>`. Absent: `templates` in the data
    /// folder.
    pub dir: Option<PathBuf>,
    /// The program that clones repositories, by its name or path.
    pub git: PathBuf,
    /// Where `github:<owner>/<repository>` is cloned from.
    pub github_url: String,
    /// The environment variable with the token that repositories are cloned with. Without a value,
    /// only public ones are.
    pub github_token_env: String,
    /// Seconds that cloning may take.
    pub clone_timeout_s: u64,
    /// Bytes that a clone may take on the disk, with its history.
    pub clone_max_bytes: u64,
}

impl Default for TemplatesSettings {
    fn default() -> Self {
        Self {
            dir: None,
            git: PathBuf::from("git"),
            github_url: "https://github.com".to_owned(),
            github_token_env: "GITHUB_PAT".to_owned(),
            clone_timeout_s: 120,
            clone_max_bytes: 512 * 1024 * 1024,
        }
    }
}
