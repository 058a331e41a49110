//! Which agents may write to which.

use serde_json::Value;

use crate::character::{AgentRecord, Character};

/// Whether one agent may write to another by itself.
///
/// Agents of one owner may write to each other. A character says otherwise in `settings.contacts`:
/// `to` are the handles that it may write to, `from` those that may write to it; `*` stands for all,
/// of whatever owner. Both sides have to agree.
pub(crate) fn may_write(from: &AgentRecord, to: &AgentRecord) -> bool {
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
    use crate::ids::AgentId;
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
}
