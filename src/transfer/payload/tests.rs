#[path = "hostile.rs"]
mod hostile;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, RoomId};
use greenroom_actors::records::Memory;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::Trigger;
use serde_json::{Value, json};

use super::*;
use crate::secrets::Secrets;
use crate::transfer::container::Opened;
use crate::transfer::error::TransferError;
use crate::transfer::password::Password;

const NOW: UnixMillis = UnixMillis(1_767_323_045_678);

/// The payload of a file of the original, and what is expected of it.
fn fixture(name: &str) -> (Vec<u8>, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/eliza-agent");
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let described = manifest["files"].as_array_mut().unwrap();
    let described = described.iter_mut().find(|file| file["file"] == name).unwrap();
    let password = described["password"].as_str().unwrap().to_owned();
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let mut opened = Opened::open(file, &Password::new(password).unwrap()).unwrap();
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut opened.unpacked(1 << 24).unwrap(), &mut text).unwrap();
    (text, described["expected"].take())
}

fn surveyed(text: &[u8]) -> Result<Survey, TransferError> {
    survey(text)
}

/// All facts of a payload, and the new ids.
fn delivered(text: &[u8]) -> (Vec<Fact>, Remap) {
    let mut survey = surveyed(text).unwrap();
    let remap = survey.remap(AgentId::new());
    let mut facts = Vec::new();
    let taking = Taking { remap: &remap, now: NOW, triggers_max: 2 };
    for round in Round::over(&survey) {
        deliver(text, *round, taking, |delivered| {
            if let Delivered::Facts(slice) = delivered {
                facts.extend(slice);
            }
            Ok(())
        })
        .unwrap();
    }
    (facts, remap)
}

fn minimal() -> Value {
    json!({
        "version": 1, "exportedAt": "2026-01-01T00:00:00.000Z", "sourceAgentId": "s", "agent": {},
        "entities": [], "memories": [], "components": [], "rooms": [], "participants": [],
        "relationships": [], "worlds": [], "tasks": [], "logs": []
    })
}

fn with(changes: Value) -> Vec<u8> {
    let mut payload = minimal();
    payload.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    payload.to_string().into_bytes()
}

#[test]
fn files_of_the_original_hold_what_their_manifest_says() {
    for name in ["minimal.eliza-agent", "rich-sql.eliza-agent", "unicode.eliza-agent"] {
        let (text, expected) = fixture(name);
        let found = surveyed(&text).unwrap();
        assert_eq!(serde_json::to_value(found.counts).unwrap(), expected["counts"], "{name}");
        assert_eq!(found.name(), expected["agentName"]);
        assert_eq!(found.source(), expected["sourceAgentId"]);
        assert_eq!(found.character.is_some(), expected["hasCharacterConfig"]);

        let (facts, remap) = delivered(&text);
        let mut kinds = BTreeMap::new();
        for fact in &facts {
            if let Fact::Remembered(memory) = fact {
                *kinds.entry(memory.kind.clone()).or_insert(0) += 1;
                assert_eq!(memory.agent_id, remap.agent());
            }
        }
        assert_eq!(json!(kinds), expected["memoriesByTable"], "{name}");
        let number: u64 =
            expected["counts"].as_object().unwrap().values().flat_map(Value::as_u64).sum();
        assert_eq!(u64::try_from(facts.len()).unwrap(), number);
        assert!(!facts.iter().any(|fact| matches!(fact, Fact::Embedded { .. })));
    }
}

#[test]
fn the_ids_of_a_file_are_new_and_still_fit_together() {
    let (text, expected) = fixture("rich-sql.eliza-agent");
    let (facts, remap) = delivered(&text);
    let source = expected["sourceAgentId"].as_str().unwrap();
    assert!(!format!("{facts:?}").contains(source));
    let is_own = |fact: &&Fact| matches!(fact, Fact::RoomSet(room) if room.id.0 == remap.agent().0);
    let Fact::RoomSet(own) = facts.iter().find(is_own).unwrap() else { unreachable!() };
    assert_eq!(own.world_id.unwrap().0, remap.agent().0);
    assert_eq!(own.channel_id, Some(remap.agent().to_string()));

    let entities: Vec<_> = facts
        .iter()
        .filter_map(|fact| if let Fact::EntitySet(entity) = fact { Some(entity.id) } else { None })
        .collect();
    for fact in &facts {
        match fact {
            Fact::WorldSet(world) => {
                let metadata = world.metadata.as_ref().unwrap();
                let owner = metadata["ownership"]["ownerId"].as_str().unwrap();
                assert!(entities.contains(&owner.parse().unwrap()));
                let role = metadata["roles"].as_object().unwrap().keys().next().unwrap();
                assert_eq!(role, owner);
            }
            Fact::Remembered(memory) => assert!(entities.contains(&memory.entity_id)),
            Fact::Joined(participant) => assert!(entities.contains(&participant.entity_id)),
            Fact::RelationshipSet(ties) => assert_eq!(ties.created_at.0 / 1_000, 1_795_315_507),
            _ => {}
        }
    }
}

