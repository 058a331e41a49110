//! The routes that take something, and what they take.

use serde_json::{Value, json};

/// What a field takes; null counts as absent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    TextOrList,
    Flag,
    Number,
    Object,
    List,
    Id,
    /// Anything: what it is not made for is passed over, or refused in words that elizaOS has for the
    /// body as a whole.
    Any,
}

/// The dotted path of a field within a body, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field(pub(crate) &'static str, pub(crate) Kind);

/// A route with a body.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// A body that it takes.
    pub(crate) body: &'static str,
    pub(crate) fields: &'static [Field],
}

use Kind::{Any, Flag, Id, List, Number, Object, Text, TextOrList};

impl Kind {
    /// Whether a value is of that type.
    pub(crate) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Any, _)
            | (_, Value::Null)
            | (Text | TextOrList | Id, Value::String(_))
            | (List | TextOrList, Value::Array(_))
            | (Flag, Value::Bool(_))
            | (Number, Value::Number(_))
            | (Object, Value::Object(_)) => {
                !matches!(self, Id) || !value.is_string() || is_id(value)
            }
            _ => false,
        }
    }

    /// Values that are not.
    pub(crate) fn wrong(self) -> Vec<Value> {
        let all =
            [json!(true), json!(5), json!(-0.5), json!("text"), json!(["x", 1]), json!({"k": 1})];
        all.into_iter().filter(|value| !self.takes(value)).collect()
    }
}

fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok())
}

macro_rules! character {
    ($prefix:literal) => {
        &[
            Field(concat!($prefix, "name"), Text),
            Field(concat!($prefix, "username"), Text),
            Field(concat!($prefix, "system"), Text),
            Field(concat!($prefix, "templates"), Object),
            Field(concat!($prefix, "bio"), TextOrList),
            Field(concat!($prefix, "messageExamples"), List),
            Field(concat!($prefix, "postExamples"), List),
            Field(concat!($prefix, "topics"), List),
            Field(concat!($prefix, "adjectives"), List),
            Field(concat!($prefix, "knowledge"), List),
            Field(concat!($prefix, "plugins"), List),
            Field(concat!($prefix, "settings"), Object),
            Field(concat!($prefix, "secrets"), Object),
            Field(concat!($prefix, "style"), Object),
            Field(concat!($prefix, "lore"), List),
            Field(concat!($prefix, "modelProvider"), Text),
            Field(concat!($prefix, "templates.t"), Text),
            Field(concat!($prefix, "messageExamples.0"), List),
            Field(concat!($prefix, "messageExamples.0.0.name"), Text),
            Field(concat!($prefix, "messageExamples.0.0.content"), Object),
            Field(concat!($prefix, "topics.0"), Text),
            Field(concat!($prefix, "plugins.0"), Text),
            Field(concat!($prefix, "knowledge.0.path"), Text),
            Field(concat!($prefix, "style.all"), List),
            Field(concat!($prefix, "style.all.0"), Text),
        ]
    };
}

const WRAPPED: &str = r#"{"characterJson": {"name": "New", "bio": "x", "templates": {"t": "x"}, "topics": ["t"], "plugins": ["p"],
    "messageExamples": [[{"name": "n", "content": {"text": "t"}}]], "knowledge": [{"path": "p"}],
    "style": {"all": ["s"]}}}"#;
const CHARACTER: &str = r#"{"name": "New", "bio": "x", "templates": {"t": "x"}, "topics": ["t"], "plugins": ["p"],
    "messageExamples": [[{"name": "n", "content": {"text": "t"}}]], "knowledge": [{"path": "p"}],
    "style": {"all": ["s"]}}"#;
const PLAIN: &str = r#"{"name": "New", "bio": "x"}"#;

const MEMORY: &[Field] = &[
    Field("type", Text),
    Field("content", Object),
    Field("content.text", Text),
    Field("roomId", Id),
    Field("entityId", Id),
    Field("metadata", Object),
];
const MEMORY_PATCH: &[Field] = &[Field("content", Object), Field("metadata", Object)];
const ROOM: &[Field] = &[
    Field("name", Text),
    Field("type", Text),
    Field("source", Text),
    Field("worldId", Id),
    Field("messageServerId", Id),
    Field("metadata", Object),
];
const WORLD: &[Field] = &[
    Field("name", Text),
    Field("messageServerId", Id),
    Field("metadata", Object),
    Field("worldId", Id),
];
const WORLD_PATCH: &[Field] =
    &[Field("name", Text), Field("metadata", Object), Field("settings", Object)];
