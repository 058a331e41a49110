//! Titles of talks, as an agent's model finds them.

use std::time::Duration;

use greenroom_actors::agent::Entitle;
use greenroom_actors::channels::ChannelMessage;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId};
use greenroom_actors::ports::{MessageQuery, Role, Turn};

use super::Messaging;
use super::messages::room_of;

/// Messages below which a talk is too short for a title.
const MESSAGES_MIN: usize = 4;

/// Characters of a title at most; models are asked for a few words.
const TITLE_MAX: usize = 100;

/// What models put around a title, asked or not.
const QUOTES: [char; 9] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '*'];

/// A title that is wanted.
#[derive(Clone, Debug)]
pub struct TitleWish {
    /// What it is for: the newest of these messages, of one channel.
    pub of: MessageQuery,
    /// Whose model finds it.
    pub agent: AgentId,
    /// Who asks; the agent itself if absent.
    pub asked_by: Option<EntityId>,
    /// How long that may take.
    pub within: Duration,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Titled {
    /// Too little was said.
    TooShort,
    /// The title; none if the model said nothing.
    Found(Option<String>),
}

impl Messaging {
    /// Finds a title for what was said in a channel. It is a run of the agent, recorded as all are.
    ///
    /// # Errors
    /// As [`Entitle`] and [`Reply::within`](greenroom_actors::agent::Reply::within) say;
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn title(&self, wish: TitleWish) -> Result<Titled, CoreError> {
        let TitleWish { of, agent, asked_by, within } = wish;
        let channel = of.channel_id;
        let said = if of.limit == 0 { Vec::new() } else { self.messages(of).await? };
        let (Some(channel), true) = (channel, said.len() >= MESSAGES_MIN) else {
            return Ok(Titled::TooShort);
        };
        let wanted = Entitle {
            talk: said.iter().rev().map(|message| turn(agent, message)).collect(),
            room_id: room_of(agent, channel),
            asked_by: asked_by.unwrap_or_else(|| agent.into()),
        };
        Ok(Titled::Found(self.entitle(agent, wanted, within).await?))
    }

    /// Finds a title for any talk; none if the model said nothing.
    ///
    /// # Errors
    /// As [`title`](Self::title).
    pub async fn entitle(
        &self,
        agent: AgentId,
        wanted: Entitle,
        within: Duration,
    ) -> Result<Option<String>, CoreError> {
        let found = self.registry.ask(agent, wanted).await?.within(within).await?;
        Ok(bare(&found))
    }
}

fn turn(agent: AgentId, message: &ChannelMessage) -> Turn {
    let is_own = message.author_id == agent.into();
    Turn::new(if is_own { Role::Assistant } else { Role::User }, message.content.as_str())
}

/// A title as a model wrote it, without what stands around it.
fn bare(written: &str) -> Option<String> {
    let is_around = |letter: char| QUOTES.contains(&letter) || letter.is_whitespace();
    let line = written.lines().map(|line| line.trim_matches(is_around));
    let line = line.into_iter().find(|line| !line.is_empty())?;
    let title: String = line.chars().take(TITLE_MAX).collect();
    Some(title.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_title_is_taken_off() {
        for (written, expected) in [
            ("Looms and Engines", Some("Looms and Engines")),
            ("\"Looms and Engines\"\n", Some("Looms and Engines")),
            ("  “Ada's Looms” ", Some("Ada's Looms")),
            ("**Looms**\n\nBecause they spoke of looms.", Some("Looms")),
            ("", None),
            (" \"\" \n ", None),
        ] {
            assert_eq!(bare(written).as_deref(), expected, "{written}");
        }
        assert_eq!(bare(&"ö".repeat(500)).unwrap().chars().count(), TITLE_MAX);
    }
}
