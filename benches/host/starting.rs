//! From nothing to an answer: the program on an empty store, and an agent through the API.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::figure::{Sample, Unit, Wanted, millis, tell};
use crate::http::Client;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;

/// How long an idle program is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// Agents that are created and started, for each repeat.
const AGENTS: u32 = 40;

#[allow(clippy::disallowed_methods, reason = "there is no actor in this process to stall")]
pub(crate) fn measure(options: &Options) -> Result<()> {
    let (mut first, mut resident) = (Sample::default(), Sample::default());
    let (mut created, mut started) = (Sample::default(), Sample::default());
    let mut both = Sample::default();
    for repeat in 0..options.repeats {
        let folder = folder()?;
        let mut server = Server::program(folder.path(), &[])?;
        first.add(millis(server.answers("/healthz")?));
        std::thread::sleep(SETTLE);
        resident.add(server.usage()?.resident / 1e6);
        let mut client = Client::connect(server.address)?;
        for number in 0..AGENTS {
            let (create, start) = agent(&mut client, repeat * AGENTS + number)?;
            created.add(millis(create));
            started.add(millis(start));
            both.add(millis(create + start));
        }
    }
    let most = Wanted::AtMost(100.0);
    tell("start to first 200, empty store", first.median(), Unit::Milliseconds, most);
    let most = Wanted::AtMost(30.0);
    tell("resident, empty store", resident.median(), Unit::Megabytes, most);
    tell("create an agent, p50", created.median(), Unit::Milliseconds, Wanted::Nothing);
    tell("start an agent, p50", started.median(), Unit::Milliseconds, Wanted::Nothing);
    let most = Wanted::AtMost(5.0);
    tell("create and start an agent, p50", both.median(), Unit::Milliseconds, most);
    let what = "create and start an agent, p99";
    tell(what, both.quantile(0.99), Unit::Milliseconds, Wanted::Nothing);
    Ok(())
}

/// Creates an agent and starts it; how long each took.
fn agent(client: &mut Client, number: u32) -> Result<(Duration, Duration)> {
    let character = json!({
        "name": format!("Gardener {number}"),
        "bio": ["Keeps the garden", "Knows every gate"],
        "system": "You keep a garden, and answer in one sentence.",
    });
    let began = Instant::now();
    let body = json!({ "characterJson": character });
    let created = client.json("POST", "/api/agents", Some(&body))?;
    let create = began.elapsed();
    let id = created.pointer("/data/id").and_then(Value::as_str).context("no id")?;
    let began = Instant::now();
    client.json("POST", &format!("/api/agents/{id}/start"), Some(&json!({})))?;
    Ok((create, began.elapsed()))
}
