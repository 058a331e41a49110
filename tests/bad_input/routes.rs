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

use Kind::{Flag, Id, List, Number, Object, Text, TextOrList};

impl Kind {
    /// Whether a value is of that type.
    pub(crate) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
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
];
