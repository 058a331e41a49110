//! Read-only mode: what an agent may change in a workspace that is to stay as it is.

use greenroom_actors::character::Character;
use serde_json::Value;

use super::error::WorkspaceError;
use super::glob;
use super::path::WorkPath;

/// Patterns of each list that count.
const PATTERNS_MAX: usize = 256;

/// Where a character says it, in its settings.
const SETTING: &str = "workspace";

/// Whether a workspace is read-only for its agent, and what that means.
///
/// The rule and its defaults are Trinity's. For one change: what an allowed pattern matches may be
/// changed; else what a blocked pattern matches may not; else it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOnly {
    /// Whether the rule is in force.
    pub is_enabled: bool,
    /// What must not be changed.
    pub blocked: Vec<String>,
    /// What may be changed all the same.
    pub allowed: Vec<String>,
}

impl Default for ReadOnly {
    /// Not in force, with the patterns that count once it is.
    fn default() -> Self {
        let owned = |patterns: &[&str]| patterns.iter().map(|one| (*one).to_owned()).collect();
        Self {
            is_enabled: false,
            blocked: owned(&Self::DEFAULT_BLOCKED),
            allowed: owned(&Self::DEFAULT_ALLOWED),
        }
    }
}

impl ReadOnly {
    /// What must not be changed where nobody says otherwise.
    pub const DEFAULT_BLOCKED: [&str; 28] = [
        "*.py",
        "*.js",
        "*.ts",
        "*.jsx",
        "*.tsx",
        "*.vue",
        "*.svelte",
        "*.go",
        "*.rs",
        "*.rb",
        "*.java",
        "*.c",
        "*.cpp",
        "*.h",
        "*.sh",
        "*.bash",
        "Makefile",
        "Dockerfile",
        "CLAUDE.md",
        "README.md",
        ".claude/*",
        ".env",
        ".env.*",
        "template.yaml",
        "*.yaml",
        "*.yml",
        "*.json",
        "*.toml",
    ];

    /// What may be changed all the same where nobody says otherwise.
    pub const DEFAULT_ALLOWED: [&str; 7] = [
        "content/*",
        "output/*",
        "reports/*",
        "exports/*",
        "*.log",
        "*.txt",
        ".trinity/operator-queue.json",
    ];

    /// What a character says: `settings.workspace` with `read_only`, `blocked_patterns` and
    /// `allowed_patterns`.
    ///
    /// What cannot be read there counts as the stricter: a rule in force, the default patterns.
    #[must_use]
    pub fn of(character: &Character) -> Self {
        let said = character.setting(SETTING);
        let part = |key: &str| said.and_then(|said| said.get(key)).filter(|part| !part.is_null());
        let default = Self::default();
        Self {
            is_enabled: part("read_only").is_some_and(|value| *value != Value::Bool(false)),
            blocked: part("blocked_patterns").and_then(patterns).unwrap_or(default.blocked),
            allowed: part("allowed_patterns").and_then(patterns).unwrap_or(default.allowed),
        }
    }

    /// Whether the agent may change what lies at `path`.
    ///
    /// # Errors
    /// [`WorkspaceError::ReadOnly`] if it may not.
    pub fn check(&self, path: &WorkPath) -> Result<(), WorkspaceError> {
        let text = path.to_string();
        let fits = |pattern: &&String| covers(pattern, &text, path.name().unwrap_or_default());
        if !self.is_enabled || self.allowed.iter().any(|pattern| fits(&pattern)) {
            return Ok(());
        }
        match self.blocked.iter().find(fits) {
            Some(pattern) => {
                Err(WorkspaceError::ReadOnly { path: path.clone(), pattern: pattern.clone() })
            }
            None => Ok(()),
        }
    }
}

fn patterns(list: &Value) -> Option<Vec<String>> {
    let list = list.as_array().filter(|list| list.len() <= PATTERNS_MAX)?;
    list.iter().map(|pattern| pattern.as_str().map(str::to_owned)).collect()
}

/// Whether a pattern describes the whole path, its last name, or a folder at or above it.
fn covers(pattern: &str, path: &str, name: &str) -> bool {
    let is_within = |folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    glob::matches(pattern, path)
        || glob::matches(pattern, name)
        || pattern.strip_suffix("/*").is_some_and(is_within)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn permits(rule: &ReadOnly, path: &str) -> bool {
        rule.check(&path.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_rule_is_allowed_then_blocked_then_free() {
        let rule = ReadOnly { is_enabled: true, ..ReadOnly::default() };
        for (path, expected) in [
            ("main.py", false),
            ("src/deep/main.rs", false),
            ("Makefile", false),
            ("sub/Makefile", false),
            ("makefile", true),
            (".env", false),
            (".env.local", false),
            (".claude/settings", false),
            (".claude", false),
            (".claude2/settings", true),
            ("a.json", false),
            ("content/a.json", true),
            ("content", true),
            ("contents/a.json", false),
            ("sub/content/a.json", false),
            ("output/../main.py", false),
            ("notes.txt", true),
            ("src/run.log", true),
            ("picture.png", true),
            (".trinity/operator-queue.json", true),
            (".trinity/other.json", false),
        ] {
            assert_eq!(permits(&rule, path), expected, "{path}");
        }
        assert!(permits(&ReadOnly::default(), "main.py"));
    }

    #[test]
    fn a_character_says_it_and_what_is_unclear_is_strict() {
        let of = |workspace: Value| {
            let settings = json!({"workspace": workspace});
            let settings = settings.as_object().cloned();
            ReadOnly::of(&Character { settings, ..Character::named("Ada") })
        };
        assert_eq!(of(Value::Null), ReadOnly::default());
        assert_eq!(of(json!({"read_only": false})), ReadOnly::default());
        let strict = ReadOnly { is_enabled: true, ..ReadOnly::default() };
        for unclear in [json!({"read_only": "no"}), json!({"read_only": 1, "blocked_patterns": 3})]
        {
            assert_eq!(of(unclear), strict);
        }
        let own = of(json!({
            "read_only": true, "blocked_patterns": ["*"], "allowed_patterns": ["log/*"]
        }));
        assert!(permits(&own, "log/a") && !permits(&own, "notes.txt"));
    }
}
