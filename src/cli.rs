//! The command line.
//!
//! `serve` runs the host; everything else either talks to a running one over its API, or looks at
//! files. What a command has to say goes to standard output, what went wrong to standard error. It
//! ends with 0 if all went well, 1 if not, 2 if it was called wrongly.

mod account;
mod admin;
mod agents;
mod approvals;
mod client;
mod error;
mod export;
mod import;
mod page;
mod password;
mod plain;
mod progress;
mod settings;
mod table;
mod verify;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Sources;
use crate::server;
use crate::telemetry::LogFormat;

use client::Remote;
pub use error::CliError;

/// Hosts many long-running autonomous agents, behind the APIs of their ecosystems.
#[derive(Debug, Parser)]
#[command(name = "greenroom", version, disable_help_subcommand = true)]
struct Arguments {
    /// What to do; `serve` where nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    general: General,
}

/// What every command understands.
#[derive(Debug, Args)]
struct General {
    /// The configuration; ./config.toml, if it is there, where none is named.
    #[arg(long, global = true, value_name = "FILE", env = "GREENROOM_CONFIG")]
    config: Option<PathBuf>,
    /// The folder that holds everything the host keeps.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// How the log is written.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the host until it is told to stop.
    Serve,
    /// Looks at and moves the agents of a running host.
    #[command(subcommand)]
    Agents(agents::Agents),
    /// Decides about calls that agents may not make without a person's yes.
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    /// Stops all agents' work on a running host, across restarts, until `lift`.
    Halt(Remote),
    /// Ends a halt.
    Lift(Remote),
    /// Governs the accounts of a host.
    #[command(subcommand)]
    Admin(account::Admin),
    /// Looks at the configuration.
    #[command(subcommand)]
    Config(settings::Settings),
    /// Copies the store into a new file, from a running host or by itself.
    Backup(admin::Backup),
    /// Takes an agent out of a running host, as a sealed file that Milady reads too.
    #[command(after_help = password::HELP)]
    Export(export::Export),
    /// Takes an agent from such a file into a running host, beside all others.
    #[command(after_help = password::HELP)]
    Import(import::Import),
    /// Checks a store or a backup for damage, or that nothing of an agent's file would be lost.
    #[command(after_help = password::HELP)]
    Verify(verify::Verify),
}

/// Runs the command that `arguments` name; answers with the code to end with.
pub fn run<I>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(said) => {
            // Help and version come this way too. If nobody reads, nobody misses it.
            drop(said.print());
            return if said.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.carry_out(&mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_unread() => ExitCode::SUCCESS,
        Err(error) => {
            let said = plain::lines(&error.to_string());
            drop(writeln!(std::io::stderr(), "error: {said}"));
            error.code()
        }
    }
}

impl Arguments {
    fn carry_out(self, out: &mut dyn Write) -> Result<(), CliError> {
        let sources = self.general.sources();
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => Ok(server::run(sources.load()?)?),
            Command::Config(command) => command.carry_out(&sources, out),
            Command::Verify(verify) => verify.carry_out(&sources, out),
            Command::Agents(command) => remotely(command.carry_out(&sources.load()?, out)),
            Command::Approvals(command) => remotely(command.carry_out(&sources.load()?, out)),
            Command::Export(export) => remotely(export.carry_out(&sources.load()?, out)),
            Command::Import(import) => remotely(import.carry_out(&sources.load()?, out)),
            Command::Halt(remote) => remotely(admin::halt(&remote, &sources.load()?, true, out)),
            Command::Lift(remote) => remotely(admin::halt(&remote, &sources.load()?, false, out)),
            Command::Admin(command) => remotely(command.carry_out(&sources.load()?, out)),
            Command::Backup(backup) => remotely(backup.carry_out(&sources.load()?, out)),
        }
    }
}

impl General {
    fn sources(&self) -> Sources {
        let mut sources = Sources { file: self.config.clone(), ..Sources::of_process() };
        if let Some(folder) = &self.data_dir {
            sources.flags.push(("--data-dir", "store.data_dir", folder.clone()));
        }
        if let Some(format) = self.log_format {
            let format = match format {
                LogFormat::Human => "human",
                LogFormat::Json => "json",
            };
            sources.flags.push(("--log-format", "log.format", format.to_owned()));
        }
        sources
    }
}

/// Runs what talks to a host: one thread is plenty.
fn remotely(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }
}
