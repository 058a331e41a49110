//! Durable writes: what group commit yields, against the same rows by bare SQLite.
//!
//! `cargo bench --bench store`. `synchronous=FULL`; so many writers at a time, each of which waits
//! for its write to be durable before its next. The disk decides as much as the program: compare
//! only figures of one run. Databases lie in the target folder, not in one that is kept in memory.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to measure")]

#[path = "common/raw.rs"]
mod raw;
#[path = "common/rows.rs"]
mod rows;

use std::cell::RefCell;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::future::join_all;
use greenroom::store::{SqliteStore, StoreSettings};
use greenroom_actors::facts::{Batch, EventKind, Fact, NewEvent};
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, RoomId};
use greenroom_actors::ports::{Clock, Store, SystemClock};
use greenroom_actors::records::{MESSAGES, Memory};
use raw::{RawWriter, Row};
use serde_json::Map;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Writes of each writer in one sample, so that groups form as they do in steady work.
const ROUNDS: u32 = 8;

/// Agents that the rows are spread over.
const FLEET: u32 = 1_000;

fn main() {
    divan::main();
}

/// One event, as an idle tick leaves it.
#[divan::bench(args = [1_u32, 64, 256], sample_count = 15, sample_size = 1)]
fn event(bencher: Bencher<'_, '_>, waiting: u32) {
    through_the_store(bencher, waiting, tick);
}

/// The floor of `event`.
#[divan::bench(args = [1_u32, 64, 256], sample_count = 15, sample_size = 1)]
fn raw_event(bencher: Bencher<'_, '_>, waiting: u32) {
    raw(bencher, waiting, "ticked", String::new);
}

/// One memory, found by its words from then on.
#[divan::bench(args = [1_u32, 64, 256], sample_count = 15, sample_size = 1)]
fn memory(bencher: Bencher<'_, '_>, waiting: u32) {
    through_the_store(bencher, waiting, remembered);
}

/// The floor of `memory`.
#[divan::bench(args = [1_u32, 64, 256], sample_count = 15, sample_size = 1)]
fn raw_memory(bencher: Bencher<'_, '_>, waiting: u32) {
    raw(bencher, waiting, "messages", || serde_json::to_string(&rows::content()).unwrap());
}

fn through_the_store(bencher: Bencher<'_, '_>, waiting: u32, fact: fn(AgentId) -> Fact) {
    let (folder, runtime) = (folder(), runtime());
    let store = SqliteStore::open(&StoreSettings::within(folder.path())).unwrap();
    let epoch = runtime.block_on(store.boot(SystemClock.now())).unwrap().epoch;
    write(bencher, &runtime, waiting, async |agent| {
        let facts = vec![fact(agent)];
        store.commit(Batch { epoch, facts }).await.unwrap();
    });
    store.close();
}

fn raw(bencher: Bencher<'_, '_>, waiting: u32, kind: &'static str, content: fn() -> String) {
    let (folder, runtime) = (folder(), runtime());
    let writer = RawWriter::open(&folder.path().join("raw.db")).unwrap();
    write(bencher, &runtime, waiting, async |agent: AgentId| {
        let row = Row::of(agent.0, kind, content());
        assert!(writer.write(row).await, "the writer is gone");
    });
}

/// So many writers side by side, each writing its rows one after the other.
fn write(bencher: Bencher<'_, '_>, runtime: &Runtime, waiting: u32, one: impl AsyncFn(AgentId)) {
    let agents: Vec<_> = (0..FLEET).map(|_| AgentId(Uuid::new_v4())).collect();
    let next = RefCell::new(agents.iter().cycle());
    bencher.counter(ItemsCount::new(waiting * ROUNDS)).bench_local(|| {
        let writers = (0..waiting).map(async |_| {
            for _ in 0..ROUNDS {
                let agent = next.borrow_mut().next();
                one(*agent.unwrap()).await;
            }
        });
        runtime.block_on(join_all(writers));
    });
}

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What an idle tick of an agent leaves.
fn tick(agent_id: AgentId) -> Fact {
    let at = SystemClock.now();
    Fact::Happened(NewEvent { agent_id, at, kind: EventKind::Ticked, data: Map::new() })
}

/// That an agent remembers a line.
fn remembered(agent_id: AgentId) -> Fact {
    let now = SystemClock.now();
    Fact::Remembered(Box::new(Memory {
        id: MemoryId::new(),
        agent_id,
        kind: MESSAGES.to_owned(),
        room_id: RoomId(agent_id.0),
        world_id: None,
        entity_id: EntityId(agent_id.0),
        content: rows::content(),
        metadata: Map::new(),
        unique: true,
        created_at: now,
        updated_at: now,
    }))
}
