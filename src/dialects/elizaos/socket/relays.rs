//! The relays that there are: one for each channel that somebody listens to or has just spoken in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use greenroom_actors::ids::ChannelId;
use greenroom_actors::pieces::Piece;
use socketioxide::socket::Sid;
use tokio::sync::mpsc::{self, Sender, UnboundedReceiver, UnboundedSender};

use super::Core;
use super::relay::{Command, Relay};

/// Pieces of answers that wait for one relay at most; further ones are left out, since the whole
/// answer follows.
const PIECES_MAX: usize = 1_024;

/// The relays that there are.
pub(super) struct Relays {
    core: Weak<Core>,
    open: Mutex<HashMap<ChannelId, Line>>,
}

/// The way to a relay.
struct Line {
    /// Not bounded by itself: a socket waits for each of its commands before it gives the next.
    commands: UnboundedSender<Command>,
    pieces: Sender<Arc<Piece>>,
}

impl Relays {
    pub(super) fn new(core: Weak<Core>) -> Self {
        Self { core, open: Mutex::default() }
    }

    /// Tells a channel's relay something; begins one if there is none.
    pub(super) fn tell(&self, channel: ChannelId, command: Command) {
        let Some(core) = self.core.upgrade() else { return };
        let mut open = self.lock();
        let line = open.entry(channel).or_insert_with(|| begin(&core, channel));
        if let Err(untold) = line.commands.send(command) {
            // The one before has crashed.
            *line = begin(&core, channel);
            drop(line.commands.send(untold.0));
        }
    }

    /// Tells a channel's relay something, if there is one.
    pub(super) fn tell_open(&self, channel: ChannelId, command: Command) {
        if let Some(line) = self.lock().get(&channel) {
            // One that has crashed has nothing to do.
            drop(line.commands.send(command));
        }
    }

    /// A socket no longer listens.
    pub(super) fn leave(&self, channel: ChannelId, socket: Sid) {
        self.tell_open(channel, Command::Leave(socket));
    }

    /// Brings a piece of an answer to those who listen where it is heard.
    pub(super) fn bring(&self, piece: &Arc<Piece>) {
        let Some(heard) = piece.heard else { return };
        if let Some(line) = self.lock().get(&heard.channel_id) {
            // Of a relay that does not keep up some are left out.
            drop(line.pieces.try_send(Arc::clone(piece)));
        }
    }

    /// Ends a relay, unless it was told something meanwhile; whether it is ended.
    pub(super) fn end(&self, channel: ChannelId, commands: &UnboundedReceiver<Command>) -> bool {
        // Under the lock nobody can tell it anything.
        let mut open = self.lock();
        let is_over = commands.is_empty();
        if is_over {
            open.remove(&channel);
        }
        is_over
    }

    /// Gives a relay up, whatever it was told.
    pub(super) fn give_up(&self, channel: ChannelId) {
        self.lock().remove(&channel);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelId, Line>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin(core: &Arc<Core>, channel: ChannelId) -> Line {
    let (commands, given) = mpsc::unbounded_channel();
    let (pieces, brought) = mpsc::channel(PIECES_MAX);
    core.threads.spawn(Relay::run(Arc::clone(core), channel, given, brought));
    Line { commands, pieces }
}
