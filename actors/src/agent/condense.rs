//! Long conversations: what a prompt no longer holds in full is told in fewer words.
//!
//! The words are a memory of the room, of a kind of its own, and say up to when they go. A prompt
//! holds them and all that was said since; once that is twice what a prompt should hold, its older
//! half is put into words too.

use std::sync::Arc;

use serde_json::{Map, json};

use super::context::{Scene, size};
use super::journal::object;
use super::prompt;
use crate::error::StoreError;
use crate::ids::{AgentId, MemoryId, RoomId};
use crate::ports::{Bounds, MemoryQuery, Prompt, Purpose};
use crate::records::{MESSAGES, Memory, SUMMARIES};
use crate::time::UnixMillis;

/// Where a summary says up to when it goes.
const THROUGH: &str = "through";

/// What was said in a room, as a prompt tells it.
pub(super) struct History {
    /// What was said before, in fewer words.
    pub(super) summary: Option<Memory>,
    /// What is told in full, newest first.
    pub(super) told: Vec<Memory>,
    /// What lies between the two, and is to be put into words; newest first.
    pub(super) outgrown: Vec<Memory>,
}

/// What a conversation has outgrown, to be put into fewer words.
pub(super) struct Outgrown {
    /// What a model is asked for it.
    pub(super) prompt: Prompt,
    /// The memory that the words will be.
    pub(super) memory: Summary,
}

/// A summary that is still without its words.
pub(super) struct Summary {
    agent_id: AgentId,
    room_id: RoomId,
    through: UnixMillis,
}

impl Summary {
    /// The memory of it, in these words.
    pub(super) fn saying(self, text: &str, now: UnixMillis) -> Memory {
        Memory {
            id: MemoryId::new(),
            agent_id: self.agent_id,
            kind: SUMMARIES.to_owned(),
            room_id: self.room_id,
            world_id: None,
            entity_id: self.agent_id.into(),
            content: object(json!({"text": text, "source": "summary"})),
            metadata: object(json!({THROUGH: self.through})),
            unique: true,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Scene<'_> {
    /// What was said in the room, of which these are the latest, newest first.
    pub(super) async fn history(&self, lately: &[Memory]) -> Result<History, StoreError> {
        let (agent, store) = (self.record.id, &self.runtime.ports.store);
        let of_room = |kind: &str, limit| MemoryQuery {
            kind: Some(kind.to_owned()),
            room_id: Some(self.room_id),
            ..MemoryQuery::of(agent, limit)
        };
        let summary = store.memories(of_room(SUMMARIES, 1)).await?.into_iter().next();
        let through = summary.as_ref().and_then(through);
        let told = self.runtime.settings.context_memories.max(1);
        // Twice as many again: two may have come since it was last looked at, and in an old room many.
        let since = MemoryQuery { after: through, ..of_room(MESSAGES, told.saturating_mul(4)) };
        let since = store.memories(since).await?;
        let is_full = since.len() >= size(told.saturating_mul(2));
        // What is answered comes first, whatever was said after it.
        let first = lately.first().cloned();
        let mut since: Vec<_> = first
            .iter()
            .cloned()
            .chain(
                since
                    .into_iter()
                    .filter(|memory| first.as_ref().is_none_or(|first| first.id != memory.id)),
            )
            .collect();
        let outgrown =
            if is_full { since.split_off(size(told).min(since.len())) } else { Vec::new() };
        Ok(History { summary, told: since, outgrown })
    }

    /// What is to be put into fewer words, if anything is.
    pub(super) fn outgrown(
        &self,
        history: &History,
        model: Option<String>,
        max_bytes: usize,
    ) -> Option<Outgrown> {
        let through = history.outgrown.iter().map(|memory| memory.created_at).max()?;
        let character = &self.record.character;
        let turns = prompt::turns(&history.outgrown, self.record.id.into(), max_bytes, max_bytes);
        let mut talk = prompt::talk(&turns, &character.name, max_bytes);
        if let Some(summary) = &history.summary {
            talk.text = format!("So far: {}\n\n{}", summary.text(), talk.text);
        }
        let prompt = Prompt {
            model,
            purpose: Purpose::Summarise,
            character: Arc::new(character.clone()),
            system: prompt::system(character, Purpose::Summarise, false),
            may_ignore: false,
            is_single_attempt: false,
            turns: vec![talk],
            tools: Vec::new(),
            settings: Map::new(),
            tally: self.runtime.tallies.of(self.record.id),
            bounds: Bounds::default(),
        };
        let memory = Summary { agent_id: self.record.id, room_id: self.room_id, through };
        Some(Outgrown { prompt, memory })
    }
}

fn through(summary: &Memory) -> Option<UnixMillis> {
    summary.metadata.get(THROUGH)?.as_i64().map(UnixMillis)
}
