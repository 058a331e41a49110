//! The tools of a server as they are offered to models: named, bounded, with what a second call
//! would mean.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use greenroom_actors::ports::{Effect, Tool, ToolSpec};
use rmcp::model::Tool as Told;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::mcp::settings::McpServerSettings;

/// Characters of a name that providers take.
const NAME_MAX: usize = 64;

/// Bytes of a description at most; the rest is cut off.
const DESCRIPTION_MAX: usize = 1_024;

/// Bytes of a tool's parameters; a tool with larger ones is not offered.
const PARAMETERS_MAX: usize = 16 * 1024;

/// Between the name of a server and that of its tool.
pub(super) const SEPARATOR: &str = "__";

/// A tool as it is offered, and what its server calls it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offer {
    pub(super) tool: Tool,
    pub(super) told_name: String,
}

/// The tools that are offered of those that a server told of.
pub(super) fn offers(server: &str, settings: &McpServerSettings, told: Vec<Told>) -> Vec<Offer> {
    let mut by_name = BTreeMap::new();
    let is_named = |names: &[String], tool: &Told| names.iter().any(|name| *name == tool.name);
    for tool in told {
        if settings.tools.is_empty() || is_named(&settings.tools, &tool) {
            // In the order of names, so that the same tools get the same names every time.
            by_name.entry(tool.name.to_string()).or_insert(tool);
        }
    }
    let max = usize::try_from(settings.tools_max).unwrap_or(usize::MAX);
    if by_name.len() > max {
        tracing::warn!(server, tools = by_name.len(), max, "an MCP server has too many tools");
    }
    let mut offered = BTreeMap::new();
    for (told_name, tool) in by_name.into_iter().take(max) {
        let mut parameters = tool.input_schema.as_ref().clone();
        // Some providers refuse a schema that says which draft it is of.
        parameters.shift_remove("$schema");
        let parameters = Value::Object(parameters);
        if parameters.to_string().len() > PARAMETERS_MAX {
            tracing::warn!(server, tool = told_name, "the parameters of an MCP tool are too large");
            continue;
        }
        let description = tool.description.as_deref().unwrap_or_default();
        let description = description.get(..description.floor_char_boundary(DESCRIPTION_MAX));
        let spec = ToolSpec {
            name: String::new(),
            description: description.unwrap_or_default().to_owned(),
            parameters,
        };
        let asks_first = is_named(&settings.ask_first, &tool);
        let tool = Tool { spec, effect: effect(settings, &tool), asks_first };
        let name = plain_name(server, &told_name);
        let name = if name.len() > NAME_MAX { marked(&name, &told_name) } else { name };
        match offered.entry(name) {
            Entry::Vacant(free) => {
                free.insert(Offer { tool, told_name });
            }
            Entry::Occupied(taken) => {
                let name = marked(taken.key(), &told_name);
                offered.insert(name, Offer { tool, told_name });
            }
        }
    }
    let named = offered.into_iter().map(|(name, mut offer)| {
        offer.tool.spec.name = name;
        offer
    });
    named.collect()
}

/// What a second call would mean: as the operator says, else as the server does where it is
/// believed, else the worst.
fn effect(settings: &McpServerSettings, tool: &Told) -> Effect {
    let is_named = |names: &[String]| names.iter().any(|name| *name == tool.name);
    let hints = tool.annotations.as_ref().filter(|_| settings.trusts_hints);
    let reads = hints.and_then(|hints| hints.read_only_hint);
    let repeats = hints.and_then(|hints| hints.idempotent_hint);
    if is_named(&settings.read_only) || reads == Some(true) {
        Effect::Reads
    } else if is_named(&settings.idempotent) || repeats == Some(true) {
        Effect::Idempotent
    } else if is_named(&settings.keyed) {
        Effect::Keyed
    } else {
        Effect::Once
    }
}

/// Both names with a sign between them, in the characters that providers take.
fn plain_name(server: &str, tool: &str) -> String {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() || sign == '-' { sign } else { '_' };
    format!("{server}{SEPARATOR}{}", tool.chars().map(plain).collect::<String>())
}