const START: &[Field] = &[Field("enableAutonomy", Flag), Field("settings", Object)];
const STOP: &[Field] = &[Field("graceful", Flag), Field("timeout", Number)];

const CHANNEL: &[Field] = &[
    Field("name", Any),
    Field("type", Any),
    Field("message_server_id", Any),
    Field("server_id", Any),
    Field("metadata", Any),
    Field("metadata.participants", Any),
    Field("participantCentralUserIds", Any),
    Field("participantCentralUserIds.0", Any),
];
const CHANNEL_PATCH: &[Field] = &[
    Field("name", Text),
    Field("metadata", Object),
    Field("participantCentralUserIds", List),
    Field("participantCentralUserIds.0", Any),
];
/// Nobody who runs takes part in that channel, so that nothing is done later.
const SAID: &[Field] = &[
    Field("content", Any),
    Field("author_id", Any),
    Field("message_server_id", Any),
    Field("raw_message", Any),
    Field("in_reply_to_message_id", Any),
    Field("source_type", Any),
    Field("source_id", Any),
    Field("metadata", Any),
    Field("metadata.user_display_name", Any),
    Field("metadata.channelType", Any),
    Field("metadata.attachments", Any),
];
const BROUGHT: &[Field] = &[
    Field("channel_id", Any),
    Field("server_id", Any),
    Field("author_id", Any),
    Field("content", Any),
    Field("source_type", Any),
    Field("source_id", Any),
    Field("raw_message", Any),
    Field("in_reply_to_message_id", Any),
    Field("messageId", Any),
    Field("author_display_name", Any),
    Field("metadata", Any),
];
const TIMEOUT: &[Field] = &[
    Field("timeoutMinutes", Any),
    Field("autoRenew", Any),
    Field("maxDurationMinutes", Any),
    Field("warningThresholdMinutes", Any),
];
const SERVER: &[Field] =
    &[Field("name", Any), Field("sourceType", Any), Field("sourceId", Any), Field("metadata", Any)];
/// Without a content nothing is begun.
const ASKED: &[Field] = &[
    Field("agentId", Any),
    Field("userId", Any),
    Field("timeoutMs", Any),
    Field("metadata", Any),
    Field("transport", Any),
    Field("mode", Any),
    Field("attachments", Any),
];
/// Without a text nothing is said.
const SPOKEN: &[Field] =
    &[Field("voice", Any), Field("speed", Any), Field("format", Any), Field("metadata", Any)];

const NEW_CHANNEL: &str = r#"{"name": "Hall", "message_server_id": "{server}", "type": "GROUP",
    "metadata": {"participants": []}, "participantCentralUserIds": ["{other}"]}"#;
const MESSAGE: &str = r#"{"content": "x", "author_id": "{user}", "message_server_id": "{server}",
    "metadata": {"x": 1}}"#;
const FROM_OUTSIDE: &str = r#"{"channel_id": "{channel}", "server_id": "{server}", "author_id": "{user}",
    "content": "x", "source_type": "test", "raw_message": {}}"#;

