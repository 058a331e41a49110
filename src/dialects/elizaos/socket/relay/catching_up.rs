//! Who joins is told what it has missed, and then let in: nothing is lost between the two.

use std::collections::VecDeque;

use serde_json::json;

use super::super::super::messaging::{Broadcast, Broadcasts};
use super::super::emitting::{Sent, size_of};
use super::super::session::WAITING_MAX_BYTES;
use super::{Joiner, Relay};

/// Bytes of what was missed at most: as much of what may wait for a socket as of its buffer.
const BYTES_MAX: usize = WAITING_MAX_BYTES / 2;

/// What clients have missed.
#[derive(Default)]
struct Missed {
    /// Events up to this one are not sent any more.
    lost_through: u64,
    /// The rest by their numbers, ascending.
    told: VecDeque<(u64, Vec<Broadcast>)>,
    /// Bytes of that.
    bytes: usize,
}

impl Missed {
    /// Adds an event. Of more than a socket is told at once the oldest is left out.
    fn push(&mut self, seq: u64, told: Vec<Broadcast>) {
        self.bytes = self.bytes.saturating_add(size(&told));
        self.told.push_back((seq, told));
        while self.bytes > BYTES_MAX
            && let Some((seq, told)) = self.told.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(size(&told));
            self.lost_through = seq;
        }
    }
}

fn size(told: &[Broadcast]) -> usize {
    told.iter().map(|broadcast| size_of(&broadcast.payload)).sum()
}

impl Relay {
    /// Lets sockets in, each after it was told what it has missed.
    pub(super) async fn let_in(&mut self, joiners: Vec<Joiner>) {
        let asked = joiners.iter().filter_map(|joiner| joiner.offset).min();
        let missed = match asked.filter(|offset| *offset < self.at) {
            Some(after) => self.missed(after).await,
            None => Missed::default(),
        };
        for mut joiner in joiners {
            let socket = &joiner.socket;
            // One that is closed meanwhile has been told to leave already.
            if !socket.connected() {
                continue;
            }
            let caught_up = joiner.offset.map(|offset| self.catch_up(&joiner, offset, &missed));
            if caught_up == Some(Sent::Closed) {
                continue;
            }
            joiner.answer.insert("offset".to_owned(), json!(self.at));
            let names = ["channel_joined", "room_joined"];
            if names.iter().all(|name| self.core.emit(socket, name, &joiner.answer) == Sent::Yes) {
                self.listeners.insert(socket.id, socket.clone());
            }
            // Who waits no longer has given up.
            let _ = joiner.done.send(());
        }
    }

    /// Tells a socket what it missed. What its own client said has the name that the client gave it,
    /// as it would have had: the connection may have been lost before it was told.
    fn catch_up(&self, joiner: &Joiner, offset: u64, missed: &Missed) -> Sent {
        let socket = &joiner.socket;
        if offset < missed.lost_through {
            self.core.emit(socket, "channelGap", &self.gap(missed.lost_through));
        } else if offset > self.at {
            // Numbers that this host did not give, as after a return to an older backup.
            self.core.emit(socket, "channelGap", &self.gap(self.at));
        }
        for (_, broadcasts) in missed.told.iter().filter(|(seq, _)| *seq > offset) {
            for Broadcast { name, payload, sender } in broadcasts {
                let own = sender.as_ref().filter(|sender| sender.author == joiner.entity);
                let sent = match own {
                    Some(own) => {
                        let mut payload = payload.clone();
                        payload.insert("clientMessageId".to_owned(), own.client_id.clone());
                        self.core.emit(socket, name, &payload)
                    }
                    None => self.core.emit(socket, name, payload),
                };
                if sent == Sent::Closed {
                    return Sent::Closed;
                }
            }
        }
        Sent::Yes
    }

    /// What happened after a number, up to what those who listen know. Not more than a socket's
    /// buffer has room for: older events count as no longer kept.
    async fn missed(&self, after: u64) -> Missed {
        let room = u64::from(self.core.shared.settings.socket_buffer_max / 2);
        let after = after.max(self.at.saturating_sub(room));
        let limit = u32::try_from(self.at.saturating_sub(after)).unwrap_or(u32::MAX);
        let messaging = &self.core.shared.host.messaging;
        let events = match messaging.events(self.channel, after, limit).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "what a client missed could not be read");
                Vec::new()
            }
        };
        let oldest = events.first().map_or(self.at, |event| event.seq.saturating_sub(1));
        let mut missed = Missed { lost_through: oldest, ..Missed::default() };
        let mut words = Broadcasts::of(messaging.clone(), self.channel);
        for event in events.iter().filter(|event| event.seq <= self.at) {
            match words.word(event).await {
                Ok(told) => missed.push(event.seq, told),
                Err(error) => {
                    tracing::warn!(%error, "what a client missed could not be read");
                    missed = Missed { lost_through: event.seq, ..Missed::default() };
                }
            }
        }
        missed
    }
}
