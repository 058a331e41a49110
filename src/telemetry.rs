//! What the process tells about itself: its log, and its figures.

mod journal;
mod log;
mod metrics;
mod process;

pub use journal::{LogBuffer, LogLine};
pub use log::{LogFormat, LogSettings, TelemetryError, UNKEPT, init, log_panics};
pub(crate) use metrics::{count_slow_socket, count_sockets, tidy};
pub use metrics::{metrics_page, render};
pub(crate) use process::MemoryUse;
