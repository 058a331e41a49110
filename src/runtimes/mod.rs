//! Command-line runtimes: programs such as `claude` and `gemini` that do an agent's work as a child
//! process in its folder.
//!
//! An agent asks for one by `settings.runtime` of its character. Where the program is installed, the
//! agent's runs are carried out by it, headless: it reads the prompt from its input, so that nothing that
//! anybody said is among its arguments, and its answer is what it says, with what it cost. Where it is
//! not, the configured model answers, and [`Runtimes::which`] says so.
//!
//! The program has the agent's folder as its home and working folder, and of the host's environment
//! nothing but where programs are, the language, and, where the agent may use it, the host's key for that
//! runtime; beside that the agent's own credentials. It runs in a process group of its own, which is
//! killed as a whole when the run ends, however it ends. What it writes is bounded, and so is how many run.
//! What carries its mark is killed too, for what leaves its group.
//!
//! What an agent's programs hold in memory is looked at every second, and one of an agent whose programs
//! hold more than they may is killed. A limit of the system's is on addresses, of which programs with a
//! heap of their own reserve many times what they use. Processors are not bounded.
//!
//! The program uses tools of its own, which the core hears of and does not carry out. The read-only rule
//! binds the agent's tools of this host, not those of the program: for it, the rule is told as a list
//! of tools that it must not use. One that cannot be told such things is not used for an agent or a run
//! that is bound by them: a model answers instead. Folders of other agents are reached by tools of this host alone. A
//! program with a shell of its own can do what the host's user can: whoever allows it that, by the
//! `arguments` of its section, runs the host as a user who may do little. What lies in the agent's folder
//! can allow it that too (`.claude/settings.json`), so that only agents of administrators have programs,
//! unless an operator says otherwise.

mod answer;
mod asked;
mod child;
mod claude;
mod figures;
mod gemini;
mod settings;
mod told;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures::{StreamExt, stream};
use greenroom_actors::budget::Rate;
use greenroom_actors::character::Character;
use greenroom_actors::error::ModelError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{
    Abilities, Bounds, Model, ModelFuture, ModelStream, Prompt, Purpose, Quote,
};
use greenroom_actors::records::Embedding;
use tokio::sync::Semaphore;

use crate::accounts::ADMIN;
use crate::programs::{Group, find};
use crate::secrets::Secrets;
use crate::workspace::Workspaces;

pub use asked::{RuntimeKind, Wish, is_model};
pub use settings::{Owners, ProgramSettings, RuntimesSettings};

/// The runtimes of a host, in front of its models. Clones share everything.
#[derive(Clone)]
pub struct Runtimes {
    inner: Arc<Inner>,
}

/// Bytes of memory that the programs of an agent may hold; `None`: any number.
type Ceiling = Box<dyn Fn(AgentId) -> Option<u64> + Send + Sync>;

/// Looks up a variable of the host.
type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Says whether an agent is an administrator's.
type Judge = Box<dyn Fn(AgentId) -> bool + Send + Sync>;

struct Inner {
    models: Arc<dyn Model>,
    settings: RuntimesSettings,
    workspaces: Workspaces,
    /// Opens what agents have sealed in their characters.
    secrets: Arc<Secrets>,
    /// Where the agents' folders are.
    folder: PathBuf,
    env: Lookup,
    judge: OnceLock<Judge>,
    /// For those who run and those who wait.
    queue: Arc<Semaphore>,
    /// For those who run.
    places: Arc<Semaphore>,
    /// Bytes in memory of those that run, by their agent.
    children: Mutex<HashMap<AgentId, Vec<(Group, u64)>>>,
    ceiling: OnceLock<Ceiling>,
}

/// What carries an agent's work out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// That program.
    Program(RuntimeKind),
    /// The configured model, because of this.
    Model(&'static str),
}

