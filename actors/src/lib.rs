//! The runtime of Greenroom.
//!
//! Every agent is an actix actor with a mailbox-driven state machine and an autonomy tick; a registry
//! of sharded actors hosts, supervises and reaches them. The crate knows no HTTP, no SQL and no
//! provider: what it needs from outside are the traits in [`ports`].

#![forbid(unsafe_code)]

pub mod agent;
pub mod approvals;
pub mod budget;
mod cache;
pub mod channels;
pub mod character;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod directory;
pub mod documents;
pub mod error;
pub mod facts;
pub mod feed;
pub mod figures;
pub mod goals;
pub mod guardrails;
pub mod ids;
pub mod indexer;
pub mod letters;
pub mod lifecycle;
pub mod lines;
pub mod liveness;
pub mod masks;
pub mod memory_store;
pub mod pieces;
pub mod ports;
pub mod records;
pub mod registry;
pub mod runs;
pub mod runtime;
pub mod scheduler;
pub mod settings;
pub mod supervisor;
pub mod texts;
pub mod time;
mod tools;
pub mod triggers;
pub mod vitals;
