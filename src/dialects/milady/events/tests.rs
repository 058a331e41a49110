//! What becomes of an agent's own events.

use std::collections::HashMap;

use greenroom_actors::facts::{Event, EventKind};
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::envelope::{Draft, Sort};
use super::translate::Translator;

/// A run, by a short number.
fn run(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// An agent's sequence, told one by one.
struct Story {
    translator: Translator,
    seq: u64,
}

impl Story {
    fn new() -> Self {
        Self { translator: Translator::default(), seq: 40 }
    }

    fn tell(&mut self, kind: EventKind, data: Value) -> Vec<Draft> {
        self.tell_in(kind, data, false)
    }

    fn tell_in(&mut self, kind: EventKind, data: Value, is_chat: bool) -> Vec<Draft> {
        self.seq += 1;
        let data = data.as_object().cloned().unwrap_or_default();
        let at = UnixMillis(i64::try_from(self.seq).unwrap() * 10);
        let event = Event { agent_id: AgentId(run(9)), seq: self.seq, at, kind, data };
        self.translator.translate(&event, is_chat)
    }
}

/// What a table says of an envelope: its place in the run, its stream, the type and the text.
fn row(draft: &Draft) -> (Option<u64>, String, String) {
    let stream = match draft.stream {
        Some(stream) => serde_json::to_value(stream).unwrap().as_str().unwrap().to_owned(),
        None => "heartbeat".to_owned(),
    };
    let word = |key: &str| draft.payload.get(key).and_then(Value::as_str);
    let word = word("type").or(word("status")).unwrap_or_default().to_owned();
    (draft.place.map(|place| place.seq), stream, word)
}

fn rows(drafts: &[Draft]) -> Vec<(Option<u64>, String, String)> {
    drafts.iter().map(row).collect()
}

fn expected(rows: &[(u64, &str, &str)]) -> Vec<(Option<u64>, String, String)> {
    let row = |(seq, stream, word): &(u64, &str, &str)| {
        (Some(*seq).filter(|seq| *seq > 0), (*stream).to_owned(), (*word).to_owned())
    };
    rows.iter().map(row).collect()
}

#[test]
fn an_idle_tick_is_a_run_of_its_own() {
    let mut story = Story::new();
    let first = story.tell(EventKind::Ticked, Value::Null);
    assert_eq!(
        rows(&first),
        expected(&[
            (1, "lifecycle", "run_start"),
            (2, "evaluator", "idle"),
            (3, "lifecycle", "run_end"),
            (0, "heartbeat", "ok-empty"),
        ])
    );
    assert_eq!(first[3].sort, Sort::HeartbeatEvent);
    assert_eq!(first[3].payload["ts"], json!(410));
    let second = story.tell(EventKind::Ticked, json!({"skipped": 2}));
    assert_ne!(first[0].place.unwrap().run, second[0].place.unwrap().run);
}

#[test]
fn a_tick_that_works_has_one_run_and_a_heartbeat_at_its_end() {
    for (end, said, beat) in [
        (json!({"status": "completed"}), true, "ok-token"),
        (json!({"status": "completed"}), false, "ok-token"),
        (json!({"status": "failed", "error": "no model"}), false, "failed"),
        (json!({"status": "timed_out", "error": "late"}), false, "failed"),
        (json!({"status": "cancelled", "error": "paused"}), false, "skipped"),
    ] {
        let mut story = Story::new();
        let of_run = json!({"runId": run(1)});
        assert_eq!(story.tell(EventKind::Ticked, of_run), []);
        let begun = json!({"runId": run(1), "kind": "tick", "resumes": null});
        let mut all = story.tell(EventKind::RunStarted, begun);
        let called = json!({"runId": run(1), "index": 1, "tool": "fetch", "isSuccess": true});
        all.extend(story.tell(EventKind::ToolCalled, called));
        let called = json!({"runId": run(1), "index": 2, "tool": "fetch", "isSuccess": false});
        all.extend(story.tell(EventKind::ToolCalled, called));
        if said {
            let thought = json!({
                "runId": run(1), "memoryId": run(5), "roomId": run(6), "text": "All is well",
            });
            all.extend(story.tell(EventKind::Thought, thought));
        }
        let mut over = end.clone();
        over["runId"] = json!(run(1));
        over["kind"] = json!("tick");
        all.extend(story.tell(EventKind::RunEnded, over));
        let mut table = vec![
            (1, "lifecycle", "run_start"),
            (2, "tool", "tool_call"),
            (3, "tool", "tool_result"),
            (4, "tool", "tool_call"),
            (5, "tool", "tool_error"),
        ];
        if said {
            table.extend([(6, "memory", "create"), (7, "evaluator", "thought")]);
        }
        let mut next = u64::try_from(table.len()).unwrap() + 1;
        if end.get("error").is_some() {
            table.push((next, "error", "error"));
            next += 1;
        }
        table.extend([(next, "lifecycle", "run_end"), (0, "heartbeat", beat)]);
        assert_eq!(rows(&all), expected(&table), "{end}");
        for draft in all.iter().filter(|draft| draft.place.is_some()) {
            assert_eq!(draft.place.unwrap().run, run(1), "it was seen from its beginning");
            assert_eq!(draft.agent, Some(AgentId(run(9))));
        }
        let beat = all.last().unwrap();
        assert_eq!(beat.payload.get("preview").is_some(), said);
        assert_eq!(beat.payload["durationMs"], json!(if said { 40 } else { 30 }));
        assert_eq!(beat.payload.get("reason"), end.get("error"));
    }
}

/// Who said what why, and where it is told.
#[test]
fn only_what_is_said_to_people_is_told_as_said() {
    for (kind, why, is_chat, stream, source) in [
        (EventKind::Said, "reply", true, "assistant", Some("client_chat")),
        (EventKind::Said, "reply", false, "message", None),
        (EventKind::Thought, "tick", false, "evaluator", None),
        (EventKind::Thought, "trigger", false, "assistant", Some("trigger")),
    ] {
        let mut story = Story::new();
        story.tell(EventKind::RunStarted, json!({"runId": run(1), "kind": why}));
        let said = json!({"runId": run(1), "memoryId": run(5), "roomId": run(6), "text": "Hello"});
        let told = story.tell_in(kind, said, is_chat);
        assert_eq!(row(&told[0]), (Some(2), "memory".to_owned(), "create".to_owned()));
        let (seq, found, _) = row(&told[1]);
        assert_eq!((seq, found.as_str()), (Some(3), stream), "{kind:?} {why}");
        assert_eq!(told[1].payload["text"], "Hello");
        assert_eq!(told[1].payload.get("source").and_then(Value::as_str), source);
        assert_eq!(serde_json::to_value(&told[1].room).unwrap(), json!(run(6)));
        let ended = json!({"runId": run(1), "kind": why, "status": "completed"});
        let ended = story.tell(EventKind::RunEnded, ended);
        assert_eq!(ended.len(), 1, "no tick, no heartbeat");
    }
}

#[test]
fn a_run_that_waits_for_a_person_goes_on_with_its_numbers() {
    let mut story = Story::new();
    let of_run = json!({"runId": run(1), "kind": "tick", "tool": "pay", "status": "completed"});
    let mut all = Vec::new();
    for kind in [
        EventKind::Ticked,
        EventKind::RunStarted,
        EventKind::ApprovalAsked,
        EventKind::ApprovalDecided,
        EventKind::RunResumed,
        EventKind::RunEnded,
    ] {
        all.extend(story.tell(kind, of_run.clone()));
    }
    assert_eq!(
        rows(&all),
        expected(&[
            (1, "lifecycle", "run_start"),
            (2, "action", "approval_asked"),
            (3, "action", "approval_decided"),
            (4, "lifecycle", "run_resume"),
            (5, "lifecycle", "run_end"),
            (0, "heartbeat", "ok-token"),
        ])
    );
}

#[test]
fn a_run_whose_beginning_was_not_seen_has_an_id_of_its_own() {
    let mut story = Story::new();
    let called = json!({"runId": run(1), "tool": "fetch", "isSuccess": true});
    let called = story.tell(EventKind::ToolCalled, called);
    let ended = json!({"runId": run(1), "kind": "reply", "status": "completed"});
    let ended = story.tell(EventKind::RunEnded, ended);
    let seqs: Vec<u64> = called.iter().chain(&ended).map(|one| one.place.unwrap().seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert_ne!(called[0].place.unwrap().run, run(1));
    assert_eq!(called[0].place.unwrap().run, ended[0].place.unwrap().run);
}

#[test]
fn what_a_run_finds_cut_off_is_told_as_its_own() {
    let mut story = Story::new();
    story.tell(EventKind::RunStarted, json!({"runId": run(2), "kind": "reply", "resumes": run(1)}));
    let unknown = json!({"runId": run(1), "index": 3, "tool": "pay"});
    let told = story.tell(EventKind::OutcomeUnknown, unknown);
    assert_eq!(rows(&told), expected(&[(2, "tool", "tool_error")]));
    assert_eq!(told[0].place.unwrap().run, run(2));
}

#[test]
fn what_befalls_the_agent_is_of_no_run() {
    for (kind, data, stream, word) in [
        (EventKind::Created, Value::Null, "lifecycle", "created"),
        (EventKind::Revised, Value::Null, "system", "revised"),
        (EventKind::Started, Value::Null, "lifecycle", "started"),
        (EventKind::Paused, Value::Null, "lifecycle", "paused"),
        (EventKind::Paused, json!({"reason": "budget"}), "lifecycle", "paused"),
        (EventKind::Resumed, Value::Null, "lifecycle", "resumed"),
        (EventKind::Stopped, Value::Null, "lifecycle", "stopped"),
        (EventKind::Restarted, Value::Null, "lifecycle", "restarted"),
        (EventKind::AutonomySet, json!({"everyMs": 5}), "autonomy", "autonomy_set"),
        (EventKind::AutonomySet, json!({"everyMs": null}), "autonomy", "autonomy_set"),
        (EventKind::Crashed, json!({"cause": "x", "restarts": 1}), "lifecycle", "crashed"),
        (EventKind::Failed, json!({"cause": "x"}), "lifecycle", "failed"),
        (EventKind::LetterReceived, json!({"from": run(3)}), "message", "received"),
        (EventKind::LetterDead, json!({"reason": "x"}), "error", "error"),
        (EventKind::LetterRequeued, Value::Null, "message", "requeued"),
        (EventKind::GoalSet, json!({"text": "x"}), "autonomy", "goal_set"),
        (EventKind::Remedied, json!({"finding": "stuck"}), "error", "warning"),
        (EventKind::BudgetMarked, json!({"unit": "tokens"}), "error", "warning"),
        (EventKind::TriggerSet, json!({"name": "x"}), "autonomy", "trigger_set"),
        (EventKind::TriggerRemoved, Value::Null, "autonomy", "trigger_removed"),
        (EventKind::TriggerFired, json!({"status": "ran"}), "autonomy", "trigger_fired"),
        (EventKind::TriggerMissed, Value::Null, "autonomy", "trigger_missed"),
    ] {
        let told = Story::new().tell(kind, data);
        assert_eq!(rows(&told), expected(&[(0, stream, word)]), "{kind:?}");
        assert_eq!(told[0].sort, Sort::AgentEvent);
        assert!(told[0].payload["text"].as_str().is_some_and(|text| !text.is_empty()), "{kind:?}");
        assert!(!told[0].payload.contains_key("cause"), "the inside of the host stays inside");
    }
}

/// Any event of one of a few runs, or of none.
fn any_event() -> impl Strategy<Value = (EventKind, Value, bool)> {
    let run_id = prop_oneof![
        (0_u128..40).prop_map(|number| json!(run(number))),
        Just(Value::Null),
        Just(json!("no id")),
    ];
    (0..EventKind::ALL.len(), run_id, any::<bool>()).prop_map(|(kind, run_id, is_chat)| {
        let data = json!({
            "runId": run_id, "kind": "tick", "status": "completed", "tool": "fetch",
            "text": "words", "isSuccess": is_chat,
        });
        (EventKind::ALL[kind], data, is_chat)
    })
}

proptest! {
    #[test]
    fn numbers_of_a_run_are_contiguous_from_one(
        events in prop::collection::vec(any_event(), 0..400),
    ) {
        let mut story = Story::new();
        let mut last: HashMap<Uuid, u64> = HashMap::new();
        for (kind, data, is_chat) in events {
            for draft in story.tell_in(kind, data, is_chat) {
                let Some(place) = draft.place else { continue };
                let last = last.entry(place.run).or_default();
                // Here alone a run that has ended may begin again.
                if kind == EventKind::RunStarted && place.seq == 1 {
                    *last = 0;
                }
                *last += 1;
                prop_assert_eq!(place.seq, *last);
            }
        }
    }
}
