//! The runtime against a store in memory, a clock that is moved by hand and a scripted model.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod approvals;
mod budgets;
mod channels;
mod crashes;
mod directory;
mod double_texting;
mod figures;
mod goals;
mod grace;
mod idle;
mod import;
mod insisting;
mod letters;
mod lifecycle;
mod liveness;
mod masks;
mod outages;
mod store;
mod support;
mod tasks;
mod titles;
mod tools;
mod triggers;
