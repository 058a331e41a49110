//! What follows a turn in a conversation: it moves up the list, and gets a title if it has none.

use std::sync::Arc;

use greenroom_actors::agent::Entitle;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{Role, Turn};
use serde_json::json;

use super::book::NEW;
use super::{Conversation, list};
use crate::dialects::milady::chat::Place;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::socket::Frame;

/// Characters of a title that nobody has chosen.
const TITLE_MAX: usize = 50;

/// The conversation that a turn belongs to.
pub(in crate::dialects::milady) struct Following {
    shared: Arc<Shared>,
    conversation: Conversation,
    /// What a title is asked for with, if one is wanted.
    wish: Option<(AgentId, Entitle)>,
}

impl Following {
    /// After a turn of that conversation.
    pub(super) fn of(shared: Arc<Shared>, conversation: Conversation) -> Self {
        Self { shared, conversation, wish: None }
    }

    /// The same; if it has no title yet, it gets one by what was said first.
    pub(super) fn entitling(self, agent: AgentId, place: &Place, said: &str) -> Self {
        let is_wanted = self.conversation.title == NEW;
        let wish = is_wanted.then(|| {
            let talk = vec![Turn::new(Role::User, said)];
            (agent, Entitle { talk, room_id: place.room.id, asked_by: place.admin })
        });
        Self { wish, ..self }
    }

    /// Once there is an answer, or none is to come.
    pub(in crate::dialects::milady) async fn answered(&self) {
        if let Err(error) = self.shared.conversations.touch(self.conversation.id).await {
            tracing::warn!(%error, "a conversation keeps its place in the list");
        }
    }

    /// Once the answer has been told.
    pub(in crate::dialects::milady) async fn told(self, answer: &str) {
        let Self { shared, conversation, wish } = self;
        let Some((agent, mut wish)) = wish else { return };
        wish.talk.push(Turn::new(Role::Assistant, answer));
        let titled = async {
            let within = shared.settings.reply_within();
            let title = shared.host.messaging.entitle(agent, wish, within).await?;
            let title: String = title.unwrap_or_default().chars().take(TITLE_MAX).collect();
            shared.conversations.entitle(conversation.id, &title).await
        };
        match titled.await {
            Ok(Some(titled)) => {
                let conversation = json!(titled);
                shared.sockets.tell(&Frame::ConversationUpdated { conversation });
                list::name_room(&shared, &titled).await;
            }
            Ok(None) => {}
            // It may get one after the next turn.
            Err(error) => tracing::debug!(%error, "a conversation got no title"),
        }
    }
}
