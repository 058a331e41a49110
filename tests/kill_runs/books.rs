//! Two books of the same calls: the host's steps and the tool server's ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use crate::support::database::Database;
use crate::support::tool_server::{Call, Fate, ToolServer};

use super::task::{Errand, fate, tally};

/// A step that is a call of a tool.
#[derive(Clone, Debug)]
struct Entry {
    tool: String,
    token: String,
    key: String,
    status: String,
}

/// Both books.
pub(super) struct Books {
    /// In the order in which they were begun.
    steps: Vec<Entry>,
    ledger: Vec<Call>,
}

/// What they say in figures.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) steps: BTreeMap<String, usize>,
    pub(super) arrived: usize,
    /// Calls of tools that may be called twice, made again after a kill.
    pub(super) repeated: usize,
    /// Calls that must not be made twice, and may have happened.
    pub(super) unknown: usize,
    /// Those of them that have.
    pub(super) unknown_and_done: usize,
}

impl Books {
    pub(super) fn read(data: &Path, ledger: Vec<Call>) -> Self {
        let question = "SELECT steps.name, steps.intent, steps.status FROM steps \
                        JOIN runs ON runs.id = steps.run WHERE steps.kind = 'tool' \
                        ORDER BY steps.started_at, runs.started_at, place";
        let steps = Database::open(data).rows(question, |row| {
            let intent = row.get::<_, String>(1).unwrap();
            let intent: Value = serde_json::from_str(&intent).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let name = row.get::<_, String>(0).unwrap();
            Entry {
                tool: name.trim_start_matches("till__").to_owned(),
                token: text(&intent["arguments"]["token"]),
                key: text(&intent["key"]),
                status: row.get(2).unwrap(),
            }
        });
        Self { steps, ledger }
    }

    /// The books agree, and no call that must not be repeated was.
    pub(super) fn assert_sound(&self) -> Figures {
        let mut steps = BTreeMap::<_, Vec<&Entry>>::new();
        for step in &self.steps {
            steps.entry(step.key.as_str()).or_default().push(step);
        }
        let mut arrived = BTreeMap::<_, Vec<&Call>>::new();
        for call in &self.ledger {
            let key = call.key.as_deref().unwrap_or_else(|| panic!("without a key: {call:?}"));
            arrived.entry(key).or_default().push(call);
        }
        // Nothing leaves before its intent is kept.
        for (key, calls) in &arrived {
            let steps = steps.get(key).unwrap_or_else(|| panic!("no intent: {calls:?}"));
            for call in calls {
                assert_eq!(steps[0].tool, call.tool, "{call:?}");
                assert_eq!(call.arguments["token"], steps[0].token, "{call:?}");
            }
        }
        let (mut unknown, mut unknown_and_done, mut repeated) = (0, 0, 0);
        for (key, steps) in &steps {
            let calls = arrived.get(key).map(Vec::as_slice).unwrap_or_default();
            let last = self.assert_agree(steps, calls);
            if steps[0].tool == "charge" {
                unknown += usize::from(last == "outcome_unknown");
                unknown_and_done += usize::from(last == "outcome_unknown" && !calls.is_empty());
            } else {
                repeated += steps.len() - 1;
            }
        }
        self.assert_tokens();
        Figures {
            steps: tally(self.steps.iter().map(|step| step.status.clone())),
            arrived: self.ledger.len(),
            repeated,
            unknown,
            unknown_and_done,
        }
    }

