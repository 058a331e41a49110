//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod bare;
mod gate;
mod idempotency;
mod jobs;
mod live;
mod media;
mod memories;
mod messaging;
mod pages;
mod places;
mod sessions;
mod sockets;
mod support;
mod system;
mod titles;
mod wrong_types;
