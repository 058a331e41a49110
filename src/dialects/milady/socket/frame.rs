//! What sockets are told beside envelopes and the status.

use greenroom_actors::ids::MemoryId;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// What sockets are told beside envelopes and the status. It is not kept for those who come later.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(in super::super) enum Frame {
    /// The agent said something in a conversation without being asked.
    ProactiveMessage { conversation_id: Uuid, message: Told },
    /// A conversation has another title.
    ConversationUpdated { conversation: Value },
    /// The agent should be restarted, and why.
    RestartRequired { reasons: Vec<String> },
    /// The answer to a ping.
    Pong,
}

/// Something that the agent said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in super::super) struct Told {
    pub(in super::super) id: MemoryId,
    /// `assistant`.
    pub(in super::super) role: &'static str,
    pub(in super::super) text: String,
    pub(in super::super) timestamp: UnixMillis,
    pub(in super::super) source: String,
}

/// Anything that is told, as it is sent.
pub(super) fn written<T: Serialize>(frame: &T) -> String {
    // Names and values of JSON alone, which cannot fail.
    serde_json::to_string(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_read_as_in_the_contract() {
        let id = MemoryId(Uuid::from_u128(1));
        let told = Told {
            id,
            role: "assistant",
            text: "Morning".to_owned(),
            timestamp: UnixMillis(2),
            source: "autonomy".to_owned(),
        };
        for (frame, expected) in [
            (
                Frame::ProactiveMessage { conversation_id: id.0, message: told },
                json!({
                    "type": "proactive-message", "conversationId": id,
                    "message": {
                        "id": id, "role": "assistant", "text": "Morning", "timestamp": 2,
                        "source": "autonomy",
                    },
                }),
            ),
            (
                Frame::ConversationUpdated { conversation: json!({"id": "c"}) },
                json!({"type": "conversation-updated", "conversation": {"id": "c"}}),
            ),
            (
                Frame::RestartRequired { reasons: vec!["keys".to_owned()] },
                json!({"type": "restart-required", "reasons": ["keys"]}),
            ),
            (Frame::Pong, json!({"type": "pong"})),
        ] {
            assert_eq!(serde_json::to_value(frame).unwrap(), expected);
        }
    }
}
