//! The configuration: every module's own settings, put together and read from where they may stand.
//!
//! Later sources win: the defaults, `config.toml`, the ecosystems' own variables (`SERVER_PORT`, …),
//! Greenroom's variables (`GREENROOM_<SECTION>__<KEY>`), flags. An unknown key or a bad value is an
//! error that names the file and line, the variable or the flag.

mod check;
mod error;
mod load;
mod origin;
mod show;
mod variables;

use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use load::{FILE_NAME, Loaded, Sources};
pub use origin::Origin;
pub use show::shown;

use crate::server::ServerSettings;
use crate::telemetry::LogSettings;

/// The whole configuration. A field is a section of `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The log.
    pub log: LogSettings,
    /// The process as a whole.
    pub server: ServerSettings,
}
