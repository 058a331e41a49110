//! Titles: what a talk is about, in a few words of a model.

use std::sync::Arc;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId};
use greenroom_actors::ports::{MessageQuery, Prompt, Purpose, Role, Turn};
use serde_json::{Map, Value, json};

use super::Messaging;

/// Messages below which a talk is too short for a title.
const TITLED_FROM: usize = 4;

/// Bytes of each message that a title is made from.
const MESSAGE_MAX_BYTES: usize = 1_024;

/// Characters of a title.
const TITLE_MAX_CHARS: usize = 100;

/// What the model is told.
const TASK: &str = "You give talks their titles. A title has three to six words and says what the \
                    talk is about. Answer with the title alone, without quotes.";

/// What the model is asked last.
const WISH: &str = "Give the talk so far a title.";

/// What came of the wish for a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Title {
    /// The title.
    Found(String),
    /// Too little has been said.
    TooEarly,
    /// The model had nothing to say.
    Absent,
}

impl Messaging {
    /// A title for those messages, in the words of an agent's model.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`], and as
    /// [`Registry::ask_model`](greenroom_actors::registry::Registry::ask_model).
    pub async fn title(&self, agent: AgentId, of: MessageQuery) -> Result<Title, CoreError> {
        let character = &self.registry.record(agent).await?.character;
        let said = self.messages(of).await?;
        if said.len() < TITLED_FROM {
            return Ok(Title::TooEarly);
        }
        let turn = |author: EntityId, text: &str| {
            let role = if author == agent.into() { Role::Assistant } else { Role::User };
            let end = text.floor_char_boundary(MESSAGE_MAX_BYTES);
            Turn::new(role, text.get(..end).unwrap_or_default())
        };
        let said = said.iter().rev().map(|message| turn(message.author_id, &message.content));
        let settings = [("temperature", json!(0.3)), ("maxTokens", json!(50))];
        let prompt = Prompt {
            model: character.model().map(str::to_owned),
            purpose: Purpose::Title,
            character: Arc::new(character.clone()),
            system: TASK.to_owned(),
            may_ignore: false,
            turns: said.chain([Turn::new(Role::User, WISH)]).collect(),
            tools: Vec::new(),
            settings: settings
                .map(|(key, value): (&str, Value)| (key.to_owned(), value))
                .into_iter()
                .collect::<Map<_, _>>(),
        };
        let answer = self.registry.ask_model(prompt).await?;
        Ok(tidy(&answer.text).map_or(Title::Absent, Title::Found))
    }
}

/// The title within a model's answer: its first line, without quotes around it.
fn tidy(answer: &str) -> Option<String> {
    let line = answer.lines().map(str::trim).find(|line| !line.is_empty())?;
    let is_quote = |letter: char| "\"'`“”‘’«»".contains(letter);
    let title = line.trim_matches(is_quote).trim();
    let title: String = title.chars().take(TITLE_MAX_CHARS).collect();
    if title.is_empty() { None } else { Some(title) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_bare_line() {
        for (answer, title) in [
            ("On Steam Engines", Some("On Steam Engines")),
            ("\n  \"On Steam Engines\"\nIt says …", Some("On Steam Engines")),
            ("“Ada’s Engine”", Some("Ada’s Engine")),
            ("\"\"", None),
            (" \n", None),
        ] {
            assert_eq!(tidy(answer).as_deref(), title, "{answer:?}");
        }
        assert_eq!(tidy(&"é".repeat(300)), Some("é".repeat(TITLE_MAX_CHARS)));
    }
}
