//! The real binary, as a process, over HTTP and its command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells what it found"
)]

mod approvals;
mod autonomy;
mod bad_input;
mod browser;
mod budget;
mod clients;
mod control;
mod follow;
mod golden;
mod kill;
mod kill_children;
mod kill_keys;
mod kill_runs;
mod kill_talks;
mod mcp;
mod media;
mod milady;
mod milady_clients;
mod program;
mod sockets;
mod speech;
mod ssh;
mod stop;
mod support;
mod trinity;
mod trinity_clients;
