//! Identifiers: one type per kind of thing, and the derivation of an id from a text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id that sorts by the time it was made (UUID version 7).
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text).map(Self).ok_or(NotAnId)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// Identifies one agent for its whole life: across renames, restarts and transfer.
    AgentId,
    /// Identifies one run: a tick, a reply, a job or a trigger's firing.
    RunId,
    /// Identifies one memory.
    MemoryId,
    /// Identifies one room, as one agent sees it.
    RoomId,
    /// Identifies one world: a group of rooms, as one agent sees it.
    WorldId,
    /// Identifies whoever speaks: a person, an agent, a service.
    EntityId,
    /// Identifies one component: a typed piece of data that belongs to an entity.
    ComponentId,
    /// Identifies one relationship between two entities.
    RelationshipId,
    /// Identifies one task.
    TaskId,
    /// Identifies one entry of an agent's log.
    LogId,
    /// Identifies one letter: a message on its way to an agent.
    LetterId,
    /// Identifies one message server.
    ServerId,
    /// Identifies one channel, for everybody in it.
    ChannelId,
    /// Identifies one message in a channel.
    ChannelMessageId,
    /// Identifies one session.
    SessionId,
    /// Identifies one job.
    JobId,
    /// Identifies one goal of an agent.
    GoalId,
    /// Identifies one trigger.
    TriggerId,
    /// Identifies one firing of a trigger: a slot that came due.
    FiringId,
    /// Identifies one question to a person whether a call may be made.
    ApprovalId,
}

/// The text is not of the form 8-4-4-4-12 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 8-4-4-4-12 hexadecimal digits")]
pub struct NotAnId;

impl From<AgentId> for EntityId {
    /// An agent that speaks is an entity of the same id.
    fn from(agent: AgentId) -> Self {
        Self(agent.0)
    }
}

/// Reads the hyphenated form alone; any version and variant, any case.
fn parse(text: &str) -> Option<Uuid> {
    if text.len() != 36 {
        return None;
    }
    Uuid::try_parse(text).ok()
}

/// The id that elizaOS derives from a text (its `stringToUuid`).
///
/// A text that is an id already is that id. Otherwise: the first 16 bytes of the SHA-1 of the
/// percent-encoded text, with the version nibble zero and the variant bits `10`.
#[must_use]
pub fn derived(text: &str) -> Uuid {
    if let Some(id) = parse(text) {
        return id;
    }
    let digest = sha1_smol::Sha1::from(percent_encoded(text)).digest().bytes();
    let mut bytes = [0_u8; 16];
    for (byte, hashed) in bytes.iter_mut().zip(digest) {
        *byte = hashed;
    }
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version &= 0x0f;
    *variant = (*variant & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

/// The id that stands for `base` in the eyes of `agent` (elizaOS' `createUniqueUuid`).
#[must_use]
pub fn seen_by(agent: AgentId, base: &str) -> Uuid {
    if base == agent.to_string() { agent.0 } else { derived(&format!("{base}:{agent}")) }
}

/// As JavaScript's `encodeURIComponent` does it.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_the_ids_that_elizaos_gives() {
        for (name, id) in [
            ("Eliza", "b850bc30-45f8-0041-a00a-83df46d8555d"),
            ("Golden", "52b464d2-13a3-0603-8af4-cc4004c65c52"),
            ("Patchy", "0b939a35-73f3-0c1b-87b0-f4a842b16f3c"),
        ] {
            assert_eq!(derived(name).to_string(), id, "{name}");
        }
    }

    #[test]
    fn a_channel_gives_each_agent_the_room_that_elizaos_gives() {
        let golden = AgentId(derived("Golden"));
        let room = seen_by(golden, "29aa35f6-da28-414a-86df-d2f246db8bb8");
        assert_eq!(room.to_string(), "653db6e9-54e7-08de-9041-0fdb47ead3c2");
        assert_eq!(seen_by(golden, &golden.to_string()), golden.0);
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        assert!("52B464D2-13A3-0603-8AF4-CC4004C65C52".parse::<AgentId>().is_ok());
        for text in [
            "",
            "not-a-uuid",
            "52b464d213a306038af4cc4004c65c52",
            "{52b464d2-13a3-0603-8af4-cc4004c65c52}",
        ] {
            assert!(text.parse::<AgentId>().is_err(), "{text}");
        }
    }
}
