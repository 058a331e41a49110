//! An agent that panics is rebuilt, then given up, then started anew by an operator.
//!
//! ```sh
//! cargo run --example supervision
//! ```

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::agent::{Change, SetGoal};
use greenroom_actors::character::Character;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::facts::EventKind;
use greenroom_actors::feed::Fed;
use greenroom_actors::lifecycle::{Autonomy, Command};
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Delta, Model, ModelFuture, ModelStream, NoTools, Prompt, SystemClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

/// Falls over until it is mended.
struct Brittle(Arc<AtomicBool>);

impl Model for Brittle {
    fn generate(&self, _: Prompt) -> ModelStream {
        assert!(self.0.load(Ordering::SeqCst), "the model fell over");
        let thought = Delta::Text("Better now.".to_owned());
        stream::iter([Ok(thought), Ok(Delta::Done(Usage::default()))]).boxed()
    }

    fn embed(&self, _: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        std::future::ready(Err(ModelError::Unsupported("no embeddings".to_owned()))).boxed()
    }

    fn embedder(&self) -> String {
        "none".to_owned()
    }
}

#[actix::main]
async fn main() -> Result<(), CoreError> {
    // Without a trace on the screen: what the runtime makes of a panic is seen in the events.
    std::panic::set_hook(Box::new(|_| {}));
    let is_mended = Arc::new(AtomicBool::new(false));
    let ports = Ports {
        store: Arc::new(MemoryStore::new()),
        model: Arc::new(Brittle(Arc::clone(&is_mended))),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let settings = Settings { restart_backoff_ms: 20, ..Settings::default() };
    let registry = Registry::start(ports, settings).await?;
    let agent = registry.create(Character::named("Humpty")).await?.id;
    // Something to do at each tick.
    let goal = SetGoal { id: None, text: "Sit on a wall.".to_owned() };
    registry.ask(agent, goal).await?;
    let mut feed = registry.subscribe(agent, 0);
    let autonomy = Autonomy::every(std::time::Duration::from_secs(60));
    let start = || Change { autonomy: Some(Some(autonomy)), ..Change::to(Command::Start) };
    registry.ask(agent, start()).await?;

    let mut out = std::io::stdout();
    loop {
        let Fed::Event(event) = feed.next().await? else { continue };
        writeln!(out, "{:>3}  {}", event.seq, event.kind.as_str()).ok();
        match event.kind {
            EventKind::Failed => {
                let reason = registry.status(agent).await?.lifecycle.failure;
                writeln!(out, "     given up: {}", reason.unwrap_or_default()).ok();
                is_mended.store(true, Ordering::SeqCst);
                registry.ask(agent, start()).await?;
            }
            EventKind::Thought => break,
            _ => {}
        }
    }
    registry.shutdown(std::time::Duration::from_secs(1)).await;
    Ok(())
}
