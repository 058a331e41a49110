//! The dialect over a host in memory: every route, as a client meets it.

mod agents;
mod asks;
mod deploy;
mod files;
mod gate;
mod homes;
mod links;
mod notices;
mod permissions;
mod schedules;
mod sharing;
mod support;
