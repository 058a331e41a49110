//! The host's own panel as a page: it needs no script, loads nothing, and refreshes itself.

use std::fmt::{self, Display, Formatter};
use std::sync::LazyLock;

use actix_web::http::header::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use greenroom_actors::agent::Status;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::runs::{Run, RunKind, RunStatus};
use greenroom_actors::time::{UnixMillis, millis};
use sha2::{Digest, Sha256};

use crate::http::instant;

/// Seconds after which a browser asks again.
const REFRESH_S: u32 = 10;

/// Milliseconds in a second.
const SECOND: i64 = 1_000;

/// Colours are the browser's own, so that they fit wherever the page is framed.
const STYLE: &str = ":root{color-scheme:light dark;font:14px/1.5 system-ui,sans-serif}\
    body{margin:1rem}h1{font-size:1.3em;margin:0}h2{font-size:1.1em;margin:1.5em 0 .4em}\
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2em 1em}dt{opacity:.7}dd{margin:0}\
    dd,.error{overflow-wrap:anywhere}\
    table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;vertical-align:top;padding:.25em .6em .25em 0;\
    border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent)}\
    th{font-weight:600}th:last-child,td:last-child{padding-right:0}footer{margin-top:1.5em;opacity:.7}";

/// What the page may load: its own style, known by its digest, and nothing else.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none';style-src 'sha256-{digest}';frame-ancestors 'self';\
         base-uri 'none';form-action 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// What the page tells.
pub(super) struct Overview<'a> {
    pub(super) record: &'a AgentRecord,
    pub(super) status: &'a Status,
    /// The newest ones.
    pub(super) runs: Vec<Run>,
    pub(super) runs_total: u64,
    /// Memories in all, and those of them that are messages.
    pub(super) memories: u64,
    pub(super) messages: u64,
    pub(super) at: UnixMillis,
}

impl Display for Overview<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = Text(&self.record.character.name);
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"refresh\" content=\"{REFRESH_S}\">\n\
             <title>{name}: overview</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <h1>{name}</h1>\n"
        )?;
        self.state(f)?;
        self.remembered(f)?;
        self.recent(f)?;
        let at = Moment(self.at);
        write!(
            f,
            "<footer>As of {at}, anew every {REFRESH_S} seconds.</footer>\n</body>\n</html>\n"
        )
    }
}

impl Overview<'_> {
    fn state(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Status { state, lifecycle, run, restarts, ticks_skipped, next_tick_at, .. } =
            self.status;
        write!(f, "<dl>\n<dt>State</dt><dd>{state}</dd>\n")?;
        if let Some(failure) = &lifecycle.failure {
            writeln!(f, "<dt>Failure</dt><dd>{}</dd>", Text(failure))?;
        }
        if let Some(started_at) = lifecycle.started_at {
            writeln!(f, "<dt>Running since</dt><dd>{}</dd>", Moment(started_at))?;
        }
        match (next_tick_at, lifecycle.autonomy) {
            (Some(at), _) => writeln!(f, "<dt>Next tick</dt><dd>{}</dd>", Moment(*at))?,
            (None, Some(_)) => {
                writeln!(f, "<dt>Next tick</dt><dd>none while it does not run</dd>")?
            }
            (None, None) => writeln!(f, "<dt>Next tick</dt><dd>none: acts when spoken to</dd>")?,
        }
        if let Some(run) = run {
            writeln!(f, "<dt>Run in flight</dt><dd>{run}</dd>")?;
        }
        if *ticks_skipped > 0 {
            writeln!(f, "<dt>Ticks skipped</dt><dd>{ticks_skipped}</dd>")?;
        }
        if *restarts > 0 {
            writeln!(f, "<dt>Restarts after crashes</dt><dd>{restarts}</dd>")?;
        }
        writeln!(f, "</dl>")
    }

    fn remembered(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let other = self.memories.saturating_sub(self.messages);
        write!(
            f,
            "<h2>Memories</h2>\n<dl>\n<dt>Messages</dt><dd>{}</dd>\n<dt>Others</dt><dd>{other}</dd>\n\
             </dl>\n",
            self.messages
        )
    }

    fn recent(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return writeln!(f, "<h2>Runs</h2>\n<p>None yet.</p>");
        }
        write!(
            f,
            "<h2>Runs: the last {} of {}</h2>\n<table>\n<thead><tr><th>Begun (UTC)</th><th>Why</th>\
             <th>Outcome</th><th>Seconds</th><th>Tokens</th></tr></thead>\n<tbody>\n",
            self.runs.len(),
            self.runs_total
        )?;
        for run in &self.runs {
            row(run, f)?;
        }
        writeln!(f, "</tbody>\n</table>")
    }
}

fn row(run: &Run, f: &mut Formatter<'_>) -> fmt::Result {
    let why = match run.kind {
        RunKind::Tick => "tick",
        RunKind::Reply => "reply",
        RunKind::Job => "job",
        RunKind::Trigger => "trigger",
    };
    let outcome = match run.status {
        RunStatus::Started => "in flight",
        RunStatus::Parked => "waits for approval",
        RunStatus::Completed => "completed",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::TimedOut => "timed out",
        RunStatus::Interrupted => "interrupted",
    };
    let (begun, exactly) = (shown(run.started_at), instant::iso(run.started_at));
    let begun = begun.format("%-d %b %H:%M:%S");
    write!(f, "<tr><td><time datetime=\"{exactly}\">{begun}</time></td>")?;
    write!(f, "<td>{why}</td><td>{outcome}</td><td>")?;
    if let Some(ended_at) = run.ended_at {
        let took = millis(ended_at.since(run.started_at));
        write!(f, "{}.{:03}", took.div_euclid(SECOND), took.rem_euclid(SECOND))?;
    }
    let tokens = run.usage.input_tokens.saturating_add(run.usage.output_tokens);
    writeln!(f, "</td><td>{tokens}</td></tr>")?;
    match &run.error {
        // In a row of its own, since it may be long where the page is narrow.
        Some(error) => {
            writeln!(f, "<tr><td colspan=\"5\" class=\"error\">{}</td></tr>", Text(error))
        }
        None => Ok(()),
    }
}

/// A text between tags or in quotes, whatever it holds.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Nobody sees them, and a page that holds them is not well formed.
                c if c.is_control() && !c.is_whitespace() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// An instant, for people and for programs.
struct Moment(UnixMillis);

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = shown(self.0).format("%-d %b %Y %H:%M:%S UTC");
        write!(f, "<time datetime=\"{}\">{shown}</time>", instant::iso(self.0))
    }
}

fn shown(at: UnixMillis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_of_an_agent_becomes_part_of_the_page() {
        let said = "<script>alert(\"x\")</script> & 'y' \u{0}\u{1b}\n";
        assert_eq!(
            Text(said).to_string(),
            "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39; \u{fffd}\u{fffd}\n"
        );
    }

    #[test]
    fn the_page_loads_nothing_but_its_own_style() {
        let policy = POLICY.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
