//! `GET /channels/:channelId/events`: what happens in a channel, as it happens.
//!
//! Ours, for clients that want no socket: the same names and payloads. Each event carries its number
//! in the channel's durable sequence, so that who was cut off goes on behind the last it saw.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures::stream;
use greenroom_actors::channels::{ChannelEvent, ChannelEventKind};
use greenroom_actors::error::CoreError;
use greenroom_actors::feed::{ChannelEventStream, Fed};
use greenroom_actors::ids::ChannelId;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::refusal;
use super::super::wire::Answer;
use super::broadcast::Broadcasts;
use super::frame;
use crate::host::Stopper;

/// How long nothing is said at most: proxies give up a silent connection after a minute or less.
const BREATH: Duration = Duration::from_secs(15);

/// The header by which a client that was cut off says what it saw last.
const LAST_SEEN: &str = "last-event-id";

/// A client that follows a channel.
struct Follower {
    channel: ChannelId,
    feed: ChannelEventStream,
    words: Broadcasts,
    frames: VecDeque<Bytes>,
    is_over: bool,
    stop: Stopper,
    /// Its place among the streams; free again once it is gone.
    _place: OwnedSemaphorePermit,
}

/// Streams what happens in the channel: behind the number that the client saw last, or from now on.
pub(super) async fn follow(call: Call) -> Answer {
    let channel: ChannelId = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    let seen = seen(&call)?;
    let place = Arc::clone(&call.streams).try_acquire_owned();
    let place = place.map_err(|_none_free| ElizaError::Refused(&refusal::STREAMS))?;
    let messaging = call.messaging();
    let newest = messaging.last_event(channel).await.doing(&refusal::CHANNELS)?;
    // One that is gone is followed to its end by whoever has not seen that yet.
    if seen.is_none_or(|seen| seen >= newest) {
        messaging.channel(channel).await.doing(&refusal::CHANNELS)?;
    }
    let after = seen.unwrap_or(newest).min(newest);
    let mut frames = VecDeque::from([frame::place(after)]);
    if seen.is_some_and(|seen| seen > newest) {
        // Numbers that this host did not give, as after a return to an older backup.
        frames.push_back(gap(channel, newest));
    }
    let follower = Follower {
        channel,
        feed: messaging.follow(channel, after),
        words: Broadcasts::of(messaging.clone(), channel),
        frames,
        is_over: false,
        stop: call.host.stop.clone(),
        _place: place,
    };
    Ok(frame::answer(stream::unfold(follower, |mut follower| async move {
        let frame = follower.next().await?;
        Some((Ok::<_, Infallible>(frame), follower))
    })))
}

/// What the client saw last. The header is newer than the query, which browsers send again as it
/// was.
fn seen(call: &Call) -> Result<Option<u64>, ElizaError> {
    let query = call.query();
    let said = call.header(LAST_SEEN).or_else(|| query.get("after"));
    let wrong = |_not_a_number| ElizaError::field("after", "expected the number of an event");
    said.map(|number| number.trim().parse().map_err(wrong)).transpose()
}

fn gap(channel: ChannelId, through: u64) -> Bytes {
    let data = json!({"channelId": channel, "through": through});
    frame::numbered("channelGap", &data, through)
}

impl Follower {
    /// The next frame; none once the channel is gone or the host goes down, and where something
    /// failed: then the client comes back, and has missed nothing.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            if self.is_over {
                return None;
            }
            // Whatever is cut off here is read again.
            let fed = tokio::select! {
                fed = self.feed.next() => fed,
                () = tokio::time::sleep(BREATH) => return Some(frame::breath()),
                () = self.stop.requested() => return None,
            };
            match fed {
                Ok(Fed::Event(event)) => self.tell(&event).await.ok()?,
                Ok(Fed::Gap { through }) => self.frames.push_back(gap(self.channel, through)),
                Err(_gone) => return None,
            }
        }
    }

    async fn tell(&mut self, event: &ChannelEvent) -> Result<(), CoreError> {
        let told = self.words.word(event).await?;
        let mut told = told.into_iter().peekable();
        if told.peek().is_none() {
            self.frames.push_back(frame::place(event.seq));
        }
        while let Some(broadcast) = told.next() {
            let data = json!(broadcast.payload);
            // A client that is cut off between two of one number must hear both again.
            self.frames.push_back(match told.peek() {
                Some(_) => frame::event(broadcast.name, &data),
                None => frame::numbered(broadcast.name, &data, event.seq),
            });
        }
        self.is_over = event.kind == ChannelEventKind::Deleted;
        Ok(())
    }
}
