//! The log of the process, as clients read, add to and clear it.

use std::time::Duration;

use actix_web::http::StatusCode;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::{Call, instant_of};
use super::error::ElizaError;
use super::input::{self, Body};
use super::wire::{Answer, json};
use crate::http::query::Query;
use crate::telemetry::LogLine;

/// Lines in an answer, where the query does not say, and at most.
const LINES: u32 = 100;
const LINES_MAX: u32 = 1_000;

/// How far back an answer goes, where the query does not say.
const AGE: Duration = Duration::from_secs(3_600);

/// Lines that a client may add at once.
const RECEIVED_MAX: usize = 1_000;

/// Characters kept of a name that a client gives; lines are kept by the thousand.
const NAME_MAX: usize = 128;

/// What stands for "no filter".
pub(super) const ALL: &str = "all";

/// Levels and their numbers, gravest first.
const LEVELS: [(&str, u8); 9] = [
    ("fatal", 60),
    ("error", 50),
    ("warn", 40),
    ("info", 30),
    ("log", 29),
    ("progress", 28),
    ("success", 27),
    ("debug", 20),
    ("trace", 10),
];

/// `GET /api/server/logs`.
pub(super) async fn list(call: Call) -> Answer {
    json(StatusCode::OK, &shown(&call)?)
}

/// `POST /api/server/logs`: as `GET`, after adding the lines of the body.
pub(super) async fn receive(call: Call, body: Body) -> Answer {
    let mut fields = body.fields()?;
    let sent = fields.list("logs")?.unwrap_or_default();
    if sent.len() > RECEIVED_MAX {
        return Err(ElizaError::field("logs", format_args!("at most {RECEIVED_MAX} at once")));
    }
    let now = call.now();
    let lines = sent
        .into_iter()
        .enumerate()
        .map(|(index, sent)| line_of(index, sent, now))
        .collect::<Result<Vec<_>, _>>()?;
    let received = lines.len();
    for line in lines {
        call.host.logs.push(line);
    }
    let mut body = shown(&call)?;
    body.insert("received".to_owned(), json!(received));
    json(StatusCode::OK, &body)
}

/// `DELETE /api/server/logs`.
pub(super) async fn clear(call: Call) -> Answer {
    let cleared = call.host.logs.clear();
    let message = "Logs cleared successfully";
    json(StatusCode::OK, &json!({"status": "success", "message": message, "cleared": cleared}))
}

fn shown(call: &Call) -> Result<Map<String, Value>, ElizaError> {
    let query = call.query();
    let since = instant_of(&query, "since")?.unwrap_or_else(|| call.now().minus(AGE));
    let limit = query.count(&["limit"]).unwrap_or(LINES).min(LINES_MAX);
    let filter = Filter::of(&query, since);
    let entries = call.host.logs.entries();
    let total = entries.len();
    let matching = filter.apply(&entries);
    let skip = matching.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    let logs: Vec<_> = matching.into_iter().skip(skip).map(LineView::of).collect();
    let mut body = Map::new();
    body.insert("count".to_owned(), json!(logs.len()));
    body.insert("logs".to_owned(), json!(logs));
    body.insert("total".to_owned(), json!(total));
    body.insert("requestedLevel".to_owned(), json!(filter.level));
    body.insert("agentName".to_owned(), json!(filter.agent_name));
    body.insert("agentId".to_owned(), json!(filter.agent_id));
    body.insert("levels".to_owned(), json!(LEVELS.map(|(name, _)| name)));
    Ok(body)
}

/// Which lines are asked for.
struct Filter<'a> {
    since: UnixMillis,
    level: &'a str,
    agent_name: &'a str,
    agent_id: &'a str,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query, since: UnixMillis) -> Self {
        let word = |key| query.get(key).unwrap_or(ALL);
        Self {
            since,
            level: word("level"),
            agent_name: word("agentName"),
            agent_id: word("agentId"),
        }
    }

    fn apply<'l>(&self, lines: &'l [LogLine]) -> Vec<&'l LogLine> {
        let level = (self.level != ALL).then(|| number_of(self.level));
        let name = Wanted::of(self.agent_name, lines, |line| line.agent_name.as_deref());
        let id = Wanted::of(self.agent_id, lines, |line| line.agent_id.as_deref());
        lines
            .iter()
            .filter(|line| line.time >= self.since)
            .filter(|line| level.is_none_or(|level| line.level == level))
            .filter(|line| name.takes(line.agent_name.as_deref()))
            .filter(|line| id.takes(line.agent_id.as_deref()))
            .collect()
    }
}

/// An agent whose lines are asked for. Where hardly any line names one, those that name none count
/// as everybody's.
struct Wanted<'a> {
    word: &'a str,
    takes_nameless: bool,
}

