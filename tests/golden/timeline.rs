//! One scenario of the recorded sockets: what the client did and what it heard, in order.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::compare::{Difference, Kind};
use super::line::Asked;
use crate::support::socket::Heard;

/// Pieces of an answer; how it is cut is chance.
const CHUNK: &str = "messageStreamChunk";

/// The end of what a message set off.
pub(crate) const COMPLETE: &str = "messageComplete";

/// Entries of the log; which there are is not the client's doing.
const LOG: &str = "log_stream";

/// A line of the file.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    pub(crate) profile: String,
    response: Recorded,
}

#[derive(Debug, Deserialize)]
struct Recorded {
    timeline: Vec<Moment>,
}

/// Something that happened.
#[derive(Debug, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub(crate) enum Moment {
    Client(Deed),
    Server {
        conn: String,
        #[serde(flatten)]
        says: Map<String, Value>,
    },
    Http {
        request: Asked,
        response: Answer,
    },
    /// Told to the reader.
    Note {},
}

/// What a client does on a connection: one of these.
#[derive(Debug, Deserialize)]
pub(crate) struct Deed {
    pub(crate) conn: String,
    /// Connects, and speaks Socket.IO from then on.
    #[serde(default)]
    pub(crate) connect: Option<Connect>,
    /// Opens a websocket, and speaks packets from then on.
    #[serde(default)]
    pub(crate) open: Option<String>,
    #[serde(default)]
    pub(crate) packet: Option<Value>,
    #[serde(default)]
    pub(crate) event: Option<String>,
    #[serde(default)]
    pub(crate) args: Vec<Value>,
    #[serde(default)]
    pub(crate) wants_ack: bool,
    #[serde(default)]
    pub(crate) close: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Connect {
    #[serde(default)]
    pub(crate) auth: Value,
}

/// An answer to a request beside the sockets.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    #[serde(default)]
    pub(crate) body: Value,
}

impl Scenario {
    /// All of a file.
    pub(crate) fn all(file: &Path) -> Vec<Self> {
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    pub(crate) fn timeline(&self) -> &[Moment] {
        &self.response.timeline
    }

    /// What was heard on a connection, before the moment of that place.
    pub(crate) fn heard(&self, conn: &str, before: usize) -> Vec<Entry> {
        let entries = self.timeline().iter().take(before).filter_map(|moment| match moment {
            Moment::Server { conn: at, says } if at == conn => Some(Entry::recorded(says)),
            _ => None,
        });
        joined(entries.collect())
    }

    /// Entries of the log that were heard on a connection.
    pub(crate) fn log(&self, at: &str) -> Vec<Value> {
        let entries = self.timeline().iter().filter_map(|moment| match moment {
            Moment::Server { conn, says } if conn == at => Some(Entry::recorded(says)),
            _ => None,
        });
        entries.filter(|entry| entry.is(LOG)).map(|entry| entry.body[0].clone()).collect()
    }

    /// Whether the client ever subscribed to the log on a connection.
    pub(crate) fn watches_log(&self, at: &str) -> bool {
        const SUBSCRIBE: &str = "subscribe_logs";
        self.timeline().iter().any(|moment| match moment {
            Moment::Client(Deed { conn, event: Some(event), .. }) => {
                conn == at && event == SUBSCRIBE
            }
            Moment::Client(Deed { conn, packet: Some(packet), .. }) => {
                conn == at && packet.as_str().is_some_and(|packet| packet.contains(SUBSCRIBE))
            }
            _ => false,
        })
    }
}

/// Something that was heard: a packet, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// What kind of thing it is; what is of one kind is compared.
    pub(crate) label: String,
    /// What it holds.
    pub(crate) body: Value,
}

impl Entry {
    /// As it stands in a recording, which has events where the packets are those of Socket.IO.
    fn recorded(says: &Map<String, Value>) -> Self {
        if let Some(packet) = says.get("packet") {
            return Self::of(packet.as_str().unwrap());
        }
        if let Some(event) = says.get("event") {
            return Self::event(event.as_str().unwrap(), says["args"].clone());
        }
        if let Some(code) = says.get("closed") {
            return Self { label: "closed".to_owned(), body: code.clone() };
        }
        if let Some(message) = says.get("connect_error") {
            return Self { label: "packet 44".to_owned(), body: json!({"message": message}) };
        }
        assert_eq!(says["connected"], true, "{says:?}");
        Self { label: "packet 40".to_owned(), body: json!({"sid": says["sid"]}) }
    }

