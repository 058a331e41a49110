//! How long what grows is kept, and what keeping to it removed.

use std::time::Duration;

/// How long what grows is kept, and how much of it. `None` and 0 mean: without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Age of agents' events.
    pub events_for: Option<Duration>,
    /// Newest events kept of each agent.
    pub events_per_agent: u64,
    /// Age of ended runs, with their steps, and of goals that are not open any more.
    pub runs_for: Option<Duration>,
    /// Age of log entries.
    pub logs_for: Option<Duration>,
    /// Age of settled letters.
    pub letters_for: Option<Duration>,
    /// Age of firings that nothing more is to come of.
    pub firings_for: Option<Duration>,
    /// Newest events kept of each channel.
    pub events_per_channel: u64,
    /// Age of ended jobs.
    pub jobs_for: Option<Duration>,
    /// Age of what was used on a day. What an agent or owner has spent in all stays.
    pub usage_for: Option<Duration>,
}

/// How many rows retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Runs.
    pub runs: u64,
    /// Log entries.
    pub logs: u64,
    /// Letters.
    pub letters: u64,
    /// Firings.
    pub firings: u64,
    /// Channels' events.
    pub channel_events: u64,
    /// Jobs.
    pub jobs: u64,
    /// Rows of usage.
    pub usage: u64,
}
