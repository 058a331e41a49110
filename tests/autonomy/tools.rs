//! Every tool that an agent is offered, with arguments that it does something with.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::script::{Act, Asked};

/// What the tools answered last.
pub(super) type Answers = BTreeMap<String, String>;

/// A tool and what it is called with.
pub(super) struct Row {
    pub(super) tool: &'static str,
    arguments: fn(&Answers) -> Value,
}

const fn row(tool: &'static str, arguments: fn(&Answers) -> Value) -> Row {
    Row { tool, arguments }
}

/// All of them, in an order in which each finds what it needs.
pub(super) const ROWS: &[Row] = &[
    row("remember", |_| json!({"text": "Plums are blue."})),
    row("recall", |_| json!({"query": "plums"})),
    row("forget", |answers| json!({"id": id(answers, "remember")})),
    row("list_agents", |_| json!({})),
    row("send_message", |_| json!({"to": "bob", "text": "Good morning."})),
    row("ask_agents", |_| json!({"to": ["bob"], "text": "How are you?"})),
    row("set_goal", |_| json!({"text": "Count the plums."})),
    row("rest", |answers| json!({"id": id(answers, "set_goal"), "seconds": 3_600})),
    row("finish_goal", |answers| json!({"id": id(answers, "set_goal"), "outcome": "Twelve."})),
    row("write_file", |_| json!({"path": "notes/plums.md", "content": "Twelve.\n"})),
    row("append_to_file", |_| json!({"path": "notes/plums.md", "content": "All blue.\n"})),
    row("read_file", |_| json!({"path": "notes/plums.md"})),
    row("list_files", |_| json!({})),
    row("delete_file", |_| json!({"path": "notes/plums.md"})),
    row("list_channels", |_| json!({})),
    row("send_to_channel", |_| json!({"channel": "Square", "text": "Plums!"})),
    row("fetch_url", |answers| json!({"url": answers[ADDRESS]})),
    row(
        "schedule_trigger",
        |_| json!({"name": "plums", "instructions": "Count the plums.", "in_s": 3_600}),
    ),
    row("list_triggers", |_| json!({})),
    row("cancel_trigger", |answers| json!({"id": id(answers, "schedule_trigger")})),
];

/// What is no answer of a tool: where there is something to fetch.
const ADDRESS: &str = "(address)";

/// The id that a tool's answer names.
fn id(answers: &Answers, tool: &str) -> String {
    let words = answers[tool].split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-');
    let mut ids = words.filter(|word| word.parse::<uuid::Uuid>().is_ok());
    ids.next().unwrap_or_else(|| panic!("{tool} named no id: {}", answers[tool])).to_owned()
}

/// A script that tries one tool in each run, one after the other.
#[derive(Default)]
pub(super) struct Hands(Mutex<State>);

#[derive(Default)]
struct State {
    runs: usize,
    next: usize,
    called: &'static str,
    is_done: bool,
    answers: Answers,
}

impl Hands {
    /// That is where something can be fetched.
    pub(super) fn finds_at(&self, address: String) {
        self.0.lock().unwrap().answers.insert(ADDRESS.to_owned(), address);
    }

    /// Whether its goals are finished.
    pub(super) fn is_done(&self) -> bool {
        self.0.lock().unwrap().is_done
    }

    /// Calls the next tool that is offered; finishes all goals after so many runs.
    pub(super) fn decide(&self, asked: &Asked, runs: usize) -> Act {
        if asked.agent() != "Ada" || asked.tools.is_empty() {
            return Act::say("Here I am.");
        }
        let mut state = self.0.lock().unwrap();
        if let Some(answer) = asked.told().pop() {
            let called = state.called;
            state.answers.insert(called.to_owned(), answer);
            state.is_done = state.runs > runs;
            return Act::say(format!("I tried {called}."));
        }
        state.runs += 1;
        if state.runs > runs {
            state.called = FINISH;
            let finish = |id| (FINISH.to_owned(), json!({"id": id, "outcome": "All tried."}));
            return Act::Call(goals(&asked.system).into_iter().map(finish).collect());
        }
        loop {
            let row = &ROWS[state.next % ROWS.len()];
            state.next += 1;
            if asked.tools.iter().any(|tool| tool == row.tool) {
                state.called = row.tool;
                return Act::call(row.tool, (row.arguments)(&state.answers));
            }
        }
    }
}

/// How the last run ends.
const FINISH: &str = "finish_goal";

/// The ids of the goals that an agent is told it has: `- What is to be done (id …)`.
fn goals(system: &str) -> Vec<&str> {
    let goals = system.split("Your goals:\n").nth(1).unwrap_or_default();
    let lines = goals.lines().take_while(|line| line.starts_with("- "));
    lines.filter_map(|line| line.rsplit_once("(id ")?.1.strip_suffix(')')).collect()
}
