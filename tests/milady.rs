//! The listener of Milady: one agent, as if it were alone.

mod bombs;
mod chat;
mod onboarding;
mod socket;
mod states;
mod transfer;
mod transport;
mod triggers;

use std::sync::Arc;

use crate::support::Site;

/// A folder whose hosts have a primary agent.
fn with_agent() -> Arc<Site> {
    Arc::new(Site::new().with("GREENROOM_MILADY__AGENT", "milady"))
}

/// A folder whose hosts have none.
fn without_agent() -> Arc<Site> {
    Arc::new(Site::new())
}