    /// A packet as it stands on the wire.
    pub(crate) fn of(packet: &str) -> Self {
        let (head, body) = packet.split_at(packet.find(['{', '[']).unwrap_or(packet.len()));
        let body = serde_json::from_str(body).unwrap_or(Value::Null);
        match body {
            Value::Array(mut parts) if head == "42" && !parts.is_empty() => {
                let event = parts.remove(0);
                Self::event(event.as_str().unwrap_or_default(), parts.into())
            }
            body => Self { label: format!("packet {head}"), body },
        }
    }

    fn event(name: &str, arguments: Value) -> Self {
        // Those of users and of agents have different fields.
        let source = arguments[0]["source"].as_str().filter(|_| name == "messageBroadcast");
        let label = source
            .map_or_else(|| format!("event {name}"), |source| format!("event {name} {source}"));
        Self { label, body: arguments }
    }

    fn is(&self, event: &str) -> bool {
        self.label.strip_prefix("event ") == Some(event)
    }
}

/// What we heard. Where the recording has no packets, it has none of those that keep a connection.
pub(crate) fn ours(heard: &[Heard], is_raw: bool) -> Vec<Entry> {
    let entries = heard.iter().filter_map(|heard| match heard {
        Heard::Packet(packet) if !is_raw && (packet == "2" || packet.starts_with('0')) => None,
        Heard::Packet(packet) => Some(Entry::of(packet)),
        Heard::Closed(code) => Some(Entry { label: "closed".to_owned(), body: json!(code) }),
    });
    joined(entries.collect())
}

/// The packets of an answer to a poll.
pub(crate) fn polled<'a>(packets: impl Iterator<Item = &'a str>) -> Vec<Entry> {
    joined(packets.map(Entry::of).collect())
}

/// Without the log, and with the pieces of an answer put together.
fn joined(entries: Vec<Entry>) -> Vec<Entry> {
    let mut joined = Vec::<Entry>::new();
    let mut answers = BTreeMap::<String, usize>::new();
    for entry in entries {
        if entry.is(LOG) {
            continue;
        }
        let answer = entry.body[0]["messageId"].as_str().filter(|_| entry.is(CHUNK));
        let Some(answer) = answer.map(str::to_owned) else {
            joined.push(entry);
            continue;
        };
        match answers.get(&answer) {
            Some(place) => {
                let whole = &mut joined[*place].body[0];
                let text =
                    [&whole["chunk"], &entry.body[0]["chunk"]].map(|text| text.as_str().unwrap());
                whole["chunk"] = json!(text.concat());
                let follows =
                    entry.body[0]["index"].as_u64() == whole["last"].as_u64().map(|last| last + 1);
                whole["last"] =
                    if follows { entry.body[0]["index"].clone() } else { json!("a gap") };
            }
            None => {
                answers.insert(answer, joined.len());
                let mut first = entry;
                first.body[0]["last"] = first.body[0]["index"].clone();
                joined.push(first);
            }
        }
    }
    for entry in joined.iter_mut().filter(|entry| entry.is(CHUNK)) {
        if let Some(body) = entry.body[0].as_object_mut() {
            // How many there are is chance; that none is left out is not.
            let last = body.remove("last");
            body.insert("isWhole".to_owned(), json!(last.is_some_and(|last| last.is_u64())));
        }
    }
    joined
}

/// Entries of the log among what was heard.
pub(crate) fn log(heard: &[Heard]) -> Vec<Value> {
    let entries = heard.iter().filter_map(|heard| match heard {
        Heard::Packet(packet) => Some(Entry::of(packet)),
        Heard::Closed(_) => None,
    });
    entries.filter(|entry| entry.is(LOG)).map(|entry| entry.body[0].clone()).collect()
}

/// Whether everything of `recorded` has come, in its order, whatever else has.
pub(crate) fn has_come(recorded: &[Entry], ours: &[Entry]) -> bool {
    let mut rest = ours.iter();
    recorded.iter().all(|wanted| rest.any(|entry| entry.label == wanted.label))
}

/// Whether nothing more is to be expected: the end, or a refusal.
pub(crate) fn is_over(ours: &[Entry]) -> bool {
    ours.iter().any(|entry| matches!(entry.label.as_str(), "closed" | "packet 44"))
}

/// Whether whoever follows a channel was told of the end of everything said there (D16). What is
/// said in a session shows by its answer alone.
pub(crate) fn is_complete(ours: &[Entry]) -> bool {
    let count =
        |is_wanted: fn(&Entry) -> bool| ours.iter().filter(|entry| is_wanted(entry)).count();
    let has_joined = count(|entry| entry.is("channel_joined")) > 0;
    let said = count(|entry| {
        let by_agents = ["agent_response", "agent_action"];
        let source = entry.body[0]["source"].as_str();
        entry.label.starts_with("event messageBroadcast ")
            && source.is_some_and(|source| !by_agents.contains(&source))
    });
    let due = said.max(count(|entry| entry.is(CHUNK)));
    !has_joined || count(|entry| entry.is(COMPLETE)) == due
}

