//! What a model is told: the character in words, and the conversation so far.

use serde_json::{Map, Value, json};

use super::journal::object;
use crate::approvals::Approval;
use crate::character::Character;
use crate::facts::Event;
use crate::goals::Goal;
use crate::ids::EntityId;
use crate::ports::{Prompt, Purpose, Role, Turn};
use crate::records::Memory;
use crate::texts::cut;

/// What is wanted where a talk is to be given a title. It is not the character who speaks.
const TITLE: &str = "You give conversations their titles. Answer with the title alone: three to six \
    words that say what the conversation is about, in its own language, without quotation marks.";

/// What is wanted where a talk has grown too long to be told in full.
const SUMMARY: &str = "You put conversations into fewer words for somebody who was there. Keep who said \
    what, names, numbers, dates, promises and what is still open. Answer with the summary alone, in the \
    language of the conversation, in at most 300 words.";

/// Bytes of the arguments of a call that is told of.
const ARGUMENTS_MAX_BYTES: usize = 500;

/// Bytes of a talk that a title is made from; of a longer one the latest count.
const TALK_MAX_BYTES: usize = 16 * 1024;

/// Settings of the model for a title, as elizaOS has them.
pub(crate) fn title_settings() -> Map<String, Value> {
    object(json!({"temperature": 0.3, "maxTokens": 50}))
}

/// The character in words, and what is wanted of it.
pub(crate) fn system(character: &Character, purpose: Purpose, may_ignore: bool) -> String {
    match purpose {
        Purpose::Title => return TITLE.to_owned(),
        Purpose::Summarise => return SUMMARY.to_owned(),
        Purpose::Reply | Purpose::Reflect | Purpose::Work => {}
    }
    let mut text = match &character.system {
        Some(system) => system.clone(),
        None => format!("You are {}.", character.name),
    };
    paragraph(&mut text, "About you", character.bio.sentences());
    paragraph(&mut text, "Your past", character.lore.as_deref().unwrap_or_default());
    paragraph(&mut text, "You are", character.adjectives.as_deref().unwrap_or_default());
    paragraph(&mut text, "You like to speak of", character.topics.as_deref().unwrap_or_default());
    if let Some(style) = &character.style {
        paragraph(&mut text, "How you write", style.all.as_deref().unwrap_or_default());
        if purpose == Purpose::Reply {
            paragraph(&mut text, "In conversations", style.chat.as_deref().unwrap_or_default());
        }
    }
    text.push_str(match purpose {
        Purpose::Reply => "\n\nAnswer the last message, as yourself.",
        Purpose::Reflect => {
            "\n\nNobody speaks to you now. Think about what happened lately and what you want to \
             do next. Answer with one thought, in a few sentences."
        }
        Purpose::Work => {
            "\n\nNobody speaks to you now. Do the next thing that is to be done, with the tools that you \
             have. Then say in a sentence or two what you did, or that there was nothing to do."
        }
        // Worded above.
        Purpose::Title | Purpose::Summarise => "",
    });
    if may_ignore {
        text.push_str(
            " You are one of several here. If the last message is not for you and you have nothing \
             to add, answer with the one word ",
        );
        text.push_str(Prompt::IGNORE);
        text.push('.');
    }
    text
}

fn paragraph(text: &mut String, title: &str, sentences: &[String]) {
    if !sentences.is_empty() {
        text.push_str("\n\n");
        text.push_str(title);
        text.push_str(":\n- ");
        text.push_str(&sentences.join("\n- "));
    }
}

/// The conversation that memories hold, given newest first; the newest cut to `newest_max_bytes`, which
/// is what is to be answered, and each other text to `max_bytes`. What is cut ends with a mark.
pub(crate) fn turns(
    newest_first: &[Memory],
    agent: EntityId,
    newest_max_bytes: usize,
    max_bytes: usize,
) -> Vec<Turn> {
    let bounds = std::iter::once(newest_max_bytes).chain(std::iter::repeat(max_bytes));
    let mut turns: Vec<_> = newest_first
        .iter()
        .zip(bounds)
        .filter(|(memory, _)| !memory.text().is_empty())
        .map(|(memory, max_bytes)| {
            let role = if memory.entity_id == agent { Role::Assistant } else { Role::User };
            let told = cut(memory.text(), max_bytes);
            let mark = if told.len() < memory.text().len() { " […]" } else { "" };
            Turn::new(role, format!("{told}{mark}"))
        })
        .collect();
    turns.reverse();
    turns
}

