//! The console: a line at a time, a person talks with an agent.
//!
//! It knows nothing of what brings it its bytes: a channel of SSH, a socket, a pipe. There is no shell
//! in it: what does not begin with a slash is said to the agent, and the few commands look at the
//! agent and at its workspace.

mod commands;
mod editor;
mod run;
mod screen;
mod talk;

pub use editor::LINE_MAX_BYTES;
pub use run::Console;
pub use talk::{Person, Talk};
