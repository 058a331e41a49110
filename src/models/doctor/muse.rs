//! Thinking, with nobody to answer.

use greenroom_actors::character::Character;
use greenroom_actors::ports::{Role, Turn};

use super::converse::{Speech, statement};
use super::persona::topics;
use super::script::{THOUGHTS_GO_ON, THOUGHTS_OF_NOTHING, THOUGHTS_OF_TALK, THOUGHTS_OF_TOPIC};
use super::words::{cycled, number};

/// A short thought of `character`: of what somebody said lately, or of a topic, or of neither.
///
/// Thoughts take turns as answers do. Which is next follows from the number of thoughts so far and
/// from the last of them, so that it also moves on when the turns are cut off at a number.
pub(super) fn thought(character: &Character, turns: &[Turn]) -> String {
    let speech = Speech { character, turns };
    let own = turns.iter().filter(|turn| turn.role == Role::Assistant);
    let last = own.clone().next_back().map_or("", |turn| turn.text.as_str());
    let next = own.count().wrapping_add(number([character.name.as_str(), last]));
    let topics = topics(character);
    let heard = turns.iter().rev().filter(|turn| turn.role == Role::User);
    let told = heard.take(3).find_map(|turn| statement(&turn.text));
    let begins = match (told, cycled(&topics, next)) {
        // What was said lately comes first, but does not fill the whole mind.
        (Some(told), topic) if topic.is_none() || next % 3 != 2 => {
            speech.one_of(THOUGHTS_OF_TALK, &[told], next)
        }
        (_, Some(topic)) => {
            let topic = std::slice::from_ref(topic);
            speech.one_of(THOUGHTS_OF_TOPIC, topic, next / topics.len().max(1))
        }
        _ => speech.one_of(THOUGHTS_OF_NOTHING, &[], next),
    };
    let goes_on = speech.one_of(THOUGHTS_GO_ON, &[], next / 7);
    format!("{begins} {goes_on}")
}
