//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod doors;
mod gate;
mod people;
mod preferences;
mod support;