pub(crate) const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/api/agents",
        body: WRAPPED,
        fields: character!("characterJson."),
    },
    Route { method: "POST", path: "/api/agents", body: CHARACTER, fields: character!("") },
    Route { method: "POST", path: "/agents", body: CHARACTER, fields: character!("") },
    Route {
        method: "POST",
        path: "/api/agents",
        body: "{}",
        fields: &[
            Field("characterJson", Object),
            Field("agent", Object),
            Field("characterPath", Text),
            Field("characterJson.id", Id),
        ],
    },
    Route { method: "PATCH", path: "/api/agents/{agent}", body: CHARACTER, fields: character!("") },
    Route { method: "PATCH", path: "/agents/{agent}", body: CHARACTER, fields: character!("") },
    Route { method: "PUT", path: "/agents/{agent}", body: CHARACTER, fields: character!("") },
    Route { method: "POST", path: "/api/agents/{agent}/start", body: "{}", fields: START },
    Route { method: "POST", path: "/agents/{other}/start", body: "{}", fields: START },
    Route { method: "POST", path: "/api/agents/{agent}/stop", body: "{}", fields: STOP },
    Route { method: "POST", path: "/agents/{agent}/stop", body: "{}", fields: STOP },
    Route { method: "POST", path: "/api/agents/{agent}/worlds", body: PLAIN, fields: WORLD },
    Route {
        method: "PATCH",
        path: "/api/agents/{agent}/worlds/{world}",
        body: "{}",
        fields: WORLD_PATCH,
    },
    Route {
        method: "POST",
        path: "/api/agents/{agent}/memories",
        body: r#"{"content": {"text": "x"}}"#,
        fields: MEMORY,
    },
    Route {
        method: "POST",
        path: "/agents/{agent}/memories",
        body: r#"{"content": {"text": "x"}}"#,
        fields: MEMORY,
    },
    Route {
        method: "PATCH",
        path: "/api/agents/{agent}/memories/{memory}",
        body: "{}",
        fields: MEMORY_PATCH,
    },
    Route {
        method: "PATCH",
        path: "/api/memory/{agent}/memories/{memory}",
        body: "{}",
        fields: MEMORY_PATCH,
    },
    Route { method: "POST", path: "/api/agents/{agent}/rooms", body: PLAIN, fields: ROOM },
    Route { method: "POST", path: "/api/memory/{agent}/rooms", body: PLAIN, fields: ROOM },
    Route {
        method: "POST",
        path: "/api/memory/groups/00000000-0000-0000-0000-000000000000",
        body: r#"{"agentIds": ["{agent}"]}"#,
        fields: &[
            Field("agentIds", List),
            Field("agentIds.0", Id),
            Field("name", Text),
            Field("worldId", Id),
            Field("source", Text),
            Field("metadata", Object),
        ],
    },
    Route { method: "POST", path: "/api/server/logs", body: "{}", fields: &[Field("logs", List)] },
    Route {
        method: "POST",
        path: "/api/system/env/local",
        body: "{}",
        fields: &[Field("content", Object)],
    },
    Route {
        method: "POST",
        path: "/agents/{agent}/message",
        body: r#"{"text": "Hello", "attachments": [{}]}"#,
        fields: &[
            Field("text", Text),
            Field("userId", Text),
            Field("userName", Text),
            Field("roomId", Text),
            Field("attachments", List),
            Field("attachments.0", Object),
            Field("metadata", Object),
        ],
    },
    Route { method: "POST", path: "/api/messaging/channels", body: NEW_CHANNEL, fields: CHANNEL },
    Route {
        method: "POST",
        path: "/api/messaging/channels/{channel}/messages",
        body: MESSAGE,
        fields: SAID,
    },
    Route {
        method: "POST",
        path: "/api/messaging/central-channels",
        body: NEW_CHANNEL,
        fields: CHANNEL,
    },
    Route {
        method: "POST",
        path: "/api/messaging/central-channels/{channel}/messages",
        body: MESSAGE,
        fields: SAID,
    },
    Route {
        method: "POST",
        path: "/messaging/channels/{channel}/messages",
        body: MESSAGE,
        fields: SAID,
    },
    Route {
        method: "PATCH",
        path: "/api/messaging/channels/{channel}",
        body: r#"{"participantCentralUserIds": ["{other}"]}"#,
        fields: CHANNEL_PATCH,
    },
    Route {
        method: "POST",
        path: "/api/messaging/channels/{channel}/agents",
        body: "{}",
        fields: &[Field("agentId", Any)],
    },
    Route {
        method: "POST",
        path: "/api/messaging/channels/{channel}/generate-title",
        body: "{}",
        fields: &[Field("agentId", Any), Field("count", Any)],
    },
    Route { method: "POST", path: "/api/messaging/submit", body: FROM_OUTSIDE, fields: BROUGHT },
    Route { method: "POST", path: "/api/messaging/action", body: FROM_OUTSIDE, fields: BROUGHT },
    Route { method: "PATCH", path: "/api/messaging/action/{message}", body: "{}", fields: BROUGHT },
    Route {
        method: "PATCH",
        path: "/api/messaging/messages/{message}",
        body: "{}",
        fields: BROUGHT,
    },
    Route {
        method: "POST",
        path: "/api/messaging/complete",
        body: r#"{"channel_id": "{channel}"}"#,
        fields: &[Field("channel_id", Any), Field("messageId", Any), Field("server_id", Any)],
    },
    Route {
        method: "POST",
        path: "/api/messaging/ingest-external",
        body: FROM_OUTSIDE,
        fields: BROUGHT,
    },
    Route {
        method: "POST",
        path: "/api/messaging/ingest-external",
        body: r#"{"platform": "test", "channelId": "{channel}", "messages": [{"authorId": "a", "content": "x"}]}"#,
        fields: &[
            Field("platform", Any),
            Field("channelId", Any),
            Field("messages", Any),
            Field("messages.0", Any),
            Field("messages.0.authorId", Any),
            Field("messages.0.content", Any),
            Field("messages.0.metadata", Any),
            Field("messages.0.timestamp", Any),
        ],
    },
    Route {
        method: "POST",
        path: "/api/messaging/messages/search",
        body: r#"{"query": "x"}"#,
        fields: &[
            Field("query", Any),
            Field("channelId", Any),
            Field("limit", Any),
            Field("offset", Any),
            Field("from", Any),
            Field("to", Any),
            Field("authorId", Any),
        ],
    },
    Route {
        method: "POST",
        path: "/api/messaging/message-servers",
        body: r#"{"name": "x", "sourceType": "test"}"#,
        fields: SERVER,
    },
    Route {
        method: "POST",
        path: "/api/messaging/servers",
        body: r#"{"name": "x", "sourceType": "test"}"#,
        fields: SERVER,
    },
    Route {
        method: "POST",
        path: "/api/messaging/message-servers/{server}/agents",
        body: "{}",
        fields: &[Field("agentId", Any)],
    },
    Route {
        method: "POST",
        path: "/api/messaging/message-servers/{server}/sync-channels",
        body: r#"{"channels": [{"name": "x", "sourceId": "y"}]}"#,
        fields: &[
            Field("channels", List),
            Field("channels.0", Any),
            Field("channels.0.name", Any),
            Field("channels.0.type", Any),
            Field("channels.0.sourceId", Any),
        ],
    },
    Route {
        method: "POST",
        path: "/api/messaging/sessions",
        body: r#"{"agentId": "{agent}", "userId": "{user}", "timeoutConfig": {}}"#,
        fields: &[
            Field("agentId", Any),
            Field("userId", Any),
            Field("metadata", Any),
            Field("timeoutConfig", Any),
            Field("timeoutConfig.timeoutMinutes", Any),
        ],
    },
    Route {
        method: "POST",
        path: "/api/messaging/sessions/{session}/messages",
        body: "{}",
        fields: ASKED,
    },
    Route {
        method: "PATCH",
        path: "/api/messaging/sessions/{session}/timeout",
        body: "{}",
        fields: TIMEOUT,
    },
    Route { method: "POST", path: "/api/messaging/jobs", body: "{}", fields: ASKED },
    Route {
        method: "POST",
        path: "/messaging/sessions",
        body: r#"{"agentId": "{agent}", "userId": "{user}", "timeoutConfig": {}}"#,
        fields: &[
            Field("agentId", Any),
            Field("userId", Any),
            Field("metadata", Any),
            Field("timeoutConfig", Any),
            Field("timeoutConfig.timeoutMinutes", Any),
        ],
    },
    Route {
        method: "POST",
        path: "/messaging/sessions/{session}/messages",
        body: "{}",
        fields: ASKED,
    },
    Route {
        method: "PATCH",
        path: "/messaging/sessions/{session}/timeout",
        body: "{}",
        fields: TIMEOUT,
    },
    Route { method: "POST", path: "/messaging/jobs", body: "{}", fields: ASKED },
    Route {
        method: "POST",
        path: "/api/audio/{agent}/speech/generate",
        body: "{}",
        fields: SPOKEN,
    },
    Route {
        method: "POST",
        path: "/api/audio/{agent}/audio-messages/synthesize",
        body: "{}",
        fields: SPOKEN,
    },
    Route {
        method: "POST",
        path: "/api/audio/{agent}/speech/conversation",
        body: "{}",
        fields: SPOKEN,
    },
    Route {
        method: "POST",
        path: "/api/agents/{agent}/speech/synthesize",
        body: "{}",
        fields: SPOKEN,
    },
    Route {
        method: "POST",
        path: "/api/media/agents/{agent}/upload-media",
        body: "{}",
        fields: &[Field("file", Any)],
    },
    Route {
        method: "POST",
        path: "/api/messaging/channels/{channel}/upload-media",
        body: "{}",
        fields: &[Field("file", Any)],
    },
];

