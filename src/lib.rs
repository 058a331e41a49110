//! Greenroom: one program that hosts many long-running autonomous agents.
//!
//! The runtime is `greenroom-actors`; this package is everything that touches the world: the store,
//! the models, the dialects, the configuration and the command line.

pub mod accounts;
pub mod audit;
pub mod cli;
pub mod config;
pub mod console;
pub mod credentials;
pub mod dialects;
pub mod host;
pub mod http;
pub mod mcp;
pub mod media;
pub mod messaging;
pub mod models;
pub mod organisation;
pub mod preferences;
pub mod primary;
pub mod programs;
pub mod roster;
pub mod runtimes;
pub mod secrets;
pub mod server;
pub mod speech;
pub mod ssh;
pub mod store;
pub mod telemetry;
pub mod templates;
pub mod tools;
pub mod transfer;
pub mod workspace;
