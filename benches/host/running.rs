//! A fleet that ticks, each tick one durable event, and the API meanwhile.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use greenroom::store::{SqliteStore, StoreSettings};
use greenroom_actors::lifecycle::Autonomy;

use crate::figure::{Sample, Unit, Wanted, tell};
use crate::http::{Client, request};
use crate::load::Load;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;
use crate::{fleet, rows};

/// Between two ticks of one agent.
const PERIOD: Duration = Duration::from_secs(60);

/// A client that asks a question, waits and asks again: it sees the latency, and adds no load.
const VISITS: (u32, Duration) = (4, Duration::from_millis(20));

/// How long the memory stays unread at most, so that its peak is seen.
const WATCH: Duration = Duration::from_secs(5);

pub(crate) fn measure(options: &Options) -> Result<()> {
    let (folder, agents) = (folder()?, options.agents);
    lay(folder.path(), agents, Some(Autonomy::every(PERIOD)))?;
    let never = [("RUNTIME__REFLECT_EVERY_S", "0")];
    let mut server = Server::program(folder.path(), &never)?;
    let whose = format!("{agents} agents, 60 s tick");
    let tell = |which: &str, figure, unit, wanted| {
        tell(&format!("{whose}: {which}"), figure, unit, wanted);
    };
    let first = server.answers("/healthz")?;
    tell("start to first 200", first.as_secs_f64(), Unit::Seconds, Wanted::Nothing);
    wait_for_fleet(&server, agents)?;
    let booted = server.age().as_secs_f64();
    tell("start to all scheduled", booted, Unit::Seconds, Wanted::AtMost(15.0));

    let before = (server.usage()?, server.age());
    let ticked = metric(&server, r#"greenroom_ticks_total{outcome="taken"}"#)?;
    let (mut reads, mut writes, mut resident) = (Sample::default(), Sample::default(), 0.0_f64);
    while server.age() < Duration::from_secs(options.seconds.into()) {
        let (clients, pause) = VISITS;
        let load = Load { address: server.address, clients, lasting: WATCH / 2, pause };
        reads.append(load.put(|number| request("GET", &agent_path(number, agents), None))?.latency);
        writes.append(load.put(|number| memory(number, agents))?.latency);
        resident = resident.max(server.usage()?.resident);
    }
    let watched = (server.age() - before.1).as_secs_f64();
    let spent = (server.usage()?.processor - before.0.processor).as_secs_f64();
    let ticks = metric(&server, r#"greenroom_ticks_total{outcome="taken"}"#)? - ticked;
    tell("resident at most", resident / 1e6, Unit::Megabytes, Wanted::AtMost(400.0));
    for (word, quantile, wanted) in
        [("p50", "0.5", Wanted::Nothing), ("p99", "0.99", Wanted::AtMost(1_000.0))]
    {
        let name = format!("greenroom_tick_lateness_seconds{{quantile=\"{quantile}\"}}");
        let late = metric(&server, &name)? * 1_000.0;
        tell(&format!("tick lateness {word}"), late, Unit::Milliseconds, wanted);
    }
    tell("ticks", ticks / watched, Unit::PerSecond, Wanted::Nothing);
    tell("cores used", spent / watched, Unit::Times, Wanted::Nothing);
    for (what, sample) in [("GET agent", &reads), ("POST memory", &writes)] {
        let p99 = Wanted::AtMost(50.0);
        tell(&format!("{what} p50"), sample.median(), Unit::Milliseconds, Wanted::Nothing);
        tell(&format!("{what} p99"), sample.quantile(0.99), Unit::Milliseconds, p99);
    }
    Ok(())
}

/// Lays a fleet into a new database, as an earlier host would have left it.
pub(crate) fn lay(folder: &Path, agents: u32, autonomy: Option<Autonomy>) -> Result<()> {
    let store = SqliteStore::open(&StoreSettings::within(folder))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fleet::lay(&store, agents, autonomy))?;
    store.close();
    Ok(())
}

/// Waits until a server hosts its whole fleet.
#[allow(clippy::disallowed_methods, reason = "there is no actor in this process to stall")]
pub(crate) fn wait_for_fleet(server: &Server, agents: u32) -> Result<()> {
    while server.age() < Duration::from_secs(120) {
        if metric(server, "greenroom_agents_hosted")? >= f64::from(agents) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("the fleet does not come up");
}

/// A figure that the server tells of itself.
fn metric(server: &Server, name: &str) -> Result<f64> {
    let mut client = Client::connect(server.address)?;
    let answer = client.ask(&request("GET", "/metrics", None))?;
    let page = std::str::from_utf8(answer.body)?;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.with_context(|| format!("no {name}"))?.trim().parse()?)
}

fn agent_path(number: u32, agents: u32) -> String {
    // Neighbours in time are far apart in the fleet, as callers are.
    format!("/api/agents/{}", fleet::agent(number.wrapping_mul(7_919) % agents.max(1)))
}

fn memory(number: u32, agents: u32) -> Vec<u8> {
    let path = format!("{}/memories", agent_path(number, agents));
    let room = fleet::agent(0);
    let body = serde_json::json!({ "type": "message", "content": rows::content(), "roomId": room });
    request("POST", &path, Some(&body))
}
