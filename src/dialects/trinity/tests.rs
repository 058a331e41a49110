//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod fleet;
mod gate;
mod measured;
mod monitoring;
mod support;
