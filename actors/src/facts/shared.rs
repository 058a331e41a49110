//! Which facts are of no single agent.

use super::Fact;

impl Fact {
    /// Whether it is about what is shared (message servers, channels, what is said there, sessions,
    /// jobs, documents), and so belongs to no single agent.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self {
            Self::ServerSet(_)
            | Self::ServerMet(_)
            | Self::ServerRemoved(_)
            | Self::Enlisted { .. }
            | Self::Delisted { .. }
            | Self::ChannelSet(_)
            | Self::ChannelMet(_)
            | Self::ChannelRemoved(_)
            | Self::ChannelJoined { .. }
            | Self::ChannelLeft { .. }
            | Self::MessageSet(_)
            | Self::Addressed(_)
            | Self::Reached { .. }
            | Self::MessageRemoved { .. }
            | Self::ChannelCleared(_)
            | Self::ChannelHappened(_)
            | Self::SessionSet(_)
            | Self::SessionRemoved(_)
            | Self::JobSet(_)
            | Self::JobRemoved(_)
            | Self::DocumentSet(_)
            | Self::DocumentRemoved { .. } => true,
            Self::AgentCreated(_)
            | Self::AgentRevised { .. }
            | Self::HandleClaimed { .. }
            | Self::LineWritten(_)
            | Self::LifecycleChanged { .. }
            | Self::Reflected { .. }
            | Self::AgentRemoved { .. }
            | Self::ImportBegun { .. }
            | Self::ImportFinished { .. }
            | Self::ImportAbandoned { .. }
            | Self::Happened(_)
            | Self::RunStarted(_)
            | Self::RunParked(_)
            | Self::RunResumed { .. }
            | Self::RunEnded(_)
            | Self::StepIntended(_)
            | Self::StepEnded(_)
            | Self::Reserved(_)
            | Self::LetterSent(_)
            | Self::LetterTried(_)
            | Self::LetterParked(_)
            | Self::LetterUnparked(_)
            | Self::LetterSettled(_)
            | Self::LetterRequeued { .. }
            | Self::ApprovalAsked(_)
            | Self::ApprovalDecided(_)
            | Self::Remembered(_)
            | Self::Embedded { .. }
            | Self::Forgot { .. }
            | Self::ForgotAll { .. }
            | Self::RoomSet(_)
            | Self::RoomMet(_)
            | Self::RoomRemoved { .. }
            | Self::WorldSet(_)
            | Self::WorldMet(_)
            | Self::WorldRemoved { .. }
            | Self::EntitySet(_)
            | Self::EntityMet(_)
            | Self::EntityRemoved { .. }
            | Self::Joined(_)
            | Self::Left { .. }
            | Self::ComponentSet(_)
            | Self::ComponentRemoved { .. }
            | Self::RelationshipSet(_)
            | Self::RelationshipRemoved { .. }
            | Self::TaskSet(_)
            | Self::TaskRemoved { .. }
            | Self::GoalSet(_)
            | Self::GoalRemoved { .. }
            | Self::Logged(_)
            | Self::LogRemoved { .. }
            | Self::TriggerSet { .. }
            | Self::TriggerRemoved { .. }
            | Self::TriggerFired(_)
            | Self::FiringSet(_)
            | Self::FiringTried { .. }
            | Self::FiringSettled(_)
            | Self::FleetHalted(_) => false,
        }
    }
}
