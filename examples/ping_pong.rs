//! Two agents play ping-pong: each asks the other through the registry and waits for the reply.
//!
//! ```sh
//! cargo run --example ping_pong
//! ```

use std::io::Write;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::lifecycle::Command;
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

/// Returns each ball with one hit more.
struct Player;

impl Model for Player {
    fn generate(&self, prompt: Prompt) -> ModelStream {
        let ball = prompt.turns.last().map(|turn| turn.text.clone()).unwrap_or_default();
        let hits: u32 = ball.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let name = &prompt.character.name;
        let answer = Delta::Text(format!("{name} hits {}", hits + 1));
        stream::iter([Ok(answer), Ok(Delta::Done(Usage::default()))]).boxed()
    }

    fn embed(&self, _: Vec<String>) -> ModelFuture<Vec<Embedding>> {
        let none = ModelError::Unsupported("players have no embeddings".to_owned());
        std::future::ready(Err(none)).boxed()
    }

    fn embedder(&self) -> String {
        "none".to_owned()
    }
}

#[actix::main]
async fn main() -> Result<(), CoreError> {
    let ports = Ports {
        store: Arc::new(MemoryStore::new()),
        model: Arc::new(Player),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, Settings::default()).await?;
    let mut players = Vec::new();
    for name in ["Ping", "Pong"] {
        let player = registry.create(Character::named(name)).await?.id;
        registry.ask(player, Change::to(Command::Start)).await?;
        players.push(player);
    }
    let [ping, pong] = players[..] else { unreachable!("two players were made") };

    let mut out = std::io::stdout();
    let mut ball = "serve 0".to_owned();
    for round in 0..6 {
        let (from, to) = if round % 2 == 0 { (ping, pong) } else { (pong, ping) };
        // Durable before it is acknowledged, answered by the other's own run, filed with both.
        let reply = registry.ask_agent(from, to, &ball).await?;
        ball = reply.text().to_owned();
        writeln!(out, "{ball}").ok();
    }
    registry.shutdown(std::time::Duration::from_secs(1)).await;
    Ok(())
}
