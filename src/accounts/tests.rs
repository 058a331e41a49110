//! Accounts as a whole, over a store in memory.

pub(crate) mod support;
