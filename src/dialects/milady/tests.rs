//! The dialect over a host in memory: every route, as a client meets it.

mod character;
mod conversations;
mod events;
mod inside;
mod memory;
mod onboarding;
mod pages;
mod pairing;
mod soft;
mod support;
mod triggers;
mod v1;
mod workbench;
