//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod asks;
mod audited;
mod configuration;
mod credentials;
mod deploy;
mod doors;
mod files;
mod fleet;
mod gate;
mod homes;
mod links;
mod live;
mod masks;
mod measured;
mod monitoring;
mod notices;
mod people;
mod permissions;
mod preferences;
mod rights;
mod schedules;
mod sharing;
mod ssh_access;
mod support;
mod work;
