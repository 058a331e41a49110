//! SSH: a way into an agent's workspace and to its ear, with credentials that expire.
//!
//! An agent is reached at a port of its own, which is open as long as somebody has access to it. So
//! the command that clients are given (`ssh -p PORT developer@HOST`) names the agent by itself: one
//! person's key may be good for several agents, and what a client remembers of one is not mixed up
//! with another. What lets somebody in at one port does so at no other.
//!
//! There is no shell of the host behind it: a session has the console, which talks with the agent, and
//! `sftp`, which is confined to the agent's workspace. Nothing is forwarded, no program is run.

mod connection;
mod door;
mod error;
mod grant;
mod guest;
mod host_key;
mod service;
mod settings;
mod sftp;
mod startups;
mod work;

pub use error::SshError;
pub use grant::{Granted, Means, NewGrant, TTL_MAX, TTL_MIN};
pub use service::Ssh;
pub use settings::SshSettings;

/// The one user name that there is.
pub const USER: &str = "developer";
