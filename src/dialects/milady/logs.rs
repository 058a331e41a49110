//! The log of the process, as the dashboard reads it.

use std::collections::BTreeSet;

use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::json;

use super::Answer;
use super::routes::on;
use super::shared::Shared;
use crate::http::query::Query;
use crate::telemetry::LogLine;

/// Entries in an answer: the newest.
const ENTRIES_MAX: usize = 200;

/// What the log is of, beside the agents.
const SYSTEM: &str = "system";

/// The tag of what is about an agent.
const AGENT: &str = "agent";

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/logs").route(get().to(list)));
}

/// One entry.
#[derive(Clone, Debug, Serialize)]
struct Entry {
    timestamp: UnixMillis,
    level: &'static str,
    message: String,
    source: String,
    tags: Vec<String>,
}

impl Entry {
    fn of(line: LogLine) -> Self {
        let about = if line.agent_id.is_some() { AGENT } else { SYSTEM };
        let tags = [Some(about.to_owned()), line.agent_name].into_iter().flatten().collect();
        Self {
            timestamp: line.time,
            level: word_of(line.level),
            message: line.msg,
            source: line.source.into_owned(),
            tags,
        }
    }
}

/// The words of the levels that elizaOS numbers.
fn word_of(level: u8) -> &'static str {
    match level {
        0..=20 => "debug",
        21..=39 => "info",
        40..=49 => "warn",
        50.. => "error",
    }
}

async fn list(shared: Data<Shared>, request: HttpRequest) -> Answer {
    // That the process has started stands in its log unless that was filtered or emptied.
    let started = Entry {
        timestamp: shared.host.started_at,
        level: "info",
        message: format!("Greenroom {} has started", shared.host.version),
        source: SYSTEM.to_owned(),
        tags: vec![SYSTEM.to_owned()],
    };
    let lines = shared.host.logs.entries().into_iter().map(Entry::of);
    let entries: Vec<_> = [started].into_iter().chain(lines).collect();
    let sources: BTreeSet<_> = entries.iter().map(|entry| entry.source.clone()).collect();
    let tags: BTreeSet<_> = entries.iter().flat_map(|entry| entry.tags.clone()).collect();
    let entries = newest(entries, &Query::parse(request.query_string()));
    Ok(HttpResponse::Ok().json(json!({"entries": entries, "sources": sources, "tags": tags})))
}

/// The newest of those that are asked for, oldest first.
fn newest(entries: Vec<Entry>, query: &Query) -> Vec<Entry> {
    let is = |key: &str, has: &dyn Fn(&str) -> bool| query.get(key).is_none_or(has);
    // One that is no number filters nothing.
    let since = query.get("since").and_then(|since| since.parse().ok()).map(UnixMillis);
    let mut entries: Vec<_> = entries
        .into_iter()
        .filter(|entry| is("source", &|wanted| entry.source == wanted))
        .filter(|entry| is("level", &|wanted| entry.level == wanted))
        .filter(|entry| is("tag", &|wanted| entry.tags.iter().any(|tag| tag == wanted)))
        .filter(|entry| since.is_none_or(|since| entry.timestamp >= since))
        .collect();
    entries.drain(..entries.len().saturating_sub(ENTRIES_MAX));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: i64, level: u8, source: &'static str, agent: Option<&str>) -> Entry {
        let (agent_name, agent_id) = (agent.map(str::to_owned), agent.map(str::to_owned));
        let (time, source) = (UnixMillis(time), source.into());
        Entry::of(LogLine { time, level, msg: "words".into(), source, agent_name, agent_id })
    }

    #[test]
    fn entries_are_chosen_by_source_level_tag_and_age() {
        let entries = vec![
            line(1, 30, "store", None),
            line(2, 40, "runtime", Some("Ada")),
            line(3, 60, "store", None),
            line(4, 10, "runtime", Some("Bob")),
        ];
        for (query, expected) in [
            ("", vec![1, 2, 3, 4]),
            ("source=store", vec![1, 3]),
            ("source=nowhere", vec![]),
            ("level=error", vec![3]),
            ("level=warn", vec![2]),
            ("level=debug", vec![4]),
            ("level=shout", vec![]),
            ("tag=agent", vec![2, 4]),
            ("tag=Ada", vec![2]),
            ("since=3", vec![3, 4]),
            ("since=soon", vec![1, 2, 3, 4]),
            ("since=2&source=runtime&level=warn&tag=agent", vec![2]),
            ("source=&level=&tag=&since=", vec![1, 2, 3, 4]),
        ] {
            let chosen = newest(entries.clone(), &Query::parse(query));
            let times: Vec<_> = chosen.iter().map(|entry| entry.timestamp.0).collect();
            assert_eq!(times, expected, "{query}");
        }
    }

    #[test]
    fn of_many_entries_the_newest_are_shown_oldest_first() {
        let entries = (0..500).map(|time| line(time, 30, "store", None)).collect();
        let shown = newest(entries, &Query::default());
        let times: Vec<_> = shown.iter().map(|entry| entry.timestamp.0).collect();
        assert_eq!(times, (300..500).collect::<Vec<_>>());
    }
}
