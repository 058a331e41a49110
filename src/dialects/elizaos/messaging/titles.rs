//! `POST /channels/:channelId/generate-title`.

use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::ids::{AgentId, ChannelId};
use greenroom_actors::ports::MessageQuery;
use serde_json::json;

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::Body;
use super::super::refusal;
use super::super::wire::{Answer, ok};
use super::given;
use crate::http::instant;
use crate::messaging::{TitleWish, Titled};

/// Messages that a title is made from, where the request does not say.
const MESSAGES: u32 = 50;

/// Answers with a title for what was said lately, or with why there is none.
pub(super) async fn generate(call: Call, body: Body) -> Answer {
    let channel: ChannelId = call.id("channel", &refusal::CHANNEL_ID)?;
    let agent: Option<AgentId> = given::id(&body.fields()?, "agentId").ok().flatten();
    let agent = agent.ok_or(ElizaError::Refused(&refusal::TITLE_AGENT))?;
    call.running(agent).await.map_err(not_there)?;
    let query = call.query();
    let wish = TitleWish {
        of: MessageQuery {
            // What is no time is ignored, as with lists.
            before: query.get("before").and_then(instant::read),
            ..MessageQuery::of(channel, call.page(&query, MESSAGES).limit)
        },
        agent,
        asked_by: call.entity(),
        within: call.settings.reply_within(),
    };
    match call.messaging().title(wish).await {
        Ok(Titled::TooShort) => {
            let reason = "Not enough messages to generate a title";
            ok(json!({"title": null, "channelId": channel, "reason": reason}))
        }
        Ok(Titled::Found(title)) => ok(json!({"title": title, "channelId": channel})),
        Err(CoreError::Model(
            ModelError::Refused(_)
            | ModelError::Unavailable(_)
            | ModelError::TimedOut(_)
            | ModelError::Unsupported(_),
        )) => Err((&refusal::TITLE_FAILED).into()),
        Err(error) => Err(error).doing(&refusal::TITLE_FAILED).map_err(not_there),
    }
}

/// An agent that is not there and one that does not run are refused in the same words.
fn not_there(error: ElizaError) -> ElizaError {
    match error {
        ElizaError::Core {
            error: CoreError::AgentNotFound(_) | CoreError::NotRunning { .. },
            ..
        } => ElizaError::Refused(&refusal::TITLE_AGENT_NOT_FOUND),
        error => error,
    }
}
