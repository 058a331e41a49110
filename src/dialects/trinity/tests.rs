//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod asks;
mod configuration;
mod credentials;
mod files;
mod gate;
mod homes;
mod links;
mod live;
mod notices;
mod permissions;
mod schedules;
mod sharing;
mod ssh_access;
mod support;
