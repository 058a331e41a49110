//! How far a file has come, for whoever watches: on standard error, and only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often what has no measure shows that it goes on.
const TURN: Duration = Duration::from_millis(120);

/// Something that takes a while, nobody knows how long.
pub(super) fn wait(doing: &'static str) -> ProgressBar {
    let wait = ProgressBar::new_spinner().with_message(doing);
    wait.enable_steady_tick(TURN);
    wait
}

/// So many bytes on their way.
pub(super) fn bytes(count: u64, doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(count).with_message(doing);
    // The template is fixed; were it wrong, the bar would look plainer.
    match ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
