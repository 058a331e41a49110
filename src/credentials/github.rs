//! An agent's own access token for GitHub: sealed among the secrets of its character.

use greenroom_actors::character::Character;

/// Where it stands among the secrets, and the variable that programs know it by.
pub const GITHUB_PAT: &str = "GITHUB_PAT";

/// The sealed token of an agent of that character, if it has one.
#[must_use]
pub fn own_github_token(character: &Character) -> Option<&str> {
    character.setting("secrets")?.get(GITHUB_PAT)?.as_str()
}
