//! The log: one filter, written to standard error and kept in the [`LogBuffer`].

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io::IsTerminal;
use std::sync::Arc;

use greenroom_actors::ports::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::journal::{LINES_KEPT, LogBuffer, LogLine, number_of};

/// Libraries that write down what clients send over sockets, word for word: the keys that they
/// present are among it.
const TALKATIVE: [&str; 5] =
    ["socketioxide", "engineioxide", "tungstenite", "tokio_tungstenite", "rmcp"];

/// Characters of a filter that is not one which a complaint repeats.
const WORD_MAX: usize = 40;

/// The `[log]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// What is logged: a level, or directives like `info,greenroom_actors=debug`.
    pub filter: String,
    /// How it is written.
    pub format: LogFormat,
    /// Newest lines kept in memory for the API; at least 1,000.
    pub lines_kept: usize,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            filter: "info,actix_server=warn,actix_http=off,genai=off,rmcp=off,symphonia=off"
                .to_owned(),
            format: LogFormat::Human,
            lines_kept: LINES_KEPT,
        }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person; in colour on a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is one word, and that is no level.
    #[error("`{0}` is neither a level (error, warn, info, debug, trace, off) nor a directive")]
    Level(String),
    /// The filter is not one.
    #[error("{0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a log already.
    #[error("the process has a log already: {0}")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

impl LogSettings {
    /// Reads the filter.
    ///
    /// # Errors
    /// If it is not one.
    pub fn parse_filter(&self) -> Result<EnvFilter, TelemetryError> {
        let filter = match self.filter.trim() {
            // elizaOS has levels that tracing has not.
            "fatal" => "error",
            "log" | "progress" | "success" => "info",
            "verbose" => "debug",
            // A word alone would be taken for the name of a module, and silence all others.
            word if !word.contains(['=', ',', '[']) => {
                word.parse::<LevelFilter>().map_err(|_no_level| {
                    TelemetryError::Level(word.chars().take(WORD_MAX).collect())
                })?;
                word
            }
            directives => directives,
        };
        Ok(EnvFilter::builder().parse(filter)?)
    }
}

/// Sets the log of the whole process up: to standard error, and into `kept`.
///
/// # Errors
/// A filter that is not one, or a process that has a log already.
pub fn init(settings: &LogSettings, kept: Arc<LogBuffer>) -> Result<(), TelemetryError> {
    let registry = tracing_subscriber::registry()
        .with(settings.parse_filter()?)
        .with(filter_fn(is_discreet))
        .with(Keeper { kept, clock: SystemClock });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Human => {
            registry.with(lines.with_ansi(std::io::stderr().is_terminal())).try_init()?;
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}

/// Whether a line or a span tells no secrets, whatever the filter asks for.
fn is_discreet(about: &Metadata<'_>) -> bool {
    let library = about.target().split("::").next().unwrap_or_default();
    *about.level() <= Level::INFO || !TALKATIVE.contains(&library)
}

/// Lets panics of the whole process be logged as errors instead of written to standard error.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        let said = panic.payload_as_str().unwrap_or("a panic without words");
        tracing::error!(at, thread, "panicked: {said}");
    }));
}

/// The target of lines that are written and not kept in memory, where other APIs show them.
pub const UNKEPT: &str = "greenroom::unkept";

/// Copies each event into the buffer.
struct Keeper {
    kept: Arc<LogBuffer>,
    clock: SystemClock,
}

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == UNKEPT {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = LogLine {
            time: self.clock.now(),
            level: number_of(*event.metadata().level()),
            msg: fields.message + &fields.rest,
            source: Cow::Borrowed(source_of(event.metadata().target())),
            agent_name: fields.agent_name,
            agent_id: fields.agent_id,
        };
        if is_watched(event.metadata()) {
            self.kept.push(line);
        } else {
            self.kept.push_unwatched(line);
        }
    }
}

/// Which part of the program a line is from: a module of ours, the runtime, or a library.
fn source_of(target: &'static str) -> &'static str {
    let mut parts = target.split("::");
    match (parts.next(), parts.next()) {
        (Some("greenroom"), Some(module)) => module,
        (Some("greenroom"), None) => "server",
        (Some("greenroom_actors"), _) => "runtime",
        (library, _) => library.unwrap_or_default(),
    }
}

/// Whether those who watch the log are sent such a line. Not the small talk of libraries: some of
/// them send the line, and would have more to say of that.
fn is_watched(about: &Metadata<'_>) -> bool {
    about.target().starts_with("greenroom") || *about.level() <= Level::WARN
}

/// The fields of one event, as a line shows them.
#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
    agent_name: Option<String>,
    agent_id: Option<String>,
}

impl Fields {
    fn take(&mut self, name: &str, value: fmt::Arguments<'_>) {
        match name {
            "message" => self.message = value.to_string(),
            "agent" | "agent_id" => self.agent_id = Some(value.to_string()),
            "agent_name" => self.agent_name = Some(value.to_string()),
            // Those of the `log` crate's bridge say only where the line is from.
            _ if name.starts_with("log.") => {}
            // Writing to a string cannot fail.
            _ => drop(write!(self.rest, " {name}={value}")),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field.name(), format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.take(field.name(), format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_becomes_a_line_that_names_its_agent() {
        let kept = Arc::new(LogBuffer::default());
        let keeper = Keeper { kept: Arc::clone(&kept), clock: SystemClock };
        let subscriber = tracing_subscriber::registry().with(keeper);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(agent = %"a-1", agent_name = "Ada", tries = 3, "gave up");
        });
        let lines = kept.entries();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].msg, "gave up tries=3");
        assert_eq!(lines[0].level, 40);
        assert_eq!(lines[0].agent_id.as_deref(), Some("a-1"));
        assert_eq!(lines[0].agent_name.as_deref(), Some("Ada"));
        assert_eq!(lines[0].source, "telemetry");
    }

    #[test]
    fn a_line_is_from_a_module_the_runtime_or_a_library() {
        for (target, source) in [
            ("greenroom", "server"),
            ("greenroom::store::sqlite", "store"),
            ("greenroom_actors::agent", "runtime"),
            ("actix_server::worker", "actix_server"),
            ("", ""),
        ] {
            assert_eq!(source_of(target), source, "{target}");
        }
    }

    #[test]
    fn what_clients_send_over_sockets_is_not_written_down() {
        let kept = Arc::new(LogBuffer::default());
        let keeper = Keeper { kept: Arc::clone(&kept), clock: SystemClock };
        let subscriber = tracing_subscriber::registry().with(filter_fn(is_discreet)).with(keeper);
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(target: "socketioxide::client", "a key");
            tracing::trace!(target: "tungstenite::protocol", "a key");
            let span = tracing::trace_span!(target: "engineioxide::engine", "a key");
            assert!(span.is_disabled());
            tracing::warn!(target: "socketioxide::client", "a fault");
            tracing::debug!(target: "socketioxidental", "something else");
        });
        let lines: Vec<_> = kept.entries().into_iter().map(|line| line.msg).collect();
        assert_eq!(lines, ["a fault", "something else"]);
    }

    #[test]
    fn filters_are_levels_or_directives() {
        for (filter, is_one) in [
            ("info", true),
            ("fatal", true),
            ("success", true),
            ("WARN", true),
            ("off", true),
            ("infos", false),
            ("warn,greenroom=trace", true),
            ("greenroom=loud", false),
        ] {
            let settings = LogSettings { filter: filter.to_owned(), ..LogSettings::default() };
            assert_eq!(settings.parse_filter().is_ok(), is_one, "{filter}");
        }
    }
}
