//! The store against its promises: what the port says, and what a file must endure.

mod conformance;
mod files;
mod group;
mod idempotency;
mod imports;
mod memories;
mod messages;
mod snapshot;
mod support;
mod upgrade;
mod words;
