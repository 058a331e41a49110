//! Speaking with an agent.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::client::{Client, Remote};
use crate::cli::{CliError, plain};
use crate::config::Loaded;

use super::{id_of, look_up, name_of, print_json};

/// `greenroom agents chat`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Chat {
    /// The agent's id, name or handle.
    agent: String,
    /// What to say; line by line from standard input where nothing is given.
    text: Vec<String>,
    /// Who speaks.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    speaker: String,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Chat {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let agent = look_up(&client, &self.agent).await?;
        let (id, name) = (id_of(&agent)?, name_of(&agent));
        if !self.text.is_empty() {
            return self.exchange(&client, &id, &name, &self.text.join(" "), out).await;
        }
        let is_dialogue = std::io::stdin().is_terminal();
        loop {
            if is_dialogue {
                write!(out, "{}> ", self.speaker)?;
                out.flush()?;
            }
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line)? == 0 {
                return Ok(());
            }
            if !line.trim().is_empty() {
                self.exchange(&client, &id, &name, line.trim(), out).await?;
            }
        }
    }

    async fn exchange(
        &self,
        client: &Client,
        id: &str,
        name: &str,
        text: &str,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let body = json!({ "text": text, "from": self.speaker });
        let path = format!("/api/greenroom/agents/{id}/message");
        let answer = client.ask(Method::POST, &path, Some(&body)).await?;
        if self.json {
            return print_json(out, &answer);
        }
        match answer.get("reply").and_then(Value::as_str) {
            Some(reply) => writeln!(out, "{name}: {}", plain::lines(reply))?,
            None => writeln!(out, "({name} says nothing)")?,
        }
        Ok(())
    }
}
