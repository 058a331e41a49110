//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod deploy;
mod files;
mod gate;
mod homes;
mod support;
