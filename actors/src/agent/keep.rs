//! What is kept about an agent on behalf of others: memories, rooms, worlds, entities.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::{Map, Value};

use super::Agent;
use crate::character::{AgentRecord, Character, merge};
use crate::error::CoreError;
use crate::facts::{Committed, EventKind, Fact};
use crate::ids::{EntityId, MemoryId, RoomId, WorldId};
use crate::records::{Memory, World};

/// Keeps facts about this agent, whole or not at all; answers once they are durable.
///
/// They are kept alongside whatever the agent does. Fails with [`CoreError::NotRunning`] or
/// [`CoreError::Failed`] where `while_running` says so, and with [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Committed, CoreError>")]
pub struct Keep {
    /// The facts, all about this agent.
    pub facts: Vec<Fact>,
    /// Whether they are refused while the agent does not run.
    pub while_running: bool,
}

/// What changes about a memory; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryPatch {
    /// Keys to set in the content; the others stay.
    pub content: Option<Map<String, Value>>,
    /// Keys to set in the metadata; the others stay.
    pub metadata: Option<Map<String, Value>>,
    /// The room.
    pub room_id: Option<RoomId>,
    /// Who said it.
    pub entity_id: Option<EntityId>,
    /// The world.
    pub world_id: Option<WorldId>,
    /// Whether there is no near duplicate.
    pub unique: Option<bool>,
}

/// Changes a memory of a running agent; answers with it, or `None` if there is none of that id.
///
/// Nothing else is handled between reading and writing it.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Option<Memory>, CoreError>")]
pub struct AmendMemory {
    /// Which memory.
    pub id: MemoryId,
    /// What changes.
    pub patch: MemoryPatch,
}

/// Changes a world of a running agent; answers with it.
///
/// Fails with [`CoreError::NotFound`] if there is none of that id.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<World, CoreError>")]
pub struct AmendWorld {
    /// Which world.
    pub id: WorldId,
    /// Its new name; `None` leaves it.
    pub name: Option<String>,
    /// Keys to set in its metadata; the others stay.
    pub metadata: Map<String, Value>,
    /// Keys to set in the `settings` of its metadata; the others stay.
    pub settings: Map<String, Value>,
}

/// Changes an agent's character, in any state; answers with its record.
///
/// `settings` are merged at every depth, a key set to null is removed; every other field is
/// replaced, or removed by null. Fails with [`CoreError::Invalid`] if the result is not a character.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Arc<AgentRecord>, CoreError>")]
pub(crate) struct Revise {
    pub(crate) patch: Map<String, Value>,
    /// Settings that are replaced as a whole, or removed by null, whatever they were before.
    pub(crate) whole: Map<String, Value>,
}

impl Handler<Keep> for Agent {
    type Result = ResponseFuture<Result<Committed, CoreError>>;

    fn handle(&mut self, keep: Keep, _: &mut Context<Self>) -> Self::Result {
        if keep.while_running
            && let Err(refused) = self.must_run()
        {
            return Box::pin(std::future::ready(Err(refused)));
        }
        self.has_news |= keep.facts.iter().any(|fact| matches!(fact, Fact::Remembered(_)));
        let committed = self.runtime.commit(keep.facts);
        Box::pin(async move { Ok(committed.await?) })
    }
}

impl Handler<AmendMemory> for Agent {
    type Result = AtomicResponse<Self, Result<Option<Memory>, CoreError>>;

    fn handle(
        &mut self,
        AmendMemory { id, patch }: AmendMemory,
        _: &mut Context<Self>,
    ) -> Self::Result {
        if let Err(refused) = self.must_run() {
            return AtomicResponse::new(Box::pin(fut::err(refused)));
        }
        self.has_news = true;
        let (agent, runtime) = (self.id, Arc::clone(&self.runtime));
        let amended = async move {
            let Some(mut memory) = runtime.ports.store.memory(agent, id).await? else {
                return Ok(None);
            };
            memory.content.extend(patch.content.into_iter().flatten());
            memory.metadata.extend(patch.metadata.into_iter().flatten());
            memory.room_id = patch.room_id.unwrap_or(memory.room_id);
            memory.entity_id = patch.entity_id.unwrap_or(memory.entity_id);
            memory.world_id = patch.world_id.or(memory.world_id);
            memory.unique = patch.unique.unwrap_or(memory.unique);
            memory.updated_at = runtime.now();
            runtime.commit(vec![Fact::Remembered(Box::new(memory.clone()))]).await?;
            Ok(Some(memory))
        };
        AtomicResponse::new(Box::pin(amended.into_actor(self)))
    }
}

impl Handler<AmendWorld> for Agent {
    type Result = AtomicResponse<Self, Result<World, CoreError>>;

