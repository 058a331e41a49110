//! The runtime against a store in memory, a clock that is moved by hand and a scripted model.

mod crashes;
mod letters;
mod lifecycle;
mod store;
mod support;