    /// One call in both books: the steps that it was tried in, and how often it arrived. Answers with
    /// what is known of it at last.
    fn assert_agree<'a>(&self, steps: &[&'a Entry], calls: &[&Call]) -> &'a str {
        let seen = || format!("{steps:#?}\n{calls:#?}");
        let deeds = calls.iter().filter(|call| call.is_deed).count();
        let (last, before) = steps.split_last().unwrap();
        // What is known is not asked for again.
        assert!(before.iter().all(|step| step.status == "outcome_unknown"), "{}", seen());
        let (least, most) = match (last.tool.as_str(), last.status.as_str()) {
            ("charge", "succeeded") => (1, 1),
            ("charge" | "pay", "outcome_unknown") => (0, 1),
            ("pay", "succeeded") => (1, 1),
            ("put", "succeeded") => (1, usize::MAX),
            ("put", "outcome_unknown") => (0, usize::MAX),
            ("look", _) | (_, "failed") => (0, 0),
            other => panic!("{other:?}: {}", seen()),
        };
        assert!((least..=most).contains(&deeds), "{deeds} deeds: {}", seen());
        assert!(calls.len() <= steps.len(), "it left without an intent: {}", seen());
        if last.status == "succeeded" {
            assert!(!calls.is_empty(), "it never left: {}", seen());
        }
        &last.status
    }

    /// One call for each token: decided once, and whatever may happen twice did have its end.
    fn assert_tokens(&self) {
        let mut by_token = BTreeMap::<_, Vec<&Entry>>::new();
        for step in &self.steps {
            by_token.entry(step.token.as_str()).or_default().push(step);
        }
        for (token, steps) in &by_token {
            let keys = steps.iter().map(|step| &step.key).collect::<BTreeSet<_>>();
            assert_eq!(keys.len(), 1, "one token, one call: {steps:#?}");
            if steps[0].tool == "charge" {
                assert_eq!(steps.len(), 1, "tried twice: {steps:#?}");
                continue;
            }
            let (_, fate) = fate(&steps[0].tool, &serde_json::json!({"token": token}));
            if fate == Fate::Answer {
                assert_eq!(steps.last().unwrap().status, "succeeded", "{steps:#?}");
            }
        }
        let charged = self.ledger.iter().filter(|call| call.tool == "charge");
        let charged = tally(charged.map(|call| call.arguments["token"].to_string()));
        let twice = charged.iter().filter(|(_, count)| **count > 1).collect::<Vec<_>>();
        assert!(twice.is_empty(), "called twice: {twice:?}");
    }

    /// Every errand of a task that was dealt with is in the host's book.
    pub(super) fn assert_holds<'a>(&self, errands: impl Iterator<Item = &'a Errand>) {
        let known = self.steps.iter().map(|step| (step.tool.as_str(), step.token.as_str()));
        let known = known.collect::<BTreeSet<_>>();
        for Errand { tool, token } in errands {
            assert!(known.contains(&(tool.as_str(), token.as_str())), "not done: {tool} {token}");
        }
    }
}

/// Runs and steps without an end, as lines that say which.
pub(super) fn open(data: &Path) -> Vec<String> {
    let question = "SELECT hex(id), status FROM runs WHERE ended_at IS NULL OR status = 'started' \
                    UNION ALL SELECT hex(run) || '#' || place, status FROM steps \
                    WHERE status = 'intended' \
                    UNION ALL SELECT hex(id), status FROM letters WHERE status = 'waiting'";
    Database::open(data).rows(question, |row| {
        format!("{} {}", row.get::<_, String>(0).unwrap(), row.get::<_, String>(1).unwrap())
    })
}

/// The letters that were said in channels: status, by the message.
pub(super) fn letters(data: &Path) -> BTreeMap<Uuid, Vec<String>> {
    let question = "SELECT heard_message, status FROM letters WHERE heard_message IS NOT NULL";
    let rows = Database::open(data)
        .rows(question, |row| (row.get::<_, Uuid>(0).unwrap(), row.get::<_, String>(1).unwrap()));
    rows.into_iter().fold(BTreeMap::new(), |mut letters, (message, status)| {
        letters.entry(message).or_insert_with(Vec::new).push(status);
        letters
    })
}

#[test]
fn books_that_do_not_agree_are_seen() {
    let entry = |tool: &str, status: &str| Entry {
        tool: tool.to_owned(),
        token: "t".to_owned(),
        key: "k".to_owned(),
        status: status.to_owned(),
    };
    let call = |tool: &str| Call {
        tool: tool.to_owned(),
        arguments: serde_json::json!({"token": "t"}),
        key: Some("k".to_owned()),
        at: std::time::Instant::now(),
        is_deed: tool != "look",
        fate: Fate::Answer,
    };
    let (once, unknown) = (entry("charge", "succeeded"), entry("charge", "outcome_unknown"));
    let again = [entry("put", "outcome_unknown"), entry("put", "succeeded")];
    for (steps, calls, is_sound) in [
        (vec![once.clone()], 1, true),
        (vec![once.clone()], 0, false),
        (vec![once.clone()], 2, false),
        (vec![unknown.clone()], 0, true),
        (vec![unknown.clone()], 1, true),
        (vec![unknown.clone(), once], 1, false),
        (vec![entry("charge", "intended")], 1, false),
        (vec![], 1, false),
        (again.to_vec(), 2, true),
        (again.to_vec(), 3, false),
    ] {
        let tool = steps.first().map_or("charge", |step| step.tool.as_str());
        let books = Books { ledger: vec![call(tool); calls], steps };
        let found = std::panic::catch_unwind(|| books.assert_sound());
        assert_eq!(found.is_ok(), is_sound, "{:?} {calls}", books.steps);
    }
    assert_eq!(ToolServer::name("charge"), "till__charge");
}
