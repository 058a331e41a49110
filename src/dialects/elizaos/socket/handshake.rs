//! Who may connect: with a key where one is asked for, and by an entity's id.

use std::fmt;

use greenroom_actors::ids::EntityId;
use serde_json::Value;
use socketioxide::extract::SocketRef;

use super::Core;

/// Why a client is not let in, in elizaOS' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The key is missing or another one.
    Key,
    /// It does not say who it is.
    Entity,
    /// The host is going down.
    Closing,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "Invalid or missing API Key",
            Self::Entity => "Valid entityId required",
            Self::Closing => "Authentication failed",
        })
    }
}

/// Whether a client may connect.
pub(super) fn admit(
    core: Option<&Core>,
    socket: &SocketRef,
    auth: Option<&Value>,
) -> Result<(), Refused> {
    let core = core.ok_or(Refused::Closing)?;
    let settings = &core.shared.settings;
    let tokens = [settings.auth_token.as_ref(), settings.socket_token.as_ref()];
    let mut tokens = tokens.into_iter().flatten().peekable();
    if tokens.peek().is_some() {
        let given = auth.and_then(|auth| auth.get("apiKey")?.as_str()).map(str::as_bytes);
        let header = socket.req_parts().headers.get("x-api-key").map(|value| value.as_bytes());
        // All are compared, so that the time tells nothing.
        let matches = tokens.filter(|token| {
            let is_given = given.is_some_and(|given| token.is(given));
            let is_header = header.is_some_and(|header| token.is(header));
            is_given | is_header
        });
        if matches.count() == 0 {
            return Err(Refused::Key);
        }
    }
    entity(auth).map(drop).ok_or(Refused::Entity)
}

/// Who a client says it is.
pub(super) fn entity(auth: Option<&Value>) -> Option<EntityId> {
    auth?.get("entityId")?.as_str()?.parse().ok()
}