#[test]
fn the_agent_of_a_file_is_its_record_laid_over_its_character() {
    let secrets = Secrets::new("salt");
    let (text, _) = fixture("unicode.eliza-agent");
    let mut survey = surveyed(&text).unwrap();
    let remap = survey.remap(AgentId::new());
    let taking = Taking { remap: &remap, now: NOW, triggers_max: 2 };
    let agent = read_agent(&mut survey, taking, &secrets).unwrap();
    assert_eq!((agent.id, agent.character.id), (remap.agent(), Some(remap.agent())));
    assert!(agent.enabled);
    let character = serde_json::to_value(&agent.character).unwrap();
    assert_eq!(character["bio"].as_array().unwrap().len(), 3);
    assert_eq!(character["extraField"], json!({"kept": true}));
    assert_eq!(character["username"], "reimu_日本");
    assert_eq!(character["settings"]["nested"], json!({"a": [1, 2, {"b": null}]}));
    for key in ["enabled", "status", "createdAt", "updatedAt"] {
        assert_eq!(character.get(key), None);
    }
    let sealed = character["settings"]["secrets"]["SERVICE_KEY"].as_str().unwrap();
    assert_eq!(secrets.open(sealed).unwrap().as_str(), "пароль-🔐");

    // Out again, its secrets open or left out.
    let written = records::character(&agent.character, Some(&secrets));
    assert_eq!(written["settings"]["secrets"]["SERVICE_KEY"], "пароль-🔐");
    let record = records::agent(&agent, &written);
    let keys: Vec<_> = record.keys().take(7).map(String::as_str).collect();
    assert_eq!(keys, ["id", "enabled", "status", "createdAt", "updatedAt", "name", "username"]);
    let written = records::character(&agent.character, None);
    assert_eq!(written["settings"].get("secrets"), None);
}

#[test]
fn an_agent_of_which_little_is_right_becomes_one_all_the_same() {
    for (agent, character, name) in [
        (json!({}), json!({}), "Unknown"),
        (json!({"name": ""}), json!({"name": 5}), "Unknown"),
        (json!({"name": null}), json!({"name": "Below"}), "Below"),
        (
            json!({"name": "Over", "bio": 7, "topics": "x", "style": []}),
            json!({"name": "B"}),
            "Over",
        ),
        (json!({"settings": {"secrets": {"A": ["x"], "B": null}}}), json!({}), "Unknown"),
        (json!({"settings": {"secrets": "none"}, "secrets": {"C": 1}}), json!({}), "Unknown"),
    ] {
        let text = with(json!({"agent": agent, "characterConfig": character}));
        let mut survey = surveyed(&text).unwrap();
        let remap = survey.remap(AgentId::new());
        let taking = Taking { remap: &remap, now: NOW, triggers_max: 2 };
        let read = read_agent(&mut survey, taking, &Secrets::new("salt")).unwrap();
        assert_eq!(read.character.name, name, "{agent}");
    }
}

#[test]
fn what_is_wrong_is_told_in_the_order_of_the_contract() {
    let schema = |text: &str| TransferError::Schema(text.to_owned());
    let without = |key: &str| {
        let mut payload = minimal();
        payload.as_object_mut().unwrap().remove(key);
        payload.to_string().into_bytes()
    };
    let text = String::from_utf8(with(json!({}))).unwrap();
    let doubled = format!("{},\"rooms\":[]}}", &text[..text.len() - 1]);
    for (text, expected) in [
        (without("memories"), schema("memories: must be a list")),
        (without("sourceAgentId"), schema("sourceAgentId: must be a text")),
        (without("agent"), schema("agent: must be an object")),
        (with(json!({"version": 0})), schema("version: must be a whole number of at least 1")),
        (with(json!({"version": 1.5})), schema("version: must be a whole number of at least 1")),
        (with(json!({"version": "1"})), schema("version: must be a whole number of at least 1")),
        (with(json!({"agent": []})), schema("agent: must be an object")),
        (
            with(json!({"characterConfig": null})),
            schema("characterConfig: must be an object where it stands"),
        ),
        (with(json!({"rooms": {"a": [1]}})), schema("rooms: must be a list")),
        (with(json!({"rooms": "x"})), schema("rooms: must be a list")),
        (with(json!({"rooms": null})), schema("rooms: must be a list")),
        (with(json!({"logs": [1]})), schema("logs.0: must be an object")),
        (
            with(json!({"entities": [{}, {"id": 5}], "memories": [{"id": "m"}, null]})),
            schema(
                "entities.0.id: must be a text; entities.1.id: must be a text; memories.1: must be \
                 an object",
            ),
        ),
        (
            with(json!({"participants": [{"entityId": "", "roomId": ""}]})),
            schema("participants.0.userState: must be a text or null"),
        ),
        (doubled.into_bytes(), schema("rooms: stands there twice")),
        (b"[1, {}]".to_vec(), schema("payload: must be an object")),
        (b"null".to_vec(), schema("payload: must be an object")),
        (with(json!({"version": 2})), TransferError::Version(2)),
        (with(json!({"version": 2, "agent": 1})), schema("agent: must be an object")),
    ] {
        let refused = surveyed(&text).err();
        assert_eq!(refused, Some(expected), "{}", String::from_utf8_lossy(&text));
    }
    let many = json!({"tasks": vec![json!({}); 25]});
    let Err(TransferError::Schema(text)) = surveyed(&with(many)) else { panic!("accepted") };
    assert!(text.ends_with("; and 5 more"), "{text}");

    for text in ["", "{", "\u{feff}{}", "{} x", "{\"a\":\"\u{1}\"}", "nul"] {
        let refused = surveyed(text.as_bytes()).err();
        assert!(matches!(refused, Some(TransferError::Json(_))), "{text:?}: {refused:?}");
    }
    let deep = format!("{{\"entities\":[{}", "[".repeat(100_000));
    assert!(matches!(surveyed(deep.as_bytes()), Err(TransferError::Json(_))));
}