impl Runtimes {
    /// Runtimes in front of those models, for agents whose folders are in `folder`; `env` looks up a
    /// variable of the host's own environment.
    pub fn new(
        settings: RuntimesSettings,
        models: Arc<dyn Model>,
        workspaces: Workspaces,
        secrets: Arc<Secrets>,
        folder: &Path,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let permits = |count: u32| usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
        let places = permits(settings.at_once);
        let queue = permits(settings.at_once.saturating_add(settings.waiting));
        let inner = Inner {
            models,
            settings,
            workspaces,
            secrets,
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            env: Box::new(env),
            judge: OnceLock::new(),
            queue: Arc::new(Semaphore::new(queue)),
            places: Arc::new(Semaphore::new(places)),
            children: Mutex::default(),
            ceiling: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// From now on, an agent's programs may hold no more than so many bytes of memory together, asked
    /// each time that they are looked at. Only the first counts.
    pub fn bound_memory_by(
        &self,
        ceiling: impl Fn(AgentId) -> Option<u64> + Send + Sync + 'static,
    ) {
        drop(self.inner.ceiling.set(Box::new(ceiling)));
    }

    /// The model that the program of a character is told where nobody asks for another.
    #[must_use]
    pub fn model_of(&self, character: &Character) -> Option<String> {
        let wish = Wish::of(character)?;
        self.inner.model_for(&wish, character, None)
    }

    /// What carries the work of an agent of that character out. One run may be held to more than the
    /// program can be told: then a model answers that one.
    #[must_use]
    pub fn which(&self, agent: AgentId, character: &Character) -> Which {
        match self.inner.judged(agent, character) {
            Ok((_, wish)) => Which::Program(wish.kind),
            Err(reason) => Which::Model(reason),
        }
    }

    /// From now on, that one says whether an agent is an administrator's. Only the first does. Until then,
    /// the agents are that say themselves that they are of nobody, or of the first administrator.
    pub fn judged_by(&self, judge: impl Fn(AgentId) -> bool + Send + Sync + 'static) {
        drop(self.inner.judge.set(Box::new(judge)));
    }
}

impl Inner {
    fn program(&self, kind: RuntimeKind) -> Option<PathBuf> {
        find(&self.settings.of(kind).program)
    }

    /// The program for an agent and what is wished of it, or why there is none.
    fn judged(
        &self,
        agent: AgentId,
        character: &Character,
    ) -> Result<(PathBuf, Wish), &'static str> {
        let wish = Wish::of(character).ok_or("the agent asks for no runtime of its own")?;
        if !self.settings.enabled {
            return Err("runtimes are switched off");
        }
        if !self.may_use(agent, character) {
            return Err("programs work for agents of administrators only");
        }
        if let Some(reason) = wish.unbound(character) {
            return Err(reason);
        }
        let program = self.program(wish.kind).ok_or("the program is not installed")?;
        Ok((program, wish))
    }

    fn may_use(&self, agent: AgentId, character: &Character) -> bool {
        match (self.settings.owners, self.judge.get()) {
            (Owners::Everybody, _) => true,
            (Owners::Administrators, Some(judge)) => judge(agent),
            (Owners::Administrators, None) => ["", ADMIN].contains(&character.owner()),
        }
    }

    /// The program that is to answer, and what is wished of it.
    fn chosen(&self, prompt: &Prompt) -> Option<(PathBuf, Wish)> {
        let is_work = match prompt.purpose {
            Purpose::Reply | Purpose::Reflect | Purpose::Work => true,
            // Little is asked: that is no work to start a program for.
            Purpose::Summarise | Purpose::Title => false,
        };
        if !is_work {
            return None;
        }
        let agent = prompt.character.agent_id();
        let (program, wish) = self.judged(agent, &prompt.character).ok()?;
        let is_held = prompt.bounds != Bounds::default();
        if is_held && !wish.kind.takes_bounds() {
            let program = wish.kind.as_str();
            tracing::info!(%agent, program, "a model answers: the program takes no bounds of a run");
            return None;
        }
        let model = self.model_for(&wish, &prompt.character, prompt.model.as_deref());
        Some((program, Wish { model, ..wish }))
    }

    /// The model that a program is told. One of this host's own is none that a program has.
    fn model_for(&self, wish: &Wish, character: &Character, asked: Option<&str>) -> Option<String> {
        wish.model_for(character, asked, |model| self.models.knows(model))
    }

    /// A prompt as this host's own models are asked: where they do not have the one that it names, which
    /// is a program's, the agent's own answers.
    fn own(&self, mut prompt: Prompt) -> Prompt {
        if prompt.model.as_deref().is_some_and(|model| !self.models.knows(model)) {
            prompt.model = prompt.character.model().map(str::to_owned);
        }
        prompt
    }

    /// A program of an agent holds so many bytes in memory now; `None`: it is over. Answers with those
    /// of all its programs.
    fn held(&self, agent: AgentId, group: &Group, bytes: Option<u64>) -> u64 {
        let mut children = self.lock();
        let held = children.entry(agent).or_default();
        held.retain(|(running, _)| running != group);
        held.extend(bytes.map(|bytes| (group.clone(), bytes)));
        let sum = held.iter().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
        if held.is_empty() {
            children.remove(&agent);
        }
        sum
    }

    /// The bytes that an agent's programs may hold, if these are more.
    fn is_over(&self, agent: AgentId, held: u64) -> Option<u64> {
        self.ceiling.get()?(agent).filter(|most| held > *most)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, Vec<(Group, u64)>>> {
        // Counts alone.
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model for Runtimes {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        match self.inner.chosen(&prompt) {
            Some((program, wish)) => {
                let answer = answer::of(Arc::clone(&self.inner), program, wish, prompt);
                stream::once(answer)
                    .map(|opened| match opened {
                        Ok(answer) => answer,
                        Err(error) => stream::iter([Err::<_, ModelError>(error)]).boxed(),
                    })
                    .flatten()
                    .boxed()
            }
            None => self.inner.models.generate(self.inner.own(prompt)),
        }
    }

    /// A program makes as many calls as it likes: what they may cost at most is what an operator says.
    fn quote(&self, prompt: &Prompt) -> Quote {
        let Some((_, wish)) = self.inner.chosen(prompt) else {
            return self.inner.models.quote(&self.inner.own(prompt.clone()));
        };
        let program = self.inner.settings.of(wish.kind);
        Quote {
            model: wish.kind.as_str().to_owned(),
            input_tokens_max: prompt.input_tokens_max(),
            output_tokens_max: u64::from(Quote::MAX_TOKENS),
            cost_micros_max: program.cost_max_micros(),
            max_tokens: prompt.max_tokens().unwrap_or(Quote::MAX_TOKENS),
            rate: Rate::default(),
        }
    }

    /// Models of programs may be named, whether or not an agent's work is done by one: clients name them
    /// unasked.
    fn knows(&self, model: &str) -> bool {
        self.inner.models.knows(model) || asked::family(model).is_some()
    }

    fn abilities(&self, model: Option<&str>, purpose: Purpose) -> Abilities {
        self.inner.models.abilities(model, purpose)
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        self.inner.models.embed(texts)
    }

    fn embedder(&self) -> String {
        self.inner.models.embedder()
    }
}

#[cfg(test)]
mod tests;
