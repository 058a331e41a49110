//! Which provider and model a person chose for the primary agent, with a key of their own.
//!
//! The choice stands in `milady.json`, the key sealed beside it; the host's own configuration need not
//! know of either.

use greenroom_actors::error::CoreError;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{ConfigFile, Primary};
use crate::models::{ModelsError, Router, providers};

/// A model at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The provider, by the name that the host has for it.
    pub provider: String,
    /// What the provider calls the model.
    pub model: String,
}

impl Choice {
    /// What the configuration file says, if it says anything.
    #[must_use]
    pub fn read(config: &Map<String, Value>) -> Option<Self> {
        let line = config.get("agents")?.get("defaults")?.get("model")?.get("primary")?.as_str()?;
        let (provider, model) = line.split_once(':')?;
        Some(Self { provider: provider.to_owned(), model: model.to_owned() })
    }

    /// What the configuration file is to say: this, or that nothing is chosen.
    #[must_use]
    pub fn patch(choice: Option<&Self>) -> Value {
        let line = choice.map(|choice| format!("{}:{}", choice.provider, choice.model));
        json!({"defaults": {"model": {"primary": line}}})
    }

    /// The variable that its provider's key is kept under; `None` if it takes none.
    #[must_use]
    pub fn key_name(&self) -> Option<&'static str> {
        providers().find(|(name, _)| *name == self.provider).and_then(|(_, key)| key)
    }

    /// Lets the agents of the host choose it, by the name that this answers with. Without a key, that
    /// of the process's environment is taken.
    ///
    /// # Errors
    /// Why it cannot be used, such as the lack of a key.
    pub fn learn(&self, models: &Router, key: Option<&str>) -> Result<String, ModelsError> {
        let key_name = self.key_name();
        models.learn(&self.provider, &self.model, &|name| match key {
            Some(key) if Some(name) == key_name => Some(key.to_owned()),
            _ => std::env::var(name).ok(),
        })
    }

    /// The key that the configuration file holds for it.
    #[must_use]
    pub fn key(&self, file: &ConfigFile, config: &Map<String, Value>) -> Option<Zeroizing<String>> {
        file.secret(config, self.key_name()?)
    }
}

impl Primary {
    /// Has the agent answered by the model of that name from its next words on; `None`: by what the host
    /// is configured with. Without an agent nothing happens.
    ///
    /// # Errors
    /// [`CoreError::Store`], and what keeps a message from the agent.
    pub async fn speak_by(&self, model: Option<&str>) -> Result<(), CoreError> {
        let Some(record) = self.agent().await? else { return Ok(()) };
        let patch = Map::from_iter([("settings".to_owned(), json!({"model": model}))]);
        self.inner.registry.revise(record.id, patch).await?;
        Ok(())
    }
}

/// At a start: lets the agents have again what was chosen. What cannot be is logged, since the host
/// does without it. Blocks.
pub fn recall(file: &ConfigFile, models: &Router) {
    let config = match file.load() {
        Ok(config) => config,
        Err(error) => {
            return tracing::warn!(%error, "the primary agent's configuration is not read");
        }
    };
    let Some(choice) = Choice::read(&config) else { return };
    let key = choice.key(file, &config);
    if let Err(error) = choice.learn(models, key.as_deref().map(String::as_str)) {
        tracing::warn!(
            provider = choice.provider,
            %error,
            "the model that was chosen for the primary agent cannot be used"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::StateDir;
    use super::*;
    use crate::secrets::Secrets;

    fn names(models: &Router) -> Vec<String> {
        models.offers().into_iter().map(|offer| offer.name).collect()
    }

    fn models() -> Router {
        crate::models::build(&Default::default(), &|_| None).unwrap()
    }

    #[tokio::test]
    async fn what_was_chosen_is_there_again_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Arc::new(Secrets::new("salt"));
        let state_dir = StateDir::new(None, folder.path(), None);
        let file = ConfigFile::in_folder(&state_dir, secrets);
        recall(&file, &models());

        let choice = Choice { provider: "groq".to_owned(), model: "a:b".to_owned() };
        let patch = json!({"agents": Choice::patch(Some(&choice)), "env": {"GROQ_API_KEY": "k"}});
        let config = file.change(patch.as_object().unwrap().clone()).await.unwrap();
        assert_eq!(Choice::read(&config), Some(choice.clone()));
        assert_eq!(choice.key(&file, &config).unwrap().as_str(), "k");

        let next = models();
        recall(&file, &next);
        assert_eq!(names(&next), ["doctor", "groq:a:b"]);

        let patch = json!({"agents": Choice::patch(None)});
        let config = file.change(patch.as_object().unwrap().clone()).await.unwrap();
        assert_eq!(Choice::read(&config), None);
        let next = models();
        recall(&file, &next);
        assert_eq!(names(&next), ["doctor"]);
        recall(
            &ConfigFile::in_folder(
                &StateDir::new(None, Path::new("/dev/null"), None),
                Arc::new(Secrets::new("salt")),
            ),
            &next,
        );
    }
}
