//! The real binary, as a process, over HTTP and its command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod program;
mod support;
