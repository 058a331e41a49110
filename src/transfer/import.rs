//! Imports: a sealed file becomes an agent, whole or not at all.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Import;
use greenroom_actors::time::UnixMillis;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Inner;
use super::container::Opened;
use super::error::TransferError;
use super::files;
use super::password::Password;
use super::payload::{Counts, Delivered, Remap, Round, Taking, deliver, read_agent, survey};
use super::upload::Upload;

/// How long whoever imported waits until what failed is removed; the removal goes on without them.
const REMOVAL: Duration = Duration::from_secs(5);

/// Slices that wait for the store.
const SLICES_WAITING: usize = 2;

/// An agent that was imported: stopped, not autonomous, and beside all that were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its id, which no other had.
    pub agent_id: AgentId,
    /// The name that the file gives it.
    pub agent_name: String,
    /// How many records of each kind the file held.
    pub counts: Counts,
    /// How many of them only stood there so that others could refer to them, and were not kept.
    pub stubs: Counts,
}

/// What the file turns out to hold, in this order.
enum Part {
    Agent(Box<AgentRecord>, Imported),
    Facts(Vec<Fact>),
    File {
        path: String,
        content: Vec<u8>,
    },
    /// That is all. Without it, something has gone wrong.
    End,
}

/// A file that was read, and what its ids became.
pub(super) struct Source {
    pub(super) opened: Opened<File>,
    pub(super) remap: Remap,
}

/// Imports what was uploaded.
pub(super) async fn import(inner: &Arc<Inner>, upload: Upload) -> Result<Imported, TransferError> {
    let password = upload.password.clone();
    // All of it, so that its room is taken for as long as the file is there.
    let open = move || {
        let upload = &upload;
        File::open(upload.file.path())
    };
    import_from(inner, open, password).await.map(|(imported, _)| imported)
}

/// Imports a file, which may go once it was read.
pub(super) async fn import_from(
    inner: &Arc<Inner>,
    open: impl Fn() -> io::Result<File> + Send + 'static,
    password: Password,
) -> Result<(Imported, Source), TransferError> {
    let turn = inner.turns.take().await?;
    let now = inner.registry.clock().now();
    let (parts, taken) = mpsc::channel(SLICES_WAITING);
    let reading = Arc::clone(inner);
    let reading = spawn_blocking(move || {
        let read = open().map_err(TransferError::from);
        let read = read.and_then(|file| read_all(&reading, file, &password, now, &parts));
        drop(open);
        // Not before: whoever asked may be gone, and the core is busy all the same.
        drop(turn);
        read
    });
    let taking = Arc::clone(inner);
    // On its own: what was accepted is done, and what cannot be done is undone.
    let taken = tokio::spawn(async move {
        let taken = take(&taking, taken).await;
        let read = reading.await.map_err(io::Error::other)?;
        match taken {
            // Whoever reads says what is wrong with the file.
            Ok(None) => Err(read.err().unwrap_or_else(broken)),
            Ok(Some(imported)) => Ok((imported, read?)),
            Err(error) => Err(error),
        }
    });
    taken.await.map_err(io::Error::other)?
}

/// Keeps what comes. `None` if it broke off; nothing is kept then.
async fn take(
    inner: &Inner,
    mut parts: mpsc::Receiver<Part>,
) -> Result<Option<Imported>, TransferError> {
    let Some(Part::Agent(record, imported)) = parts.recv().await else { return Ok(None) };
    let agent = record.id;
    let import = inner.registry.begin_import(agent).await.map_err(TransferError::of_import)?;
    let mut has_files = false;
    match keep(inner, &import, &mut parts, &mut has_files).await {
        Ok(true) => {}
        kept => {
            // Whoever reads must not wait for a store that takes nothing, not even the removal.
            drop(parts);
            if tokio::time::timeout(REMOVAL, import.abandon()).await.is_err() {
                tracing::warn!(%agent, "an import that failed is still being removed");
            }
            forget_files(inner, agent, has_files).await;
            return kept.map(|_| None);
        }
    }
    if let Err(error) = import.finish(*record, Vec::new()).await {
        // It may be there all the same, and then it is whole.
        if let Ok(Some(_)) = inner.registry.store().agent(agent).await {
            return Ok(Some(imported));
        }
        forget_files(inner, agent, has_files).await;
        return Err(TransferError::of_import(error));
    }
    Ok(Some(imported))
}

/// Keeps all that comes; whether it came to its end.
async fn keep(
    inner: &Inner,
    import: &Import,
    parts: &mut mpsc::Receiver<Part>,
    has_files: &mut bool,
) -> Result<bool, TransferError> {
    let workspace = inner.workspaces.own(import.agent());
    loop {
        match parts.recv().await {
            Some(Part::Facts(facts)) => {
                import.keep(facts).await.map_err(TransferError::of_import)?
            }
            Some(Part::File { path, content }) => {
                *has_files = true;
                files::write(&workspace, &path, content).await?;
            }
            Some(Part::End) => return Ok(true),
            Some(Part::Agent(..)) | None => return Ok(false),
        }
    }
}

async fn forget_files(inner: &Inner, agent: AgentId, has_files: bool) {
    if !has_files {
        return;
    }
    if let Err(error) = inner.workspaces.forget(agent).await {
        tracing::warn!(%agent, %error, "files of an import that failed are left");
    }
}

/// Whoever keeps or reads says what went wrong; this is said where they do not.
fn broken() -> TransferError {
    TransferError::Import(CoreError::Store(StoreError::Failed("the import broke off".to_owned())))
}

/// Reads the file, and tells what is in it. Blocks, and takes long.
fn read_all(
    inner: &Inner,
    file: File,
    password: &Password,
    now: UnixMillis,
    parts: &mpsc::Sender<Part>,
) -> Result<Source, TransferError> {
    let limit = inner.settings.unpacked_max_bytes;
    let mut opened = Opened::open(file, password)?;
    let mut survey = survey(opened.unpacked(limit)?)?;
    let remap = survey.remap(AgentId(Uuid::new_v4()));
    let triggers_max = inner.registry.settings().triggers_max;
    let taking = Taking { remap: &remap, now, triggers_max };
    let imported = Imported {
        agent_id: remap.agent(),
        agent_name: survey.name().to_owned(),
        counts: survey.counts,
        stubs: survey.stubs,
    };
    let record = Box::new(read_agent(&mut survey, taking, &inner.secrets)?);
    // Whoever keeps may have given up; they say why.
    let send = |part| parts.blocking_send(part).map_err(|_gone| broken());
    send(Part::Agent(record, imported))?;
    for round in Round::over(&survey) {
        deliver(opened.unpacked(limit)?, *round, taking, |delivered| {
            send(match delivered {
                Delivered::Facts(facts) => Part::Facts(facts),
                Delivered::File { path, content } => Part::File { path, content },
            })
        })?;
    }
    send(Part::End)?;
    Ok(Source { opened, remap })
}
