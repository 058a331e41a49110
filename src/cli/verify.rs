//! `greenroom verify`: whether a store, a backup or an agent's file is whole.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use actix::System;
use clap::Args;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::ports::{NoTools, SystemClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

use crate::config::{Loaded, Sources};
use crate::models::{self, ModelsSettings};
use crate::secrets::Secrets;
use crate::store::{self, SqliteStore, StoreSettings};
use crate::transfer::{Password, Transfer, Verified, is_agent_file};
use crate::workspace::Workspaces;

use super::admin::failed;
use super::import::unread;
use super::{CliError, password, plain, progress};

/// `greenroom verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The store, the backup or the `.eliza-agent` file.
    file: PathBuf,
}

impl Verify {
    pub(super) fn carry_out(self, sources: &Sources, out: &mut dyn Write) -> Result<(), CliError> {
        let unread = |error: &std::io::Error| unread(&self.file, error);
        let mut file = File::open(&self.file).map_err(|error| unread(&error))?;
        if is_agent_file(&mut file).map_err(|error| unread(&error))? {
            return self.agent(file, &sources.load()?, out);
        }
        let report = store::verify(&self.file).map_err(failed)?;
        for (table, rows) in &report.rows {
            writeln!(out, "{table}: {rows}")?;
        }
        let file = self.file.display();
        if report.is_whole() {
            writeln!(out, "{file} is whole, of schema {}", report.schema)?;
            return Ok(());
        }
        Err(failed(format!("{file} is damaged: {}", report.complaints.join("; "))))
    }

    /// Makes an agent of the file in a store that is thrown away, and compares.
    fn agent(&self, file: File, loaded: &Loaded, out: &mut dyn Write) -> Result<(), CliError> {
        let password = password::known()?;
        let working = progress::wait("restoring, and comparing");
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let system = System::with_tokio_rt(move || threads);
        let verified = system.block_on(rehearse(file, password, loaded));
        working.finish_and_clear();
        let verified = verified?;
        writeln!(out, "agent: {}", plain::cut(&verified.agent_name, 60))?;
        for (kind, count) in verified.counts.each() {
            writeln!(out, "{kind}: {count}")?;
        }
        let file = self.file.display();
        if verified.differences.is_empty() {
            writeln!(out, "{file} matches what becomes of it")?;
            return Ok(());
        }
        let differences = verified.differences.join("; ");
        Err(failed(format!("{file} does not match what becomes of it: {differences}")))
    }
}

/// A host with nothing but what transfers need, in a folder of its own.
async fn rehearse(file: File, password: Password, loaded: &Loaded) -> Result<Verified, CliError> {
    let config = &loaded.config;
    let folder = tempfile::tempdir()?;
    let store = StoreSettings { data_dir: folder.path().join("data"), ..StoreSettings::default() };
    let store = SqliteStore::open(&store).map_err(failed)?;
    let ports = Ports {
        store: Arc::new(store.clone()),
        // Nobody speaks here.
        model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).map_err(failed)?),
        clock: Arc::new(SystemClock),
        tools: Arc::new(NoTools),
        masks: Arc::new(NoMasks),
    };
    let registry = Registry::start(ports, Settings::default()).await.map_err(failed)?;
    let workspaces = Workspaces::open(&folder.path().join("workspaces"), &config.workspace)?;
    let transfer = Transfer::open(
        &folder.path().join("transfer"),
        config.transfer,
        registry.clone(),
        workspaces,
        // Its own: the secrets that the agent had are to be sealed and opened as well.
        Arc::new(Secrets::new(&uuid::Uuid::new_v4().to_string())),
    )?;
    let verified = transfer.verify(file, password).await.map_err(failed);
    registry.shutdown(std::time::Duration::ZERO).await;
    tokio::task::spawn_blocking(move || store.close()).await.map_err(std::io::Error::other)?;
    verified
}
