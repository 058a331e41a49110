//! The dialect of elizaOS 1.7.2 and of its documentation.

mod settings;

pub use settings::ElizaosSettings;
