//! Memories: listed, searched, made, removed.

use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{MemoryId, RoomId};
use greenroom_actors::ports::{MemoryQuery, SearchQuery};
use greenroom_actors::records::Memory;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::host::Host;
use crate::http::instant;
use crate::http::operator::{OperatorError, Who};

use super::operation::{About, Effect, Operation};
use super::shown::{self, Page};

/// Bytes of one memory's text in an answer.
const SHOWN_MAX_BYTES: usize = 8 * 1024;

/// Bytes of a text that is remembered or looked for.
const TEXT_MAX_BYTES: usize = 64 * 1024;

/// Bytes of the name of a kind.
const KIND_MAX_BYTES: usize = 100;

/// The kind of what is remembered where nothing is said.
const FACTS: &str = "facts";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            &About {
                name: "list_memories",
                title: "List memories",
                description: "What an agent remembers, newest first.",
                effect: Effect::Reads,
            },
            list,
        ),
        Operation::new(
            &About {
                name: "search_memories",
                title: "Search memories",
                description: "What an agent remembers that has to do with some words, best first.",
                effect: Effect::Reads,
            },
            search,
        ),
        Operation::new(
            &About {
                name: "remember",
                title: "Remember",
                description: "Gives an agent something to remember.",
                effect: Effect::Adds,
            },
            remember,
        ),
        Operation::new(
            &About {
                name: "forget",
                title: "Forget",
                description: "Removes one memory of an agent.",
                effect: Effect::Ends,
            },
            forget,
        ),
    ]
}

/// A memory as it is shown.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct MemoryView {
    /// Its id.
    id: String,
    /// What sort: messages, facts, documents, ...
    kind: String,
    /// What it says, up to 8,192 bytes of it.
    text: String,
    /// Whether the text goes on.
    is_cut: bool,
    /// Where it belongs.
    room_id: String,
    /// Who said or caused it.
    entity_id: String,
    /// When it was made.
    created_at: String,
}

impl MemoryView {
    fn of(memory: &Memory) -> Self {
        let (text, is_cut) = shown::beginning(memory.text(), SHOWN_MAX_BYTES);
        Self {
            id: memory.id.to_string(),
            kind: memory.kind.clone(),
            text,
            is_cut,
            room_id: memory.room_id.to_string(),
            entity_id: memory.entity_id.to_string(),
            created_at: instant::iso(memory.created_at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct List {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// Only memories of this kind: messages, facts, documents, ...; any where absent.
    kind: Option<String>,
    /// Only memories of this room; any where absent.
    room_id: Option<String>,
    /// How many entries to pass over; none where absent.
    #[serde(default)]
    offset: u32,
    /// How many entries to answer with: 50 where absent, 200 at most.
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Listed {
    /// The memories.
    memories: Vec<MemoryView>,
    /// How many there are in all.
    total: u64,
}

async fn list(host: Host, wanted: List) -> Result<Listed, OperatorError> {
    let room_id = wanted.room_id.as_deref().map(|room| shown::id("room_id", room)).transpose()?;
    let agent = wanted.agent.find(&host.registry).await?.id;
    let page = Page::new(wanted.offset, wanted.limit);
    let (kind, offset) = (wanted.kind, page.offset);
    let query = MemoryQuery { kind, room_id, offset, ..MemoryQuery::of(agent, page.limit) };
    let store = host.registry.store();
    let memories = store.memories(query.clone()).await?;
    let total = store.count_memories(query).await?;
    Ok(Listed { memories: memories.iter().map(MemoryView::of).collect(), total })
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Search {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// The words to look for.
    text: String,
    /// Only memories of this kind: messages, facts, documents, ...; any where absent.
    kind: Option<String>,
    /// How many entries to answer with: 50 where absent, 200 at most.
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Found {
    /// The memories, best first.
    memories: Vec<MemoryView>,
}

async fn search(host: Host, wanted: Search) -> Result<Found, OperatorError> {
    shown::text("text", &wanted.text, TEXT_MAX_BYTES)?;
    let query = SearchQuery {
        agent_id: wanted.agent.find(&host.registry).await?.id,
        kind: wanted.kind,
        room_id: None,
        text: wanted.text,
        embedding: None,
        limit: Page::new(0, wanted.limit).limit,
    };
    let found = host.registry.store().search(query).await?;
    Ok(Found { memories: found.iter().map(|scored| MemoryView::of(&scored.memory)).collect() })
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Remember {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// What it is to remember: 1 to 65,536 bytes.
    text: String,
    /// What sort of memory it is: messages, facts, documents, ...; facts where absent.
    kind: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Remembered {
    /// The memory.
    memory: MemoryView,
}

async fn remember(host: Host, wish: Remember) -> Result<Remembered, OperatorError> {
    shown::text("text", &wish.text, TEXT_MAX_BYTES)?;
    let kind = wish.kind.unwrap_or_else(|| FACTS.to_owned());
    shown::text("kind", &kind, KIND_MAX_BYTES)?;
    let agent = wish.agent.find(&host.registry).await?.id;
    let content = [("text", wish.text.as_str()), ("source", "mcp")];
    let content = content.map(|(key, value)| (key.to_owned(), Value::from(value)));
    let now = host.registry.clock().now();
    let memory = Memory {
        id: MemoryId::new(),
        agent_id: agent,
        kind,
        room_id: RoomId(agent.0),
        world_id: None,
        entity_id: agent.into(),
        content: Map::from_iter(content),
        metadata: Map::new(),
        unique: true,
        created_at: now,
        updated_at: now,
    };
    let facts = vec![Fact::Remembered(Box::new(memory.clone()))];
    host.registry.ask(agent, Keep { facts, while_running: false }).await?;
    Ok(Remembered { memory: MemoryView::of(&memory) })
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Forget {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// The memory's id.
    memory_id: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Forgotten {
    /// Whether there was such a memory.
    forgotten: bool,
}

async fn forget(host: Host, wish: Forget) -> Result<Forgotten, OperatorError> {
    let memory_id = shown::id("memory_id", &wish.memory_id)?;
    let agent_id = wish.agent.find(&host.registry).await?.id;
    let facts = vec![Fact::Forgot { agent_id, memory_id }];
    let kept = host.registry.ask(agent_id, Keep { facts, while_running: false }).await?;
    Ok(Forgotten { forgotten: kept.affected.iter().sum::<u64>() > 0 })
}
