//! The running server: its parts put together, its listeners, its end.

mod settings;

pub use settings::ServerSettings;
