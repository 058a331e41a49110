//! `greenroom agents`: looks at and moves the agents of a running host.

mod chat;
mod create;
mod dead_letters;
mod list;

pub(super) use list::time;

use std::io::Write;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::config::Loaded;

use super::CliError;
use super::client::{Client, Remote};
use super::plain;

/// Bytes that an id, name or handle may have in the path of a request: a head has its limits.
const WHO_MAX_BYTES: usize = 60_000;

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub(super) enum Agents {
    /// Lists agents: running ones first, then by name.
    List(list::List),
    /// Shows one agent.
    Show(One),
    /// Creates an agent, from a character or from a name alone.
    Create(create::Create),
    /// Starts an agent.
    Start(Start),
    /// Pauses an agent: it keeps its place, its messages wait.
    Pause(Ending),
    /// Lets a paused agent go on.
    Resume(One),
    /// Stops an agent: at once, or within a grace.
    Stop(Ending),
    /// Stops an agent if it runs, then starts it.
    Restart(Ending),
    /// Makes an agent the primary one, which clients of Milady mean.
    Primary(One),
    /// Removes an agent with everything that is its own.
    Delete(Delete),
    /// Shows an agent's log, newest first.
    Logs(list::Logs),
    /// Lists messages to agents that were given up, newest first.
    DeadLetters(dead_letters::DeadLetters),
    /// Has a message that was given up tried again.
    Requeue(dead_letters::Requeue),
    /// Speaks with an agent: one message, or line by line.
    Chat(chat::Chat),
}

/// One agent of one host.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The agent's id, name or handle.
    agent: String,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// `greenroom agents pause`, `stop` and `restart`.
#[derive(Debug, Args)]
pub(super) struct Ending {
    #[command(flatten)]
    one: One,
    /// Lets what the agent is about end by itself within so many seconds.
    #[arg(long, value_name = "SECONDS")]
    grace: Option<f64>,
    /// Cuts it off at once, as without a grace, also where one was given before.
    #[arg(long, conflicts_with = "grace")]
    force: bool,
}

/// `greenroom agents start`.
#[derive(Debug, Args)]
pub(super) struct Start {
    #[command(flatten)]
    one: One,
    /// Lets the agent act without being spoken to; it stays as it was where nothing is said.
    #[arg(long)]
    autonomy: bool,
    /// Lets the agent act only when spoken to.
    #[arg(long, conflicts_with = "autonomy")]
    no_autonomy: bool,
}

/// `greenroom agents delete`.
#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    one: One,
    /// Leaves the agent's memories in the store.
    #[arg(long)]
    keep_memories: bool,
}

impl Agents {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.carry_out(loaded, out).await,
            Self::Logs(logs) => logs.carry_out(loaded, out).await,
            Self::Create(create) => create.carry_out(loaded, out).await,
            Self::DeadLetters(letters) => letters.carry_out(loaded, out).await,
            Self::Requeue(requeue) => requeue.carry_out(loaded, out).await,
            Self::Chat(chat) => chat.carry_out(loaded, out).await,
            Self::Show(one) => one.show(loaded, out).await,
            Self::Start(start) => start.carry_out(loaded, out).await,
            Self::Pause(ending) => ending.carry_out("pause", loaded, out).await,
            Self::Resume(one) => one.command(loaded, "resume", None, out).await,
            Self::Primary(one) => one.command(loaded, "primary", None, out).await,
            Self::Restart(ending) => ending.carry_out("restart", loaded, out).await,
            Self::Stop(ending) => ending.carry_out("stop", loaded, out).await,
            Self::Delete(delete) => delete.carry_out(loaded, out).await,
        }
    }
}

impl One {
    async fn show(self, loaded: &Loaded, out: &mut dyn Write) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let agent = look_up(&client, &self.agent).await?;
        if self.json {
            return print_json(out, &agent);
        }
        let Some(fields) = agent.as_object() else { return print_json(out, &agent) };
        for (field, value) in fields.iter().filter(|(field, _)| *field != "character") {
            let shown = match value {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            writeln!(out, "{:<18}{}", plain::cut(field, 60) + ":", plain::line(&shown))?;
        }
        Ok(())
    }

