//! Accounts as a whole, over a store in memory.

mod codes;
mod keys;
mod logins;
mod mail;
pub(crate) mod support;
