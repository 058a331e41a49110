//! Whose a file is, and the folder that it has for that.

use greenroom_actors::ids::{AgentId, ChannelId};

/// Where files are that were given, and those that were made.
pub(super) const UPLOADS: &str = "uploads";
pub(super) const GENERATED: &str = "generated";

/// Where the folders of owners are, one sort of owners to each.
pub(super) const FOLDERS: [&str; 3] = [OF_AGENTS, OF_CHANNELS, GENERATED];
const OF_AGENTS: &str = "uploads/agents";
const OF_CHANNELS: &str = "uploads/channels";

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// What was given to an agent.
    Agent(AgentId),
    /// What was given to a channel.
    Channel(ChannelId),
    /// What an agent made.
    MadeBy(AgentId),
}

impl Owner {
    /// The owner's folder, which is also the way to it in an address.
    pub(super) fn folder(self) -> String {
        match self {
            Self::Agent(id) => format!("{OF_AGENTS}/{id}"),
            Self::Channel(id) => format!("{OF_CHANNELS}/{id}"),
            Self::MadeBy(id) => format!("{GENERATED}/{id}"),
        }
    }
}