/// Paths that list something.
pub(crate) const LISTS: &[&str] = &[
    "/api/agents",
    "/agents",
    "/api/agents/worlds",
    "/api/agents/{agent}",
    "/api/agents/{agent}/panels",
    "/api/agents/{agent}/logs",
    "/api/agents/{agent}/runs",
    "/api/agents/{agent}/runs/{run}",
    "/api/agents/{agent}/worlds",
    "/api/agents/{agent}/rooms",
    "/api/agents/{agent}/memories",
    "/api/memory/{agent}/memories",
    "/api/memory/{agent}/rooms",
    "/api/memory/{agent}/rooms/{room}/memories",
    "/agents/{agent}/rooms/{room}/messages",
    "/api/server/logs",
    "/api/greenroom/agents",
    "/api/agents/{agent}/panels/overview",
    "/api/channels/{channel}/members",
    "/api/messaging/message-servers",
    "/api/messaging/central-servers",
    "/api/messaging/message-servers/{server}/channels",
    "/api/messaging/agents/{agent}/message-servers",
    "/api/messaging/channels/{channel}/messages",
    "/messaging/channels/{channel}/messages",
    "/api/messaging/channels/{channel}/details",
    "/api/messaging/channels/{channel}/participants",
    "/api/messaging/dm-channel",
    "/api/messaging/sessions",
    "/messaging/sessions",
    "/api/messaging/sessions/{session}",
    "/api/messaging/sessions/{session}/messages",
    "/api/messaging/jobs",
    "/messaging/jobs",
    "/media/uploads/agents/{agent}/x.png",
];

