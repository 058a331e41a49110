//! Payloads: what is accepted is delivered, and only what the contract allows is accepted.

use std::io::{self, Read};

use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::IMPORT_SLICE;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::secrets::Secrets;
use crate::transfer::error::TransferError;
use crate::transfer::payload::{Counts, Delivered, Round, Taking, deliver, read_agent, survey};

/// When it is read.
const NOW: UnixMillis = UnixMillis(1_767_323_045_678);

/// The lists of the contract.
const LISTS: [&str; 9] = [
    "entities",
    "memories",
    "components",
    "rooms",
    "participants",
    "relationships",
    "worlds",
    "tasks",
    "logs",
];

/// Reads the payload as an import does, and judges it by the words of the contract too.
pub(super) fn check(text: &[u8]) {
    let outcome = imported(text);
    let Ok(plain) = serde_json::from_slice::<Value>(text) else {
        // More is accepted than by a strict reader: half pairs, and oddities in what is passed over.
        return;
    };
    let says = |part: &str| outcome.as_ref().err().is_some_and(|it| it.to_string().contains(part));
    match &outcome {
        Ok(counts) => {
            assert!(is_fit(&plain), "accepted");
            assert_eq!(plain["version"].as_f64(), Some(1.0));
            for list in LISTS {
                let length = plain[list].as_array().unwrap().len();
                assert_eq!(count(counts, list), u64::try_from(length).unwrap(), "{list}");
            }
        }
        Err(TransferError::Schema(_)) => assert!(!is_fit(&plain) || says("stands there twice")),
        Err(TransferError::Version(version)) => assert!(is_fit(&plain) && *version > 1),
        // A name, or a budget, that cannot be.
        Err(TransferError::Agent(_)) => assert!(is_fit(&plain)),
        Err(error) => panic!("{error}"),
    }
}

/// Reads a payload as an import does, up to where the store would come in.
fn imported(text: &[u8]) -> Result<Counts, TransferError> {
    let open = || Slow { text, pace: text.len() % 509 + 1 };
    let mut survey = survey(open())?;
    let counts = survey.counts;
    let remap = survey.remap(AgentId(Uuid::from_u128(1)));
    let taking = Taking { remap: &remap, now: NOW, triggers_max: 3 };
    let agent = read_agent(&mut survey, taking, &Secrets::new("salt"))?;
    assert_eq!((agent.id, agent.character.id), (remap.agent(), Some(remap.agent())));
    assert!(!agent.character.name.is_empty());
    let mut delivered = Counts::default();
    for round in Round::over(&survey) {
        let taker = |part| {
            if let Delivered::Facts(facts) = part {
                assert!((1..=IMPORT_SLICE).contains(&facts.len()));
                facts.iter().for_each(|fact| tell(&mut delivered, fact, remap.agent()));
            }
            Ok(())
        };
        // It was surveyed: now there is nothing to be wrong with it.
        deliver(open(), *round, taking, taker).unwrap();
    }
    for list in LISTS {
        // Each once; those that only stand there for others are none.
        assert!(count(&delivered, list) <= count(&counts, list), "{list}");
    }
    Ok(counts)
}

/// Counts a fact, which must be about that agent.
fn tell(counts: &mut Counts, fact: &Fact, agent: AgentId) {
    let (of, count) = match fact {
        Fact::EntitySet(entity) => (entity.agent_id, &mut counts.entities),
        Fact::RoomSet(room) => (room.agent_id, &mut counts.rooms),
        Fact::WorldSet(world) => (world.agent_id, &mut counts.worlds),
        Fact::Joined(participant) => (participant.agent_id, &mut counts.participants),
        Fact::ComponentSet(component) => (component.agent_id, &mut counts.components),
        Fact::RelationshipSet(ties) => (ties.agent_id, &mut counts.relationships),
        Fact::Remembered(memory) => (memory.agent_id, &mut counts.memories),
        Fact::TaskSet(task) => (task.agent_id, &mut counts.tasks),
        Fact::TriggerSet { trigger, .. } => (trigger.agent_id, &mut counts.tasks),
        Fact::Logged(entry) => (entry.agent_id, &mut counts.logs),
        // They are in none of the lists that are counted.
        Fact::GoalSet(goal) => return assert_eq!(goal.agent_id, agent),
        Fact::Embedded { agent_id, .. } => return assert_eq!(*agent_id, agent),
        other => panic!("an import brings {other:?}"),
    };
    assert_eq!(of, agent);
    *count += 1;
}

fn count(counts: &Counts, list: &str) -> u64 {
    serde_json::to_value(counts).unwrap()[list].as_u64().unwrap()
}

/// Whether it is as section 10.2 of the contract has it, of whatever version.
fn is_fit(payload: &Value) -> bool {
    let Value::Object(payload) = payload else { return false };
    let version = payload.get("version").and_then(Value::as_f64);
    let is_character = payload.get("characterConfig").is_none_or(Value::is_object);
    let is_list = |list: &&str| payload.get(*list).is_some_and(|it| is_fit_list(list, it));
    let is_own_fit = payload.get("greenroom").is_none_or(|it| is_fit_list("greenroom", it));
    version.is_some_and(|version| version >= 1.0 && version.fract() == 0.0)
        && is_text(payload, "exportedAt")
        && is_text(payload, "sourceAgentId")
        && payload.get("agent").is_some_and(Value::is_object)
        && is_character
        && LISTS.iter().all(is_list)
        && is_own_fit
}

fn is_fit_list(list: &str, records: &Value) -> bool {
    let Value::Array(records) = records else { return false };
    records.iter().all(|record| {
        let Value::Object(record) = record else { return false };
        match list {
            "logs" | "greenroom" => true,
            "participants" => {
                let state = record.get("userState");
                is_text(record, "entityId")
                    && is_text(record, "roomId")
                    && state.is_some_and(|state| state.is_string() || state.is_null())
            }
            _ => is_text(record, "id"),
        }
    })
}

fn is_text(record: &Map<String, Value>, key: &str) -> bool {
    record.get(key).is_some_and(Value::is_string)
}

/// Gives a text a few bytes at a time.
struct Slow<'a> {
    text: &'a [u8],
    pace: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = self.pace.min(into.len());
        self.text.read(&mut into[..most])
    }
}