/// Pairs of what was recorded and what came, as many as can be in one order; and what stands alone.
pub(crate) fn aligned<'a>(
    recorded: &'a [Entry],
    ours: &'a [Entry],
) -> Vec<(Option<&'a Entry>, Option<&'a Entry>)> {
    // The length of the longest common sequence from each pair of places on.
    let mut longest = vec![vec![0_usize; ours.len() + 1]; recorded.len() + 1];
    for (i, left) in recorded.iter().enumerate().rev() {
        for (j, right) in ours.iter().enumerate().rev() {
            longest[i][j] = if left.label == right.label {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < recorded.len() || j < ours.len() {
        match (recorded.get(i), ours.get(j)) {
            (Some(left), Some(right)) if left.label == right.label => {
                pairs.push((Some(left), Some(right)));
                (i, j) = (i + 1, j + 1);
            }
            (left, Some(right)) if left.is_none() || longest[i][j + 1] >= longest[i + 1][j] => {
                pairs.push((None, Some(right)));
                j += 1;
            }
            (left, _) => {
                pairs.push((left, None));
                i += 1;
            }
        }
    }
    pairs
}

/// An entry that one side alone has.
pub(crate) fn alone(recorded: Option<&Entry>, ours: Option<&Entry>) -> Difference {
    let body = |entry: Option<&Entry>| entry.map_or(Value::Null, |entry| entry.body.clone());
    let label = recorded.or(ours).map(|entry| entry.label.clone()).unwrap_or_default();
    let is = if recorded.is_some() { Kind::Missing } else { Kind::Extra };
    Difference { at: label, is, recorded: body(recorded), ours: body(ours) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(texts: &[&str]) -> Vec<Heard> {
        texts.iter().map(|text| Heard::Packet((*text).to_owned())).collect()
    }

    fn labels(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.label.as_str()).collect()
    }

    #[test]
    fn packets_are_taken_apart() {
        for (packet, label, body) in [
            ("0{\"sid\":\"a\"}", "packet 0", json!({"sid": "a"})),
            ("3probe", "packet 3probe", Value::Null),
            ("44/admin,{\"message\":\"no\"}", "packet 44/admin,", json!({"message": "no"})),
            ("42[\"a\",1,{}]", "event a", json!([1, {}])),
            ("431[]", "packet 431", json!([])),
            (
                "42[\"messageBroadcast\",{\"source\":\"x\"}]",
                "event messageBroadcast x",
                json!([{"source": "x"}]),
            ),
        ] {
            assert_eq!(Entry::of(packet), Entry { label: label.to_owned(), body });
        }
    }

    #[test]
    fn pieces_of_an_answer_are_put_together_and_must_follow() {
        let piece = |index: u32, text: &str| {
            format!(
                "42[\"messageStreamChunk\",{{\"messageId\":\"m\",\"index\":{index},\"chunk\":\"{text}\"}}]"
            )
        };
        let joined = |second: u32| {
            let heard =
                packets(&["2", &piece(0, "a"), "42[\"log_stream\",{}]", &piece(second, "b")]);
            ours(&heard, false)
        };
        let whole = json!([{"messageId": "m", "index": 0, "chunk": "ab", "isWhole": true}]);
        assert_eq!(
            joined(1),
            [Entry { label: "event messageStreamChunk".to_owned(), body: whole }]
        );
        assert_eq!(joined(2)[0].body[0]["isWhole"], false);
    }

    #[test]
    fn what_one_side_alone_has_is_told() {
        let left = ours(&packets(&["40", "42[\"a\"]", "42[\"b\"]"]), true);
        let right = ours(&packets(&["40", "42[\"x\"]", "42[\"b\"]", "42[\"c\"]"]), true);
        assert!(!has_come(&left, &right) && has_come(&left[..1], &right));
        let mut alone = Vec::new();
        for (recorded, ours) in aligned(&left, &right) {
            if recorded.is_none() || ours.is_none() {
                let found = super::alone(recorded, ours);
                alone.push((found.at, found.is));
            }
        }
        alone.sort_by_key(|(at, _)| at.clone());
        let told = |label: &str, is| (format!("event {label}"), is);
        assert_eq!(
            alone,
            [told("a", Kind::Missing), told("c", Kind::Extra), told("x", Kind::Extra)]
        );
        assert_eq!(labels(&right)[0], "packet 40");
    }
}