/// A name that another has already, or that is too long, made one of its own.
fn marked(name: &str, told_name: &str) -> String {
    let digest = Sha256::digest(told_name.as_bytes());
    let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = NAME_MAX.saturating_sub(mark.len().saturating_add(1));
    let start = name.get(..name.len().min(room)).unwrap_or_default();
    format!("{start}_{mark}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rmcp::model::ToolAnnotations;
    use serde_json::json;

    use super::*;

    fn told(name: &str) -> Told {
        let schema = json!({"type": "object"}).as_object().cloned().unwrap();
        Told::new(name.to_owned(), "Does.", Arc::new(schema))
    }

    fn names(told: Vec<Told>, settings: &McpServerSettings) -> Vec<String> {
        offers("srv", settings, told).into_iter().map(|offer| offer.tool.spec.name).collect()
    }

    #[test]
    fn names_are_what_providers_take_and_each_is_another() {
        let long = "x".repeat(100);
        let all = ["read", "a.b", "a b", "a_b", "ö", &long, "read"];
        let found = names(all.map(told).into(), &McpServerSettings::default());
        assert_eq!(found.len(), 6);
        for name in &found {
            let is_plain = name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
            assert!(is_plain && (1..=NAME_MAX).contains(&name.len()), "{name}");
        }
        assert!(found.contains(&"srv__read".to_owned()) && found.contains(&"srv__a_b".to_owned()));
        let mut reversed = all;
        reversed.reverse();
        assert_eq!(names(reversed.map(told).into(), &McpServerSettings::default()), found);
    }

    #[test]
    fn bounds_hold_whatever_a_server_tells() {
        let schema = json!({"type": "object", "x": "x".repeat(PARAMETERS_MAX)});
        let large = Told::new("large", "Does.", Arc::new(schema.as_object().cloned().unwrap()));
        let mut wordy = told("wordy");
        wordy.description = Some("ö".repeat(DESCRIPTION_MAX).into());
        let settings = McpServerSettings { tools_max: 3, ..McpServerSettings::default() };
        let all = vec![large, wordy, told("a"), told("z")];
        let offers = offers("srv", &settings, all);
        let names: Vec<_> = offers.iter().map(|offer| offer.told_name.as_str()).collect();
        assert_eq!(names, ["a", "wordy"]);
        assert_eq!(offers[1].tool.spec.description.len(), DESCRIPTION_MAX);
    }

    #[test]
    fn a_server_is_believed_only_where_the_operator_says_so() {
        let hinted = |hints: ToolAnnotations| told("x").with_annotations(hints);
        let reads = hinted(ToolAnnotations::new().read_only(true));
        let repeats = hinted(ToolAnnotations::new().idempotent(true));
        let named = |read_only: &[&str], idempotent: &[&str], trusts_hints| McpServerSettings {
            read_only: read_only.iter().map(ToString::to_string).collect(),
            idempotent: idempotent.iter().map(ToString::to_string).collect(),
            trusts_hints,
            ..McpServerSettings::default()
        };
        let server = McpServerSettings::default();
        for (tool, settings, expected) in [
            (&reads, named(&[], &[], false), Effect::Once),
            (&reads, named(&[], &[], true), Effect::Reads),
            (&repeats, named(&[], &[], true), Effect::Idempotent),
            (&repeats, named(&["x"], &[], true), Effect::Reads),
            (&told("x"), named(&[], &["x"], false), Effect::Idempotent),
            (&told("x"), named(&["y"], &["y"], true), Effect::Once),
            (
                &told("x"),
                McpServerSettings { keyed: vec!["x".to_owned()], ..server },
                Effect::Keyed,
            ),
        ] {
            assert_eq!(effect(&settings, tool), expected);
        }
        let only =
            McpServerSettings { tools: vec!["b".to_owned()], ..McpServerSettings::default() };
        assert_eq!(names(vec![told("a"), told("b")], &only), ["srv__b"]);
    }
}
