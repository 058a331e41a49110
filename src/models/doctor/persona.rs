//! What the rules take from the character.

use greenroom_actors::character::Character;

use super::words::{capitalised, cycled};

/// Bytes of a character's own text that go into an answer.
const TEXT_MAX_BYTES: usize = 300;

/// Texts of each sort that are looked at.
const TEXTS_MAX: usize = 64;

/// Fills the places that the character fills; `None` if it has nothing for one of them.
///
/// `place` says which of several topics, sentences or adjectives.
pub(super) fn filled(template: &str, character: &Character, place: usize) -> Option<String> {
    let mut text = template.to_owned();
    let slot = |text: &mut String, name: &str, value: Option<String>| {
        if text.contains(name) {
            *text = text.replace(name, &value?);
        }
        Some(())
    };
    slot(&mut text, "{name}", Some(name(character)))?;
    slot(&mut text, "{topic}", cycled(&topics(character), place).cloned())?;
    slot(&mut text, "{adjective}", cycled(&adjectives(character), place).cloned())?;
    slot(&mut text, "{bio}", cycled(&account(character), place).map(|text| sentence(text)))?;
    Some(text)
}

/// The name, for the agent to say.
fn name(character: &Character) -> String {
    short(&character.name)
}

/// The topics.
pub(super) fn topics(character: &Character) -> Vec<String> {
    texts(character.topics.as_deref())
}

fn adjectives(character: &Character) -> Vec<String> {
    texts(character.adjectives.as_deref())
}

/// What the character says of itself: its sentences, then its past.
fn account(character: &Character) -> Vec<String> {
    let mut account = texts(Some(character.bio.sentences()));
    account.extend(texts(character.lore.as_deref()));
    account
}

fn texts(texts: Option<&[String]>) -> Vec<String> {
    let texts = texts.unwrap_or_default().iter().take(TEXTS_MAX);
    texts.map(|text| short(text)).filter(|text| !text.is_empty()).collect()
}

fn short(text: &str) -> String {
    let text = text.trim();
    text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or_default().trim_end().to_owned()
}

/// `text` as a sentence: a large letter first, a full stop last.
pub(super) fn sentence(text: &str) -> String {
    let text = capitalised(text.trim());
    if text.ends_with(['.', '!', '?', '…']) { text } else { text + "." }
}

/// The text as the character's style wants it: brief, or in small letters.
pub(super) fn styled(character: &Character, text: String) -> String {
    let Some(style) = &character.style else { return text };
    let rules = style.all.iter().chain(&style.chat).flatten().take(TEXTS_MAX);
    let rules: Vec<String> = rules.map(|rule| short(rule).to_lowercase()).collect();
    let wants =
        |words: &[&str]| rules.iter().any(|rule| words.iter().any(|word| rule.contains(word)));
    let mut text = text;
    if wants(&["brief", "concise", "terse", "short"]) {
        let mut ends = text.match_indices(['.', '?', '!']).map(|(at, _)| at + 1);
        // A full stop inside a name or a number is followed by no space.
        let end = ends.find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(' ')));
        text.truncate(end.unwrap_or(text.len()));
    }
    if wants(&["lowercase", "lower case", "small letters"]) {
        text = text.to_lowercase();
    }
    text
}

#[cfg(test)]
mod tests {
    use greenroom_actors::character::{Bio, Style};

    use super::*;

    fn ada() -> Character {
        Character {
            bio: Bio::One("counts things".to_owned()),
            topics: Some(vec!["looms".to_owned(), "  ".to_owned(), "engines".to_owned()]),
            ..Character::named("Ada")
        }
    }

    #[test]
    fn places_are_filled_from_the_character_or_not_at_all() {
        for (template, place, expected) in [
            ("I am {name}. {bio}", 0, Some("I am Ada. Counts things.")),
            ("{topic}", 0, Some("looms")),
            ("{topic}", 3, Some("engines")),
            ("so {adjective}", 0, None),
            ("plain", 9, Some("plain")),
        ] {
            assert_eq!(filled(template, &ada(), place).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn style_is_followed() {
        let styled = |rule: &str| {
            let style = Style { all: Some(vec![rule.to_owned()]), ..Style::default() };
            let character = Character { style: Some(style), ..ada() };
            styled(&character, "About 1.5 Looms. Why?".to_owned())
        };
        assert_eq!(styled("be Brief"), "About 1.5 Looms.");
        assert_eq!(styled("all lowercase"), "about 1.5 looms. why?");
        assert_eq!(styled("friendly"), "About 1.5 Looms. Why?");
    }
}
