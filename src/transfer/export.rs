//! Exports: an agent at one moment, as a sealed file.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use futures::StreamExt;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::{AgentId, WorldId};
use greenroom_actors::ports::{Kept, SnapshotQuery, WorldQuery, WorldsOf};
use greenroom_actors::time::UnixMillis;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::Inner;
use super::container::Sealing;
use super::error::TransferError;
use super::files;
use super::password::Password;
use super::payload::{Aside, Counts, Document, DocumentHead};
use super::spool::{Leaving, Left};
use crate::http::instant::iso;

/// Pages that wait for whoever packs them.
const PAGES_WAITING: usize = 2;

/// Worlds that components may name; of those beyond it is not told.
const WORLDS_MAX: u32 = 10_000;

/// Bytes of unpacked content beyond which other readers of the format refuse a file.
pub const REFERENCE_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What an export holds beside what all have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The agent's log.
    pub logs: bool,
    /// The agent's secrets, open within the sealed file.
    pub secrets: bool,
    /// Embeddings of memories, which other readers pass over.
    pub embeddings: bool,
    /// Files of the agent's workspace, which other readers pass over; those with credentials only where
    /// secrets go along.
    pub files: bool,
}

/// A sealed file with an agent, removed when this is dropped.
pub struct ExportFile {
    /// What to call it.
    pub name: String,
    /// Its bytes in number.
    pub size: u64,
    /// Bytes of its content, unpacked.
    pub unpacked_bytes: u64,
    /// What is in it.
    pub counts: Counts,
    file: Left,
}

impl std::fmt::Debug for ExportFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportFile")
            .field("name", &self.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl ExportFile {
    /// Opens it. It may be read to its end even after this was dropped. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(&self) -> io::Result<File> {
        File::open(self.file.path())
    }

    /// Whether other readers of the format refuse it for its size.
    #[must_use]
    pub fn exceeds_reference(&self) -> bool {
        self.unpacked_bytes > REFERENCE_MAX_BYTES
    }
}

/// What is told to whoever packs.
enum Part {
    Kept(Vec<Kept>),
    File {
        path: String,
        content: Vec<u8>,
    },
    /// That is all. Without it, something has gone wrong.
    End,
}

/// Exports an agent; the key takes so many rounds to derive.
pub(super) async fn export(
    inner: &Arc<Inner>,
    agent: AgentId,
    password: Password,
    options: ExportOptions,
    rounds: u32,
) -> Result<ExportFile, TransferError> {
    let turn = inner.turns.take().await?;
    let worlds = worlds(inner, agent).await?;
    let now = inner.registry.clock().now();
    let (parts, taken) = mpsc::channel(PAGES_WAITING);
    let (ready, is_ready) = oneshot::channel();
    let packing = Arc::clone(inner);
    let packing = spawn_blocking(move || {
        let packed = Packing { inner: &packing, options, rounds, worlds, now };
        let packed = packed.pack(&password, ready, taken);
        // Not before: whoever asked may be gone, and the core is busy all the same.
        drop(turn);
        packed
    });
    // Deriving the key takes long, and the moment of a snapshot costs something while it is held.
    let fed = match is_ready.await {
        Ok(()) => feed(inner, agent, options, parts).await,
        Err(_failed) => Ok(()),
    };
    let packed = packing.await.map_err(io::Error::other)?;
    fed?;
    packed
}

async fn worlds(inner: &Inner, agent: AgentId) -> Result<HashSet<WorldId>, TransferError> {
    let query = WorldQuery::of(WorldsOf::Agent(agent), WORLDS_MAX);
    let worlds = inner.registry.store().worlds(query).await.map_err(failed)?;
    Ok(worlds.into_iter().map(|world| world.id).collect())
}

