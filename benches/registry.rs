//! The way to an agent and how agents come up, in memory: what the runtime itself costs.
//!
//! `cargo bench --bench registry`. Every agent lives on one arbiter, the asker on another thread.
//! The bare actor is the floor: the same question to one actor, by `actix`' own `send`.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to measure")]

#[path = "common/fleet.rs"]
mod fleet;
#[path = "common/hosting.rs"]
mod hosting;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use divan::Bencher;
use divan::counter::ItemsCount;
use futures::future::join_all;
use greenroom_actors::character::Character;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::Autonomy;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::registry::Registry;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Agents among which the asked one is.
const FLEET: u32 = 10_000;

/// Further apart than any cache line, and without a common divisor with the fleet.
const STRIDE: u32 = 7_919;

fn main() {
    divan::main();
}

/// A fleet in memory, running, each with an hour to its next tick.
fn fleet_of(system: &SystemRunner, count: u32) -> Registry {
    let store = Arc::new(MemoryStore::new());
    system.block_on(async {
        fleet::lay(&*store, count, Some(Autonomy::every(Duration::from_secs(3_600))))
            .await
            .unwrap();
        hosting::host(store, hosting::settings(), last(count)).await.unwrap()
    })
}

fn last(count: u32) -> Option<AgentId> {
    count.checked_sub(1).map(fleet::agent)
}

/// A question to an agent and its answer, through registry and agent, so many at a time.
#[divan::bench(args = [1_usize, 64, 256])]
fn ask(bencher: Bencher<'_, '_>, in_flight: usize) {
    let system = System::new();
    let registry = fleet_of(&system, FLEET);
    let asked = Cell::new(0_u32);
    let next = || {
        asked.set((asked.get() + STRIDE) % FLEET);
        registry.status(fleet::agent(asked.get()))
    };
    bencher
        .counter(ItemsCount::new(in_flight))
        .bench_local(|| system.block_on(async { join_all((0..in_flight).map(|_| next())).await }));
    system.block_on(hosting::end(registry));
}

/// The floor of `ask`: one actor on another arbiter, and `actix`' own `send`.
#[divan::bench(args = [1_usize, 64, 256])]
#[allow(clippy::disallowed_methods, reason = "the floor is measured, not the bound")]
fn bare_actor(bencher: Bencher<'_, '_>, in_flight: usize) {
    let system = System::new();
    let arbiter = system.block_on(async { Arbiter::new() });
    let actor = Bare::start_in_arbiter(&arbiter.handle(), |_| Bare);
    bencher.counter(ItemsCount::new(in_flight)).bench_local(|| {
        system.block_on(async { join_all((0..in_flight).map(|_| actor.send(Question))).await })
    });
    arbiter.stop();
    arbiter.join().unwrap();
}

/// Creating agents, each answered once the store has it, so many at a time.
#[divan::bench(args = [1_usize, 64], sample_count = 50, sample_size = 20)]
fn create(bencher: Bencher<'_, '_>, in_flight: usize) {
    let system = System::new();
    let registry = fleet_of(&system, 0);
    let created = Cell::new(0_u64);
    let next = || {
        created.set(created.get() + 1);
        registry.create(Character::named(&format!("Agent {}", created.get())))
    };
    bencher.counter(ItemsCount::new(in_flight)).bench_local(|| {
        system.block_on(async {
            join_all((0..in_flight).map(|_| next())).await.into_iter().for_each(|made| {
                made.unwrap();
            });
        });
    });
    system.block_on(hosting::end(registry));
}

/// Bringing up a fleet that was running, until the timer of each agent is armed.
#[divan::bench(args = [10_000_u32, 100_000], sample_count = 5, sample_size = 1)]
fn boot(bencher: Bencher<'_, '_>, agents: u32) {
    let system = System::new();
    let store = Arc::new(MemoryStore::new());
    let hourly = Some(Autonomy::every(Duration::from_secs(3_600)));
    system.block_on(fleet::lay(&*store, agents, hourly)).unwrap();
    bencher.counter(ItemsCount::new(agents)).bench_local(|| {
        let store = Arc::clone(&store);
        let registry =
            system.block_on(hosting::host(store, hosting::settings(), last(agents))).unwrap();
        Ended { system: &system, registry: Some(registry) }
    });
}

/// Ends a runtime when it is dropped, which `divan` does not count.
struct Ended<'s> {
    system: &'s SystemRunner,
    registry: Option<Registry>,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.take() {
            self.system.block_on(hosting::end(registry));
        }
    }
}

struct Bare;

impl Actor for Bare {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Question;

impl Handler<Question> for Bare {
    type Result = MessageResult<Question>;

    fn handle(&mut self, _: Question, _: &mut Context<Self>) -> Self::Result {
        MessageResult(1)
    }
}