#[test]
fn what_does_not_unpack_is_told_before_what_is_no_json() {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    packing.write_all(b"{ no json").unwrap();
    let mut packed = packing.finish().unwrap();
    let text = MultiGzDecoder::new(packed.as_slice());
    assert!(matches!(survey(text), Err(TransferError::Json(_))));
    packed.extend(b"trailing");
    let text = MultiGzDecoder::new(packed.as_slice());
    // The decoder itself is used here, whose error has no words of ours yet.
    assert!(matches!(survey(text), Err(TransferError::File(_))));
}

#[test]
fn what_the_contract_accepts_on_purpose_is_accepted() {
    let text = with(json!({
        "sourceAgentId": "", "version": 1.0, "somethingNew": [{"deep": [1]}],
        "entities": [{"id": ""}, {"id": "e"}, {"id": "e", "names": "Ada", "components": [1]}],
        "memories": [{"id": ""}, {"id": "", "content": "said", "embedding": [1.0], "roomId": ""}],
        "participants": [
            {"entityId": "e", "roomId": "r", "userState": "ODD", "more": 1},
            {"entityId": "", "roomId": "", "userState": null}
        ],
        "components": [{"id": "c", "worldId": "", "sourceEntityId": "", "type": null}],
        "logs": [{}], "tasks": [{"id": "t", "name": "TRIGGER_DISPATCH", "metadata": {"trigger": {}}}]
    }));
    let found = surveyed(&text).unwrap();
    assert_eq!((found.counts.entities, found.counts.memories, found.counts.logs), (3, 2, 1));
    let (facts, remap) = delivered(&text);
    let mut memories = facts.iter().filter_map(|fact| match fact {
        Fact::Remembered(memory) => Some(memory.as_ref()),
        _ => None,
    });
    let (first, second): (&Memory, &Memory) = (memories.next().unwrap(), memories.next().unwrap());
    assert_ne!(first.id, second.id);
    assert_eq!((first.kind.as_str(), second.text()), ("messages", "said"));
    assert_eq!((first.room_id, first.entity_id), (RoomId(remap.agent().0), remap.agent().into()));
    assert_eq!((first.created_at, first.unique), (NOW, true));
    assert!(
        facts.iter().any(|fact| matches!(fact, Fact::Joined(joined) if joined.state.is_none()))
    );
    assert!(facts.iter().any(|fact| matches!(fact, Fact::TaskSet(_))));
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Logged(entry) if entry.kind == "action")));
    assert!(facts.iter().any(
        |fact| matches!(fact, Fact::ComponentSet(c) if c.world_id.is_none() && c.source_entity_id.is_none())
    ));
}

#[test]
fn what_javascript_writes_of_half_a_pair_is_read() {
    let text =
        String::from_utf8(with(json!({"memories": [{"id": "m", "content": {"text": "@"}}]})));
    let text = text.unwrap().replace('@', r"a\ud83d");
    let (facts, _) = delivered(text.as_bytes());
    let Some(Fact::Remembered(memory)) = facts.first() else { panic!("{facts:?}") };
    assert_eq!(memory.text(), "a\u{fffd}");
}

