//! An agent that works for a goal by itself, on a virtual clock: three weeks pass in a second. What
//! it does not have to do anything for costs no call of its model.
//!
//! ```sh
//! cargo run --release --example autonomy
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenroom::models::{ModelsSettings, build};
use greenroom_actors::agent::{Change, SetGoal};
use greenroom_actors::character::Character;
use greenroom_actors::lifecycle::{Autonomy, Command};
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{MemoryQuery, NoTools, VirtualClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock = VirtualClock::at(UnixMillis(1_767_225_600_000));
    let doctor = build(&ModelsSettings::default(), &|_| None)?;
    let ports = Ports {
        store: Arc::new(MemoryStore::new()),
        model: Arc::new(doctor),
        clock: Arc::new(clock.clone()),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    // On the thread of this program, so that the clock can let the agents run between two timers.
    let settings = Settings { arbiters: Some(0), reflect_every_s: 86_400, ..Settings::default() };
    let registry = Registry::start(ports, settings).await?;

    let mut character = Character::named("Ada");
    character.topics = Some(vec!["engines".to_owned(), "numbers".to_owned()]);
    let ada = registry.create(character).await?.id;
    let text = "Find out how engines and numbers go together.".to_owned();
    registry.ask(ada, SetGoal { id: None, text }).await?;
    let autonomy = Autonomy::every(Duration::from_secs(60));
    let start = Change { autonomy: Some(Some(autonomy)), ..Change::to(Command::Start) };
    registry.ask(ada, start).await?;

    let began = Instant::now();
    clock.advance(21 * DAY).await;
    let took = began.elapsed();

    let mut out = std::io::stdout();
    let thoughts = registry.store().memories(MemoryQuery::of(ada, 3)).await?;
    for thought in thoughts.iter().rev() {
        writeln!(out, "day {:>2}: {}", day(thought.created_at), thought.text()).ok();
    }
    let vitals = registry.vitals();
    let (ticks, runs) = (vitals.ticks, vitals.runs_completed);
    writeln!(out, "three weeks in {took:.2?}: {ticks} ticks, {runs} of them with something to do")
        .ok();
    registry.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

fn day(at: UnixMillis) -> u64 {
    at.since(UnixMillis(1_767_225_600_000)).as_secs() / DAY.as_secs() + 1
}
