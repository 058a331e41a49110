//! What the dialects share: credentials, limits, bodies and headers. Nothing here knows an agent.

pub mod accept;
pub mod auth;
pub mod body;
pub mod cors;
pub mod etag;
pub mod folder;
pub mod headless;
pub mod idempotency;
pub mod instant;
pub mod operator;
pub mod outbound;
pub mod outbox;
pub mod places;
pub mod query;
pub mod range;
pub mod rate;
pub mod security;
pub mod served;
pub mod site;
pub mod transfer;
pub mod upload;
pub(crate) mod values;
pub mod version;
