//! A host in memory, and a client of its routes.

use std::sync::Arc;

use crate::dialects::milady::{Milady, MiladySettings};
use crate::dialects::stage::stage_of;
use crate::http::auth::PairingToken;

pub(super) use crate::dialects::stage::{HUSH, Heard, Setting, Stage};

/// The token of a host that asks for one.
pub(super) const TOKEN: &str = "t0ken";

/// The handle of the primary agent, where there is one.
pub(super) const AGENT: &str = "milady";

/// A host with a primary agent, which runs; it asks for no token.
pub(super) async fn stage() -> Stage {
    stage_with(Setting { primary: AGENT, ..Setting::default() }, MiladySettings::default()).await
}

/// A host without a primary agent, as before onboarding.
pub(super) async fn bare() -> Stage {
    stage_with(Setting::default(), MiladySettings::default()).await
}

/// A host of that setting. It asks for a token where the settings hold one.
pub(super) async fn stage_with(setting: Setting, settings: MiladySettings) -> Stage {
    let token = settings.auth_token.clone();
    let settings = Arc::new(settings);
    stage_of(setting, |host| Milady::new(settings, token, host.clone()).app()).await
}

/// Settings that ask for [`TOKEN`].
pub(super) fn guarded() -> MiladySettings {
    MiladySettings { auth_token: PairingToken::new(TOKEN), ..MiladySettings::default() }
}
