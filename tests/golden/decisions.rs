//! The list of differences that are meant to be, each with the rule that says so.
//!
//! An entry that explains nothing fails the test as an unexplained difference does: the list says
//! what is, not what was.

use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::binder::Binder;
use super::compare::{Difference, Kind};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    skipped: Vec<Skipped>,
    #[serde(default)]
    answer: Vec<Answer>,
    #[serde(default)]
    difference: Vec<Listed>,
}

/// Lines that are not replayed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    lines: Vec<Pattern>,
    reason: String,
}

/// An answer that is another one altogether.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    lines: Vec<Pattern>,
    pub(crate) status: u16,
    #[serde(default)]
    body: Value,
    pub(crate) reason: String,
}

/// One thing that differs in the answers of some lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    lines: Vec<Pattern>,
    at: Vec<Pattern>,
    is: Kind,
    /// What we answer there.
    #[serde(default)]
    ours: Option<Value>,
    /// Whether it is so in every answer: then an answer without another difference counts as one
    /// that matches.
    #[serde(default)]
    everywhere: bool,
    reason: String,
}

/// A text in which `*` stands for anything but a slash, and `**` for anything.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
struct Pattern {
    text: String,
    regex: Regex,
    is_used: Cell<bool>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        let regex = regex::escape(&text).replace(r"\*\*", ".*").replace(r"\*", "[^/]*");
        let regex = Regex::new(&format!("^{regex}$")).unwrap();
        Self { text, regex, is_used: Cell::new(false) }
    }
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The first of them that fits.
    fn of<'a>(patterns: &'a [Self], text: &str) -> Option<&'a Self> {
        patterns.iter().find(|pattern| pattern.fits(text))
    }
}

#[derive(Debug)]
pub(crate) struct Decisions(File);

impl Decisions {
    pub(crate) fn read(file: &Path) -> Self {
        Self::parse(&std::fs::read_to_string(file).unwrap())
    }

    fn parse(text: &str) -> Self {
        let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        for listed in &file.difference {
            let says = listed.is != Kind::Other || listed.ours.is_some();
            assert!(says, "{:?} does not say what we answer", listed.at);
        }
        Self(file)
    }

    /// Why a line is not replayed.
    pub(crate) fn skipped(&self, line: &str) -> Option<&str> {
        self.0.skipped.iter().find_map(|entry| {
            Pattern::of(&entry.lines, line)?.is_used.set(true);
            Some(entry.reason.as_str())
        })
    }

    /// The answer that is expected in place of the recorded one.
    pub(crate) fn answer(&self, line: &str) -> Option<&Answer> {
        self.0.answer.iter().find(|answer| match Pattern::of(&answer.lines, line) {
            Some(pattern) => {
                pattern.is_used.set(true);
                true
            }
            None => false,
        })
    }

    /// Why a difference is meant to be; nothing but that it is so everywhere: an empty text.
    pub(crate) fn reason(
        &self,
        line: &str,
        difference: &Difference,
        binder: &Binder,
    ) -> Option<&str> {
        self.0.difference.iter().filter(|listed| listed.is == difference.is).find_map(|listed| {
            let lines = Pattern::of(&listed.lines, line)?;
            let at = Pattern::of(&listed.at, &difference.at)?;
            let ours = listed.ours.as_ref();
            if !ours.is_none_or(|ours| fits(ours, &difference.ours, binder)) {
                return None;
            }
            lines.is_used.set(true);
            at.is_used.set(true);
            Some(if listed.everywhere { "" } else { listed.reason.as_str() })
        })
    }

    /// What is so in every answer.
    pub(crate) fn everywhere(&self) -> impl Iterator<Item = &str> {
        let listed = self.0.difference.iter().filter(|listed| listed.everywhere);
        listed.map(|listed| listed.reason.as_str())
    }

    /// Whatever explained nothing.
    pub(crate) fn unused(&self) -> Vec<String> {
        let file = &self.0;
        let lines = file.skipped.iter().map(|entry| (&entry.lines, &entry.reason));
        let lines = lines.chain(file.answer.iter().map(|entry| (&entry.lines, &entry.reason)));
        let lines = lines.chain(file.difference.iter().map(|entry| (&entry.lines, &entry.reason)));
        let all = lines.chain(file.difference.iter().map(|entry| (&entry.at, &entry.reason)));
        all.flat_map(|(patterns, reason)| patterns.iter().map(move |pattern| (pattern, reason)))
            .filter(|(pattern, _)| !pattern.is_used.get())
            .map(|(pattern, reason)| format!("{} ({reason})", pattern.text))
            .collect()
    }
}