    /// A command that elizaOS does not know.
    async fn command(
        self,
        loaded: &Loaded,
        command: &str,
        body: Option<&Value>,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let agent = look_up(&client, &self.agent).await?;
        let id = id_of(&agent)?;
        if command == "stop" {
            must_not_be_stopped(&agent)?;
        }
        let path = format!("/api/greenroom/agents/{id}/{command}");
        let agent = client.ask(Method::POST, &path, body).await?;
        self.say(&agent, out)
    }

    fn say(&self, agent: &Value, out: &mut dyn Write) -> Result<(), CliError> {
        if self.json {
            return print_json(out, agent);
        }
        writeln!(out, "{} is {}", name_of(agent), text_of(agent, "state"))?;
        Ok(())
    }
}

impl Ending {
    async fn carry_out(
        self,
        command: &str,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let body = json!({ "grace_s": self.grace, "force": self.force });
        self.one.command(loaded, command, Some(&body), out).await
    }
}

impl Start {
    async fn carry_out(self, loaded: &Loaded, out: &mut dyn Write) -> Result<(), CliError> {
        let client = self.one.remote.client(loaded)?;
        let id = id_of(&look_up(&client, &self.one.agent).await?)?;
        let autonomy = match (self.autonomy, self.no_autonomy) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        start(&client, &id, autonomy).await?;
        self.one.say(&look_up(&client, &id).await?, out)
    }
}

impl Delete {
    async fn carry_out(self, loaded: &Loaded, out: &mut dyn Write) -> Result<(), CliError> {
        let client = self.one.remote.client(loaded)?;
        let agent = look_up(&client, &self.one.agent).await?;
        let id = id_of(&agent)?;
        let all = !self.keep_memories;
        let path = format!("/api/agents/{id}?deleteAllData={all}");
        client.ask(Method::DELETE, &path, None).await?;
        if self.one.json {
            return print_json(out, &json!({ "id": id, "deleted": true }));
        }
        writeln!(out, "{} is gone", name_of(&agent))?;
        Ok(())
    }
}

/// Starts an agent; `autonomy` says whether it acts without being spoken to, if that is to change.
async fn start(client: &Client, id: &str, autonomy: Option<bool>) -> Result<(), CliError> {
    let body = autonomy.map_or_else(|| json!({}), |wanted| json!({ "enableAutonomy": wanted }));
    client.ask(Method::POST, &format!("/api/agents/{id}/start"), Some(&body)).await?;
    Ok(())
}

/// The agent that an id, name or handle speaks of.
pub(super) async fn look_up(client: &Client, who: &str) -> Result<Value, CliError> {
    client.ask(Method::GET, &path_of(who)?, None).await
}

/// The agent of that id, if there is one.
async fn find(client: &Client, id: &str) -> Result<Option<Value>, CliError> {
    client.find(&path_of(id)?).await
}

/// Told here, since elizaOS calls an agent that does not run unknown.
fn must_not_be_stopped(agent: &Value) -> Result<(), CliError> {
    if text_of(agent, "state") == "stopped" {
        return Err(CliError::Failed(format!("{} is stopped", name_of(agent))));
    }
    Ok(())
}

fn path_of(who: &str) -> Result<String, CliError> {
    if who.trim().is_empty() {
        return Err(CliError::Usage("name an agent".to_owned()));
    }
    let who = escaped(who);
    if who.len() > WHO_MAX_BYTES {
        let reason = "the name is too long to ask for; give the agent's id";
        return Err(CliError::Usage(reason.to_owned()));
    }
    Ok(format!("/api/greenroom/agents/{who}"))
}

pub(super) fn id_of(agent: &Value) -> Result<String, CliError> {
    let id = agent.get("id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| CliError::Failed("the host's answer names no agent".to_owned()))
}

/// An agent's name, fit for a terminal.
pub(super) fn name_of(agent: &Value) -> String {
    plain::cut(text_of(agent, "name"), 60)
}

pub(super) fn text_of<'a>(agent: &'a Value, field: &str) -> &'a str {
    agent.get(field).and_then(Value::as_str).unwrap_or("-")
}

pub(super) fn print_json(out: &mut dyn Write, value: &Value) -> Result<(), CliError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// A text as one segment of a path or one value of a query.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // A dot as well: `..` would be a step up.
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
