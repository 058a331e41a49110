//! `milady.json`: what users of Milady have said about their agent, in the file where they look for it.
//!
//! Whatever is a secret by its name is sealed in the file, and never shown.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use greenroom_actors::character::merge;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::confidential;
use crate::secrets::Secrets;

/// The file's name, in the state folder.
const FILE: &str = "milady.json";

/// Bytes of the file at most; a longer one is not of this program.
const FILE_MAX: usize = 1024 * 1024;

/// The configuration file of the primary agent. Clones are the same.
#[derive(Clone)]
pub struct ConfigFile {
    path: PathBuf,
    secrets: Arc<Secrets>,
    /// Held while it is changed, so that changes follow one another.
    turn: Arc<Mutex<()>>,
}

/// Why the configuration cannot be had, or not be kept.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The file holds something else. It is left as it is.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It would be too long.
    #[error("the configuration would be larger than {FILE_MAX} bytes")]
    TooLarge,
}

impl ConfigFile {
    /// The file in that state folder, which need not be there.
    #[must_use]
    pub fn in_folder(state_dir: &super::StateDir, secrets: Arc<Secrets>) -> Self {
        Self { path: state_dir.path().join(FILE), secrets, turn: Arc::default() }
    }

    /// What it says, its secrets sealed; nothing if it is not there. Blocks.
    ///
    /// # Errors
    /// [`ConfigFileError::File`] and [`ConfigFileError::Content`].
    pub fn load(&self) -> Result<Map<String, Value>, ConfigFileError> {
        let wrong = |reason: String| ConfigFileError::Content { path: self.path.clone(), reason };
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Map::new()),
            Err(error) => return Err(self.failed(error)),
            Ok(about) if about.len() > FILE_MAX.try_into().unwrap_or(u64::MAX) => {
                return Err(wrong(format!("it is larger than {FILE_MAX} bytes")));
            }
            Ok(_) => {}
        }
        let text = fs::read(&self.path).map_err(|error| self.failed(error))?;
        serde_json::from_slice(&text)
            .map_err(|error| wrong(format!("it is no JSON object: {error}")))
    }

    /// The same without blocking.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn read(&self) -> Result<Map<String, Value>, ConfigFileError> {
        let file = self.clone();
        self.elsewhere(move || file.load()).await
    }

    /// Lays `patch` over it at every depth: null removes, and what stands for a secret that is not shown
    /// leaves it as it is. Answers with all it says then, once that is durable.
    ///
    /// # Errors
    /// Each [`ConfigFileError`]; the file is then as it was.
    pub async fn change(
        &self,
        mut patch: Map<String, Value>,
    ) -> Result<Map<String, Value>, ConfigFileError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let file = self.clone();
        // The turn goes along: the caller may leave, and the file is written all the same.
        self.elsewhere(move || {
            let _turn = turn;
            let mut config = file.load()?;
            confidential::restore(&mut patch, &config);
            merge(&mut config, &patch);
            confidential::seal(&mut config, &file.secrets);
            file.write(&config)?;
            Ok(config)
        })
        .await
    }

    /// The secret that stands in the configuration's environment under that name.
    #[must_use]
    pub fn secret(&self, config: &Map<String, Value>, name: &str) -> Option<Zeroizing<String>> {
        let kept = config.get("env")?.get(name)?.as_str()?;
        let open = self.secrets.open(kept);
        // Somebody may have written it by hand.
        open.or_else(|| Some(Zeroizing::new(kept.to_owned()))).filter(|text| !text.is_empty())
    }

    /// Whole or not at all, for its owner alone. Blocks.
    fn write(&self, config: &Map<String, Value>) -> Result<(), ConfigFileError> {
        let text = serde_json::to_vec_pretty(config).map_err(|error| self.failed(error.into()))?;
        if text.len() > FILE_MAX {
            return Err(ConfigFileError::TooLarge);
        }
        self.replace(&text).map_err(|error| self.failed(error))
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().ok_or(ErrorKind::NotFound)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // Nobody but its owner may read it.
        let mut part = tempfile::NamedTempFile::new_in(folder)?;
        part.write_all(text)?;
        part.as_file().sync_all()?;
        part.persist(&self.path)?;
        File::open(folder)?.sync_all()
    }

    async fn elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ConfigFileError> + Send + 'static,
    ) -> Result<T, ConfigFileError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(self.failed(io::Error::other(error))))
    }

    fn failed(&self, source: io::Error) -> ConfigFileError {
        ConfigFileError::File { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use serde_json::json;

    use super::super::StateDir;
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn file(folder: &Path) -> ConfigFile {
        let state_dir = StateDir::new(None, folder, None);
        ConfigFile::in_folder(&state_dir, Arc::new(Secrets::new("salt")))
    }

    #[tokio::test]
    async fn what_is_changed_is_found_again_and_its_secrets_are_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        assert_eq!(file.read().await.unwrap(), Map::new());
        let patch = json!({"ui": {"theme": "dark"}, "env": {"OPENAI_API_KEY": "sk-1", "A": "b"}});
        let config = file.change(object(patch)).await.unwrap();
        assert_eq!(file.read().await.unwrap(), config);
        let text = fs::read_to_string(&file.path).unwrap();
        assert!(!text.contains("sk-1") && text.contains("dark"), "{text}");
        assert_eq!(file.secret(&config, "OPENAI_API_KEY").unwrap().as_str(), "sk-1");
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = file.path.parent().unwrap();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing is left beside it");

        let shown = json!({"env": {"OPENAI_API_KEY": confidential::HIDDEN, "A": null}, "n": 1});
        let config = file.change(object(shown)).await.unwrap();
        assert_eq!(file.secret(&config, "OPENAI_API_KEY").unwrap().as_str(), "sk-1");
        assert_eq!(config["env"].get("A"), None);
        assert_eq!(config["ui"], json!({"theme": "dark"}));
    }

    #[tokio::test]
    async fn changes_at_the_same_time_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        let change = |number: usize| file.change(object(json!({number.to_string(): number})));
        futures::future::try_join_all((0..16).map(change)).await.unwrap();
        assert_eq!(file.read().await.unwrap().len(), 16);
    }

    #[tokio::test]
    async fn a_file_that_is_something_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        fs::create_dir(file.path.parent().unwrap()).unwrap();
        for text in ["[]", "{", "", "// mine\n{}"] {
            fs::write(&file.path, text).unwrap();
            assert!(matches!(file.read().await, Err(ConfigFileError::Content { .. })), "{text}");
            assert!(file.change(Map::new()).await.is_err());
            assert_eq!(fs::read_to_string(&file.path).unwrap(), text);
        }
        fs::write(&file.path, "{}").unwrap();
        let large = object(json!({"x": "y".repeat(FILE_MAX)}));
        assert!(matches!(file.change(large).await, Err(ConfigFileError::TooLarge)));
        assert_eq!(fs::read_to_string(&file.path).unwrap(), "{}");
    }
}
