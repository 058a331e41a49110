//! Where an answer differs from a recorded one, by shape: keys, types and fixed values, with ids
//! bound by value, and times, durations and the like by their kind alone.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use regex::Regex;
use serde_json::{Map, Value};

use super::binder::Binder;
use crate::support::http::Response;

/// Where and how an answer differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// `status`, `header <name>` or `body <JSON pointer>`.
    pub(crate) at: String,
    pub(crate) is: Kind,
    pub(crate) recorded: Value,
    pub(crate) ours: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// There in the recording, not here.
    Missing,
    /// Here, not in the recording.
    Extra,
    /// Another value, type or length.
    Other,
}

/// Numbers that only a clock or a machine decides.
const MEASURED: [&str; 8] = [
    "uptime",
    "duration",
    "durationMs",
    "executionTime",
    "processingTimeMs",
    "averageProcessingTimeMs",
    "timeRemaining",
    "inputTokens",
];

/// The time that may lie ahead.
const ENDING: &str = "expiresAt";

/// Headers that say something of the transport alone.
const TRANSPORT: [&str; 4] = ["date", "connection", "keep-alive", "transfer-encoding"];

/// What headers are recorded of every answer; of some, all are.
fn is_always_recorded(name: &str) -> bool {
    matches!(name, "content-type" | "content-length" | "etag" | "vary" | "retry-after")
        || matches!(name, "cache-control" | "accept-ranges" | "last-modified")
        || name.starts_with("access-control-")
        || name.starts_with("ratelimit-")
        || name.starts_with("x-ratelimit-")
}

/// Whether all headers of that answer are recorded.
pub(crate) fn is_recorded_in_full(headers: &Map<String, Value>) -> bool {
    headers.contains_key("content-security-policy")
}

static ISO: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$").unwrap());
static WITHIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").unwrap());
static ENCRYPTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[0-9a-f]{32}:[0-9a-f]+$").unwrap());
static WEAK_ETAG: LazyLock<Regex> = LazyLock::new(|| Regex::new("^W/\"[^\"]+\"$").unwrap());
static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("<(STACK|PATH|PROMPT|SQL|OTHER_ENVIRONMENT_VARIABLES)>").unwrap());

