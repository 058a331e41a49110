//! Where media are kept: a folder for each agent and each channel.

use std::io;
use std::path::Path;

use super::spool::{self, Spool};

/// The media of a host. Clones share everything.
#[derive(Clone, Debug)]
pub struct MediaStore {
    spool: Spool,
}

impl MediaStore {
    /// The media in that folder, which is made if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { spool: Spool::open(&spool::within(folder))? })
    }

    /// Where files arrive.
    #[must_use]
    pub fn spool(&self) -> &Spool {
        &self.spool
    }
}
