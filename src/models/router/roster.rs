//! Which models a host has, and models that are added while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::super::call::Served;
use super::super::catalog::{self, Source};
use super::super::remote::Clients;
use super::super::settings::{ModelSettings, ModelsError};
use super::{Builder, Router};
use crate::models::doctor;

/// Models that are added at most; nobody has more providers than that, each with a few.
const LEARNED_MAX: usize = 64;

/// A model that a host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What characters choose it by.
    pub name: String,
    /// Who serves it.
    pub provider: String,
    /// What the provider calls it.
    pub model: String,
    /// Whether it answers where a character names none.
    pub is_default: bool,
    /// Whether the configuration of the host names it; otherwise it was added since the start.
    pub is_configured: bool,
}

impl Router {
    /// All models, each once, by name.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let inner = &self.inner;
        let learned = inner.learned.read().unwrap_or_else(PoisonError::into_inner);
        let configured = inner.models.values().chain([&inner.default]).chain(&inner.small);
        let configured = configured.chain(&inner.fallback).map(|served| (served, true));
        let learned = learned.values().map(|served| (served, false));
        // What the configuration says goes before what was added.
        let all = learned.chain(configured).map(|(served, is_configured)| {
            let offer = Offer {
                name: served.name.clone(),
                provider: served.of.clone(),
                model: served.model.clone(),
                is_default: Arc::ptr_eq(served, &inner.default),
                is_configured,
            };
            (offer.name.clone(), offer)
        });
        all.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// Adds a model at its provider's own address, so that characters can choose it by the name that this
    /// answers with; one of the same name gives way. `env` looks up what would be in the environment, such
    /// as the key. What the configuration names is not touched.
    ///
    /// # Errors
    /// As [`build`](super::build); nothing is added then.
    pub fn learn(
        &self,
        provider: &str,
        model: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, ModelsError> {
        let name = format!("{provider}:{model}");
        if provider == doctor::NAME {
            return Ok(doctor::NAME.to_owned());
        }
        let settings = ModelSettings {
            provider: provider.to_owned(),
            model: model.to_owned(),
            ..ModelSettings::default()
        };
        let (clients, models) = (Clients::default(), BTreeMap::new());
        let mut builder = Builder { env, clients, models };
        let served = builder.serve(&name, &settings, &Source::Line("model"))?;
        let mut learned = self.inner.learned.write().unwrap_or_else(PoisonError::into_inner);
        if learned.len() >= LEARNED_MAX && !learned.contains_key(&name) {
            return Err(ModelsError::new("model", "too many models were added since the start"));
        }
        learned.insert(name.clone(), served);
        Ok(name)
    }
}

impl super::Inner {
    /// The model of that name, or whose provider calls it so, that was added since the start.
    pub(super) fn learned(&self, name: &str) -> Option<Arc<Served>> {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        let found = learned.get(name);
        found.or_else(|| learned.values().find(|served| served.model == name)).cloned()
    }
}

/// The providers by name, each with the variable of its key if it takes one; the built-in one first.
pub fn providers() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    catalog::providers()
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::*;
    use crate::models::ModelsSettings;

    #[test]
    fn a_model_is_added_beside_those_of_the_configuration() {
        let router = build(&ModelsSettings::default(), &|_| None).unwrap();
        let names = |router: &Router| {
            let offers = router.offers().into_iter();
            offers.map(|offer| (offer.name, offer.provider, offer.is_default)).collect::<Vec<_>>()
        };
        let doctor = ("doctor".to_owned(), "doctor".to_owned(), true);
        assert_eq!(names(&router), std::slice::from_ref(&doctor));

        let refused = router.learn("openai", "tiny", &|_| None).unwrap_err();
        assert!(refused.to_string().contains("OPENAI_API_KEY"), "{refused}");
        assert!(router.learn("nobody", "tiny", &|_| None).is_err());
        assert!(router.learn("openai", " ", &|_| Some("k".to_owned())).is_err());
        assert_eq!(names(&router), std::slice::from_ref(&doctor));

        let key = |name: &str| (name == "OPENAI_API_KEY").then(|| "sk-1".to_owned());
        assert_eq!(router.learn("openai", "tiny", &key).unwrap(), "openai:tiny");
        assert_eq!(router.learn("openai", "tiny", &key).unwrap(), "openai:tiny");
        assert_eq!(router.learn("doctor", "", &|_| None).unwrap(), "doctor");
        let learned = ("openai:tiny".to_owned(), "openai".to_owned(), false);
        assert_eq!(names(&router), [doctor, learned]);
        for name in ["openai:tiny", "tiny"] {
            assert_eq!(router.inner.named(name).unwrap().name, "openai:tiny");
        }
        for number in 1..LEARNED_MAX {
            router.learn("ollama", &number.to_string(), &|_| None).unwrap();
        }
        assert!(router.learn("ollama", "more", &|_| None).is_err());
    }

    #[test]
    fn the_first_provider_needs_no_key() {
        assert_eq!(providers().next(), Some(("doctor", None)));
        assert!(providers().any(|it| it == ("openai", Some("OPENAI_API_KEY"))));
    }
}
