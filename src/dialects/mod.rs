//! The dialects: one ecosystem's wire contract each, as a view on the same agents.

pub mod elizaos;
pub mod milady;
#[cfg(test)]
mod stage;
pub mod trinity;
