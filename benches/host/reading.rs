//! `GET /api/agents/:id`, against a bare handler that answers with the same body.

use std::time::Duration;

use anyhow::Result;

use crate::figure::{Sample, Unit, Wanted, tell};
use crate::http::{Client, request};
use crate::load::Load;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;
use crate::{fleet, running};

/// Running agents among which the read one is.
const AGENTS: u32 = 1_000;

const CLIENTS: u32 = 64;

pub(crate) fn measure(options: &Options) -> Result<()> {
    let folder = folder()?;
    running::lay(folder.path(), AGENTS, None)?;
    let mut program = Server::program(folder.path(), &[])?;
    program.answers("/healthz")?;
    running::wait_for_fleet(&program, AGENTS)?;
    let body = folder.path().join("body.json");
    let answer = Client::connect(program.address)?.json("GET", &path(0), None)?;
    std::fs::write(&body, answer.to_string())?;
    let mut bare = Server::bare(&body)?;
    bare.answers("/")?;

    let run = |server: &Server| -> Result<(f64, f64, f64)> {
        let lasting = Duration::from_secs(options.run_s.into());
        let load =
            Load { address: server.address, clients: CLIENTS, lasting, pause: Duration::ZERO };
        let before = server.usage()?.processor;
        let outcome = load.put(|number| request("GET", &path(number % AGENTS), None))?;
        let spent = (server.usage()?.processor - before).as_secs_f64() * 1e6;
        Ok((outcome.per_second, spent / outcome.answers, outcome.latency.quantile(0.99)))
    };
    // Caches and connections' buffers are filled once before.
    run(&program)?;
    run(&bare)?;
    let mut columns: [Sample; 7] = Default::default();
    for _ in 0..options.repeats {
        let (ours, floor) = (run(&program)?, run(&bare)?);
        let row = [ours.0, floor.0, ours.0 / floor.0, ours.1, floor.1, floor.1 / ours.1, ours.2];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.add(value));
    }
    let [ours, floor, ratio, ours_cpu, floor_cpu, cpu_ratio, slowest] = &columns;
    let what = format!("GET agent, {CLIENTS} clients");
    let tell = |which: &str, sample: &Sample, unit, wanted| {
        tell(&format!("{what}: {which}"), sample.median(), unit, wanted);
    };
    tell("answers", ours, Unit::PerSecond, Wanted::Nothing);
    tell("answers of the bare handler", floor, Unit::PerSecond, Wanted::Nothing);
    tell("share of the bare handler's answers", ratio, Unit::Times, Wanted::AtLeast(0.6));
    tell("processor time", ours_cpu, Unit::Microseconds, Wanted::Nothing);
    tell("processor time of the bare handler", floor_cpu, Unit::Microseconds, Wanted::Nothing);
    tell("bare handler's share of the processor time", cpu_ratio, Unit::Times, Wanted::Nothing);
    tell("p99", slowest, Unit::Milliseconds, Wanted::Nothing);
    Ok(())
}

fn path(number: u32) -> String {
    format!("/api/agents/{}", fleet::agent(number))
}