    fn handle(&mut self, amend: AmendWorld, _: &mut Context<Self>) -> Self::Result {
        if let Err(refused) = self.must_run() {
            return AtomicResponse::new(Box::pin(fut::err(refused)));
        }
        let (agent, runtime) = (self.id, Arc::clone(&self.runtime));
        let amended = async move {
            let found = runtime.ports.store.world(agent, amend.id).await?;
            let mut world = found.ok_or(CoreError::NotFound { what: "world", id: amend.id.0 })?;
            world.name = amend.name.unwrap_or(world.name);
            if !amend.metadata.is_empty() {
                world.metadata.get_or_insert_default().extend(amend.metadata);
            }
            if !amend.settings.is_empty() {
                let metadata = world.metadata.get_or_insert_default();
                match metadata.get_mut("settings") {
                    Some(Value::Object(settings)) => settings.extend(amend.settings),
                    _ => drop(metadata.insert("settings".to_owned(), amend.settings.into())),
                }
            }
            runtime.commit(vec![Fact::WorldSet(Box::new(world.clone()))]).await?;
            Ok(world)
        };
        AtomicResponse::new(Box::pin(amended.into_actor(self)))
    }
}

impl Handler<Revise> for Agent {
    type Result = AtomicResponse<Self, Result<Arc<AgentRecord>, CoreError>>;

    fn handle(&mut self, Revise { patch, whole }: Revise, _: &mut Context<Self>) -> Self::Result {
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let journal = self.journal();
        let revised = async move {
            let record = runtime.record(id).await?;
            let mut character = revised(&record.character, &patch, whole)?;
            let is_renamed = character.name != record.character.name;
            let handle = is_renamed.then(|| runtime.settings.handle_for(&character.name));
            if handle.is_some() {
                // From another name another id would be derived.
                character.id = Some(id);
            }
            let committed = runtime
                .commit(vec![
                    Fact::AgentRevised {
                        id,
                        character: Box::new(character),
                        handle,
                        at: journal.now,
                    },
                    journal.event(EventKind::Revised, Value::Null),
                ])
                .await;
            runtime.record_changed(id);
            committed?;
            runtime.record(id).await
        };
        AtomicResponse::new(Box::pin(revised.into_actor(self).map(|revised, agent, ctx| {
            // It may do more at once from now on.
            agent.next_beside(ctx);
            revised
        })))
    }
}

/// The character with the patch laid over it, and then those settings as a whole.
fn revised(
    character: &Character,
    patch: &Map<String, Value>,
    whole: Map<String, Value>,
) -> Result<Character, CoreError> {
    let not_a_character = |error: serde_json::Error| CoreError::Invalid {
        field: "character",
        reason: error.to_string(),
    };
    let Value::Object(mut document) = serde_json::to_value(character).map_err(not_a_character)?
    else {
        return Err(CoreError::Invalid { field: "character", reason: "is not an object".into() });
    };
    for (key, value) in patch {
        match (key.as_str(), value) {
            ("settings", Value::Object(settings)) => {
                let mut merged = character.settings.clone().unwrap_or_default();
                merge(&mut merged, settings);
                document.insert(key.clone(), Value::Object(merged));
            }
            (_, Value::Null) => drop(document.shift_remove(key)),
            _ => drop(document.insert(key.clone(), value.clone())),
        }
    }
    for (key, value) in whole {
        let settings = document.entry("settings").or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(settings) = settings else { continue };
        match value {
            Value::Null => drop(settings.shift_remove(&key)),
            value => drop(settings.insert(key, value)),
        }
    }
    let revised: Character =
        serde_json::from_value(Value::Object(document)).map_err(not_a_character)?;
    if revised.name.is_empty() {
        return Err(CoreError::Invalid { field: "name", reason: "must not be empty".into() });
    }
    crate::budget::check(&revised)?;
    // An agent keeps its id for life, whatever its document says.
    Ok(Character { id: character.id, ..revised })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::character::Bio;
    use crate::ids::AgentId;

    #[test]
    fn a_patch_merges_settings_replaces_the_rest_and_keeps_the_id() {
        let mut character = Character::named("Ada");
        character.bio = Bio::One("before".into());
        character.settings = json!({"a": 1, "n": {"x": 1}}).as_object().cloned();
        let patch =
            json!({"id": AgentId::new(), "bio": ["after"], "settings": {"a": null, "n": {"y": 2}}});
        let after = revised(&character, patch.as_object().unwrap(), Map::new()).unwrap();
        assert_eq!(after.id, None);
        assert_eq!(after.bio, Bio::Many(vec!["after".into()]));
        assert_eq!(after.settings, json!({"n": {"x": 1, "y": 2}}).as_object().cloned());
    }

    #[test]
    fn what_is_no_character_is_refused() {
        let ada = Character::named("Ada");
        for patch in [json!({"name": ""}), json!({"name": null}), json!({"topics": "x"})] {
            assert!(revised(&ada, patch.as_object().unwrap(), Map::new()).is_err(), "{patch}");
        }
    }
}
