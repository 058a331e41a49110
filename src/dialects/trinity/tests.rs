//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod gate;
mod support;
mod work;
