//! What an operator may choose about messaging, and a channel for itself.

use greenroom_actors::channels::Channel;
use greenroom_actors::error::CoreError;
use greenroom_actors::letters::DoubleTexting;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a channel's metadata say what a second message does while a reply is in flight.
const DOUBLE_TEXTING: &str = "doubleTexting";

/// What an operator may choose about messaging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MessagingSettings {
    /// What a second message does while a reply is in flight, where the channel does not say it.
    pub double_texting: DoubleTexting,
}

/// What metadata say about double texting, if they say anything.
///
/// # Errors
/// [`CoreError::Invalid`] for what is none of its values.
pub(super) fn double_texting(
    metadata: Option<&Map<String, Value>>,
) -> Result<Option<DoubleTexting>, CoreError> {
    let Some(said) = metadata.and_then(|metadata| metadata.get(DOUBLE_TEXTING)) else {
        return Ok(None);
    };
    if said.is_null() {
        return Ok(None);
    }
    let known = DoubleTexting::ALL.into_iter().find(|known| said.as_str() == Some(known.as_str()));
    known.map(Some).ok_or_else(|| CoreError::Invalid {
        field: "metadata.doubleTexting",
        reason: "must be queue, interrupt or reject".to_owned(),
    })
}

impl MessagingSettings {
    /// What holds in a channel.
    pub(super) fn double_texting_in(&self, channel: &Channel) -> DoubleTexting {
        // What is none of its values was kept before it meant anything.
        let own = double_texting(channel.metadata.as_ref()).ok().flatten();
        own.unwrap_or(self.double_texting)
    }
}
