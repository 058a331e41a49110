//! The Model Context Protocol, both ways: tools of others for the agents, and the host's own
//! operations as tools for others.

pub mod client;
pub mod server;
mod settings;

pub use settings::{McpServerSettings, McpSettings};
