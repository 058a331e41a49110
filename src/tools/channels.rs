//! Channels that the agent takes part in: which there are, and saying something there.

use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::channels::Channel;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, ChannelId, ChannelMessageId};
use greenroom_actors::ports::{Effect, Invocation, Tool, ToolError, ToolOutput, Tools};
use greenroom_actors::texts::bounded;
use serde_json::json;

use super::arguments::Arguments;
use super::tool;
use crate::messaging::{Messaging, Speech, Spoken};

const SEND: &str = "send_to_channel";
const LIST: &str = "list_channels";

/// Bytes of a message.
const TEXT_MAX_BYTES: usize = 16 * 1024;

/// Channels of a server that are looked at for those of an agent, and those that are listed.
const LOOKED_AT_MAX: u32 = 1000;
const LISTED_MAX: usize = 100;

/// The way to the channels. It is there once the registry is, which needs the tools before.
#[derive(Clone, Default)]
pub struct Voice(Arc<OnceLock<Messaging>>);

impl Voice {
    /// Speaks through that from now on; the first counts.
    pub fn speaks_through(&self, messaging: Messaging) {
        let _ = self.0.set(messaging);
    }
}

/// Says something in channels, for whoever calls.
pub struct ChannelTools {
    voice: Voice,
}

impl ChannelTools {
    /// Tools that speak through that.
    #[must_use]
    pub fn new(voice: Voice) -> Self {
        Self { voice }
    }
}

impl Tools for ChannelTools {
    fn offered(&self, _: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        let offered = if self.voice.0.get().is_some() { tools() } else { Vec::new() };
        std::future::ready(offered).boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let messaging = self.voice.0.get().cloned();
        async move {
            let starting = || ToolError::Failed("the host is starting".to_owned());
            let messaging = messaging.ok_or_else(starting)?;
            match call.name.as_str() {
                SEND => send(&messaging, &call).await,
                LIST => list(&messaging, &call).await,
                name => Err(ToolError::Refused(format!("there is no tool {name}"))),
            }
        }
        .boxed()
    }
}

fn tools() -> Vec<Tool> {
    vec![
        tool(
            SEND,
            "Say something in a channel that you take part in, for everyone there. Replies to what \
             is said to you are said without it.",
            Effect::Keyed,
            json!({
                "channel": {"type": "string", "description": "the channel's name or id"},
                "text": {"type": "string", "description": "what you say"},
            }),
            &["channel", "text"],
        ),
        tool(LIST, "List the channels that you take part in.", Effect::Reads, json!({}), &[]),
    ]
}

async fn send(messaging: &Messaging, call: &Invocation) -> Result<ToolOutput, ToolError> {
    let arguments = Arguments(&call.arguments);
    let text = bounded("text", arguments.text("text")?, TEXT_MAX_BYTES)?;
    let channel = found(messaging, call.agent.id, arguments.text("channel")?).await?;
    let speech = Speech {
        // The call's own, so that the same call says one thing.
        id: ChannelMessageId(call.key),
        channel_id: channel.id,
        agent: &call.agent,
        run_id: call.run_id,
        text,
        hops: hops(messaging, call).await?,
    };
    let Spoken { told, missed, is_last } = messaging.speak(speech).await?;
    let mut words = format!("Said in {}.", channel.name);
    if missed > 0 {
        words.push_str(&format!(" {missed} agents there could not be told."));
    }
    if is_last {
        words.push_str(" No agent is told any more: they only answer one another by now.");
    }
    let details = json!({"channelId": channel.id, "messageId": call.key, "told": told});
    Ok(ToolOutput { details: Some(details), ..ToolOutput::text(words) })
}

/// How many messages of agents the run follows upon: those that led to the one it deals with, or
/// the agents that wait for it.
async fn hops(messaging: &Messaging, call: &Invocation) -> Result<u64, CoreError> {
    let store = call.registry.store();
    let run = store.run(call.agent.id, call.run_id).await?;
    let heard = match run.and_then(|run| run.letter_id) {
        Some(letter) => store.letter(letter).await?.and_then(|letter| letter.heard),
        None => None,
    };
    let said = match heard {
        Some(heard) => messaging.hops(heard.message_id).await?,
        None => 0,
    };
    let waiting = call.askers.iter().filter(|asker| **asker != call.agent.id).count();
    Ok(said.max(u64::try_from(waiting).unwrap_or(u64::MAX)))
}

async fn list(messaging: &Messaging, call: &Invocation) -> Result<ToolOutput, ToolError> {
    let channels = channels(messaging, call.agent.id, None).await?;
    let line = |channel: &Channel| format!("- {} (id {})", channel.name, channel.id);
    let lines: Vec<String> = channels.iter().map(line).collect();
    Ok(ToolOutput::text(match lines.as_slice() {
        [] => "You take part in no channel.".to_owned(),
        lines => lines.join("\n"),
    }))
}

/// The channel of that name or id, if the agent takes part in it.
async fn found(messaging: &Messaging, agent: AgentId, wanted: &str) -> Result<Channel, ToolError> {
    let wanted = wanted.trim();
    let none = || ToolError::Refused(format!("you take part in no channel {wanted}"));
    if let Ok(id) = wanted.parse::<ChannelId>() {
        let channel = match messaging.channel(id).await {
            Err(CoreError::NotFound { .. }) => return Err(none()),
            channel => channel?,
        };
        let participants = messaging.participants(id).await?;
        return if participants.contains(&agent.into()) { Ok(channel) } else { Err(none()) };
    }
    let name = wanted.strip_prefix('#').unwrap_or(wanted);
    let mut fitting = channels(messaging, agent, Some(name)).await?;
    match (fitting.pop(), fitting.as_slice()) {
        (None, _) => Err(none()),
        (Some(one), []) => Ok(one),
        (Some(_), _) => Err(ToolError::invalid("channel", "several have that name; give its id")),
    }
}

/// The channels that an agent takes part in, of one name or of any.
async fn channels(
    messaging: &Messaging,
    agent: AgentId,
    name: Option<&str>,
) -> Result<Vec<Channel>, CoreError> {
    let name = name.map(str::to_lowercase);
    let mut own = Vec::new();
    for server in messaging.servers_of(agent).await? {
        for channel in messaging.channels(server, 0, LOOKED_AT_MAX).await? {
            if name.as_ref().is_some_and(|name| *name != channel.name.to_lowercase()) {
                continue;
            }
            if messaging.participants(channel.id).await?.contains(&agent.into()) {
                own.push(channel);
            }
            if own.len() >= LISTED_MAX {
                return Ok(own);
            }
        }
    }
    Ok(own)
}
