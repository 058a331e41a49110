//! The router: which model answers, and who stands in for it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::budget::Rate;
use greenroom_actors::error::ModelError;
use greenroom_actors::ports::{Abilities, Model, ModelFuture, ModelStream, Prompt, Purpose, Quote};
use greenroom_actors::records::Embedding;

use super::call::{Limits, Owed, Served};
use super::catalog::{self, Env, Source};
use super::doctor::{self, Doctor};
use super::embedding;
use super::remote::{Clients, Remote};
use super::settings::{ModelSettings, ModelsError, ModelsSettings};
use super::tls::install_tls;
use super::tokens::Price;

mod roster;

pub use roster::{Offer, providers};

/// Unknown names that are remembered, so that each is warned of once.
///
/// A fleet may tick with a name that this host does not have; one line each is enough.
const UNKNOWN_MAX: usize = 256;

/// All models of a host, as one.
///
/// It takes the model that a prompt names by its name in the configuration or by its provider's
/// name of it, and the default one where none is named or the name is unknown; where little is
/// asked, the small one, if there is one. If that fails for a
/// reason that may pass, before anything of its answer was given out, the fallbacks are asked.
#[derive(Clone)]
pub struct Router {
    inner: Arc<Inner>,
    /// What tokens of a model without a price count as, against budgets.
    dearest: Rate,
}

struct Inner {
    models: BTreeMap<String, Arc<Served>>,
    default: Arc<Served>,
    small: Option<Arc<Served>>,
    fallback: Vec<Arc<Served>>,
    embedder: Embedder,
    unknown: Mutex<HashSet<String>>,
    /// Models that were added since, each by its name.
    learned: RwLock<BTreeMap<String, Arc<Served>>>,
}

enum Embedder {
    Hash,
    Served { name: String, dimensions: Option<usize>, served: Arc<Served> },
}

