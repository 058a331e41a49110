//! Which tools an agent may use, as its character says in `settings.tools`.

use serde_json::Value;

use crate::character::Character;

/// Which tools an agent may use.
///
/// `settings.tools` is an object of lists of names: `allow` (absent: all), `deny`, and `ask_first`
/// for those of which a person has to allow each call. A name may end with `*`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToolPolicy<'a> {
    allow: Option<&'a [Value]>,
    deny: &'a [Value],
    ask_first: &'a [Value],
    /// What `settings.guardrails.disallowed_tools` denies beside that.
    barred: &'a [Value],
}

impl<'a> ToolPolicy<'a> {
    pub(super) fn of(character: &'a Character) -> Self {
        let settings = character.setting("tools");
        let list = |key: &str| Some(settings?.get(key)?.as_array()?.as_slice());
        let guardrails = character.setting("guardrails");
        let barred = guardrails.and_then(|said| said.get("disallowed_tools")?.as_array());
        Self {
            allow: list("allow"),
            deny: list("deny").unwrap_or_default(),
            ask_first: list("ask_first").unwrap_or_default(),
            barred: barred.map(Vec::as_slice).unwrap_or_default(),
        }
    }

    pub(super) fn allows(&self, tool: &str) -> bool {
        let is_denied = names(self.deny, tool) || names(self.barred, tool);
        self.allow.is_none_or(|allow| names(allow, tool)) && !is_denied
    }

    pub(super) fn asks_first(&self, tool: &str) -> bool {
        names(self.ask_first, tool)
    }
}

fn names(list: &[Value], tool: &str) -> bool {
    list.iter().filter_map(Value::as_str).any(|name| match name.strip_suffix('*') {
        Some(start) => tool.starts_with(start),
        None => tool == name,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_denied_is_denied_and_what_is_not_named_is_allowed_unless_some_are() {
        let table = [
            (json!(null), true, false),
            (json!({}), true, false),
            (json!({"deny": ["recall"]}), false, false),
            (json!({"allow": []}), false, false),
            (json!({"allow": ["re*"]}), true, false),
            (json!({"allow": ["*"], "deny": ["*"]}), false, false),
            (json!({"ask_first": ["rec*"]}), true, true),
            (json!({"allow": "recall"}), true, false),
        ];
        for (tools, allows, asks_first) in table {
            let mut character = Character::named("Ada");
            character.settings = json!({"tools": tools}).as_object().cloned();
            let policy = ToolPolicy::of(&character);
            assert_eq!(policy.allows("recall"), allows, "{tools}");
            assert_eq!(policy.asks_first("recall"), asks_first, "{tools}");
        }
        let mut character = Character::named("Ada");
        let guardrails = json!({"guardrails": {"disallowed_tools": ["rec*"]}});
        character.settings = guardrails.as_object().cloned();
        assert!(!ToolPolicy::of(&character).allows("recall"));
    }
}
