//! Ports: what the core needs from outside, as traits.

mod clock;
mod model;
mod store;
mod tools;

pub use clock::{Clock, SystemClock, VirtualClock};
pub use model::{
    Abilities, Bounds, Delta, Generation, Model, ModelFuture, ModelStream, Prompt, Purpose, Quote,
    Role, ToolCall, ToolSpec, Turn, collect,
};
pub use store::{
    AgentQuery, AgentSizes, ApprovalQuery, Boot, Census, Dealt, DueQuery, FiringQuery, JobCensus,
    Kept, LastWork, LetterQuery, LogQuery, MemoryQuery, MessageQuery, Pruned, Retention, RunQuery,
    SNAPSHOT_PAGE, Scored, SearchQuery, Seed, Snapshot, SnapshotQuery, Store, StoreFuture,
    TriggerTotals, WorkDone, WorldQuery, WorldsOf, fuse,
};
pub use tools::{Effect, Invocation, NoTools, Tool, ToolError, ToolOutput, Tools};
