//! Payloads that nobody meant.

use greenroom_actors::ids::AgentId;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Any JSON, of keys and words that mean something where they can.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        "id",
        "type",
        "interval",
        "cron",
        "once",
        "x",
        "TRIGGER_DISPATCH",
        "goal",
        "file",
        "0",
        "embedding",
        "message",
        "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "* * * * *",
        "UTC",
        "open",
        "2026-11-22 02:45:07.886+00",
        "FOLLOWED",
        "AAAA",
        "\u{fffd}🔒",
    ]);
    let key = prop::sample::select(vec![
        "id",
        "type",
        "kind",
        "name",
        "names",
        "content",
        "metadata",
        "entityId",
        "roomId",
        "worldId",
        "userState",
        "createdAt",
        "data",
        "body",
        "tags",
        "trigger",
        "triggerType",
        "intervalMs",
        "instructions",
        "cronExpression",
        "scheduledAtIso",
        "timezone",
        "greenroom",
        "maxRuns",
        "status",
        "text",
        "memoryId",
        "embedder",
        "vector",
        "path",
        "settings",
        "secrets",
        "misfire",
        "graceS",
        "anchor",
        "runCount",
        "isStub",
        "messageServerId",
        "sourceEntityId",
        "updatedAt",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        let fields = prop::collection::vec((key.clone(), inner.clone()), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            fields.prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_it_panic(
        records in prop::collection::vec((0_usize..12, anything()), 0..8),
        at: prop::sample::Index,
        byte in prop::option::of(any::<u8>()),
    ) {
        let mut payload = minimal();
        for (number, mut record) in records {
            match Section::ALL.get(number) {
                Some(section) => {
                    let lists = payload.as_object_mut().unwrap();
                    let list = lists.entry(section.name()).or_insert_with(|| json!([]));
                    if let Value::Object(fields) = &mut record {
                        for key in ["id", "entityId", "roomId", "userState"] {
                            fields.entry(key).or_insert_with(|| json!("an id"));
                        }
                    }
                    list.as_array_mut().unwrap().push(record);
                }
                None if number == 10 => payload["agent"] = record,
                None => payload["characterConfig"] = record,
            }
        }
        let mut text = payload.to_string().into_bytes();
        if let Some(byte) = byte {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let Ok(mut survey) = surveyed(&text) else { return Ok(()) };
        let remap = survey.remap(AgentId::new());
        let taking = Taking { remap: &remap, now: NOW, triggers_max: 2 };
        let _ = read_agent(&mut survey, taking, &Secrets::new("salt"));
        for round in Round::over(&survey) {
            deliver(text.as_slice(), *round, taking, |_| Ok(())).unwrap();
        }
    }
}