#[test]
fn there_are_no_more_triggers_and_open_goals_than_may_be() {
    let trigger = json!({
        "id": "t", "name": "TRIGGER_DISPATCH", "metadata": {"trigger": {
            "triggerId": "t", "triggerType": "interval", "intervalMs": 60_000, "instructions": "x"
        }}
    });
    let goal = json!({"kind": "goal", "id": "", "text": "win", "status": "open"});
    let text = with(json!({"tasks": vec![trigger; 5], "greenroom": vec![goal; 40]}));
    let (facts, _) = delivered(&text);
    let count = |is: fn(&Fact) -> bool| facts.iter().filter(|fact| is(fact)).count();
    assert_eq!(count(|fact| matches!(fact, Fact::TriggerSet { .. })), 2);
    assert_eq!(count(|fact| matches!(fact, Fact::TaskSet(_))), 3);
    assert_eq!(count(|fact| matches!(fact, Fact::GoalSet(_))), 32);
}

#[test]
fn what_is_nested_as_deep_as_the_store_reads_it_comes_in_and_no_deeper() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let memory = |depth| {
        let text = with(json!({"memories": [{"id": "m", "content": {"deep": "@"}}]}));
        String::from_utf8(text).unwrap().replace("\"@\"", &nested(depth))
    };
    let (facts, _) = delivered(memory(126).as_bytes());
    let Some(Fact::Remembered(kept)) = facts.first() else { panic!("{facts:?}") };
    let kept = serde_json::to_string(&kept.content).unwrap();
    serde_json::from_str::<Value>(&kept).unwrap();
    assert!(matches!(surveyed(memory(127).as_bytes()), Err(TransferError::Json(_))));

    let text = with(json!({"agent": {"name": "A", "custom": "@"}}));
    let text = String::from_utf8(text).unwrap().replace("\"@\"", &nested(128));
    let mut survey = surveyed(text.as_bytes()).unwrap();
    let remap = survey.remap(AgentId::new());
    let taking = Taking { remap: &remap, now: NOW, triggers_max: 2 };
    let refused = read_agent(&mut survey, taking, &Secrets::new("salt")).unwrap_err();
    assert!(matches!(refused, TransferError::Agent(_)));
}

#[test]
fn triggers_are_tasks_in_the_words_of_the_original() {
    let config = json!({
        "version": 1, "triggerId": "t-1", "displayName": "Tea", "instructions": "Make tea",
        "triggerType": "cron", "enabled": true, "wakeMode": "next_autonomy_cycle",
        "createdBy": "person", "timezone": "Europe/Berlin", "cronExpression": "0 9 * * 1-5",
        "maxRuns": 7, "runCount": 3, "dedupeKey": "trigger-1", "nextRunAtMs": 1,
        "lastRunAtIso": "2026-01-01T00:00:00.000Z", "lastStatus": "error", "lastError": "cold"
    });
    let task = |config: &Value| {
        json!({
            "id": "task", "name": "TRIGGER_DISPATCH", "description": "Tea", "createdAt": 5,
            "metadata": {"blocking": true, "trigger": config}
        })
    };
    let once = json!({
        "triggerId": "t-2", "displayName": "Once", "instructions": "x", "triggerType": "once",
        "scheduledAtIso": "2020-01-01T00:00:00.000Z", "enabled": true
    });
    let (facts, remap) = delivered(&with(json!({"tasks": [task(&config), task(&once)]})));
    let [Fact::TriggerSet { trigger: tea, .. }, Fact::TriggerSet { trigger: past, .. }] =
        facts.as_slice()
    else {
        panic!("{facts:?}")
    };
    assert_eq!(Some(tea.id), remap.id("t-1"));
    assert_eq!((tea.created_at, tea.run_count, tea.max_runs), (UnixMillis(5), 3, Some(7)));
    assert!(tea.next_due_at.is_some_and(|due| due > NOW));
    // One whose time is over is kept, and off.
    assert_eq!((past.is_enabled, past.next_due_at), (false, None));

    let written = records::trigger(Trigger::clone(tea));
    let metadata = &written["metadata"];
    assert_eq!(metadata["blocking"], true);
    assert_eq!(written["tags"], json!(["queue", "repeat", "trigger"]));
    let mut again = metadata["trigger"].clone();
    assert_eq!(again["triggerId"], json!(tea.id));
    assert_eq!(again["nextRunAtMs"], json!(tea.next_due_at));
    let own = again.as_object_mut().unwrap().remove("greenroom").unwrap();
    assert_eq!(own["graceS"], 60);
    for key in ["triggerId", "nextRunAtMs"] {
        again[key] = config[key].clone();
    }
    // Over «cron|make tea|||0 9 * * 1-5|next_autonomy_cycle».
    assert_eq!(again["dedupeKey"], "trigger-b425c076");
    again["dedupeKey"] = config["dedupeKey"].clone();
    assert_eq!(again, config);
}
