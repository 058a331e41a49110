//! Names of agents: how one is made of what a client sends, and which cannot be.

use super::error::TrinityError;

/// Characters of a name at most.
const NAME_MAX: usize = 63;

/// Words that stand where a name does in some path.
pub const RESERVED: &[&str] = &[
    "context-stats",
    "autonomy-status",
    "execution-stats",
    "slots",
    "sync-health",
    "permissions-edges",
    "deploy-local",
    "scheduler",
    "activities",
    "avatars",
    "stats",
];

/// The name of an agent to be created.
///
/// # Errors
/// 400 where nothing is left of it, or what is left cannot be a name.
pub(super) fn for_creation(wanted: &str) -> Result<String, TrinityError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name: String = wanted.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    let begin = name.find(|c: char| c.is_ascii_alphanumeric());
    let name = begin.and_then(|begin| name.get(begin..)).unwrap_or_default();
    let name = collapsed(name);
    let name = name.trim_end_matches('-').to_ascii_lowercase();
    if name.is_empty() {
        let told = "Agent name must contain at least one alphanumeric character";
        return Err(TrinityError::bad(told));
    }
    checked(name)
}

/// The new name of an agent.
///
/// # Errors
/// 400 where it cannot be one.
pub(super) fn for_rename(wanted: &str, current: &str) -> Result<String, TrinityError> {
    let wanted = wanted.trim();
    if wanted.is_empty() {
        return Err(TrinityError::bad("New name cannot be empty"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let wanted = wanted.to_lowercase();
    let name: String = wanted.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    let name = collapsed(&name).trim_matches('-').to_owned();
    if name.is_empty() {
        return Err(TrinityError::bad("Invalid agent name"));
    }
    let name = checked(name)?;
    if name == current {
        return Err(TrinityError::bad("The new name is the same as the current name"));
    }
    Ok(name)
}

fn checked(name: String) -> Result<String, TrinityError> {
    if name.len() > NAME_MAX {
        let told = format!("Agent name is too long (at most {NAME_MAX} characters)");
        return Err(TrinityError::bad(told));
    }
    if RESERVED.contains(&name.as_str()) {
        return Err(TrinityError::bad(format!("Agent name '{name}' is reserved")));
    }
    Ok(name)
}

/// Runs of hyphens as one.
fn collapsed(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    for c in name.chars() {
        if c != '-' || !short.ends_with('-') {
            short.push(c);
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_creation() {
        for (wanted, expected) in [
            ("!!! a  b..c__d-- ", Ok("a-b..c__d")),
            ("Data Loader (v2)", Ok("data-loader-v2")),
            ("..a", Ok("a")),
            ("_x", Ok("x")),
            ("Ärger 1", Ok("rger-1")),
            ("a", Ok("a")),
            ("", Err("alphanumeric")),
            ("---", Err("alphanumeric")),
            ("..", Err("alphanumeric")),
            ("Slots", Err("reserved")),
            ("context-stats", Err("reserved")),
            (&"a".repeat(63), Ok(&"a".repeat(63))),
            (&"a".repeat(64), Err("too long")),
        ] {
            let found = for_creation(wanted);
            match expected {
                Ok(name) => assert_eq!(found.unwrap(), name, "{wanted}"),
                Err(words) => assert!(found.unwrap_err().words().contains(words), "{wanted}"),
            }
        }
    }

    #[test]
    fn names_for_a_rename() {
        for (wanted, expected) in [
            ("My New.Name_1", Ok("my-new-name_1")),
            ("  b ", Ok("b")),
            ("", Err("empty")),
            ("   ", Err("empty")),
            ("...", Err("Invalid")),
            ("A", Err("same")),
            ("slots", Err("reserved")),
            (&"b".repeat(64), Err("too long")),
        ] {
            let found = for_rename(wanted, "a");
            match expected {
                Ok(name) => assert_eq!(found.unwrap(), name, "{wanted}"),
                Err(words) => assert!(found.unwrap_err().words().contains(words), "{wanted}"),
            }
        }
    }
}
