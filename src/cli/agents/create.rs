//! Creating an agent.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use greenroom_actors::character::Character;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::cli::client::{Client, Remote};
use crate::config::Loaded;

use super::{find, id_of, look_up, name_of, print_json, start, text_of};

/// Bytes that a character may have here; the host has a limit of its own.
const CHARACTER_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// `greenroom agents create`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("who").required(true).multiple(true))]
pub(in crate::cli) struct Create {
    /// The agent's name; wins over the character's.
    #[arg(group = "who")]
    name: Option<String>,
    /// The character, an elizaOS JSON document; `-` reads it from standard input.
    #[arg(long, short, value_name = "FILE", group = "who")]
    file: Option<PathBuf>,
    /// Starts it at once.
    #[arg(long)]
    start: bool,
    /// Starts it at once, and lets it act without being spoken to.
    #[arg(long)]
    autonomy: bool,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Create {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let client = self.remote.client(loaded)?;
        let character = self.character()?;
        refuse_a_second(&client, &character).await?;
        let body = json!({ "characterJson": character });
        let made = client.ask(Method::POST, "/api/agents", Some(&body)).await?;
        let id = id_of(&made)?;
        if self.start || self.autonomy {
            start(&client, &id, self.autonomy.then_some(true)).await?;
        }
        let agent = look_up(&client, &id).await?;
        if self.json {
            return print_json(out, &agent);
        }
        writeln!(out, "{} ({id}) is {}", name_of(&agent), text_of(&agent, "state"))?;
        Ok(())
    }

    fn character(&self) -> Result<Value, CliError> {
        let mut character = match &self.file {
            Some(file) => read(file)?,
            None => json!({ "bio": [] }),
        };
        let Some(fields) = character.as_object_mut() else {
            return Err(CliError::Usage("a character is a JSON object".to_owned()));
        };
        if let Some(name) = &self.name {
            fields.insert("name".to_owned(), Value::String(name.clone()));
        }
        Ok(character)
    }
}

/// The host answers with the agent that there is, as if it had been made.
async fn refuse_a_second(client: &Client, character: &Value) -> Result<(), CliError> {
    // What is no character is for the host to refuse.
    let Ok(character) = Character::deserialize(character) else { return Ok(()) };
    let Some(agent) = find(client, &character.agent_id().to_string()).await? else {
        return Ok(());
    };
    let (name, id) = (name_of(&agent), id_of(&agent)?);
    Err(CliError::Failed(format!("{name} ({id}) exists already, unchanged")))
}

fn read(file: &Path) -> Result<Value, CliError> {
    let wrong = |reason: String| CliError::Usage(format!("{}: {reason}", file.display()));
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(CHARACTER_MAX_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(CHARACTER_MAX_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(format!("not JSON: {error}")))
}