/// Makes the router that `settings` describe; `env` looks up an environment variable.
///
/// # Errors
/// [`ModelsError`] names the key at fault: an unknown provider or name, a value out of range, a
/// variable that is not set.
pub fn build(
    settings: &ModelsSettings,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Router, ModelsError> {
    install_tls();
    let mut builder = Builder { env, clients: Clients::default(), models: BTreeMap::new() };
    for (name, model) in &settings.models {
        let served = builder.serve(name, model, &Source::Table(name))?;
        builder.models.insert(name.clone(), served);
    }
    let doctor = || served_doctor(doctor::NAME);
    builder.models.entry(doctor::NAME.to_owned()).or_insert_with(doctor);
    let choice = &settings.model;
    let default = builder.choose(&choice.default, "model.default")?;
    let small = match choice.small.as_str() {
        "" => None,
        line => Some(builder.choose(line, "model.small")?),
    };
    let mut fallback = Vec::with_capacity(choice.fallback.len());
    for (place, line) in choice.fallback.iter().enumerate() {
        fallback.push(builder.choose(line, &format!("model.fallback[{place}]"))?);
    }
    let embedder = match choice.embedder.as_str() {
        "hash" | embedding::NAME => Embedder::Hash,
        line => {
            let served = builder.choose(line, "model.embedder")?;
            embedder(served, settings.models.get(line))?
        }
    };
    let (models, unknown, learned) = (builder.models, Mutex::default(), RwLock::default());
    let inner = Inner { models, default, small, fallback, embedder, unknown, learned };
    let dearest = inner.dearest().unwrap_or_default();
    Ok(Router { inner: Arc::new(inner), dearest })
}

impl Router {
    /// The same, where models without a price count so against budgets, unless some model has a price:
    /// then they count as the dearest of those.
    #[must_use]
    pub fn with_dearest(self, otherwise: Rate) -> Self {
        Self { dearest: self.inner.dearest().unwrap_or(otherwise), ..self }
    }

    /// The models that have no price, and count as the dearest.
    #[must_use]
    pub fn unpriced(&self) -> Vec<&str> {
        let inner = &self.inner;
        let all = inner.models.values().chain([&inner.default]).chain(&inner.fallback);
        let unpriced = all.filter(|served| served.price == Price { input: None, output: None });
        let mut names: Vec<_> = unpriced.map(|served| served.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What there is while a router is being made, or added to.
struct Builder<'a> {
    env: &'a Env<'a>,
    clients: Clients,
    models: BTreeMap<String, Arc<Served>>,
}

impl Builder<'_> {
    fn serve(
        &mut self,
        name: &str,
        settings: &ModelSettings,
        at: &Source<'_>,
    ) -> Result<Arc<Served>, ModelsError> {
        settings.check(&|field| at.key(field))?;
        if settings.provider == doctor::NAME {
            return Ok(served_doctor(name));
        }
        let target = catalog::resolve(settings, at, self.env)?;
        let remote = Remote::new(target, settings, &mut self.clients).map_err(|reason| {
            ModelsError::new(at.key("base_url"), format!("no client for it: {reason}"))
        })?;
        Ok(Arc::new(Served {
            name: name.to_owned(),
            model: settings.model.clone(),
            of: settings.provider.clone(),
            provider: Arc::new(remote),
            limits: Limits::from(settings),
            price: Price { input: settings.price_input, output: settings.price_output },
            max_tokens: settings.max_tokens,
            abilities: Abilities {
                context_tokens: settings.context_tokens.unwrap_or(u32::MAX),
                calls_tools: settings.calls_tools,
                recalls: true,
            },
        }))
    }

    /// The model of that name, or else the one that the line itself describes.
    fn choose(&mut self, line: &str, key: &str) -> Result<Arc<Served>, ModelsError> {
        if let Some(served) = self.models.get(line) {
            return Ok(served.clone());
        }
        let settings = catalog::parse(line).ok_or_else(|| {
            let reason = format!(
                "no model `{line}` in [models], and it is not PROVIDER:MODEL or PROVIDER:MODEL@URL"
            );
            ModelsError::new(key, reason)
        })?;
        self.serve(line, &settings, &Source::Line(key))
    }
}

fn served_doctor(name: &str) -> Arc<Served> {
    Arc::new(Served {
        name: name.to_owned(),
        model: doctor::NAME.to_owned(),
        of: doctor::NAME.to_owned(),
        provider: Arc::new(Doctor),
        // It has nothing to try again for.
        limits: Limits { retries: 0, ..Limits::from(&ModelSettings::default()) },
        price: Price::FREE,
        max_tokens: None,
        // It makes nothing of what was said elsewhere.
        abilities: Abilities { recalls: false, ..Abilities::default() },
    })
}

fn embedder(served: Arc<Served>, table: Option<&ModelSettings>) -> Result<Embedder, ModelsError> {
    if served.model == doctor::NAME {
        return Err(ModelsError::new("model.embedder", "doctor cannot embed"));
    }
    let dimensions = table.and_then(|table| table.dimensions);
    let name = match dimensions {
        Some(dimensions) => format!("{}-{dimensions}", served.model),
        None => served.model.clone(),
    };
    Ok(Embedder::Served { name, dimensions, served })
}

impl Inner {
    /// The models to ask, in order.
    fn chain(&self, model: Option<&str>, purpose: Purpose) -> Vec<Arc<Served>> {
        let small =
            self.small.as_ref().filter(|_| matches!(purpose, Purpose::Title | Purpose::Summarise));
        let named = || model.and_then(|name| self.named(name));
        let first = small.cloned().or_else(named).unwrap_or_else(|| Arc::clone(&self.default));
        let others = self.fallback.iter().filter(|other| !Arc::ptr_eq(&first, other));
        let others = others.cloned().collect::<Vec<_>>();
        std::iter::once(first).chain(others).collect()
    }

    /// What the dearest model costs that has a price; none if none has.
    fn dearest(&self) -> Option<Rate> {
        let all = self.models.values().chain([&self.default]).chain(&self.small);
        let prices = all.chain(&self.fallback).filter(|served| served.model != doctor::NAME);
        prices.map(|served| served.price).fold(None, |dearest, price| {
            if price.input.is_none() && price.output.is_none() {
                return dearest;
            }
            let Rate { input, output } = dearest.unwrap_or_default();
            let input = price.input.unwrap_or(0.0).max(input);
            Some(Rate { input, output: price.output.unwrap_or(0.0).max(output) })
        })
    }

    /// The models that may be asked for an answer to that prompt, in order.
    fn asked(&self, prompt: &Prompt) -> Vec<Arc<Served>> {
        let mut chain = self.chain(prompt.model.as_deref(), prompt.purpose);
        if prompt.is_single_attempt {
            chain.truncate(1);
        }
        chain
    }

    fn named(&self, name: &str) -> Option<Arc<Served>> {
        let found = self.find(name);
        if found.is_none() && !name.is_empty() {
            self.warn_once(name);
        }
        found
    }

    fn find(&self, name: &str) -> Option<Arc<Served>> {
        let all = || self.models.values().chain([&self.default]).chain(&self.fallback);
        let found = self.models.get(name);
        let found = found.or_else(|| all().find(|served| served.name == name));
        let found = found.or_else(|| all().find(|served| served.model == name)).cloned();
        // What the configuration says goes before what was added.
        found.or_else(|| self.learned(name))
    }

    fn warn_once(&self, name: &str) {
        // The set is whole whatever a panic interrupted: each insertion stands alone.
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = name.get(..name.floor_char_boundary(100)).unwrap_or(name);
        if unknown.len() < UNKNOWN_MAX && unknown.insert(shown.to_owned()) {
            let default = &self.default.name;
            tracing::warn!(model = shown, default, "no model of that name, using the default one");
        }
    }
}

impl Model for Router {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let chain = self.inner.asked(&prompt);
        let prompt = Arc::new(prompt);
        let owed = Owed::nothing(self.dearest);
        stream::once(first_to_answer(chain, prompt, owed)).flatten().boxed()
    }

    /// Each model of the chain may be asked, each as often as it is tried again, and each attempt may
    /// be billed as if it had succeeded.
    fn quote(&self, prompt: &Prompt) -> Quote {
        let chain = self.inner.asked(prompt);
        let first = chain.first();
        let mut quote = Quote {
            model: first.map(|served| served.model.clone()).unwrap_or_default(),
            input_tokens_max: 0,
            output_tokens_max: 0,
            cost_micros_max: 0,
            max_tokens: first.map_or(Quote::MAX_TOKENS, |served| served.answer_max_tokens(prompt)),
            rate: self.dearest,
        };
        for served in &chain {
            let attempt = served.attempt(prompt, self.dearest);
            let all = |one: u64| one.saturating_mul(served.attempts(prompt));
            let add = |sum: &mut u64, one| *sum = sum.saturating_add(all(one));
            add(&mut quote.input_tokens_max, attempt.input_tokens);
            add(&mut quote.output_tokens_max, attempt.output_tokens);
            add(&mut quote.cost_micros_max, attempt.cost_micros.unwrap_or(0));
        }
        quote
    }

    /// What all can that may be asked.
    fn abilities(&self, model: Option<&str>, purpose: Purpose) -> Abilities {
        let chain = self.inner.chain(model, purpose);
        let all = chain.iter().map(|served| served.abilities);
        all.reduce(|one, other| Abilities {
            context_tokens: one.context_tokens.min(other.context_tokens),
            calls_tools: one.calls_tools && other.calls_tools,
            recalls: one.recalls || other.recalls,
        })
        .unwrap_or_default()
    }

    fn knows(&self, model: &str) -> bool {
        self.inner.find(model).is_some()
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let embedder = self.embedder();
        let name = move |vector| Embedding { embedder: embedder.clone(), vector };
        match &self.inner.embedder {
            Embedder::Hash => {
                let vectors =
                    move || texts.iter().map(|text| name(embedding::embed(text))).collect();
                async move { Ok(vectors()) }.boxed()
            }
            Embedder::Served { served, dimensions, .. } => {
                let (served, dimensions) = (served.clone(), *dimensions);
                async move {
                    let mut vectors = served.embed(texts).await?;
                    check_vectors(&vectors, dimensions)?;
                    vectors.iter_mut().for_each(|vector| embedding::normalise(vector));
                    Ok(vectors.into_iter().map(name).collect())
                }
                .boxed()
            }
        }
    }

    fn embedder(&self) -> String {
        match &self.inner.embedder {
            Embedder::Hash => embedding::NAME.to_owned(),
            Embedder::Served { name, .. } => name.clone(),
        }
    }
}

async fn first_to_answer(
    chain: Vec<Arc<Served>>,
    prompt: Arc<Prompt>,
    mut owed: Owed,
) -> ModelStream {
    // The first failure is the one to tell: it is about the model that was asked for.
    let mut failed = None;
    for served in chain {
        let name = served.name.clone();
        match served.open(prompt.clone(), &mut owed).await {
            Ok(answer) => return answer,
            Err(error) if error.is_transient() => {
                tracing::warn!(model = name, %error, "the model did not answer");
                failed.get_or_insert(error);
            }
            Err(error) => {
                failed.get_or_insert(error);
                break;
            }
        }
    }
    let error = failed.unwrap_or_else(|| ModelError::Unsupported("no model".to_owned()));
    stream::iter(owed.told().map(Ok).into_iter().chain([Err(error)])).boxed()
}

fn check_vectors(vectors: &[Vec<f32>], dimensions: Option<usize>) -> Result<(), ModelError> {
    let expected = dimensions.or_else(|| vectors.first().map(Vec::len)).unwrap_or(0);
    match vectors.iter().map(Vec::len).find(|found| *found != expected || *found == 0) {
        Some(found) => {
            let reason = format!("a vector of {found} dimensions instead of {expected}");
            Err(ModelError::Unavailable(reason))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
