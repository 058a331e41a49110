//! The file in which an agent asks: `{"requests": [{"id", "type", "status", "priority", "title",
//! "question", "options", "context", "created_at", "expires_at"}]}`, or the list alone.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::Mask;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::asks::{Ask, AskStatus};

/// Where it lies.
pub(super) const FILE: &str = ".trinity/operator-queue.json";

/// Bytes of it that are read at most, and entries that are looked at.
pub(super) const BYTES_MAX: u64 = 1024 * 1024;
const ENTRIES_MAX: usize = 500;

const ID_MAX_BYTES: usize = 256;
const WORD_MAX_CHARS: usize = 64;
const TITLE_MAX_CHARS: usize = 300;
const QUESTION_MAX_CHARS: usize = 4_000;
const VALUE_MAX_BYTES: usize = 8 * 1024;

/// One entry, as the agent wrote it, within bounds.
pub(super) struct Said {
    pub(super) id: String,
    pub(super) status: String,
    entry: Map<String, Value>,
}

/// The entries of a file. What is none is passed over.
pub(super) fn read(bytes: &[u8]) -> Vec<Said> {
    let Ok(mut file) = serde_json::from_slice::<Value>(bytes) else { return Vec::new() };
    let Some(entries) = list(&mut file) else { return Vec::new() };
    let entries = entries.drain(..).take(ENTRIES_MAX).filter_map(|entry| match entry {
        Value::Object(entry) => Some(entry),
        _ => None,
    });
    entries
        .filter_map(|entry| {
            let id = id(&entry)?.to_owned();
            let status =
                text(&entry, "status", WORD_MAX_CHARS).unwrap_or_else(|| "pending".to_owned());
            Some(Said { id, status, entry })
        })
        .collect()
}

fn list(file: &mut Value) -> Option<&mut Vec<Value>> {
    match file {
        Value::Array(entries) => Some(entries),
        Value::Object(fields) => fields.get_mut("requests")?.as_array_mut(),
        _ => None,
    }
}

fn id(entry: &Map<String, Value>) -> Option<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    let id = entry.get("id")?.as_str()?;
    let is_one = (1..=ID_MAX_BYTES).contains(&id.len()) && id.chars().all(is_plain);
    is_one.then_some(id)
}

impl Said {
    /// What is asked, without what `mask` hides.
    pub(super) fn ask(
        &self,
        agent: AgentId,
        id: Uuid,
        now: UnixMillis,
        mask: Option<&Mask>,
    ) -> Ask {
        let (mut request_id, mut entry) = (self.id.clone(), self.entry.clone());
        if let Some(mask) = mask {
            // Before anything is cut, which could leave half a secret that nothing finds.
            entry.values_mut().for_each(|value| mask.hide_in(value));
            mask.hide(&mut request_id);
        }
        let entry = &entry;
        let word = |field| text(entry, field, WORD_MAX_CHARS);
        let priority = word("priority")
            .filter(|word| ["critical", "high", "medium", "low"].contains(&word.as_str()));
        let question = text(entry, "question", QUESTION_MAX_CHARS).unwrap_or_default();
        Ask {
            id,
            agent,
            request_id,
            kind: word("type").unwrap_or_else(|| "question".to_owned()),
            status: AskStatus::Pending,
            priority: priority.unwrap_or_else(|| "medium".to_owned()),
            title: text(entry, "title", TITLE_MAX_CHARS)
                .unwrap_or_else(|| question.chars().take(TITLE_MAX_CHARS).collect()),
            question,
            options: value(entry, "options"),
            context: value(entry, "context"),
            // Not later than now: the order of asks is not an agent's to choose.
            created_at: instant(entry, "created_at").unwrap_or(now).min(now),
            expires_at: instant(entry, "expires_at"),
            response: None,
            response_text: None,
            responded_by: None,
            responded_at: None,
            acknowledged_at: None,
        }
    }
}

/// The file with what came of some entries; `None` if none of them waits in it.
pub(super) fn answered(held: &[u8], answers: &HashMap<String, Ask>) -> Option<Vec<u8>> {
    let mut file: Value = serde_json::from_slice(held).ok()?;
    let mut is_changed = false;
    for entry in list(&mut file)?.iter_mut().filter_map(Value::as_object_mut) {
        let is_pending = entry.get("status").is_none_or(|status| status == "pending");
        let Some(ask) = id(entry).and_then(|id| answers.get(id)).filter(|_| is_pending) else {
            continue;
        };
        entry.insert("status".to_owned(), json!(ask.status.as_str()));
        if ask.status == AskStatus::Responded {
            let by = ask.responded_by.as_ref().map(|(_, name)| name);
            for (field, value) in [
                ("response", json!(ask.response)),
                ("response_text", json!(ask.response_text)),
                ("responded_by", json!(by)),
                ("responded_at", json!(ask.responded_at.and_then(told))),
            ] {
                entry.insert(field.to_owned(), value);
            }
        }
        is_changed = true;
    }
    is_changed.then(|| serde_json::to_vec_pretty(&file).ok()).flatten()
}

