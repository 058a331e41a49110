//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod bare;
mod gate;
mod jobs;
mod memories;
mod messaging;
mod places;
mod sessions;
mod sockets;
mod support;
mod system;
mod wrong_types;