/// Methods, paths, and which of the ids in them is a bad one.
pub(crate) const BY_ID: &[(&str, &str, &str)] = &[
    ("GET", "/api/agents/{agent}", "agent"),
    ("PATCH", "/api/agents/{agent}", "agent"),
    ("DELETE", "/api/agents/{agent}", "agent"),
    ("GET", "/agents/{agent}", "agent"),
    ("DELETE", "/agents/{agent}", "agent"),
    ("POST", "/api/agents/{agent}/start", "agent"),
    ("POST", "/api/agents/{agent}/stop", "agent"),
    ("POST", "/agents/{agent}/start", "agent"),
    ("POST", "/agents/{agent}/message", "agent"),
    ("GET", "/api/agents/{agent}/panels", "agent"),
    ("GET", "/api/agents/{agent}/panels/{panel}", "panel"),
    ("GET", "/api/agents/{agent}/plugins/greenroom/{panel}", "panel"),
    ("GET", "/api/agents/{agent}/logs", "agent"),
    ("GET", "/api/agents/{agent}/logs/{log}", "log"),
    ("DELETE", "/api/agents/{agent}/logs/{log}", "log"),
    ("GET", "/api/agents/{agent}/runs", "agent"),
    ("GET", "/api/agents/{agent}/runs/{run}", "run"),
    ("GET", "/api/agents/{agent}/worlds/{world}", "world"),
    ("PATCH", "/api/agents/{agent}/worlds/{world}", "world"),
    ("POST", "/api/agents/{agent}/worlds", "agent"),
    ("GET", "/api/agents/{agent}/memories", "agent"),
    ("GET", "/api/agents/{agent}/memories/{memory}", "memory"),
    ("PATCH", "/api/memory/{agent}/memories/{memory}", "memory"),
    ("DELETE", "/api/memory/{agent}/memories/{memory}", "memory"),
    ("DELETE", "/api/memory/{agent}/memories/all/{room}", "room"),
    ("GET", "/api/memory/{agent}/rooms/{room}", "room"),
    ("GET", "/api/memory/{agent}/rooms/{room}/memories", "room"),
    ("POST", "/api/memory/{agent}/rooms", "agent"),
    ("GET", "/agents/{agent}/rooms/{room}/messages", "room"),
    ("DELETE", "/api/memory/groups/{server}", "server"),
    ("DELETE", "/api/memory/groups/{server}/memories", "server"),
    ("POST", "/api/greenroom/agents/{agent}/pause", "agent"),
    ("POST", "/api/greenroom/agents/{agent}/stop", "agent"),
    ("GET", "/api/messaging/channels/{channel}/messages", "channel"),
    ("POST", "/api/messaging/channels/{channel}/messages", "channel"),
    ("DELETE", "/api/messaging/channels/{channel}/messages", "channel"),
    ("GET", "/api/messaging/channels/{channel}/events", "channel"),
    ("GET", "/api/messaging/channels/{channel}/details", "channel"),
    ("GET", "/api/messaging/channels/{channel}/participants", "channel"),
    ("GET", "/api/messaging/channels/{channel}/agents", "channel"),
    ("POST", "/api/messaging/channels/{channel}/agents", "channel"),
    ("DELETE", "/api/messaging/channels/{channel}/agents/{agent}", "channel"),
    ("POST", "/api/messaging/channels/{channel}/generate-title", "channel"),
    ("POST", "/api/messaging/channels/{channel}/upload-media", "channel"),
    ("PATCH", "/api/messaging/channels/{channel}", "channel"),
    ("DELETE", "/api/messaging/channels/{channel}", "channel"),
    ("DELETE", "/api/messaging/channels/{channel}/agents/{agent}", "agent"),
    ("DELETE", "/api/messaging/channels/{channel}/messages/{message}", "message"),
    ("GET", "/messaging/channels/{channel}/events", "channel"),
    ("GET", "/api/messaging/central-channels/{channel}/details", "channel"),
    ("GET", "/api/messaging/messages/{message}", "message"),
    ("PATCH", "/api/messaging/messages/{message}", "message"),
    ("PATCH", "/api/messaging/action/{message}", "message"),
    ("GET", "/api/messaging/sessions/{session}", "session"),
    ("DELETE", "/api/messaging/sessions/{session}", "session"),
    ("POST", "/api/messaging/sessions/{session}/renew", "session"),
    ("POST", "/api/messaging/sessions/{session}/heartbeat", "session"),
    ("PATCH", "/api/messaging/sessions/{session}/timeout", "session"),
    ("POST", "/api/messaging/sessions/{session}/messages", "session"),
    ("GET", "/api/messaging/sessions/{session}/messages", "session"),
    ("GET", "/api/messaging/jobs/{job}", "job"),
    ("GET", "/messaging/sessions/{session}", "session"),
    ("DELETE", "/messaging/sessions/{session}", "session"),
    ("POST", "/messaging/sessions/{session}/renew", "session"),
    ("POST", "/messaging/sessions/{session}/heartbeat", "session"),
    ("PATCH", "/messaging/sessions/{session}/timeout", "session"),
    ("POST", "/messaging/sessions/{session}/messages", "session"),
    ("GET", "/messaging/sessions/{session}/messages", "session"),
    ("GET", "/messaging/jobs/{job}", "job"),
    ("DELETE", "/api/messaging/message-servers/{server}", "server"),
    ("GET", "/api/messaging/message-servers/{server}/channels", "server"),
    ("GET", "/api/messaging/message-servers/{server}/agents", "server"),
    ("POST", "/api/messaging/message-servers/{server}/agents", "server"),
    ("DELETE", "/api/messaging/message-servers/{server}/agents/{agent}", "server"),
    ("POST", "/api/messaging/message-servers/{server}/sync-channels", "server"),
    ("GET", "/api/messaging/central-servers/{server}/channels", "server"),
    ("GET", "/api/messaging/agents/{agent}/message-servers", "agent"),
    ("GET", "/api/channels/{channel}/members", "channel"),
    ("POST", "/api/audio/{agent}/speech/generate", "agent"),
    ("POST", "/api/audio/{agent}/transcriptions", "agent"),
    ("POST", "/api/agents/{agent}/speech/transcribe", "agent"),
    ("POST", "/api/media/agents/{agent}/upload-media", "agent"),
    ("POST", "/api/media/channels/{channel}/upload-media", "channel"),
    ("GET", "/media/uploads/agents/{agent}/x.png", "agent"),
    ("GET", "/media/uploads/channels/{channel}/x.png", "channel"),
    ("GET", "/media/generated/{agent}/x.mp3", "agent"),
    ("GET", "/media/uploads/agents/{agent}/{file}", "file"),
];
