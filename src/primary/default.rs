//! The character of an agent that nobody has described.

use greenroom_actors::character::{Bio, Character};

/// What an agent is called that is not there.
pub(super) const DEFAULT_NAME: &str = "Milady";

/// A character whose handle is `handle`, and that says what it is.
#[must_use]
pub fn default_character(handle: &str) -> Character {
    let words = handle.split('-').filter(|word| !word.is_empty()).map(capitalised);
    let name = words.collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { DEFAULT_NAME.to_owned() } else { name };
    let bio = Bio::Many(vec![
        format!("{name} lives on this host and keeps going when nobody is watching."),
        "It has not been told yet who it should be.".to_owned(),
    ]);
    let posts = ["Hello. I am here.", "Nobody has described me yet. What shall I be?"];
    Character {
        system: Some(format!("You are {name}, a helpful agent. Answer plainly and briefly.")),
        bio,
        post_examples: Some(posts.map(str::to_owned).into()),
        ..Character::named(&name)
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use greenroom_actors::character::slug;

    use super::*;

    #[test]
    fn the_name_leads_back_to_the_handle() {
        for handle in ["milady", "night-watch", "a-2"] {
            assert_eq!(slug(&default_character(handle).name), handle);
        }
        assert_eq!(default_character("").name, DEFAULT_NAME);
    }
}
