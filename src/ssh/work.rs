//! What goes on in the channels of one connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::server::Msg;
use russh::{Channel, ChannelId};
use tokio::task::AbortHandle;

/// Channels that a connection may have at once.
const CHANNELS_MAX: usize = 8;

/// The channels of one connection. Clones share them.
///
/// They are kept beside the session's own task, for that may wait for one of them to be read: who ends
/// the connection takes them away from under it.
#[derive(Clone, Default)]
pub(super) struct Work {
    channels: Arc<Mutex<Channels>>,
}

#[derive(Default)]
struct Channels {
    is_over: bool,
    /// Open, and nothing was asked of it yet.
    open: HashMap<ChannelId, Open>,
    /// Busy.
    tasks: Vec<AbortHandle>,
}

/// A channel of which nothing was asked yet.
pub(super) struct Open {
    pub(super) channel: Channel<Msg>,
    /// Whether the client has a terminal.
    pub(super) is_terminal: bool,
}

impl Work {
    /// Takes a channel in, if there may be another.
    pub(super) fn open(&self, channel: Channel<Msg>) -> bool {
        let mut channels = self.lock();
        channels.tasks.retain(|task| !task.is_finished());
        if channels.is_over || channels.tasks.len() + channels.open.len() >= CHANNELS_MAX {
            return false;
        }
        channels.open.insert(channel.id(), Open { channel, is_terminal: false });
        true
    }

    /// Notes that a channel has a terminal; says whether that can be.
    pub(super) fn has_terminal(&self, id: ChannelId) -> bool {
        let mut channels = self.lock();
        let open = channels.open.get_mut(&id);
        open.map(|open| open.is_terminal = true).is_some()
    }

    /// A channel of which nothing was asked yet.
    pub(super) fn take(&self, id: ChannelId) -> Option<Open> {
        self.lock().open.remove(&id)
    }

    /// Does something in the background, until it is done or the connection ends.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut channels = self.lock();
        if !channels.is_over {
            channels.tasks.push(tokio::spawn(work).abort_handle());
        }
    }

    /// Ends all of it.
    pub(super) fn end(&self) {
        let mut channels = self.lock();
        channels.is_over = true;
        channels.open.clear();
        channels.tasks.drain(..).for_each(|task| task.abort());
    }

    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
