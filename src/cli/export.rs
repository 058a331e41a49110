//! `greenroom export`: an agent of a running host as a sealed file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Response;
use reqwest::header::CONTENT_LENGTH;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::config::Loaded;
use crate::http::transfer::WARNING;

use super::agents::{id_of, look_up, name_of};
use super::client::Remote;
use super::{CliError, password, plain, progress};

/// `greenroom export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The agent's id, name or handle.
    agent: String,
    /// The new file.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Takes the agent's log along.
    #[arg(long)]
    logs: bool,
    /// Leaves out the agent's secrets, and files with credentials, which otherwise are in the sealed file.
    #[arg(long)]
    no_secrets: bool,
    /// Takes the embeddings of memories along; only Greenroom reads them.
    #[arg(long)]
    embeddings: bool,
    /// Takes the files of the agent's workspace along; only Greenroom reads them.
    #[arg(long)]
    files: bool,
    /// Replaces a file that is there already.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Export {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let to = std::path::absolute(&self.output)?;
        if !self.force && to.symlink_metadata().is_ok() {
            return Err(taken(&to));
        }
        // Beside the file, so that it can take its place at once; for its owner alone.
        let folder = to.parent().unwrap_or(&to);
        let mut part = NamedTempFile::new_in(folder).map_err(|error| unwritten(&to, &error))?;
        let client = self.remote.client(loaded)?;
        let agent = look_up(&client, &self.agent).await?;
        let path = format!("/api/greenroom/agents/{}/export", id_of(&agent)?);
        let password = password::chosen()?;
        let body = json!({
            "password": password.text(), "logs": self.logs, "secrets": !self.no_secrets,
            "embeddings": self.embeddings, "files": self.files
        });
        let packing = progress::wait("the host packs the agent");
        let answer = client.fetch(&path, &body).await;
        packing.finish_and_clear();
        let answer = answer?;
        let warning = answer.headers().get(WARNING.as_str()).and_then(|words| words.to_str().ok());
        let warning = warning.map(plain::line);
        let size = receive(answer, &mut part).await?;
        // What bears the name is whole, whatever happens next.
        part.as_file().sync_all().map_err(|error| unwritten(&to, &error))?;
        let kept = if self.force { part.persist(&to) } else { part.persist_noclobber(&to) };
        kept.map_err(|refused| match refused.error.kind() {
            std::io::ErrorKind::AlreadyExists => taken(&to),
            _ => unwritten(&to, &refused.error),
        })?;
        writeln!(out, "{} is in {}: {size} bytes", name_of(&agent), to.display())?;
        if let Some(warning) = warning {
            writeln!(std::io::stderr(), "warning: {warning}")?;
        }
        Ok(())
    }
}

/// Writes what comes; answers with how many bytes it was.
async fn receive(mut answer: Response, part: &mut NamedTempFile) -> Result<u64, CliError> {
    let length = answer.headers().get(CONTENT_LENGTH).and_then(|text| text.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok());
    let bar = progress::bytes(length.unwrap_or(0), "receiving");
    let mut size = 0_u64;
    loop {
        let piece = answer.chunk().await;
        let piece = piece
            .map_err(|error| CliError::Failed(format!("the file did not arrive whole: {error}")))?;
        let Some(piece) = piece else { break };
        part.write_all(&piece)?;
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        size = size.saturating_add(count);
        bar.inc(count);
    }
    bar.finish_and_clear();
    if length.is_some_and(|length| length != size) {
        return Err(CliError::Failed("the file did not arrive whole".to_owned()));
    }
    Ok(size)
}

fn taken(file: &Path) -> CliError {
    CliError::Failed(format!("{} exists already; replace it with --force", file.display()))
}

fn unwritten(file: &Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("{} cannot be written: {error}", file.display()))
}
