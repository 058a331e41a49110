//! A supervisor asks other agents and puts together what they answer. One of them refuses: its letter
//! is dead, is seen, and is tried again once that has been mended.
//!
//! ```sh
//! cargo run --example delegation
//! ```

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::agent::{Change, Requeue};
use greenroom_actors::character::Character;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::facts::EventKind;
use greenroom_actors::feed::Fed;
use greenroom_actors::lifecycle::Command;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Delta, Model, ModelFuture, ModelStream, NoTools, Prompt, Role, SystemClock, ToolCall,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use serde_json::json;

/// Decides by rules what each agent says and calls.
struct Rules {
    /// Whether the mason has come back.
    mason_is_back: Arc<AtomicBool>,
}

impl Rules {
    fn answer(&self, prompt: &Prompt) -> Result<Delta, ModelError> {
        let told = prompt.turns.last().filter(|turn| turn.role == Role::Tool);
        Ok(match (prompt.character.name.as_str(), told) {
            ("Supervisor", None) => Delta::ToolCall(ToolCall {
                id: "1".to_owned(),
                name: "ask_agents".to_owned(),
                arguments: json!({
                    "to": ["surveyor", "carpenter", "mason"],
                    "text": "What does the house need of you?",
                }),
            }),
            ("Supervisor", Some(told)) => Delta::Text(format!("I asked around.\n{}", told.text)),
            ("Surveyor", _) => Delta::Text("Two days on the plot.".to_owned()),
            ("Carpenter", _) => Delta::Text("Oak for the roof.".to_owned()),
            ("Mason", _) if self.mason_is_back.load(Ordering::SeqCst) => {
                Delta::Text("Twelve thousand bricks.".to_owned())
            }
            (name, _) => return Err(ModelError::Refused(format!("{name} is away"))),
        })
    }
}

impl Model for Rules {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let answer = self.answer(&prompt).map(|delta| [delta, Delta::Done(Usage::default())]);
        match answer {
            Ok(deltas) => stream::iter(deltas.map(Ok)).boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
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
    let mason_is_back = Arc::new(AtomicBool::new(false));
    let ports = Ports {
        store: Arc::new(MemoryStore::new()),
        model: Arc::new(Rules { mason_is_back: Arc::clone(&mason_is_back) }),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, Settings::default()).await?;
    let client = registry.create(Character::named("Client")).await?.id;
    let mut agents = Vec::new();
    for name in ["Supervisor", "Surveyor", "Carpenter", "Mason"] {
        let agent = registry.create(Character::named(name)).await?.id;
        registry.ask(agent, Change::to(Command::Start)).await?;
        agents.push(agent);
    }
    let &[supervisor, .., mason] = agents.as_slice() else { return Ok(()) };
    let mut out = std::io::stdout();
    let reply = registry.ask_agent(client, supervisor, "Can you build me a house?").await?;
    writeln!(out, "{}\n", reply.text()).ok();

    let mut events = registry.subscribe(mason, 0);
    mason_is_back.store(true, Ordering::SeqCst);
    for letter in registry.store().dead_letters(None, 0, 10).await? {
        let (text, attempts) = (letter.text(), letter.attempts);
        writeln!(out, "dead letter: {text:?}, tried {attempts} time(s); tried again").ok();
        registry.ask(letter.to, Requeue(letter.id)).await?;
    }
    loop {
        let Fed::Event(event) = events.next().await? else { continue };
        writeln!(out, "mason: {}", event.kind.as_str()).ok();
        if event.kind == EventKind::Said {
            break;
        }
    }
    registry.shutdown(std::time::Duration::from_secs(1)).await;
    Ok(())
}