/// Reads the agent, and hands on what is there. That nobody takes it any more is told by whoever took it.
async fn feed(
    inner: &Inner,
    agent: AgentId,
    options: ExportOptions,
    parts: mpsc::Sender<Part>,
) -> Result<(), TransferError> {
    let ExportOptions { logs, embeddings, .. } = options;
    let mut pages = inner.registry.store().snapshot(SnapshotQuery { agent, logs, embeddings });
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| match error {
            StoreError::Missing { .. } => TransferError::AgentNotFound(agent),
            error => failed(error),
        })?;
        if parts.send(Part::Kept(page)).await.is_err() {
            return Ok(());
        }
    }
    drop(pages);
    if options.files {
        let workspace = inner.workspaces.own(agent);
        for path in files::list(&workspace, options.secrets).await? {
            let Some(content) = files::read(&workspace, &path).await? else { continue };
            if parts.send(Part::File { path: path.to_string(), content }).await.is_err() {
                return Ok(());
            }
        }
    }
    // As above.
    let _ = parts.send(Part::End).await;
    Ok(())
}

fn failed(error: StoreError) -> TransferError {
    TransferError::of_export(CoreError::Store(error))
}

/// The part of an export that packs, on a thread that may block.
struct Packing<'a> {
    inner: &'a Inner,
    options: ExportOptions,
    rounds: u32,
    worlds: HashSet<WorldId>,
    now: UnixMillis,
}

impl Packing<'_> {
    fn pack(
        self,
        password: &Password,
        ready: oneshot::Sender<()>,
        mut parts: mpsc::Receiver<Part>,
    ) -> Result<ExportFile, TransferError> {
        let leaving = self.inner.spool.leaving()?;
        let sealing = Sealing::begin(leaving, password, self.rounds)?;
        // Whoever asked may be gone; then there are no parts either.
        let _ = ready.send(());
        let Some(Part::Kept(first)) = parts.blocking_recv() else { return Err(broken()) };
        let mut first = first.into_iter();
        let Some(Kept::Agent(record)) = first.next() else { return Err(broken()) };
        let head = DocumentHead {
            record: &record,
            secrets: self.options.secrets.then_some(&*self.inner.secrets),
            worlds: self.worlds,
            at: self.now,
        };
        let aside = Aside::begin(self.inner.spool.folder(), self.inner.spool.share())?;
        let mut document = Document::begin(sealing, aside, head)?;
        first.try_for_each(|kept| document.keep(kept))?;
        loop {
            match parts.blocking_recv() {
                Some(Part::Kept(page)) => {
                    page.into_iter().try_for_each(|kept| document.keep(kept))?;
                }
                Some(Part::File { path, content }) => document.file(&path, &content)?,
                Some(Part::End) => break,
                None => return Err(broken()),
            }
        }
        let (sealing, counts) = document.finish()?;
        let unpacked_bytes = sealing.unpacked_bytes();
        let (leaving, size): (Leaving, u64) = sealing.finish()?;
        let name = file_name(&record.character.name, self.now);
        Ok(ExportFile { name, size, unpacked_bytes, counts, file: leaving.finish() })
    }
}

/// Whoever reads the agent says what went wrong; this is said where they are gone.
fn broken() -> TransferError {
    TransferError::Export(CoreError::Store(StoreError::Failed("the export broke off".to_owned())))
}

/// What the original calls the file of an agent.
fn file_name(agent: &str, at: UnixMillis) -> String {
    let agent = if agent.is_empty() { "agent" } else { agent };
    let mut name = String::with_capacity(agent.len());
    for letter in agent.chars() {
        if letter.is_ascii_alphanumeric() || ['_', '-'].contains(&letter) {
            name.push(letter.to_ascii_lowercase());
        } else {
            // One for each unit of UTF-16.
            name.extend(std::iter::repeat_n('_', letter.len_utf16()));
        }
    }
    let stamp: String = iso(at).replace([':', '.'], "-").chars().take(19).collect();
    format!("{name}-{stamp}.eliza-agent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_the_original_calls_them() {
        let at = UnixMillis(1_772_368_496_789);
        for (agent, name) in [
            ("Marisol Vega", "marisol_vega-2026-03-01T12-34-56.eliza-agent"),
            ("", "agent-2026-03-01T12-34-56.eliza-agent"),
            ("A_b-9 é🔒/..", "a_b-9_______-2026-03-01T12-34-56.eliza-agent"),
        ] {
            assert_eq!(file_name(agent, at), name);
        }
    }
}
