//! Where people talk with the agent over the web: the room, its world, and the person.

use greenroom_actors::agent::Keep;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, RoomId, WorldId, derived};
use greenroom_actors::records::{Entity, MESSAGES, Memory, Participant, Room, World};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::dialects::milady::config::admin_entity;
use crate::dialects::milady::shared::Shared;

/// Where what is said here comes from.
pub(in crate::dialects::milady) const SOURCE: &str = "client_chat";

/// What the person goes by.
const USER: &str = "User";

/// Which of the rooms of the web.
pub(in crate::dialects::milady) enum Web<'a> {
    /// That of a conversation, with its title.
    Conversation(Uuid, &'a str),
    /// The one for clients that know no conversations.
    Legacy,
    /// One for clients of other companies' models, by their own key.
    Compatible(&'a str),
}

/// Where it is said, in the agent's eyes, and by whom.
pub(in crate::dialects::milady) struct Place {
    /// The room.
    pub(in crate::dialects::milady) room: Room,
    /// The world that it lies in.
    pub(in crate::dialects::milady) world: World,
    /// The person.
    pub(in crate::dialects::milady) admin: EntityId,
}

/// The id of the room of a conversation.
pub(in crate::dialects::milady) fn room_of(conversation: Uuid) -> RoomId {
    RoomId(derived(&channel_of(conversation)))
}

fn channel_of(conversation: Uuid) -> String {
    format!("web-conv-{conversation}")
}

impl Place {
    /// That place. The ids are those that the reference server derives from the agent's name.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub(in crate::dialects::milady) async fn of(
        shared: &Shared,
        agent: &AgentRecord,
        web: Web<'_>,
    ) -> Result<Self, CoreError> {
        let admin = admin(shared, agent).await;
        let name = &agent.character.name;
        let (room, channel, title) = match web {
            Web::Conversation(id, title) => (room_of(id), channel_of(id), title.to_owned()),
            Web::Legacy => {
                let room = RoomId(derived(&format!("{name}-web-chat-room")));
                (room, format!("{name}-web-chat"), "Chat".to_owned())
            }
            Web::Compatible(key) => {
                let channel = format!("{name}-compat-{key}");
                (RoomId(derived(&channel)), channel, "API".to_owned())
            }
        };
        let server = derived(&format!("{name}-web-server"));
        let world_id = WorldId(derived(&format!("{name}-web-chat-world")));
        let owned = json!({"ownerId": admin});
        // The agent dates both when it meets them.
        let created_at = UnixMillis::default();
        let world = World {
            id: world_id,
            agent_id: agent.id,
            name: format!("{name}'s Web Chat"),
            message_server_id: Some(server),
            metadata: json!({"ownership": owned, "roles": {admin.to_string(): "OWNER"}})
                .as_object()
                .cloned(),
            created_at,
        };
        let room = Room {
            id: room,
            agent_id: agent.id,
            name: title,
            channel_id: Some(channel),
            message_server_id: Some(server),
            world_id: Some(world_id),
            kind: "DM".to_owned(),
            source: SOURCE.to_owned(),
            metadata: json!({"ownership": owned}).as_object().cloned(),
            created_at,
        };
        Ok(Self { room, world, admin })
    }

    /// What the person goes by.
    pub(in crate::dialects::milady) fn user_name() -> String {
        USER.to_owned()
    }

    /// Has the agent say something here that nobody has asked for; answers with what it remembers of
    /// it, once that is durable.
    ///
    /// # Errors
    /// What keeps a message from the agent, and [`CoreError::Store`].
    pub(in crate::dialects::milady) async fn speak(
        self,
        shared: &Shared,
        text: &str,
        source: &str,
    ) -> Result<Memory, CoreError> {
        let Self { room, world, admin } = self;
        let (agent_id, room_id, now) = (room.agent_id, room.id, shared.now());
        let mut content = Map::new();
        content.insert("text".to_owned(), Value::from(text));
        content.insert("source".to_owned(), Value::from(source));
        content.insert("channelType".to_owned(), Value::from("DM"));
        let memory = Memory {
            id: MemoryId::new(),
            agent_id,
            kind: MESSAGES.to_owned(),
            room_id,
            world_id: room.world_id,
            entity_id: agent_id.into(),
            content,
            metadata: Map::new(),
            unique: true,
            created_at: now,
            updated_at: now,
        };
        let person = Entity {
            id: admin,
            agent_id,
            names: vec![Self::user_name()],
            metadata: Map::new(),
            created_at: now,
        };
        let facts = vec![
            Fact::WorldMet(Box::new(World { created_at: now, ..world })),
            Fact::RoomMet(Box::new(Room { created_at: now, ..room })),
            Fact::EntityMet(Box::new(person)),
            joined(agent_id, room_id, admin, now),
            joined(agent_id, room_id, agent_id.into(), now),
            Fact::Remembered(Box::new(memory.clone())),
        ];
        let keep = Keep { facts, while_running: false };
        shared.host.registry.ask(agent_id, keep).await?;
        Ok(memory)
    }
}

fn joined(agent_id: AgentId, room_id: RoomId, entity_id: EntityId, now: UnixMillis) -> Fact {
    Fact::Joined(Participant { agent_id, room_id, entity_id, state: None, created_at: now })
}

/// Whoever talks over the web: one that onboarding has chosen, or else one derived from the agent's
/// name.
async fn admin(shared: &Shared, agent: &AgentRecord) -> EntityId {
    // A file that cannot be read says so where it is asked for; a talk goes on without it.
    let config = shared.config.read().await.unwrap_or_default();
    admin_entity(&config, &agent.character.name)
}
