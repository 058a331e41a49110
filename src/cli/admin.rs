//! The host as a whole: halt and lift, backup and verify.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use reqwest::Method;
use serde_json::json;

use crate::config::Loaded;
use crate::store::{self, SqliteStore};

use super::CliError;
use super::client::Remote;

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
        let client = self.remote.client(loaded)?;
        if client.is_there().await {
            let body = json!({ "to": to });
            client.ask(Method::POST, "/api/greenroom/backup", Some(&body)).await?;
        } else {
            let failed = |error: greenroom_actors::error::StoreError| {
                CliError::Failed(error.to_string())
            };
            let store = SqliteStore::open(&loaded.config.store).map_err(failed)?;
            store.backup(&to).await.map_err(failed)?;
            store.close().await.map_err(failed)?;
        }
        writeln!(out, "{}", to.display())?;
        Ok(())
    }
}

/// `greenroom verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The store or backup.
    file: PathBuf,
}

impl Verify {
    pub(super) fn carry_out(self, out: &mut dyn Write) -> Result<(), CliError> {
        store::verify(&self.file).map_err(|error| CliError::Failed(error.to_string()))?;
        writeln!(out, "{} is sound", self.file.display())?;
        Ok(())
    }
}
