//! Estimates: how large the file of an agent would be, without making it.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{AgentSizes, MemoryQuery};
use greenroom_actors::records::Memory;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::Inner;
use super::container::HEADER_BYTES;
use super::error::TransferError;
use super::payload::{written_head, written_memory};
use crate::secrets::Secrets;

/// Memories that are looked at.
const SAMPLE: u32 = 200;

/// Bytes of them that are packed.
const SAMPLE_MAX_BYTES: usize = 1024 * 1024;

/// How far text is packed where there is none to look at: so far ids and names of fields are.
const UNSEEN: (u64, u64) = (30, 100);

/// How large the file of an agent would be, and what would be in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of the file, some way off.
    pub bytes: u64,
    /// Memories.
    pub memories: u64,
    /// Entities.
    pub entities: u64,
    /// Rooms.
    pub rooms: u64,
    /// Worlds.
    pub worlds: u64,
    /// Tasks, triggers among them.
    pub tasks: u64,
}

/// Estimates the file of an agent.
pub(super) async fn estimate(
    inner: &Arc<Inner>,
    agent: AgentId,
) -> Result<Estimate, TransferError> {
    let record = inner.registry.record(agent).await.map_err(TransferError::of_export)?;
    let store = inner.registry.store();
    let failed = |error| TransferError::of_export(CoreError::Store(error));
    let sizes = store.sizes_of(agent).await.map_err(failed)?;
    let turn = inner.samples.acquire().await.map_err(|_closed| TransferError::ShuttingDown)?;
    let sample = store.memories(MemoryQuery::of(agent, SAMPLE)).await.map_err(failed)?;
    let packing = Arc::clone(inner);
    let bytes = spawn_blocking(move || bytes(&record, &packing.secrets, sample, sizes.text_bytes));
    let bytes = bytes.await.map_err(io::Error::other)??;
    drop(turn);
    let AgentSizes { memories, entities, rooms, worlds, tasks, .. } = sizes;
    Ok(Estimate { bytes, memories, entities, rooms, worlds, tasks })
}

/// Bytes of the file of an agent of whom there is so much text.
fn bytes(
    record: &AgentRecord,
    secrets: &Secrets,
    sample: Vec<Memory>,
    text_bytes: u64,
) -> io::Result<u64> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    // What stands before the records is packed as it will be.
    for text in written_head(record, secrets) {
        packing.write_all(text.as_bytes())?;
    }
    packing.flush()?;
    let head = packing.get_ref().len();
    let (mut counted, mut written) = (0_u64, 0_usize);
    for memory in sample {
        let said = length(&memory.content).saturating_add(length(&memory.metadata));
        counted = counted.saturating_add(said).saturating_add(AgentSizes::ROW_BYTES);
        let text = written_memory(memory).to_string();
        packing.write_all(text.as_bytes())?;
        written = written.saturating_add(text.len());
        if written > SAMPLE_MAX_BYTES {
            break;
        }
    }
    packing.flush()?;
    let packed = packing.get_ref().len().saturating_sub(head);
    let (packed, counted) = if counted > 0 { (wide(packed), counted) } else { UNSEEN };
    let rows = text_bytes.saturating_sub(length(&record.character));
    let rows = u128::from(rows) * u128::from(packed) / u128::from(counted.max(1));
    let around = wide(HEADER_BYTES.saturating_add(head));
    Ok(u64::try_from(rows).unwrap_or(u64::MAX).saturating_add(around))
}

fn length(value: &impl Serialize) -> u64 {
    serde_json::to_string(value).map_or(0, |text| wide(text.len()))
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
