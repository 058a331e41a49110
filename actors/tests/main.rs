//! The core through its public surface.

mod store;