impl<'a> Wanted<'a> {
    fn of(word: &'a str, lines: &[LogLine], name: fn(&LogLine) -> Option<&str>) -> Self {
        let named = lines.iter().filter(|line| name(line).is_some()).count();
        Self { word, takes_nameless: named.saturating_mul(10) < lines.len() }
    }

    fn takes(&self, name: Option<&str>) -> bool {
        self.word == ALL || name.map_or(self.takes_nameless, |name| name == self.word)
    }
}

/// The number of a level; that of `info` for a word that is none.
fn number_of(level: &str) -> u8 {
    level_of(level).unwrap_or(30)
}

/// The number of a level.
pub(super) fn level_of(name: &str) -> Option<u8> {
    LEVELS.iter().find(|(level, _)| level.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// A line that a client sent.
fn line_of(index: usize, sent: Value, now: UnixMillis) -> Result<LogLine, ElizaError> {
    let at = |name: &str| format!("logs.{index}.{name}");
    let Value::Object(sent) = sent else {
        return Err(input::wrong(&format!("logs.{index}"), "an object", &sent));
    };
    let text = |name: &str| match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(input::wrong(&at(name), "a string", other)),
    };
    let short = |name: &str| {
        let word = text(name)?.map(|text| text.chars().take(NAME_MAX).collect::<String>());
        Ok::<_, ElizaError>(word)
    };
    let level = match sent.get("level") {
        Some(Value::Number(number)) => {
            let number = number.as_u64().and_then(|number| u8::try_from(number).ok());
            number.ok_or_else(|| ElizaError::field(&at("level"), "expected a level"))?
        }
        _ => number_of(text("level")?.unwrap_or("info")),
    };
    let words = text("message")?.or(text("msg")?);
    let words = words.ok_or_else(|| ElizaError::field(&at("message"), "is required"))?;
    let source = short("source")?;
    Ok(LogLine {
        time: now,
        level,
        msg: match &source {
            Some(source) => format!("[{source}] {words}"),
            None => words.to_owned(),
        },
        source: source.unwrap_or_else(|| "client".to_owned()).into(),
        agent_name: short("agentName")?,
        agent_id: short("agentId")?,
    })
}

/// A line as clients read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineView<'a> {
    time: UnixMillis,
    level: u8,
    msg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<&'a str>,
}

impl<'a> LineView<'a> {
    pub(super) fn of(line: &'a LogLine) -> Self {
        Self {
            time: line.time,
            level: line.level,
            msg: &line.msg,
            agent_name: line.agent_name.as_deref(),
            agent_id: line.agent_id.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: i64, level: u8, agent_name: Option<&str>) -> LogLine {
        LogLine {
            time: UnixMillis(time),
            level,
            msg: String::new(),
            source: "server".into(),
            agent_name: agent_name.map(str::to_owned),
            agent_id: None,
        }
    }

    #[test]
    fn lines_are_chosen_by_age_exact_level_and_agent() {
        let lines = [line(1, 30, Some("Ada")), line(2, 40, Some("Bob")), line(3, 30, None)];
        for (query, since, expected) in [
            ("", 0, vec![1, 2, 3]),
            ("", 2, vec![2, 3]),
            ("level=warn", 0, vec![2]),
            ("level=WARN", 0, vec![2]),
            ("level=", 0, vec![1, 2, 3]),
            ("level=shout", 0, vec![1, 3]),
            ("agentName=Ada", 0, vec![1]),
            ("agentId=all", 0, vec![1, 2, 3]),
        ] {
            let query = Query::parse(query);
            let chosen = Filter::of(&query, UnixMillis(since)).apply(&lines);
            let times: Vec<_> = chosen.iter().map(|line| line.time.0).collect();
            assert_eq!(times, expected, "{query:?}");
        }
    }

    #[test]
    fn lines_that_name_nobody_are_everybodys_where_hardly_any_names_one() {
        let mut lines = vec![line(0, 30, None); 20];
        lines.push(line(1, 30, Some("Bob")));
        let query = Query::parse("agentName=Ada");
        assert_eq!(Filter::of(&query, UnixMillis(0)).apply(&lines).len(), 20);
    }

    #[test]
    fn what_a_client_sends_is_read_or_refused_by_name() {
        let now = UnixMillis(5);
        let sent = json!({"level": "warn", "message": "hello", "source": "ui"});
        let read = line_of(0, sent, now).unwrap();
        assert_eq!((read.level, read.msg.as_str(), read.time), (40, "[ui] hello", now));
        for (sent, name) in [
            (json!(5), "logs.0"),
            (json!({}), "logs.0.message"),
            (json!({"message": 5}), "logs.0.message"),
            (json!({"message": "x", "level": {}}), "logs.0.level"),
            (json!({"message": "x", "level": 999}), "logs.0.level"),
        ] {
            let words = line_of(0, sent, now).unwrap_err().to_string();
            assert!(words.starts_with(&format!("{name}: ")), "{words}");
        }
    }
}
