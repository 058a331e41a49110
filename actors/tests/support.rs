//! A runtime on one thread, with a store in memory, a clock that a test moves and a scripted model.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::agent::{Change, Keep};
use greenroom_actors::budget::Rate;
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::ModelError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, RoomId};
use greenroom_actors::lifecycle::{Autonomy, Command};
use greenroom_actors::masks::{Masks, NoMasks};
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Clock, Delta, Effect, Invocation, Model, ModelFuture, ModelStream, Prompt, Quote, RunQuery,
    Store, Tool, ToolCall, ToolError, ToolOutput, ToolSpec, Tools, VirtualClock,
};
use greenroom_actors::records::{Embedding, Memory};
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::{Run, Usage};
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

/// What the model does next.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(String),
    /// Calls these tools, with these words before.
    Call(&'static str, Vec<(&'static str, Value)>),
    Fail(ModelError),
    Panic,
    /// Never answers; whether it was dropped is seen in [`Script::dropped`].
    Hang,
    /// Says `late` once it is notified.
    Wait(Arc<Notify>),
}

/// A model that does what it is told, and counts.
#[derive(Default)]
pub(crate) struct Script {
    acts: Mutex<VecDeque<Act>>,
    pub(crate) always: Mutex<Option<Act>>,
    pub(crate) calls: AtomicUsize,
    pub(crate) dropped: Arc<AtomicUsize>,
    pub(crate) prompts: Mutex<Vec<Prompt>>,
    pub(crate) panics_for: Mutex<Option<AgentId>>,
    /// Attempts that it says it may make beside the first.
    pub(crate) retries: AtomicUsize,
}

impl Script {
    pub(crate) fn then(&self, act: Act) -> &Self {
        self.acts.lock().unwrap().push_back(act);
        self
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Counts when it is dropped.
struct Noticed(Arc<AtomicUsize>);

impl Drop for Noticed {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Model for Script {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if *self.panics_for.lock().unwrap() == Some(prompt.character.agent_id()) {
            panic!("the model fell over");
        }
        self.prompts.lock().unwrap().push(prompt);
        let act = self.acts.lock().unwrap().pop_front();
        let act = act.or_else(|| self.always.lock().unwrap().clone());
        match act.unwrap_or(Act::Say("yes".to_owned())) {
            Act::Say(text) => {
                stream::iter([Ok(Delta::Text(text)), Ok(Delta::Done(usage()))]).boxed()
            }
            Act::Call(words, calls) => {
                let call = |(index, (name, arguments)): (usize, (&str, Value))| {
                    let (id, name) = (format!("call-{index}"), name.to_owned());
                    Ok(Delta::ToolCall(ToolCall { id, name, arguments }))
                };
                let calls = calls.into_iter().enumerate().map(call);
                let words = [Ok(Delta::Text(words.to_owned()))];
                let pieces: Vec<_> =
                    words.into_iter().chain(calls).chain([Ok(Delta::Done(usage()))]).collect();
                stream::iter(pieces).boxed()
            }
            Act::Fail(error) => stream::iter([Err(error)]).boxed(),
            Act::Panic => panic!("the model fell over"),
            Act::Wait(until) => {
                let noticed = Noticed(Arc::clone(&self.dropped));
                let late = async move {
                    let _noticed = noticed;
                    until.notified().await;
                    Ok(Delta::Text("late".to_owned()))
                };
                stream::once(late).chain(stream::iter([Ok(Delta::Done(Usage::default()))])).boxed()
            }
            Act::Hang => {
                let noticed = Noticed(Arc::clone(&self.dropped));
                let never: BoxFuture<'static, Result<Delta, ModelError>> = async move {
                    let _noticed = noticed;
                    futures::future::pending().await
                }
                .boxed();
                stream::once(never).boxed()
            }
        }
    }

    fn quote(&self, prompt: &Prompt) -> Quote {
        let retries = self.retries.load(Ordering::SeqCst);
        let retries = if prompt.is_single_attempt { 0 } else { retries };
        let attempts = u64::try_from(retries).unwrap() + 1;
        let max_tokens = prompt.max_tokens().unwrap_or(Quote::MAX_TOKENS);
        Quote {
            model: "script".to_owned(),
            input_tokens_max: prompt.input_tokens_max() * attempts,
            output_tokens_max: u64::from(max_tokens) * attempts,
            cost_micros_max: 0,
            max_tokens,
            rate: Rate::default(),
        }
    }

    fn knows(&self, model: &str) -> bool {
        model != "nobody"
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let embeddings = texts
            .iter()
            .map(|_| Embedding { embedder: self.embedder(), vector: vec![1.0, 0.0] })
            .collect();
        async move { Ok(embeddings) }.boxed()
    }

    fn embedder(&self) -> String {
        "script-2".to_owned()
    }
}

fn usage() -> Usage {
    Usage {
        model: Some("script".to_owned()),
        input_tokens: 7,
        output_tokens: 3,
        cost_micros: Some(5),
    }
}

/// What one of the [`Gadgets`] does when it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    Work,
    Fail,
    Hang,
    Panic,
}

/// Tools that count: one for each sort of effect, named after it.
pub(crate) struct Gadgets {
    pub(crate) deed: Mutex<Deed>,
    pub(crate) calls: Mutex<Vec<(String, Uuid)>>,
}

impl Default for Gadgets {
    fn default() -> Self {
        Self { deed: Mutex::new(Deed::Work), calls: Mutex::default() }
    }
}

