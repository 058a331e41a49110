//! What a request wishes of a session's timeout.

use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::super::error::ElizaError;
use super::fault::SessionFault;
use crate::messaging::{TimeoutWish, number};

/// Reads a wish. A text that is no number counts as absent, as by elizaOS.
pub(super) fn read(config: &Value, now: UnixMillis) -> Result<TimeoutWish, ElizaError> {
    wished(config)
        .ok_or_else(|| invalid(now, "Invalid timeout configuration format", config).into())
}

/// Why a wish cannot be.
pub(super) fn invalid(now: UnixMillis, reason: &str, config: &Value) -> SessionFault {
    let details = json!({"reason": reason, "providedConfig": config});
    SessionFault::invalid(now, format!("Invalid timeout configuration: {reason}"), details)
}

fn wished(config: &Value) -> Option<TimeoutWish> {
    let config = config.as_object()?;
    let minutes = |key: &str| match config.get(key) {
        None | Some(Value::Null) => Some(None),
        Some(value @ (Value::Number(_) | Value::String(_))) => Some(number(value)),
        Some(_) => None,
    };
    let auto_renew = match config.get("autoRenew") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(renews)) => Some(*renews),
        Some(_) => return None,
    };
    Some(TimeoutWish {
        timeout_minutes: minutes("timeoutMinutes")?,
        auto_renew,
        max_duration_minutes: minutes("maxDurationMinutes")?,
        warning_threshold_minutes: minutes("warningThresholdMinutes")?,
    })
}
