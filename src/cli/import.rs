//! `greenroom import`: a sealed file becomes an agent of a running host.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use actix_web::web::Bytes;
use clap::Args;
use futures::{Stream, StreamExt, stream};
use indicatif::ProgressBar;
use reqwest::{Body, Method};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::config::Loaded;
use crate::transfer::{envelope, is_agent_file};

use super::agents::{print_json, text_of};
use super::client::Remote;
use super::{CliError, password, plain, progress};

/// Bytes that are sent at once.
const PIECE_BYTES: usize = 64 * 1024;

/// `greenroom import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The `.eliza-agent` file.
    file: PathBuf,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Import {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let unread = |error: &io::Error| unread(&self.file, error);
        let mut file = File::open(&self.file).map_err(|error| unread(&error))?;
        // Here already: whoever gave the wrong file needs not type its password.
        if !is_agent_file(&mut file).map_err(|error| unread(&error))? {
            let reason = format!("{}: this is no .eliza-agent file", self.file.display());
            return Err(CliError::Failed(reason));
        }
        let size = file.metadata().map_err(|error| unread(&error))?.len();
        let client = self.remote.client(loaded)?;
        // A host that is not there, or does not take us, is told of before a password is typed and a
        // whole file sent.
        client.ask(Method::GET, "/api/greenroom/halt", None).await?;
        let head = Bytes::from(envelope(&password::known()?));
        let length = size.saturating_add(u64::try_from(head.len()).unwrap_or(u64::MAX));
        let bar = progress::bytes(size, "sending");
        let body = Body::wrap_stream(pieces(head, file, bar.clone()));
        let imported = client.upload("/api/greenroom/import", length, body).await;
        bar.finish_and_clear();
        let imported = imported?;
        if self.json {
            return print_json(out, &imported);
        }
        let (name, id) = (text_of(&imported, "name"), text_of(&imported, "id"));
        writeln!(out, "{} is here as {}, stopped", plain::cut(name, 60), plain::line(id))?;
        for (kind, count) in imported.get("counts").and_then(Value::as_object).into_iter().flatten()
        {
            writeln!(out, "{}: {count}", plain::line(kind))?;
        }
        Ok(())
    }
}

/// What stands before the file, and then the file, read as it is sent.
fn pieces(
    head: Bytes,
    file: File,
    bar: ProgressBar,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let file = tokio::fs::File::from_std(file);
    let file = stream::try_unfold((file, bar), |(mut file, bar)| async move {
        let mut piece = vec![0; PIECE_BYTES];
        let count = file.read(&mut piece).await?;
        if count == 0 {
            bar.set_message("sent; the host takes it in");
            return Ok(None);
        }
        piece.truncate(count);
        bar.inc(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(Some((Bytes::from(piece), (file, bar))))
    });
    stream::once(std::future::ready(Ok(head))).chain(file)
}

pub(super) fn unread(file: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("{} cannot be read: {error}", file.display()))
}
