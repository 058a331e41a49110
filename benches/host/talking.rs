//! Talks in sessions, each message answered in the answer to its request, by the built-in model.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::figure::{Sample, Unit, Wanted, tell};
use crate::http::{Client, request};
use crate::load::Load;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;
use crate::{fleet, running};

const CLIENTS: u32 = 64;

/// More messages than come to be in a session: as many as the server lists at most.
const LIST_MAX: u32 = 10_000;

/// A talk of one client.
struct Session {
    id: String,
    channel: String,
}

pub(crate) fn measure(options: &Options) -> Result<()> {
    for agents in [1, CLIENTS] {
        let folder = folder()?;
        running::lay(folder.path(), agents, None)?;
        let mut program = Server::program(folder.path(), &[])?;
        program.answers("/healthz")?;
        running::wait_for_fleet(&program, agents)?;
        let mut client = Client::connect(program.address)?;
        let sessions = (0..CLIENTS)
            .map(|number| begin(&mut client, number, agents))
            .collect::<Result<Vec<_>>>()?;
        let lasting = Duration::from_secs(options.run_s.into());
        let load =
            Load { address: program.address, clients: CLIENTS, lasting, pause: Duration::ZERO };
        let mut columns: [Sample; 4] = Default::default();
        let mut answers = 0.0;
        for _ in 0..options.repeats {
            let before = program.usage()?.processor;
            let outcome = load.put(|number| message(&sessions, number))?;
            let spent = (program.usage()?.processor - before).as_secs_f64() * 1e6;
            let (p50, p99) = (outcome.latency.median(), outcome.latency.quantile(0.99));
            let row = [outcome.per_second, p50, p99, spent / outcome.answers];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.add(value));
            answers += outcome.answers;
        }
        let mut kept = 0.0;
        for session in &sessions {
            kept += replies(&mut client, session)?;
        }
        let [replies, p50, p99, spent] = &columns;
        let whom = if agents == 1 { "one agent".to_owned() } else { format!("{agents} agents") };
        let what = format!("{CLIENTS} sessions with {whom}, doctor");
        let tell = |which: &str, figure: f64, unit, wanted| {
            tell(&format!("{what}: {which}"), figure, unit, wanted);
        };
        tell("replies", replies.median(), Unit::PerSecond, Wanted::Nothing);
        tell("p50", p50.median(), Unit::Milliseconds, Wanted::Nothing);
        tell("p99", p99.median(), Unit::Milliseconds, Wanted::Nothing);
        tell("processor time", spent.median(), Unit::Microseconds, Wanted::Nothing);
        tell("answered requests", answers, Unit::Count, Wanted::Nothing);
        tell(
            "of them without a reply in the list",
            answers - kept,
            Unit::Count,
            Wanted::AtMost(0.0),
        );
    }
    Ok(())
}

fn begin(client: &mut Client, number: u32, agents: u32) -> Result<Session> {
    let user = Uuid::new_v4();
    let body = json!({ "agentId": fleet::agent(number % agents), "userId": user });
    let begun = client.json("POST", "/api/messaging/sessions", Some(&body))?;
    let id = |key: &str| begun.get(key).and_then(Value::as_str).map(str::to_owned).context("no id");
    Ok(Session { id: id("sessionId")?, channel: id("channelId")? })
}

fn message(sessions: &[Session], number: u32) -> Vec<u8> {
    let place = usize::try_from(number % CLIENTS).unwrap_or_default();
    let id = sessions.get(place).map(|session| session.id.as_str()).unwrap_or_default();
    let content = format!("I dreamt of garden number {number} again.");
    let body = json!({ "content": content, "transport": "http" });
    request("POST", &format!("/api/messaging/sessions/{id}/messages"), Some(&body))
}

/// How many messages of a session are answered by another one in its list.
fn replies(client: &mut Client, session: &Session) -> Result<f64> {
    let path = format!("/api/messaging/channels/{}/messages?limit={LIST_MAX}", session.channel);
    let listed = client.json("GET", &path, None)?;
    let messages = listed.pointer("/data/messages").and_then(Value::as_array).context("no list")?;
    let text = |message: &Value, key: &str| message.get(key)?.as_str().map(str::to_owned);
    let mut said: BTreeSet<_> = messages.iter().filter_map(|message| text(message, "id")).collect();
    let answered = messages.iter().filter_map(|message| text(message, "inReplyToRootMessageId"));
    Ok(answered.filter(|id| said.remove(id)).map(|_| 1.0).sum())
}
