//! The dialect over a host in memory: every route, as a client meets it.

mod onboarding;
mod pages;
mod pairing;
mod soft;
mod support;