/// Compares one answer with what was recorded.
pub(crate) struct Comparison<'a> {
    pub(crate) binder: &'a mut Binder,
    /// Since when the test runs: times lie between it and now.
    pub(crate) since: DateTime<Utc>,
    found: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(binder: &'a mut Binder, since: DateTime<Utc>) -> Self {
        Self { binder, since, found: Vec::new() }
    }

    pub(crate) fn differences(self) -> Vec<Difference> {
        self.found
    }

    pub(crate) fn status(&mut self, recorded: u16, ours: u16) {
        if recorded != ours {
            self.note("status".to_owned(), Kind::Other, recorded.into(), ours.into());
        }
    }

    /// `in_full`: whether the recording shows all headers. `is_counted`: whether the number of
    /// requests that are left is as in the recording.
    pub(crate) fn headers(
        &mut self,
        recorded: &Map<String, Value>,
        in_full: bool,
        ours: &Response,
        is_counted: bool,
    ) {
        for (name, value) in recorded {
            let recorded = value.as_str().unwrap();
            let at = format!("header {name}");
            let Some(found) = ours.header(name) else {
                self.note(at, Kind::Missing, recorded.into(), Value::Null);
                continue;
            };
            let agrees = match name.as_str() {
                // What HEAD is told is the length of what GET would get.
                "content-length" if ours.body.is_empty() && found == recorded => true,
                "content-length" => found == ours.body.len().to_string(),
                "etag" => WEAK_ETAG.is_match(found),
                "last-modified" => !found.is_empty(),
                "ratelimit-remaining" if !is_counted => found.parse::<u32>().is_ok(),
                // They count down.
                "ratelimit-reset" | "retry-after" => {
                    let seconds = |text: &str| text.parse::<i64>().ok();
                    let left = seconds(recorded).zip(seconds(found));
                    left.is_some_and(|(recorded, found)| (0..=recorded.max(900)).contains(&found))
                }
                _ => found == recorded,
            };
            if !agrees {
                self.note(at, Kind::Other, recorded.into(), found.into());
            }
        }
        for (name, value) in &ours.headers {
            let is_wanted = in_full || is_always_recorded(name);
            let is_known = recorded.contains_key(name) || TRANSPORT.contains(&name.as_str());
            if is_wanted && !is_known {
                let at = format!("header {name}");
                self.note(at, Kind::Extra, Value::Null, value.clone().into());
            }
        }
    }

    pub(crate) fn body(&mut self, recorded: &Value, ours: &Value) {
        self.value("", "", recorded, ours);
    }

    fn value(&mut self, at: &str, key: &str, recorded: &Value, ours: &Value) {
        match (recorded, ours) {
            (Value::Object(recorded), Value::Array(numbers))
                if recorded.contains_key("$floats") =>
            {
                let count = recorded["$floats"].as_u64();
                let is_floats = numbers.iter().all(Value::is_number);
                if !is_floats || count != u64::try_from(numbers.len()).ok() {
                    let ours = format!("{} items", numbers.len());
                    self.note(body(at), Kind::Other, count.into(), ours.into());
                }
            }
            (Value::Object(recorded), Value::String(text)) if recorded.contains_key("$bytes") => {
                let (count, length) = (recorded["$bytes"].as_u64(), text.len());
                if count != u64::try_from(length).ok() {
                    self.note(body(at), Kind::Other, count.into(), length.into());
                }
            }
            (Value::Object(recorded), Value::Object(ours)) => {
                for (key, value) in recorded {
                    let at = format!("{at}/{key}");
                    match ours.get(key) {
                        Some(ours) => self.value(&at, key, value, ours),
                        None => self.note(body(&at), Kind::Missing, value.clone(), Value::Null),
                    }
                }
                for (key, value) in ours {
                    if !recorded.contains_key(key) {
                        let at = format!("{at}/{key}");
                        self.note(body(&at), Kind::Extra, Value::Null, value.clone());
                    }
                }
            }
            (Value::Array(recorded), Value::Array(ours)) if key == "messages" => {
                self.messages(at, recorded, ours);
            }
            (Value::Array(recorded), Value::Array(ours)) => {
                for (index, (recorded, ours)) in recorded.iter().zip(ours).enumerate() {
                    self.value(&format!("{at}/{index}"), key, recorded, ours);
                }
                for (index, value) in recorded.iter().enumerate().skip(ours.len()) {
                    let at = body(&format!("{at}/{index}"));
                    self.note(at, Kind::Missing, value.clone(), Value::Null);
                }
                for (index, value) in ours.iter().enumerate().skip(recorded.len()) {
                    let at = body(&format!("{at}/{index}"));
                    self.note(at, Kind::Extra, Value::Null, value.clone());
                }
            }
            _ => {
                if !self.agrees(key, recorded, ours) {
                    self.note(body(at), Kind::Other, recorded.clone(), ours.clone());
                }
            }
        }
    }

    /// Messages in order, whatever is said between those of the recording: that is told as
    /// `<at>/+`.
    fn messages(&mut self, at: &str, recorded: &[Value], ours: &[Value]) {
        let mut missing = Vec::new();
        let mut expected = recorded.iter().enumerate();
        for ours in ours {
            let mut ahead = expected.clone();
            let Some(place) = ahead.position(|(_, one)| self.is_same_message(one, ours)) else {
                self.note(body(&format!("{at}/+")), Kind::Extra, Value::Null, ours.clone());
                continue;
            };
            missing.extend(expected.by_ref().take(place));
            if let Some((index, recorded)) = expected.next() {
                self.value(&format!("{at}/{index}"), "", recorded, ours);
            }
        }
        for (index, recorded) in missing.into_iter().chain(expected) {
            let at = body(&format!("{at}/{index}"));
            self.note(at, Kind::Missing, recorded.clone(), Value::Null);
        }
    }

    fn is_same_message(&self, recorded: &Value, ours: &Value) -> bool {
        ["authorId", "content", "entityId"].iter().all(|key| {
            let text = recorded[key].as_str().map(|text| self.binder.translated(text));
            text.as_deref() == ours[key].as_str()
        })
    }

    fn agrees(&mut self, key: &str, recorded: &Value, ours: &Value) -> bool {
        match (recorded, ours) {
            (Value::Number(_), Value::Number(_)) if MEASURED.contains(&key) => true,
            (Value::Number(theirs), Value::Number(ours)) => {
                let ours_f64 = ours.as_f64();
                match (theirs.as_i64(), ours.as_i64()) {
                    (Some(theirs), ours) if is_millis(theirs) => ours.is_some_and(|ours| {
                        if key == "created_at" {
                            self.binder.moment(theirs, ours);
                        }
                        self.is_now(key, DateTime::from_timestamp_millis(ours))
                    }),
                    _ => theirs.as_f64() == ours_f64,
                }
            }
            (Value::String(theirs), Value::String(ours)) => self.text(key, theirs, ours),
            _ => recorded == ours,
        }
    }

    fn text(&mut self, key: &str, theirs: &str, ours: &str) -> bool {
        if ISO.is_match(theirs) {
            let time = DateTime::parse_from_rfc3339(ours).ok();
            let theirs = DateTime::parse_from_rfc3339(theirs).ok().filter(|_| key == "createdAt");
            if let Some((theirs, ours)) = theirs.zip(time) {
                self.binder.moment(theirs.timestamp_millis(), ours.timestamp_millis());
            }
            return ISO.is_match(ours) && self.is_now(key, time.map(|time| time.to_utc()));
        }
        if theirs == "<ENCRYPTED>" {
            return ENCRYPTED.is_match(ours);
        }
        if PLACEHOLDER.is_match(theirs) {
            return is_filled_in(&self.binder.translated(theirs), ours);
        }
        // A time within a text is a time too.
        let (theirs, ours) =
            (WITHIN.replace_all(theirs, "<iso>"), WITHIN.replace_all(ours, "<iso>"));
        self.binder.agrees(&theirs, &ours)
    }

    /// Whether that is a time since the test began, or of an end to come. Ours may be rounded down.
    fn is_now(&self, key: &str, time: Option<DateTime<Utc>>) -> bool {
        let second = chrono::Duration::seconds(1);
        let latest = if key == ENDING { chrono::Duration::days(2) } else { second };
        time.is_some_and(|time| time > self.since - second && time < Utc::now() + latest)
    }

    fn note(&mut self, at: String, is: Kind, recorded: Value, ours: Value) {
        self.found.push(Difference { at, is, recorded, ours });
    }
}

