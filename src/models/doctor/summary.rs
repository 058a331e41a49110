//! Putting a talk into fewer words: the first sentence of each that spoke, as far as there is room.

use greenroom_actors::ports::Turn;

/// Bytes of a summary.
const MAX_BYTES: usize = 2_000;

/// The talk that the last turn holds, in fewer words: the latest count.
pub(super) fn summary(turns: &[Turn]) -> String {
    let talk = turns.last().map_or("", |turn| turn.text.as_str());
    let mut lines: Vec<&str> = Vec::new();
    let mut bytes = 0_usize;
    for line in talk.lines().rev().map(first_sentence).filter(|line| !line.is_empty()) {
        bytes = bytes.saturating_add(line.len() + 1);
        if bytes > MAX_BYTES {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

fn first_sentence(line: &str) -> &str {
    let end = line.find(['.', '!', '?']).map_or(line.len(), |end| end + 1);
    line.get(..end).unwrap_or(line).trim()
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ports::Role;

    use super::*;

    #[test]
    fn each_that_spoke_is_told_by_a_sentence_and_the_latest_count() {
        let talk = "So far: nothing.\nUser: I went home. It rained.\nAda: Why?\n";
        let short = summary(&[Turn::new(Role::User, talk)]);
        assert_eq!(short, "So far: nothing.\nUser: I went home.\nAda: Why?");
        let long = "User: one. two.\n".repeat(1_000);
        assert!(summary(&[Turn::new(Role::User, long)]).len() <= MAX_BYTES);
        assert_eq!(summary(&[]), "");
    }
}
