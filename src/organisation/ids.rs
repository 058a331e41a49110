//! Ids of what is told and asked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greenroom_actors::ids::{self, AgentId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of a short id; the rest are zero.
const BYTES: usize = 12;

/// An id of 12 random bytes, told in 16 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShortId(pub(super) Uuid);

impl ShortId {
    pub(super) fn random() -> Self {
        Self::of(rand::random())
    }

    /// The one that belongs to that key of a call, and to no other.
    pub(super) fn of_key(key: Uuid) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] =
            *ids::derived(&format!("short:{key}")).as_bytes();
        Self::of([a, b, c, d, e, f, g, h, i, j, k, l])
    }

    fn of([a, b, c, d, e, f, g, h, i, j, k, l]: [u8; BYTES]) -> Self {
        Self(Uuid::from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 0]))
    }

    /// As clients are told it, behind a word for its kind.
    #[must_use]
    pub fn told(self, kind: &str) -> String {
        let bytes = self.0.as_bytes().get(..BYTES).unwrap_or_default();
        format!("{kind}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The id that a client means, if it is one of that kind.
    #[must_use]
    pub fn parse(kind: &str, told: &str) -> Option<Self> {
        let text = told.strip_prefix(kind).filter(|text| text.len() == 16)?;
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        Some(Self::of(bytes))
    }
}

/// Where things are filed that a person and no agent has told.
#[must_use]
pub fn desk_of(user: i64) -> AgentId {
    AgentId(ids::derived(&format!("desk:{user}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_come_back_and_nothing_else_is_one() {
        for id in [ShortId::random(), ShortId::of_key(Uuid::nil())] {
            let told = id.told("evt_");
            assert_eq!(told.len(), 20);
            assert_eq!(ShortId::parse("evt_", &told), Some(id));
            assert_eq!(ShortId::parse("esub_", &told), None);
        }
        for text in ["", "evt_", "evt_AAAA", "evt_AAAAAAAAAAAAAAAAA", "evt_\u{e9}AAAAAAAAAAAAAA"] {
            assert_eq!(ShortId::parse("evt_", text), None, "{text}");
        }
        assert_ne!(ShortId::of_key(Uuid::nil()), ShortId::of_key(Uuid::max()));
    }
}