fn body(pointer: &str) -> String {
    format!("body {pointer}").trim_end().to_owned()
}

/// Whether a recorded number is the time of its recording.
fn is_millis(number: i64) -> bool {
    (1_790_000_000_000..1_800_000_000_000).contains(&number)
}

/// Whether a text is what the placeholders leave of it, with anything in their place.
fn is_filled_in(template: &str, text: &str) -> bool {
    let mut pattern = String::from("(?s)^");
    for (index, part) in PLACEHOLDER.split(template).enumerate() {
        if index > 0 {
            pattern.push_str(".+");
        }
        pattern.push_str(&regex::escape(part));
    }
    Regex::new(&(pattern + "$")).unwrap().is_match(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compare(recorded: &Value, ours: &Value) -> Vec<(String, Kind)> {
        let mut binder = Binder::default();
        let mut comparison = Comparison::new(&mut binder, Utc::now());
        comparison.body(recorded, ours);
        comparison.differences().into_iter().map(|found| (found.at, found.is)).collect()
    }

    fn other(at: &str) -> Vec<(String, Kind)> {
        vec![(at.to_owned(), Kind::Other)]
    }

    #[test]
    fn what_is_the_same_by_shape_does_not_differ() {
        let now = Utc::now();
        let iso = now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        for (recorded, ours) in [
            (json!({"a": 1, "b": [true, null]}), json!({"b": [true, null], "a": 1})),
            (json!({"createdAt": 1795321777491_i64}), json!({"createdAt": now.timestamp_millis()})),
            (json!(["2026-11-22T04:29:37.621Z"]), json!([iso])),
            (json!({"uptime": 3.5}), json!({"uptime": 1})),
            (json!("<ENCRYPTED>"), json!("0123456789abcdef0123456789abcdef:00ff")),
            (json!("cannot read <PATH>: no"), json!("cannot read /tmp/x: no")),
            (json!({"$floats": 2, "first": [0.1]}), json!([0.5, 1])),
            (
                json!(["29aa35f6-da28-414a-86df-d2f246db8bb8"]),
                json!(["11111111-1111-4111-8111-111111111111"]),
            ),
        ] {
            assert_eq!(compare(&recorded, &ours), [], "{recorded} {ours}");
        }
    }

    #[test]
    fn every_kind_of_difference_is_found_where_it_is() {
        let missing = |at: &str| vec![(at.to_owned(), Kind::Missing)];
        let extra = |at: &str| vec![(at.to_owned(), Kind::Extra)];
        for (recorded, ours, found) in [
            (json!({"a": {"b": 1}}), json!({"a": {}}), missing("body /a/b")),
            (json!({"a": {}}), json!({"a": {"b": 1}}), extra("body /a/b")),
            (json!([1, 2]), json!([1]), missing("body /1")),
            (json!([1]), json!([1, 2]), extra("body /1")),
            (json!({"a": "x"}), json!({"a": "y"}), other("body /a")),
            (json!({"a": 1}), json!({"a": "1"}), other("body /a")),
            (json!({"a": null}), json!({"a": {}}), other("body /a")),
            (json!({}), Value::Null, other("body")),
            (json!({"at": 1795321777491_i64}), json!({"at": 5}), other("body /at")),
            (json!({"at": 1795321777491_i64}), json!({"at": 1795321777491_i64}), other("body /at")),
            (
                json!({"at": "2026-11-22T04:29:37.621Z"}),
                json!({"at": "yesterday"}),
                other("body /at"),
            ),
            (json!({"uptime": 3.5}), json!({"uptime": "3.5"}), other("body /uptime")),
            (json!("<ENCRYPTED>"), json!("value-1"), other("body")),
            (json!("cannot read <PATH>"), json!("cannot write /tmp/x"), other("body")),
            (json!({"$floats": 2}), json!([0.5]), other("body")),
        ] {
            assert_eq!(compare(&recorded, &ours), found, "{recorded} {ours}");
        }
    }

    #[test]
    fn one_id_stays_one_id_within_an_answer() {
        let (a, b) =
            ("29aa35f6-da28-414a-86df-d2f246db8bb8", "c4dd4bcb-16b0-4fcd-857b-643053ea5d9b");
        let (x, y) =
            ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222");
        assert_eq!(compare(&json!([a, b, a]), &json!([x, y, x])), []);
        assert_eq!(compare(&json!([a, b, a]), &json!([x, y, y])), other("body /2"));
        assert_eq!(compare(&json!([a, b]), &json!([x, x])), other("body /1"));
    }

    #[test]
    fn headers_are_compared_by_what_they_say() {
        let compare = |recorded: Value, ours: &[(&str, &str)]| {
            let headers = ours.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let response = Response { status: 200, headers, body: b"{}".to_vec() };
            let mut binder = Binder::default();
            let mut comparison = Comparison::new(&mut binder, Utc::now());
            let recorded = recorded.as_object().unwrap();
            comparison.headers(recorded, is_recorded_in_full(recorded), &response, false);
            let found = comparison.differences().into_iter();
            found.map(|found| (found.at, found.is)).collect::<Vec<_>>()
        };
        let recorded = json!({"vary": "Origin", "content-length": "9", "etag": "W/\"a\"",
                              "ratelimit-remaining": "990", "ratelimit-reset": "900"});
        let same = [
            ("vary", "Origin"),
            ("content-length", "2"),
            ("etag", "W/\"b\""),
            ("ratelimit-remaining", "7"),
            ("ratelimit-reset", "899"),
            ("date", "now"),
            ("x-frame-options", "not recorded here"),
        ];
        assert_eq!(compare(recorded.clone(), &same), []);
        for (index, value) in [(0, "*"), (1, "3"), (2, "\"b\""), (3, "x"), (4, "1795322100")] {
            let mut ours = same;
            ours[index].1 = value;
            let at = format!("header {}", same[index].0);
            assert_eq!(compare(recorded.clone(), &ours), [(at, Kind::Other)]);
        }
        let in_full = json!({"content-security-policy": "x"});
        let ours = [("x-powered-by", "y"), ("cache-control", "no-store")];
        assert_eq!(compare(in_full, &ours).len(), 3);
        assert_eq!(compare(json!({}), &ours).len(), 1);
    }
}
