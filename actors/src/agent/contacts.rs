//! Which agents may write to which.

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use crate::character::{AgentRecord, Character};
use crate::ids::AgentId;

/// The agents of which people say to whom they may write, and to whom that is.
///
/// For an agent that stands in here nothing else counts, whatever its character says: to be written
/// to and to write takes an edge. For two of whom nobody has said anything, their characters do.
#[derive(Debug, Default)]
pub struct Permits {
    of: RwLock<HashMap<AgentId, Box<[AgentId]>>>,
}

impl Permits {
    /// From now on the agent may write to these alone; `None`: its character says to whom.
    pub fn set(&self, from: AgentId, to: Option<&BTreeSet<AgentId>>) {
        let mut of = self.of.write().unwrap_or_else(PoisonError::into_inner);
        match to {
            // In order, as they are looked for.
            Some(to) => drop(of.insert(from, to.iter().copied().collect())),
            None => drop(of.remove(&from)),
        }
    }

    /// The agents that one may write to, if people say which.
    #[must_use]
    pub fn to(&self, from: AgentId) -> Option<Vec<AgentId>> {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.get(&from).map(|permitted| permitted.to_vec())
    }

    /// Whether one agent may write to another, if people have said something of either.
    fn say(&self, from: AgentId, to: AgentId) -> Option<bool> {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        match of.get(&from) {
            Some(permitted) => Some(permitted.binary_search(&to).is_ok()),
            None => of.contains_key(&to).then_some(false),
        }
    }

    /// Whether one agent may write to another by itself.
    #[must_use]
    pub fn may_write(&self, from: &AgentRecord, to: &AgentRecord) -> bool {
        self.say(from.id, to.id).unwrap_or_else(|| may_write(from, to))
    }
}

/// Whether one agent may write to another by itself, where only their characters say so.
///
/// Agents of one owner may write to each other. A character says otherwise in `settings.contacts`:
/// `to` are the handles that it may write to, `from` those that may write to it; `*` stands for all,
/// of whatever owner. Both sides have to agree.
fn may_write(from: &AgentRecord, to: &AgentRecord) -> bool {
    let is_family = from.character.owner() == to.character.owner();
    let allows = |character: &Character, key: &str, other: &AgentRecord| {
        let list = character.setting("contacts").and_then(|contacts| contacts.get(key)?.as_array());
        list.map_or(is_family, |list| {
            let mut names = list.iter().filter_map(Value::as_str);
            names.any(|name| name == "*" || name == other.handle)
        })
    };
    allows(&from.character, "to", to) && allows(&to.character, "from", from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lifecycle::Lifecycle;
    use crate::time::UnixMillis;

    fn agent(handle: &str, settings: Value) -> AgentRecord {
        let mut character = Character::named(handle);
        character.settings = settings.as_object().cloned();
        AgentRecord {
            id: AgentId::new(),
            handle: handle.to_owned(),
            character,
            enabled: true,
            lifecycle: Lifecycle::default(),
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
        }
    }

    #[test]
    fn a_family_writes_to_each_other_and_others_where_both_sides_say_so() {
        let table = [
            (json!({}), json!({}), true),
            (json!({"owner": "x"}), json!({}), false),
            (json!({"owner": "x"}), json!({"owner": "x"}), true),
            (json!({"contacts": {"to": []}}), json!({}), false),
            (json!({"contacts": {"to": ["bob"]}}), json!({}), true),
            (json!({"contacts": {"to": ["carol"]}}), json!({}), false),
            (json!({}), json!({"contacts": {"from": ["ada"]}}), true),
            (json!({}), json!({"contacts": {"from": []}}), false),
            (json!({"owner": "x", "contacts": {"to": ["*"]}}), json!({}), false),
            (
                json!({"owner": "x", "contacts": {"to": ["*"]}}),
                json!({"contacts": {"from": ["*"]}}),
                true,
            ),
        ];
        for (ada, bob, expected) in table {
            let (from, to) = (agent("ada", ada.clone()), agent("bob", bob.clone()));
            assert_eq!(may_write(&from, &to), expected, "{ada} {bob}");
        }
    }

    #[test]
    fn where_people_have_said_something_nothing_else_counts() {
        let (ada, bob, eve) =
            (agent("ada", json!({})), agent("bob", json!({})), agent("eve", json!({})));
        let permits = Permits::default();
        assert!(permits.may_write(&ada, &bob), "a family");
        permits.set(ada.id, Some(&BTreeSet::from([eve.id])));
        for (from, to, expected) in [
            (&ada, &eve, true),
            (&ada, &bob, false),
            // Of her nothing but what people say counts: not even of who writes to her.
            (&bob, &ada, false),
            (&bob, &eve, true),
        ] {
            assert_eq!(permits.may_write(from, to), expected, "{} {}", from.handle, to.handle);
        }
        permits.set(bob.id, Some(&BTreeSet::from([ada.id])));
        assert!(permits.may_write(&bob, &ada));
        permits.set(ada.id, None);
        permits.set(bob.id, None);
        assert!(permits.may_write(&ada, &bob) && permits.may_write(&bob, &ada));
    }
}
