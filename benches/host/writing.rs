//! Durable memories over HTTP, against the same rows by bare SQLite.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::join_all;
use serde_json::json;

use crate::figure::{Sample, Unit, Wanted, tell};
use crate::http::request;
use crate::load::Load;
use crate::options::Options;
use crate::process::folder;
use crate::raw::{RawWriter, Row};
use crate::server::Server;
use crate::{fleet, rows, running};

/// Running agents that the memories are spread over.
const AGENTS: u32 = 1_000;

const CLIENTS: u32 = 64;

pub(crate) fn measure(options: &Options) -> Result<()> {
    let folder = folder()?;
    running::lay(folder.path(), AGENTS, None)?;
    let mut program = Server::program(folder.path(), &[])?;
    program.answers("/healthz")?;
    running::wait_for_fleet(&program, AGENTS)?;
    let raw = RawWriter::open(&folder.path().join("raw.db"))?;
    let lasting = Duration::from_secs(options.run_s.into());
    let load = Load { address: program.address, clients: CLIENTS, lasting, pause: Duration::ZERO };
    let mut columns: [Sample; 6] = Default::default();
    for _ in 0..options.repeats {
        let before = program.usage()?.processor;
        let ours = load.put(memory)?;
        let spent = (program.usage()?.processor - before).as_secs_f64() * 1e6 / ours.answers;
        let floor = raw_rows(&raw, lasting)?;
        let (p50, p99) = (ours.latency.median(), ours.latency.quantile(0.99));
        let row = [ours.per_second, p50, p99, floor, ours.per_second / floor, spent];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.add(value));
    }
    let [ours, p50, p99, floor, ratio, spent] = &columns;
    let what = format!("POST memory, durable, {CLIENTS} clients");
    let tell = |which: &str, sample: &Sample, unit, wanted| {
        tell(&format!("{what}: {which}"), sample.median(), unit, wanted);
    };
    tell("answers", ours, Unit::PerSecond, Wanted::AtLeast(5_000.0));
    tell("p50", p50, Unit::Milliseconds, Wanted::Nothing);
    tell("p99", p99, Unit::Milliseconds, Wanted::Nothing);
    tell("processor time", spent, Unit::Microseconds, Wanted::Nothing);
    tell("raw rows, committed in groups", floor, Unit::PerSecond, Wanted::Nothing);
    tell("share of the raw rows", ratio, Unit::Times, Wanted::AtLeast(0.5));
    Ok(())
}

fn memory(number: u32) -> Vec<u8> {
    let agent = fleet::agent(number % AGENTS);
    let body = json!({ "type": "message", "content": rows::content(), "roomId": agent });
    request("POST", &format!("/api/agents/{agent}/memories"), Some(&body))
}

/// The rows that as many writers get into bare SQLite each second.
fn raw_rows(raw: &RawWriter, lasting: Duration) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let writers = (0..CLIENTS).map(async |writer| {
        let mut written = 0.0;
        while began.elapsed() < lasting {
            let content = serde_json::Value::Object(rows::content()).to_string();
            let row = Row::of(fleet::agent(writer).0, "messages", content);
            if !raw.write(row).await {
                return f64::NAN;
            }
            written += 1.0;
        }
        written
    });
    let written: f64 = runtime.block_on(join_all(writers)).iter().sum();
    ensure!(written.is_finite(), "the writer is gone");
    Ok(written / began.elapsed().as_secs_f64())
}
