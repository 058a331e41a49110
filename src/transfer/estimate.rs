//! Estimates: how large the file of an agent would be, without making it.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{AgentSizes, MemoryQuery};
use greenroom_actors::records::Memory;
use tokio::task::spawn_blocking;

use super::Inner;
use super::container::HEADER_BYTES;
use super::error::TransferError;
use super::payload::written_memory;

/// Memories that are looked at.
const SAMPLE: u32 = 200;

/// Bytes of them that are packed.
const SAMPLE_MAX_BYTES: usize = 1024 * 1024;

/// How far text is packed where there is none to look at: so far ids and names of fields are.
const PACKED_PERCENT: u64 = 30;

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
    inner.registry.record(agent).await.map_err(TransferError::of_export)?;
    let store = inner.registry.store();
    let failed = |error| TransferError::of_export(greenroom_actors::error::CoreError::Store(error));
    let sizes = store.sizes_of(agent).await.map_err(failed)?;
    let turn = inner.samples.acquire().await.map_err(|_closed| TransferError::ShuttingDown)?;
    let sample = store.memories(MemoryQuery::of(agent, SAMPLE)).await.map_err(failed)?;
    let ratio = spawn_blocking(move || ratio(sample)).await.map_err(std::io::Error::other)?;
    drop(turn);
    let (packed, plain) = ratio.unwrap_or((PACKED_PERCENT, 100));
    let content = u128::from(sizes.text_bytes) * u128::from(packed) / u128::from(plain.max(1));
    let header = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    let AgentSizes { memories, entities, rooms, worlds, tasks, .. } = sizes;
    let bytes = u64::try_from(content).unwrap_or(u64::MAX).saturating_add(header);
    Ok(Estimate { bytes, memories, entities, rooms, worlds, tasks })
}

/// What memories take packed, and what the store counts for them; `None` for none.
fn ratio(sample: Vec<Memory>) -> Option<(u64, u64)> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    let (mut plain, mut written) = (0_u64, 0_usize);
    for memory in sample {
        let said = [&memory.content, &memory.metadata].map(|said| {
            serde_json::to_string(said).ok().and_then(|text| u64::try_from(text.len()).ok())
        });
        let said: u64 = said.into_iter().flatten().sum();
        plain = plain.saturating_add(said).saturating_add(AgentSizes::ROW_BYTES);
        let text = written_memory(memory).to_string();
        packing.write_all(text.as_bytes()).ok()?;
        written = written.saturating_add(text.len());
        if written > SAMPLE_MAX_BYTES {
            break;
        }
    }
    let packed = u64::try_from(packing.finish().ok()?.len()).ok()?;
    (plain > 0).then_some((packed, plain))
}
