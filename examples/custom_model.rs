//! Greenroom embedded in a program of one's own, with a model of one's own: here, one that counts.
//!
//! ```sh
//! cargo run --example custom_model -- "how many words are these?"
//! ```

use std::io::Write;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use greenroom_actors::lifecycle::Command;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{
    Delta, Model, ModelFuture, ModelStream, NoTools, Prompt, Purpose, SystemClock,
};
use greenroom_actors::records::Embedding;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::Usage;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

/// Answers with the number of words, one piece at a time, and says what that cost.
struct Counter;

impl Model for Counter {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let said = prompt.turns.last().map(|turn| turn.text.as_str()).unwrap_or_default();
        let words = said.split_whitespace().count();
        let usage = Usage {
            model: Some("counter".to_owned()),
            input_tokens: u64::try_from(words).unwrap_or(u64::MAX),
            output_tokens: 2,
            cost_micros: Some(0),
        };
        let answer = match prompt.purpose {
            Purpose::Reply => format!("{words} words"),
            Purpose::Reflect | Purpose::Work => "I count.".to_owned(),
            Purpose::Title | Purpose::Summarise => format!("A talk of {words} words"),
        };
        let pieces = answer.split_inclusive(' ').map(|piece| Ok(Delta::Text(piece.to_owned())));
        let pieces: Vec<_> = pieces.chain([Ok(Delta::Done(usage))]).collect();
        stream::iter(pieces).boxed()
    }

    fn embed(&self, texts: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let embedder = self.embedder();
        let embed = move |_: &String| Embedding { embedder: embedder.clone(), vector: vec![1.0] };
        let embeddings = texts.iter().map(embed).collect();
        std::future::ready(Ok(embeddings)).boxed()
    }

    fn embedder(&self) -> String {
        "counter-1".to_owned()
    }
}

#[actix::main]
async fn main() -> Result<(), CoreError> {
    let said = std::env::args().nth(1).unwrap_or_else(|| "one two three".to_owned());
    let ports = Ports {
        store: Arc::new(MemoryStore::new()),
        model: Arc::new(Counter),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, Settings::default()).await?;
    let asker = registry.create(Character::named("Asker")).await?.id;
    let clerk = registry.create(Character::named("Clerk")).await?.id;
    registry.ask(clerk, Change::to(Command::Start)).await?;
    let reply = registry.ask_agent(asker, clerk, &said).await?;
    let tokens = registry.vitals().input_tokens;
    writeln!(std::io::stdout(), "{} ({tokens} tokens read)", reply.text()).ok();
    registry.shutdown(std::time::Duration::from_secs(1)).await;
    Ok(())
}
