//! The host as a whole: halt, lift and backup.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::config::Loaded;
use crate::store;

use super::CliError;
use super::client::{Client, Remote};

/// Halts the fleet, or ends the halt.
pub(super) async fn halt(
    remote: &Remote,
    loaded: &Loaded,
    halt: bool,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let (path, said) = if halt {
        ("/api/greenroom/halt", "halted: no agent works until `greenroom lift`")
    } else {
        ("/api/greenroom/lift", "lifted: the agents go on as they were asked to")
    };
    remote.client(loaded)?.ask(Method::POST, path, None).await?;
    writeln!(out, "{said}")?;
    Ok(())
}

/// `greenroom backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The new file.
    #[arg(value_name = "TO")]
    to: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

impl Backup {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let to = std::path::absolute(&self.to)?;
        if to.exists() {
            return Err(CliError::Failed(format!("{} exists already", to.display())));
        }
        let client = self.remote.client(loaded)?;
        if client.is_there().await {
            remotely(&client, &to).await?;
        } else {
            // Not by opening the store, which would make one where there is none.
            store::copy(&loaded.config.store.file(), &to).map_err(failed)?;
        }
        writeln!(out, "{}", to.display())?;
        let note = "secrets of agents open only with the host's salt (`secret.salt` in its data \
                    folder, or SECRET_SALT): keep it as well, elsewhere";
        writeln!(out, "{note}")?;
        Ok(())
    }
}

/// Lets the running host make the backup in its own folder, then takes it from there.
async fn remotely(client: &Client, to: &Path) -> Result<(), CliError> {
    // A name that no other backup has: the host overwrites none.
    let name = format!("{}.db", uuid::Uuid::now_v7());
    let body = json!({ "name": name });
    let made = client.ask(Method::POST, "/api/greenroom/backup", Some(&body)).await?;
    let made = made.get("file").and_then(Value::as_str).map(PathBuf::from);
    let made =
        made.ok_or_else(|| CliError::Failed("the host's answer names no file".to_owned()))?;
    if !made.exists() {
        let made = made.display();
        return Err(CliError::Failed(format!("the backup is on the host's machine: {made}")));
    }
    // Within one file system it is moved; beyond it has to be copied.
    if std::fs::rename(&made, to).is_err() {
        std::fs::copy(&made, to)?;
        std::fs::remove_file(&made)?;
    }
    Ok(())
}

pub(super) fn failed(error: impl ToString) -> CliError {
    CliError::Failed(error.to_string())
}