/// A talk written down as one turn, a line for each that spoke; each text cut to `max_bytes`.
///
/// As turns of the model's own it would be gone on with, rather than looked at.
pub(crate) fn talk(turns: &[Turn], name: &str, max_bytes: usize) -> Turn {
    let mut lines = Vec::new();
    let mut bytes = 0_usize;
    for turn in turns.iter().rev() {
        let speaker = if turn.role == Role::Assistant { name } else { "User" };
        let words = turn.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("{speaker}: {}", cut(&words, max_bytes));
        bytes = bytes.saturating_add(line.len());
        if bytes > TALK_MAX_BYTES && !lines.is_empty() {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    Turn::new(Role::User, lines.join("\n"))
}

/// What the agent works for.
pub(super) fn goals(system: &mut String, goals: &[Goal]) {
    let lines: Vec<_> = goals
        .iter()
        .map(|goal| format!("{} (id {})", goal.text.replace('\n', " "), goal.id))
        .collect();
    paragraph(system, "Your goals", &lines);
}

/// Calls that wait for a person's yes: or the same would be asked for again.
pub(super) fn waiting(system: &mut String, approvals: &[Approval]) {
    let lines: Vec<_> = approvals
        .iter()
        .map(|approval| {
            let arguments = approval.arguments.to_string();
            format!("{} {}", approval.tool, cut(&arguments, ARGUMENTS_MAX_BYTES))
        })
        .collect();
    let title =
        "These calls of yours wait for a person's yes, and are made then. Do not make them again";
    paragraph(system, title, &lines);
}

/// What was said before what the conversation still holds.
pub(super) fn earlier(system: &mut String, summary: &str) {
    paragraph(system, "Earlier in this conversation", &[summary.to_owned()]);
}

/// What happened to the agent lately, oldest first.
pub(super) fn happenings(system: &mut String, events: &[Event], max_bytes: usize) {
    let lines: Vec<_> = events
        .iter()
        .map(|event| {
            let data = Value::Object(event.data.clone()).to_string();
            format!("{} {}", event.kind.as_str(), cut(&data, max_bytes))
        })
        .collect();
    paragraph(system, "What happened to you lately", &lines);
}

/// What the agent remembers that may matter now.
pub(super) fn recalled(system: &mut String, memories: &[Memory], max_bytes: usize) {
    let lines: Vec<_> = memories
        .iter()
        .map(|memory| cut(memory.text(), max_bytes).replace('\n', " "))
        .filter(|line| !line.trim().is_empty())
        .collect();
    paragraph(system, "What you remember that may matter now", &lines);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AgentId, MemoryId, RoomId};
    use crate::records::MESSAGES;
    use crate::time::UnixMillis;

    #[test]
    fn what_is_answered_is_told_whole_and_what_is_cut_says_so() {
        let memory = |text: &str| Memory {
            id: MemoryId::new(),
            agent_id: AgentId::new(),
            kind: MESSAGES.to_owned(),
            room_id: RoomId::new(),
            world_id: None,
            entity_id: EntityId::new(),
            content: object(json!({"text": text})),
            metadata: Map::new(),
            unique: true,
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
        };
        let lately = [memory(&"n".repeat(30)), memory("short"), memory(&"o".repeat(30))];
        let turns = turns(&lately, EntityId::new(), 40, 10);
        let texts: Vec<_> = turns.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(texts, ["oooooooooo […]", "short", "n".repeat(30).as_str()]);
    }

    #[test]
    fn a_talk_is_a_line_for_each_that_spoke_and_the_latest_count() {
        let turns = [Turn::new(Role::User, "two\n lines"), Turn::new(Role::Assistant, "größe")];
        assert_eq!(talk(&turns, "Ada", 9).text, "User: two lines\nAda: größe");
        let long = vec![Turn::new(Role::User, "x".repeat(1_000)); 100];
        let text = talk(&long, "Ada", 2_000).text;
        assert_eq!(text.lines().count(), TALK_MAX_BYTES / 1_006);
        assert!(text.lines().all(|line| line.len() == 1_006));
    }

    #[test]
    fn the_character_is_put_into_words() {
        let character: Character = serde_json::from_value(serde_json::json!({
            "name": "Ada", "bio": ["Counts."], "topics": ["engines"], "style": {"chat": ["brief"]}
        }))
        .unwrap();
        let reply = system(&character, Purpose::Reply, false);
        for part in ["You are Ada.", "- Counts.", "- engines", "- brief"] {
            assert!(reply.contains(part), "{part} in {reply}");
        }
        assert!(!system(&character, Purpose::Reflect, false).contains("- brief"));
    }
}
