use greenroom_actors::ids::AgentId;
use serde_json::json;

use super::super::ids::KnownIds;
use super::*;

const WRITTEN: &str = "11111111-1111-4111-8111-111111111111";

/// What is different in a copy, where that is in the file.
fn differences(original: &Value, copy: impl Fn(&dyn Fn(&str) -> String) -> Value) -> Vec<String> {
    let mut known = KnownIds::default();
    for id in [WRITTEN, "m", "e", "r"] {
        known.add(id).unwrap();
    }
    let remap = Remap::new(known, ["a"], AgentId::new());
    let new = |old: &str| remap.id::<uuid::Uuid>(old).unwrap().to_string();
    let mut comparison = Comparison::of(&remap);
    comparison.original(original.to_string().as_bytes()).unwrap();
    comparison.copy(copy(&new).to_string().as_bytes()).unwrap();
    comparison.differences()
}

#[test]
fn what_is_written_otherwise_is_the_same() {
    let original = json!({
        "agent": {"id": "a", "name": "Ada", "topics": [], "createdAt": 1, "by": WRITTEN},
        "characterConfig": {"name": "Other", "system": "s", "secrets": {}},
        "memories": [
            {"id": "m", "type": "messages", "createdAt": 5, "content": {"inReplyTo": "m", "z": 1},
             "metadata": {"type": "document"}, "embedding": [1.0], "entity_id": "e"},
            {"id": "n", "content": "text alone", "roomId": "r", "unique": null}
        ],
        "logs": [{"body": {"x": 1}}, {"type": "action", "body": {"x": 2}}]
    });
    let found = differences(&original, |new| {
        json!({
            "agent": {"name": "Ada", "by": new(WRITTEN), "updatedAt": 2, "system": "s"},
            "characterConfig": {},
            "logs": [
                {"id": "l", "body": {"x": 2}, "type": "action", "entityId": new("a"),
                 "roomId": new("a")},
                {"body": {"x": 1}}
            ],
            "memories": [
                {"id": new("n"), "content": {"text": "text alone"}, "roomId": new("r"),
                 "entityId": new("a"), "type": "messages", "unique": true},
                {"id": new("m"), "type": "documents", "createdAt": 5, "entityId": new("e"),
                 "roomId": new("a"), "content": {"z": 1, "inReplyTo": new("m")},
                 "metadata": {"timestamp": 5, "type": "document"}, "unique": true}
            ]
        })
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_is_lost_changed_or_new_is_told() {
    let memory = |id: String, text: &str| json!({"id": id, "content": {"text": text}});
    let named = |id: &str, text: &str| memory(id.to_owned(), text);
    let original = json!({
        "agent": {"name": "Ada", "system": "s", "bio": "b"},
        "memories": [named("m", "one"), named("n", "two"), named("o", "three")],
        "rooms": [{"id": "r", "name": "Hall", "odd": 1}],
        "logs": [{"body": {"x": 1}}]
    });
    let found = differences(&original, |new| {
        json!({
            "agent": {"name": "Ada", "system": "t"},
            "memories": [memory(new("m"), "one"), memory(new("n"), "2"), memory(new("p"), "four")],
            "rooms": [{"id": new("r"), "name": "Hall"}],
            "logs": [{"body": {"x": 1}}, {"body": {"x": 1}}]
        })
    });
    let expected = [
        "agent.system is not the same",
        "agent.bio is lost",
        "memories: 1 lost, first memories.2",
        "memories: 1 not the same, first memories.1",
        "memories: 1 more than in the file",
        "rooms: 1 not the same, first rooms.0",
        "logs: not the same",
    ];
    assert_eq!(found, expected);
}
