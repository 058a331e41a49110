//! Lists: agents, and what one of them wrote into its log.

use std::io::Write;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use reqwest::Method;
use serde_json::Value;

use crate::cli::client::Remote;
use crate::cli::page::Page;
use crate::cli::{CliError, table};
use crate::config::Loaded;

use super::{escaped, id_of, look_up, must_not_be_stopped, print_json, text_of};

/// `greenroom agents list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only agents in this state: running, paused, stopped or failed.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    page: Page,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl List {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let mut path = format!("/api/greenroom/agents?{}", self.page.query());
        if let Some(state) = &self.state {
            path.push_str(&format!("&state={}", escaped(state)));
        }
        let answer = self.remote.client(loaded)?.ask(Method::GET, &path, None).await?;
        if self.json {
            return print_json(out, &answer);
        }
        let agents = answer.get("agents").and_then(Value::as_array);
        let rows: Vec<_> = agents
            .into_iter()
            .flatten()
            .map(|agent| {
                let since = agent.get("startedAt").and_then(Value::as_i64).map_or("-".into(), time);
                let period = agent.get("autonomyEveryMs").and_then(Value::as_u64);
                [
                    text_of(agent, "id").to_owned(),
                    text_of(agent, "handle").to_owned(),
                    text_of(agent, "name").to_owned(),
                    text_of(agent, "state").to_owned(),
                    period.map_or("-".to_owned(), |ms| format!("{} s", ms / 1_000)),
                    since,
                ]
            })
            .collect();
        table::write(out, ["ID", "HANDLE", "NAME", "STATE", "AUTONOMY", "STARTED"], &rows)?;
        // The host counts all its agents, not those of one state.
        let total = answer.get("total").and_then(Value::as_u64).filter(|_| self.state.is_none());
        self.page.hint(rows.len(), total);
        Ok(())
    }
}

/// `greenroom agents logs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Logs {
    /// The agent's id, name or handle.
    agent: String,
    /// How many to pass over.
    #[arg(long, default_value_t = 0)]
    offset: u32,
    /// How many at most.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Logs {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let agent = look_up(&client, &self.agent).await?;
        let id = id_of(&agent)?;
        must_not_be_stopped(&agent)?;
        let Self { offset, limit, .. } = self;
        let path = format!("/api/agents/{id}/logs?offset={offset}&limit={limit}");
        let entries = client.ask(Method::GET, &path, None).await?;
        if self.json {
            return print_json(out, &entries);
        }
        let rows: Vec<_> = entries
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| {
                [
                    entry.get("createdAt").and_then(Value::as_i64).map(time).unwrap_or_default(),
                    text_of(entry, "type").to_owned(),
                    entry.get("body").map(gist).unwrap_or_default(),
                ]
            })
            .collect();
        table::write(out, ["TIME", "TYPE", "WHAT"], &rows)?;
        Ok(())
    }
}

/// What an entry says in a few words: its plain fields, in order.
fn gist(body: &Value) -> String {
    let fields = body.as_object().into_iter().flatten();
    let plain = fields.filter_map(|(field, value)| match value {
        Value::String(text) => Some(format!("{field}={text}")),
        Value::Number(_) | Value::Bool(_) => Some(format!("{field}={value}")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    plain.collect::<Vec<_>>().join(" ").replace(char::is_control, " ")
}

/// An instant as people read it.
pub(in crate::cli) fn time(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .map_or_else(|| "-".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
