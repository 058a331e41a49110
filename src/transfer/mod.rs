//! Transfer: agents out of the host and into it, as `.eliza-agent` files.
//!
//! A service below all dialects; it knows no HTTP. The format is that of the original, whose files
//! are read and which reads ours. Nothing here holds a whole file in memory, in either direction.
//!
//! What takes a core for a while (deriving keys, packing, unpacking) happens on threads that may
//! block, and at most on one for each two cores at once.

mod container;
mod error;
mod estimate;
mod export;
mod files;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod import;
mod password;
mod payload;
mod settings;
mod spool;
mod turns;
mod upload;
mod verify;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use tokio::sync::Semaphore;

use crate::secrets::Secrets;
use crate::workspace::Workspaces;

pub use container::is_agent_file;
pub use error::{TransferError, TransferErrorKind};
pub use estimate::Estimate;
pub use export::{ExportFile, ExportOptions, REFERENCE_MAX_BYTES};
pub use import::Imported;
pub use password::Password;
pub use payload::Counts;
pub use settings::TransferSettings;
pub use upload::{Receiving, Upload, envelope};
pub use verify::Verified;

use spool::Spool;
use turns::Turns;

/// Samples that are packed at once, for estimates.
const SAMPLES_AT_ONCE: usize = 1;

/// Takes agents out of the host and into it. Clones share everything.
#[derive(Clone)]
pub struct Transfer {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    workspaces: Workspaces,
    secrets: Arc<Secrets>,
    settings: TransferSettings,
    spool: Spool,
    turns: Turns,
    samples: Semaphore,
    /// Rounds of key derivation of the files that are written.
    iterations: u32,
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Transfer {
    /// Transfers whose files are in that folder on their way. It is made, and emptied of what was on
    /// its way when the host last ended.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(
        folder: &Path,
        settings: TransferSettings,
        registry: Registry,
        workspaces: Workspaces,
        secrets: Arc<Secrets>,
    ) -> io::Result<Self> {
        let inner = Inner {
            registry,
            workspaces,
            secrets,
            settings,
            spool: Spool::open(folder, settings.spool_max_bytes)?,
            turns: Turns::new(settings.waiting_max),
            samples: Semaphore::new(SAMPLES_AT_ONCE),
            iterations: container::ITERATIONS,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes a sealed file of an agent, whatever its state, as it is at one moment.
    ///
    /// # Errors
    /// [`TransferError::AgentNotFound`], [`TransferError::Overloaded`],
    /// [`TransferError::ShuttingDown`], [`TransferError::Export`], [`TransferError::File`].
    pub async fn export(
        &self,
        agent: AgentId,
        password: Password,
        options: ExportOptions,
    ) -> Result<ExportFile, TransferError> {
        let rounds = self.inner.iterations;
        Box::pin(export::export(&self.inner, agent, password, options, rounds)).await
    }

    /// How large the file of an agent would be, without its log, its embeddings and its files.
    ///
    /// # Errors
    /// [`TransferError::AgentNotFound`], [`TransferError::Export`].
    pub async fn estimate(&self, agent: AgentId) -> Result<Estimate, TransferError> {
        Box::pin(estimate::estimate(&self.inner, agent)).await
    }

    /// Begins to take an upload: a password and a file, in the envelope of the original. `declared`
    /// is how many bytes it says it has, if it does.
    ///
    /// # Errors
    /// [`TransferError::BodyTooLarge`].
    pub fn receive(&self, declared: Option<u64>) -> Result<Receiving, TransferError> {
        Receiving::begin(&self.inner.spool, self.inner.settings.body_max_bytes, declared)
    }

    /// Makes an agent of an upload, beside all others: stopped, and with ids that none had. It is
    /// carried out even if nobody waits for it any more.
    ///
    /// # Errors
    /// Whatever is wrong with the file; [`TransferError::Overloaded`],
    /// [`TransferError::ShuttingDown`], [`TransferError::Import`], [`TransferError::File`]. Nothing of
    /// it is kept then.
    pub async fn import(&self, upload: Upload) -> Result<Imported, TransferError> {
        Box::pin(import::import(&self.inner, upload)).await
    }

    /// Imports a file, exports what became of it, and compares the two. The agent stays: this is for
    /// a store that is thrown away.
    ///
    /// # Errors
    /// As [`import`](Self::import) and [`export`](Self::export).
    pub async fn verify(&self, file: File, password: Password) -> Result<Verified, TransferError> {
        Box::pin(verify::verify(&self.inner, file, password)).await
    }
}

#[cfg(test)]
mod tests;
