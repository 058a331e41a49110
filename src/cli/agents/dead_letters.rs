//! Messages to agents that were given up.

use std::io::Write;

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use crate::cli::client::Remote;
use crate::cli::page::Page;
use crate::cli::{CliError, plain, table};
use crate::config::Loaded;

use super::list::time;
use super::{escaped, id_of, look_up, print_json, text_of};

/// Characters of a text or an error in a list.
const SHOWN: usize = 60;

/// `greenroom agents dead-letters`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DeadLetters {
    /// The agent's id, name or handle; all agents where none is given.
    agent: Option<String>,
    #[command(flatten)]
    page: Page,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl DeadLetters {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let mut path = format!("/api/greenroom/dead-letters?{}", self.page.query());
        if let Some(agent) = &self.agent {
            let id = id_of(&look_up(&client, agent).await?)?;
            path.push_str(&format!("&agent={}", escaped(&id)));
        }
        let answer = client.ask(Method::GET, &path, None).await?;
        if self.json {
            return print_json(out, &answer);
        }
        let letters = answer.get("letters").and_then(Value::as_array);
        let rows: Vec<_> = letters
            .into_iter()
            .flatten()
            .map(|letter| {
                let attempts = letter.get("attempts").and_then(Value::as_u64).unwrap_or(0);
                [
                    text_of(letter, "id").to_owned(),
                    text_of(letter, "agentId").to_owned(),
                    letter.get("sentAt").and_then(Value::as_i64).map(time).unwrap_or_default(),
                    attempts.to_string(),
                    plain::cut(text_of(letter, "error"), SHOWN),
                    plain::cut(text_of(letter, "text"), SHOWN),
                ]
            })
            .collect();
        table::write(out, ["LETTER", "AGENT", "SENT", "ATTEMPTS", "ERROR", "TEXT"], &rows)?;
        let total = answer.get("total").and_then(Value::as_u64);
        self.page.hint(rows.len(), total);
        Ok(())
    }
}

/// `greenroom agents requeue`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Requeue {
    /// The letter's id.
    letter: String,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Requeue {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let path = format!("/api/greenroom/dead-letters/{}/requeue", escaped(&self.letter));
        let letter = client.ask(Method::POST, &path, None).await?;
        if self.json {
            return print_json(out, &letter);
        }
        writeln!(out, "{} waits again", text_of(&letter, "id"))?;
        Ok(())
    }
}