fn text(entry: &Map<String, Value>, field: &str, chars_max: usize) -> Option<String> {
    let text = entry.get(field)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.chars().take(chars_max).collect())
}

/// A value that is not too large; one that is, is left out.
fn value(entry: &Map<String, Value>, field: &str) -> Option<Value> {
    let value = entry.get(field).filter(|value| !value.is_null())?;
    let bytes = serde_json::to_vec(value).map_or(usize::MAX, |text| text.len());
    (bytes <= VALUE_MAX_BYTES).then(|| value.clone())
}

fn instant(entry: &Map<String, Value>, field: &str) -> Option<UnixMillis> {
    let text = entry.get(field)?.as_str()?;
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
    let plain = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    zoned.or_else(|_| plain().map(|at| at.and_utc().timestamp_millis())).ok().map(UnixMillis)
}

fn told(at: UnixMillis) -> Option<String> {
    Some(DateTime::from_timestamp_millis(at.0)?.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        read(text.as_bytes()).into_iter().map(|said| said.id).collect()
    }

    #[test]
    fn what_is_no_ask_is_passed_over() {
        for (text, expected) in [
            ("", vec![]),
            ("{", vec![]),
            ("3", vec![]),
            ("{\"requests\": 3}", vec![]),
            ("[{\"id\": \"a\"}, 3, {\"id\": 3}, {\"id\": \"\"}, {\"id\": \"a b\"}]", vec!["a"]),
            ("{\"requests\": [{\"id\": \"x:1\"}, {}]}", vec!["x:1"]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
    }

    #[test]
    fn an_ask_is_within_bounds_and_answers_come_back() {
        let long = "q".repeat(10_000);
        let file = json!({"requests": [
            {"id": "a", "question": long, "priority": "huge", "created_at": "2999-01-01T00:00:00Z",
             "options": ["yes", "no"], "context": {"x": "y".repeat(10_000)}},
            {"id": "b", "status": "acknowledged"},
        ], "more": 1});
        let said = read(file.to_string().as_bytes());
        let now = UnixMillis(1_000);
        let first = said.first().unwrap().ask(AgentId::new(), Uuid::nil(), now, None);
        assert_eq!((first.title.len(), first.question.len()), (300, 4_000));
        assert_eq!((first.priority.as_str(), first.created_at), ("medium", now));
        assert_eq!((first.options.is_some(), first.context.is_some()), (true, false));
        let done = Ask {
            status: AskStatus::Responded,
            response: Some("yes".into()),
            responded_by: Some((1, "ada@example.org".into())),
            responded_at: Some(now),
            ..first
        };
        let answers = HashMap::from([("a".to_owned(), done.clone()), ("b".to_owned(), done)]);
        let written = answered(file.to_string().as_bytes(), &answers).unwrap();
        let written: Value = serde_json::from_slice(&written).unwrap();
        let entry = &written["requests"][0];
        assert_eq!((&entry["status"], &entry["response"]), (&json!("responded"), &json!("yes")));
        assert_eq!(entry["responded_by"], "ada@example.org");
        assert_eq!(
            (&written["requests"][1]["status"], &written["more"]),
            (&json!("acknowledged"), &json!(1))
        );
        assert_eq!(answered(written.to_string().as_bytes(), &answers), None);
    }

    #[test]
    fn what_is_asked_tells_no_secret_and_no_half_of_one() {
        let mask = Mask::over(["sk-one-two"]).unwrap();
        let question = format!("{} sk-one-two", "q".repeat(TITLE_MAX_CHARS - 7));
        let file =
            json!([{"id": "a", "question": question, "context": {"sk-one-two": "sk-one-two"}}]);
        let said = read(file.to_string().as_bytes());
        let first = said.first().unwrap();
        let ask = first.ask(AgentId::new(), Uuid::nil(), UnixMillis(1), Some(&mask));
        assert!(ask.title.ends_with("q ***"), "{}", ask.title);
        assert!(!format!("{ask:?}").contains("sk-"), "{ask:?}");
    }
}