impl Gadgets {
    pub(crate) fn names(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Tools for Gadgets {
    fn offered(&self, _: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        let tool = |(name, effect): (&str, Effect)| Tool {
            spec: ToolSpec {
                name: name.to_owned(),
                description: String::new(),
                parameters: json!({"type": "object"}),
            },
            effect,
            asks_first: false,
        };
        let effects = [
            ("reads", Effect::Reads),
            ("idempotent", Effect::Idempotent),
            ("keyed", Effect::Keyed),
            ("once", Effect::Once),
        ];
        std::future::ready(effects.map(tool).to_vec()).boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        self.calls.lock().unwrap().push((call.name, call.key));
        match *self.deed.lock().unwrap() {
            Deed::Work => std::future::ready(Ok(ToolOutput::text("worked"))).boxed(),
            Deed::Fail => std::future::ready(Err(ToolError::Failed("broken".into()))).boxed(),
            Deed::Hang => futures::future::pending().boxed(),
            Deed::Panic => panic!("the tool fell over"),
        }
    }
}

/// A host under test.
pub(crate) struct Stage {
    pub(crate) registry: Registry,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) model: Arc<Script>,
    pub(crate) tools: Arc<Gadgets>,
    pub(crate) clock: VirtualClock,
}

pub(crate) fn settings() -> Settings {
    Settings { arbiters: Some(0), tick_jitter_percent: 0, ..Settings::default() }
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::over(store, VirtualClock::at(UnixMillis(1_000_000)), settings).await
    }

    pub(crate) async fn over(
        store: Arc<MemoryStore>,
        clock: VirtualClock,
        settings: Settings,
    ) -> Self {
        let told = Arc::new(clock.clone());
        Self::by(store, clock, told, settings).await
    }

    /// A host that masks what those masks say.
    pub(crate) async fn masked(masks: Arc<dyn Masks>, settings: Settings) -> Self {
        let (store, clock) =
            (Arc::new(MemoryStore::new()), VirtualClock::at(UnixMillis(1_000_000)));
        let told = Arc::new(clock.clone());
        Self::of(store, clock, told, masks, settings).await
    }

    /// The same, told the time by another clock that follows `clock`.
    pub(crate) async fn by(
        store: Arc<MemoryStore>,
        clock: VirtualClock,
        told: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        Self::of(store, clock, told, Arc::new(NoMasks), settings).await
    }

    async fn of(
        store: Arc<MemoryStore>,
        clock: VirtualClock,
        told: Arc<dyn Clock>,
        masks: Arc<dyn Masks>,
        settings: Settings,
    ) -> Self {
        let (model, tools) = (Arc::new(Script::default()), Arc::new(Gadgets::default()));
        let (kept, asked): (Arc<dyn Store>, Arc<dyn Model>) = (store.clone(), model.clone());
        let ports = Ports { store: kept, model: asked, clock: told, tools: tools.clone(), masks };
        let registry = Registry::start(ports, settings).await.unwrap();
        clock.settle().await;
        Self { registry, store, model, tools, clock }
    }

    /// The same store and clock under a new process.
    pub(crate) async fn boot_again(self) -> Self {
        self.boot_again_with(settings()).await
    }

    pub(crate) async fn boot_again_with(self, settings: Settings) -> Self {
        let Self { store, clock, .. } = self;
        Self::over(store, clock, settings).await
    }

    /// An agent that has something to think about.
    pub(crate) async fn create(&self, name: &str) -> AgentId {
        let id = self.registry.create(Character::named(name)).await.unwrap().id;
        self.tell(id, "the roof leaks").await;
        id
    }

    /// Gives an agent something to think about.
    pub(crate) async fn tell(&self, agent_id: AgentId, text: &str) {
        let memory = Memory {
            id: MemoryId::new(),
            agent_id,
            kind: "documents".to_owned(),
            room_id: RoomId(agent_id.0),
            world_id: None,
            entity_id: EntityId::new(),
            content: json!({"text": text}).as_object().cloned().unwrap(),
            metadata: Map::new(),
            unique: true,
            created_at: self.clock.now(),
            updated_at: self.clock.now(),
        };
        let facts = vec![Fact::Remembered(Box::new(memory))];
        self.registry.ask(agent_id, Keep { facts, while_running: false }).await.unwrap();
    }

    /// An agent that runs and speaks when spoken to.
    pub(crate) async fn running(&self, name: &str) -> AgentId {
        let id = self.create(name).await;
        self.registry.ask(id, Change::to(Command::Start)).await.unwrap();
        id
    }

    /// An agent that runs and ticks each minute; its first tick is over.
    pub(crate) async fn ticking(&self, name: &str) -> AgentId {
        let id = self.create(name).await;
        self.registry.ask(id, start_autonomous()).await.unwrap();
        self.clock.advance(Duration::ZERO).await;
        id
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds)).await;
    }

    pub(crate) async fn runs(&self, agent: AgentId) -> Vec<Run> {
        self.store.runs(RunQuery::of(agent, 1_000)).await.unwrap()
    }

    pub(crate) async fn kinds(&self, agent: AgentId) -> Vec<&'static str> {
        let events = self.store.events(agent, 0, 10_000).await.unwrap();
        events.iter().map(|event| event.kind.as_str()).collect()
    }
}

pub(crate) fn start_autonomous() -> Change {
    let autonomy = Some(Autonomy::every(Duration::from_secs(60)));
    Change { autonomy: Some(autonomy), ..Change::to(Command::Start) }
}
