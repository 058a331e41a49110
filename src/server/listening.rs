//! Where the host answers, for those on the same machine: `listening.json` in its data folder.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// The file's name.
const FILE_NAME: &str = "listening.json";

/// The addresses that a host answers at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The elizaOS listener, if there is one.
    pub elizaos: Option<SocketAddr>,
    /// The Milady listener, if there is one.
    #[serde(default)]
    pub milady: Option<SocketAddr>,
    /// The Trinity listener, if there is one.
    #[serde(default)]
    pub trinity: Option<SocketAddr>,
}

impl Listening {
    /// Where to call the host of that configuration: as it wrote down, or else as it is configured.
    #[must_use]
    pub fn address_of(config: &Config) -> SocketAddr {
        let written = fs::read_to_string(file(&config.store.data_dir)).ok();
        let written = written.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        reachable(written.and_then(|it| it.elizaos).unwrap_or(config.elizaos.bind))
    }

    /// Writes the addresses down, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        let whole = file(data_dir);
        let part = whole.with_extension("json.part");
        fs::write(&part, serde_json::to_vec(self)?)?;
        fs::rename(part, whole)
    }

    /// Says in the log where the host answers.
    pub(super) fn log(&self, version: &str) {
        let Self { elizaos, milady, trinity } = *self;
        if [elizaos, milady, trinity].iter().all(Option::is_none) {
            return tracing::info!(version, "running without a listener");
        }
        // A field without a value is not written.
        let [elizaos, milady, trinity] =
            [elizaos, milady, trinity].map(|address| address.map(tracing::field::display));
        tracing::info!(elizaos, milady, trinity, version, "listening");
    }

    /// Forgets them: nobody answers any more.
    pub(super) fn erase(data_dir: &Path) {
        if let Err(error) = fs::remove_file(file(data_dir)) {
            tracing::debug!(%error, "no addresses to forget");
        }
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

/// An address that means "every one" as one that can be called.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.store.data_dir = folder.path().to_owned();
        let configured = Listening::address_of(&config);
        assert_eq!(configured, config.elizaos.bind);

        let written = Listening { elizaos: "0.0.0.0:4711".parse().ok(), ..Listening::default() };
        written.write(folder.path()).unwrap();
        assert_eq!(Listening::address_of(&config), "127.0.0.1:4711".parse().unwrap());
        Listening::erase(folder.path());
        assert_eq!(Listening::address_of(&config), configured);
    }
}
