//! `greenroom admin`: the accounts of a host.

use std::io::Write;

use clap::Subcommand;
use reqwest::Method;

use crate::accounts::{Handover, judge};
use crate::config::Loaded;

use super::CliError;
use super::admin::failed;
use super::client::Remote;
use super::password;

/// What to do with the accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Sets the password of `admin`, whether or not the old one is known.
    ///
    /// It is asked for, or taken from GREENROOM_PASSWORD. Whoever is logged in as `admin` has to log in
    /// again. To be run on the host's machine, by whoever may write in its data folder; a host that
    /// does not run takes it when it starts.
    Password(Remote),
}

impl Admin {
    pub(super) async fn carry_out(
        self,
        loaded: &Loaded,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let Self::Password(remote) = self;
        let data_dir = &loaded.config.store.data_dir;
        if !data_dir.is_dir() {
            let told = format!("there is no data folder at {}", data_dir.display());
            return Err(CliError::Failed(format!("{told}; name it with --data-dir")));
        }
        let password = password::chosen_as("New password of admin: ", |text| {
            judge(&text).map_err(failed)?;
            Ok(text)
        })?;
        let handover = Handover::in_folder(data_dir);
        handover.leave(password).await.map_err(failed)?;
        let client = remote.client(loaded)?;
        if !client.is_there().await {
            writeln!(
                out,
                "the password of admin is kept for the host, which takes it when it starts"
            )?;
            return Ok(());
        }
        let taken = client.ask(Method::POST, "/api/greenroom/admin-password", None).await;
        if let Err(error) = taken {
            // What one host refused is not to be found by another later.
            handover.take_back()?;
            return Err(error);
        }
        writeln!(out, "the password of admin is set; who is logged in has to log in again")?;
        Ok(())
    }
}
