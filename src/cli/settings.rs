//! `greenroom config`: whether the configuration is sound, and what it comes to.

use std::io::Write;

use clap::Subcommand;

use crate::config::{self, Sources};

use super::CliError;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Settings {
    /// Says whether the configuration is sound.
    Check,
    /// Shows every value as it would be used, without secrets.
    Show,
}

impl Settings {
    pub(super) fn carry_out(self, sources: &Sources, out: &mut dyn Write) -> Result<(), CliError> {
        let loaded = sources.load()?;
        match self {
            Self::Check => match loaded.file() {
                Some(file) => writeln!(out, "{} is sound", file.display())?,
                None => writeln!(out, "no file; the configuration is sound")?,
            },
            Self::Show => {
                let shown = config::shown(&loaded.config)
                    .map_err(|error| CliError::Failed(error.to_string()))?;
                out.write_all(shown.as_bytes())?;
            }
        }
        Ok(())
    }
}
