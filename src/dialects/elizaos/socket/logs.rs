//! The log of the process, line by line, for clients that watch it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use socketioxide::extract::SocketRef;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::super::server_logs::{ALL, LineView, level_of};
use super::Core;
use super::connection::Connection;
use super::emitting::Sent;
use super::events::{LogWish, word};
use crate::telemetry::LogLine;

/// Lines that a socket is sent without a pause, and the pause: so many that its buffer is not full
/// of them.
const LINES_AT_ONCE: u32 = 32;
const PAUSE: Duration = Duration::from_millis(10);

/// The number of a level that is none: nothing is as grave.
const UNKNOWN_LEVEL: u8 = 70;

/// Characters of a filter at most; it is told back.
const FILTER_MAX: usize = 128;

/// A client that watches.
pub(super) struct Watching {
    filters: Arc<Mutex<Filters>>,
    /// Ends when it is dropped.
    _work: JoinSet<()>,
}

/// Which lines a client wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filters {
    agent_name: Option<String>,
    level: Option<String>,
}

impl Filters {
    /// Takes over what is given.
    fn merge(&mut self, given: &Map<String, Value>) {
        let given = |name| word(given, &[name]).map(|word| word.chars().take(FILTER_MAX).collect());
        self.agent_name = given("agentName").or(self.agent_name.take());
        self.level = given("level").or(self.level.take());
    }

    fn shown(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in [("agentName", &self.agent_name), ("level", &self.level)] {
            if let Some(value) = value {
                shown.insert(name.to_owned(), json!(value));
            }
        }
        shown
    }

    fn takes(&self, line: &LogLine) -> bool {
        let wanted = |filter: &Option<String>| filter.clone().filter(|word| word != ALL);
        let level = wanted(&self.level).map(|name| level_of(&name).unwrap_or(UNKNOWN_LEVEL));
        wanted(&self.agent_name).is_none_or(|name| line.agent_name.as_ref() == Some(&name))
            && level.is_none_or(|level| line.level >= level)
    }
}

/// Does what a client wants of the log.
pub(super) fn heed(connection: &Connection, socket: &SocketRef, wish: LogWish) {
    let mut watching = connection.watching.lock().unwrap_or_else(PoisonError::into_inner);
    match wish {
        LogWish::Subscribe => {
            connection.core.emit(socket, "log_subscription_confirmed", &confirmed(true));
            if watching.is_none() {
                *watching = Some(watch(&connection.core, socket));
            }
        }
        LogWish::Unsubscribe => {
            *watching = None;
            connection.core.emit(socket, "log_subscription_confirmed", &confirmed(false));
        }
        LogWish::Filter(given) => {
            let answer = match &*watching {
                Some(watching) => {
                    let mut filters = lock(&watching.filters);
                    filters.merge(&given);
                    json!({"success": true, "filters": filters.shown()})
                }
                None => json!({"success": false, "error": "Not subscribed to log stream"}),
            };
            connection.core.emit(socket, "log_filters_updated", &answer);
        }
    }
}

fn confirmed(is_subscribed: bool) -> Value {
    let done = if is_subscribed { "subscribed to" } else { "unsubscribed from" };
    json!({"subscribed": is_subscribed, "message": format!("Successfully {done} log stream")})
}

fn watch(core: &Arc<Core>, socket: &SocketRef) -> Watching {
    let filters = Arc::new(Mutex::new(Filters::default()));
    let lines = core.shared.host.logs.watch();
    let mut work = JoinSet::new();
    let sending = send(Arc::clone(core), socket.clone(), lines, Arc::clone(&filters));
    work.spawn_on(sending, &core.threads);
    Watching { filters, _work: work }
}

async fn send(
    core: Arc<Core>,
    socket: SocketRef,
    mut lines: Receiver<Arc<LogLine>>,
    filters: Arc<Mutex<Filters>>,
) {
    let mut at_once = 0;
    loop {
        let line = match lines.recv().await {
            Ok(line) => line,
            Err(RecvError::Lagged(lost)) => Arc::new(LogLine {
                time: core.shared.now(),
                level: 40,
                msg: format!("{lost} lines of the log are left out here: they came too fast"),
                source: "server".into(),
                agent_name: None,
                agent_id: None,
            }),
            Err(RecvError::Closed) => return,
        };
        if !lock(&filters).takes(&line) {
            continue;
        }
        let entry = json!({"type": "log_entry", "payload": LineView::of(&line)});
        if core.emit(&socket, "log_stream", &entry) == Sent::Closed {
            return;
        }
        at_once += 1;
        if at_once == LINES_AT_ONCE {
            at_once = 0;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn lock(filters: &Mutex<Filters>) -> std::sync::MutexGuard<'_, Filters> {
    filters.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use greenroom_actors::time::UnixMillis;

    use super::*;

    #[test]
    fn lines_are_chosen_by_name_and_least_level() {
        let line = LogLine {
            time: UnixMillis(0),
            level: 30,
            msg: String::new(),
            source: "server".into(),
            agent_name: Some("Ada".to_owned()),
            agent_id: None,
        };
        for (filters, expected) in [
            (json!({}), true),
            (json!({"agentName": "all", "level": "all"}), true),
            (json!({"agentName": "Ada"}), true),
            (json!({"agentName": "Bob"}), false),
            (json!({"level": "debug"}), true),
            (json!({"level": "info"}), true),
            (json!({"level": "warn"}), false),
            (json!({"level": "shout"}), false),
            (json!({"level": 5, "agentName": null}), true),
        ] {
            let mut chosen = Filters::default();
            chosen.merge(filters.as_object().unwrap());
            assert_eq!(chosen.takes(&line), expected, "{filters}");
        }
    }

    #[test]
    fn filters_are_merged_and_told_back() {
        let mut filters = Filters::default();
        for (given, shown) in [
            (json!({"level": "warn"}), json!({"level": "warn"})),
            (json!({"agentName": "Ada"}), json!({"agentName": "Ada", "level": "warn"})),
            (json!({"level": "info", "x": 1}), json!({"agentName": "Ada", "level": "info"})),
        ] {
            filters.merge(given.as_object().unwrap());
            assert_eq!(Value::Object(filters.shown()), shown);
        }
    }
}
