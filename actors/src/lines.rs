//! An agent's log as lines of text: what happened to it, in words, for a person to read.
//!
//! The agent's events are kept for programs, and a tick is one of them: a thousand of those are gone in
//! an hour of an agent that ticks often. Lines are bounded by number alone, and nothing is written
//! where nothing happens.

use serde_json::{Map, Value};

use crate::facts::{EventKind, Fact, NewEvent};
use crate::ids::AgentId;
use crate::texts::cut;
use crate::time::UnixMillis;

/// The newest lines that are kept of each agent.
pub const LINES_KEPT: u32 = 10_000;

/// Lines that are written in one go at most.
pub const LINES_AT_ONCE: usize = 1_000;

/// Bytes of a line.
pub const LINE_MAX_BYTES: usize = 1_000;

/// Bytes of what was said that a line shows.
const SAID_MAX_BYTES: usize = 300;

/// A line of an agent's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Whose log it is in.
    pub agent_id: AgentId,
    /// When it was written.
    pub at: UnixMillis,
    /// What it says, without a break in it.
    pub text: String,
}

impl LogLine {
    /// A line of that text, cut to its bound; signs that are no text become spaces.
    #[must_use]
    pub fn new(agent_id: AgentId, at: UnixMillis, text: &str) -> Self {
        Self { agent_id, at, text: plain(text, LINE_MAX_BYTES) }
    }
}

/// The lines that these facts are worth.
pub(crate) fn of(facts: &[Fact]) -> Vec<Fact> {
    let line = |fact: &Fact| match fact {
        Fact::Happened(event) => {
            let line = LogLine::new(event.agent_id, event.at, &worded(event)?);
            Some(Fact::LineWritten(Box::new(line)))
        }
        _ => None,
    };
    facts.iter().filter_map(line).collect()
}

/// What happened, in words; `None` where it is not worth a line.
fn worded(event: &NewEvent) -> Option<String> {
    let data = Told(&event.data);
    Some(match event.kind {
        // An idle tick, and what only repeats the line before.
        EventKind::Ticked | EventKind::BudgetMarked => return None,
        EventKind::Created => "INFO agent created".to_owned(),
        EventKind::Revised => match (data.text("from"), data.text("to")) {
            ("", _) | (_, "") => "INFO character changed".to_owned(),
            (from, to) => format!("INFO renamed from {from} to {to}"),
        },
        EventKind::Started => "INFO started".to_owned(),
        EventKind::Paused => data.with("INFO paused", "reason"),
        EventKind::Resumed => data.with("INFO resumed", "reason"),
        EventKind::Stopped => "INFO stopped".to_owned(),
        EventKind::Restarted => "INFO restarted".to_owned(),
        EventKind::AutonomySet => match data.0.get("everyMs").and_then(Value::as_u64) {
            Some(every) => format!("INFO autonomous, every {every} ms"),
            None => "INFO not autonomous any more".to_owned(),
        },
        EventKind::Crashed => data.with("ERROR crashed, and was rebuilt", "cause"),
        EventKind::Failed => data.with("ERROR crashed too often, and was left", "cause"),
        EventKind::RunStarted => format!("INFO run {} started", data.text("runId")),
        EventKind::RunEnded => {
            let (status, run) = (data.text("status"), data.text("runId"));
            let level = if status == "completed" { "INFO" } else { "WARN" };
            data.with(&format!("{level} run {run} {status}"), "error")
        }
        EventKind::RunResumed => format!("INFO run {} goes on", data.text("runId")),
        EventKind::LetterReceived => "INFO message received".to_owned(),
        EventKind::LetterDead => data.with("WARN message given up", "reason"),
        EventKind::LetterRequeued => "INFO message tried again".to_owned(),
        EventKind::ToolCalled => {
            let is_success = data.0.get("isSuccess").and_then(Value::as_bool).unwrap_or(false);
            let (level, end) = if is_success { ("INFO", "done") } else { ("WARN", "failed") };
            format!("{level} tool {} {end}", data.text("tool"))
        }
        EventKind::OutcomeUnknown => {
            format!("WARN tool {}: nobody knows whether it was called", data.text("tool"))
        }
        EventKind::ApprovalAsked => format!("INFO asks to call {}", data.text("tool")),
        EventKind::ApprovalDecided => data.with("INFO approval decided", "status"),
        EventKind::GoalSet => data.with("INFO goal set", "title"),
        EventKind::Said => format!("INFO said: {}", plain(data.text("text"), SAID_MAX_BYTES)),
        EventKind::Thought => format!("INFO thought: {}", plain(data.text("text"), SAID_MAX_BYTES)),
        EventKind::Remedied => data.with("WARN something was wrong, and was mended", "finding"),
        EventKind::TriggerSet => data.with("INFO schedule set", "name"),
        EventKind::TriggerRemoved => "INFO schedule removed".to_owned(),
        EventKind::TriggerFired => data.with("INFO schedule ran", "status"),
        EventKind::TriggerMissed => "WARN schedule missed".to_owned(),
    })
}

/// What an event says.
struct Told<'a>(&'a Map<String, Value>);

impl<'a> Told<'a> {
    fn text(&self, key: &str) -> &'a str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A line, with what the event says about it.
    fn with(&self, line: &str, key: &str) -> String {
        match self.text(key) {
            "" => line.to_owned(),
            more => format!("{line}: {more}"),
        }
    }
}

/// A text on one line, within a bound.
fn plain(text: &str, max_bytes: usize) -> String {
    let text = cut(text, max_bytes);
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_event_is_one_line_and_a_tick_none() {
        for kind in EventKind::ALL {
            for data in
                [json!({}), json!({"text": "a\nb\0", "runId": 5, "cause": "x".repeat(5_000)})]
            {
                let data = data.as_object().cloned().unwrap();
                let event = NewEvent { agent_id: AgentId::new(), at: UnixMillis(1), kind, data };
                let lines = of(&[Fact::Happened(event)]);
                let is_silent = matches!(kind, EventKind::Ticked | EventKind::BudgetMarked);
                assert_eq!(lines.is_empty(), is_silent, "{kind:?}");
                for line in lines {
                    let Fact::LineWritten(line) = line else { panic!("{line:?}") };
                    assert!(!line.text.chars().any(char::is_control), "{line:?}");
                    assert!(line.text.len() <= LINE_MAX_BYTES, "{line:?}");
                }
            }
        }
    }
}
