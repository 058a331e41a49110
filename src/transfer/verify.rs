//! Proofs: a file is imported, what became of it is exported, and the two are compared.

use std::fs::File;
use std::io;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::Inner;
use super::container::Opened;
use super::error::TransferError;
use super::export::{ExportOptions, export};
use super::import::{Source, import_from};
use super::password::Password;
use super::payload::{Comparison, Counts};

/// Whatever the file may hold.
const EVERYTHING: ExportOptions =
    ExportOptions { logs: true, secrets: true, embeddings: true, files: true };

/// Rounds for the key of the copy, whose password is not one that anybody could guess.
const ROUNDS: u32 = 1;

/// What came of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The name that the file gives its agent.
    pub agent_name: String,
    /// How many records of each kind the file holds.
    pub counts: Counts,
    /// What the agent that was made of the file has not, or has otherwise. Ids and times do not count.
    pub differences: Vec<String>,
}

/// Imports the file, exports the agent, and compares.
pub(super) async fn verify(
    inner: &Arc<Inner>,
    file: File,
    password: Password,
) -> Result<Verified, TransferError> {
    let (imported, source) = import_from(inner, move || file.try_clone(), password).await?;
    let secret = Zeroizing::new(hex(rand::random::<[u8; 32]>()));
    let secret = Password::new(secret)?;
    let copy = export(inner, imported.agent_id, secret.clone(), EVERYTHING, ROUNDS).await?;
    let limit = inner.settings.unpacked_max_bytes;
    let compared = spawn_blocking(move || -> Result<_, TransferError> {
        let Source { mut opened, remap } = source;
        let mut comparison = Comparison::of(&remap);
        comparison.original(opened.unpacked(limit)?)?;
        let mut opened = Opened::open(copy.open()?, &secret)?;
        // What stands there for others' sake may make it longer than the file.
        comparison.copy(opened.unpacked(u64::MAX)?)?;
        Ok(comparison.differences())
    });
    let differences = compared.await.map_err(io::Error::other)??;
    Ok(Verified { agent_name: imported.agent_name, counts: imported.counts, differences })
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