impl Answer {
    pub(crate) fn fits(&self, body: &Value, binder: &Binder) -> bool {
        fits(&self.body, body, binder)
    }

    pub(crate) fn expected(&self) -> &Value {
        &self.body
    }
}

static UUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$").unwrap()
});

/// Whether a value is as the list says, where a text in angle brackets stands for a kind of value.
fn fits(expected: &Value, ours: &Value, binder: &Binder) -> bool {
    match (expected, ours) {
        (Value::String(expected), ours) => match (expected.as_str(), ours) {
            ("<any>", _)
            | ("<null>", Value::Null)
            | ("<number>", Value::Number(_))
            | ("<text>", Value::String(_))
            | ("<list>", Value::Array(_))
            | ("<object>", Value::Object(_)) => true,
            ("<uuid>", Value::String(ours)) => UUID.is_match(ours),
            ("<iso>", Value::String(ours)) => ours.len() == 24 && ours.ends_with('Z'),
            ("<unix>", Value::String(ours)) => ours.parse().is_ok_and(|ours: u32| ours > 1 << 30),
            ("<ms>", Value::Number(ours)) => ours.as_u64().is_some_and(|ours| ours > 1 << 40),
            (expected, Value::String(ours)) => binder.translated(expected) == *ours,
            _ => false,
        },
        (Value::Array(expected), Value::Array(ours)) => {
            expected.len() == ours.len()
                && expected.iter().zip(ours).all(|(expected, ours)| fits(expected, ours, binder))
        }
        (Value::Object(expected), Value::Object(ours)) => {
            expected.len() == ours.len()
                && expected.iter().all(|(key, expected)| {
                    ours.get(key).is_some_and(|ours| fits(expected, ours, binder))
                })
        }
        _ => expected == ours,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIST: &str = r#"
        [[skipped]]
        lines = ["audio-*"]
        reason = "later"

        [[answer]]
        lines = ["errors-003-01"]
        status = 400
        body = { success = false, error = { code = "BAD_REQUEST", message = "<text>" } }
        reason = "D5"

        [[difference]]
        lines = ["agents-*"]
        at = ["body /data/agents/*/agentId"]
        is = "extra"
        ours = "<uuid>"
        reason = "6.1"

        [[difference]]
        lines = ["agents-*", "memory-*"]
        at = ["header vary"]
        is = "other"
        ours = "Origin, Accept"
        reason = "1.6"
    "#;

    fn found(at: &str, is: Kind, ours: Value) -> Difference {
        Difference { at: at.to_owned(), is, recorded: Value::Null, ours }
    }

    #[test]
    fn a_difference_is_explained_only_by_what_fits_it() {
        let decisions = Decisions::parse(LIST);
        let binder = Binder::default();
        let id = json!("52b464d2-13a3-0603-8af4-cc4004c65c52");
        let at = "body /data/agents/0/agentId";
        let extra = found(at, Kind::Extra, id.clone());
        assert_eq!(decisions.reason("agents-001-01", &extra, &binder), Some("6.1"));
        for (line, difference) in [
            ("memory-001-01", extra.clone()),
            ("agents-001-01", found(at, Kind::Missing, id.clone())),
            ("agents-001-01", found(at, Kind::Extra, json!("Ada"))),
            ("agents-001-01", found("body /data/agents/0/x/agentId", Kind::Extra, id)),
            ("agents-001-01", found("header vary", Kind::Other, json!("*"))),
        ] {
            assert_eq!(decisions.reason(line, &difference, &binder), None, "{difference:?}");
        }
        let vary = found("header vary", Kind::Other, json!("Origin, Accept"));
        assert_eq!(decisions.reason("agents-001-01", &vary, &binder), Some("1.6"));

        assert_eq!(decisions.skipped("audio-001-01"), Some("later"));
        assert_eq!(decisions.skipped("agents-001-01"), None);
        let answer = decisions.answer("errors-003-01").unwrap();
        let error = |code: &str| json!({"success": false, "error": {"code": code, "message": "m"}});
        assert!(answer.fits(&error("BAD_REQUEST"), &binder));
        assert!(!answer.fits(&error("OTHER"), &binder));
        assert_eq!(decisions.unused(), ["memory-* (1.6)"]);
    }
}
