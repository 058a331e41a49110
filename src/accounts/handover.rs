//! A password that whoever governs the machine hands over, by a file in the data folder.
//!
//! Who can write there can do anything to the host; no request over the network could prove as much.
//! The file holds the form in which passwords are kept, and is gone once it was taken.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::kept::{KeptUser, Password, Shelf, set};
use super::password::{Hashed, Hasher, judge};
use super::user::{ADMIN_ID, User};
use super::{Accounts, AccountsError};
use zeroize::Zeroizing;

/// The name of the file.
const FILE: &str = "admin-password.new";

/// Bytes of the file at most.
const FILE_MAX_BYTES: u64 = 1024;

/// Where a password is handed over.
#[derive(Clone, Debug)]
pub struct Handover(PathBuf);

impl Handover {
    /// In that data folder.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        Self(data_dir.join(FILE))
    }

    /// Leaves the administrator's password there, for its host alone to read.
    ///
    /// # Errors
    /// [`AccountsError::WeakPassword`], [`AccountsError::Busy`], and what is wrong with the file.
    pub async fn leave(&self, password: Zeroizing<String>) -> Result<(), HandoverError> {
        judge(&password).map_err(AccountsError::WeakPassword)?;
        let hashed = Hasher::new().hash(password).await?;
        let text = serde_json::to_vec(&hashed).map_err(io::Error::other)?;
        let partial = self.0.with_extension("partial");
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&partial, &self.0)?;
        Ok(())
    }

    /// Takes back what nobody has taken.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn take_back(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn read(&self) -> Result<Option<Hashed>, HandoverError> {
        match fs::metadata(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Ok(found) if found.len() > FILE_MAX_BYTES => return Err(HandoverError::Unreadable),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let hashed = serde_json::from_slice::<Hashed>(&fs::read(&self.0)?).ok();
        let hashed = hashed.filter(Hashed::is_sound).ok_or(HandoverError::Unreadable)?;
        Ok(Some(hashed))
    }
}

/// Why a password was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// It cannot be, or was not kept.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The file cannot be used.
    #[error("{FILE} in the data folder: {0}")]
    File(#[from] io::Error),
    /// The file holds something else.
    #[error("{FILE} in the data folder holds no password")]
    Unreadable,
}

impl Accounts {
    /// Takes the administrator's password that was handed over, if one was. Tokens from before are
    /// good no longer.
    ///
    /// # Errors
    /// What is wrong with the file, and [`AccountsError::Core`].
    pub async fn take_over(&self) -> Result<bool, HandoverError> {
        let Some(handover) = self.inner.handover.clone() else { return Ok(false) };
        let accounts = self.clone();
        // One after the other, so that of two who ask one finds it and the other nothing.
        let taken = self.alone(async move { Ok(accounts.take(&handover).await) });
        taken.await?
    }

    async fn take(&self, handover: &Handover) -> Result<bool, HandoverError> {
        let Some(hash) = handover.read()? else { return Ok(false) };
        self.keep_hash(hash).await?;
        // Only now: a crash in between has it taken once more, which changes nothing.
        handover.take_back()?;
        tracing::warn!("the password of admin was set by the machine's operator");
        Ok(true)
    }

    /// Keeps a password of the administrator's, to be called by whoever changes something.
    pub(super) async fn keep_hash(&self, hash: Hashed) -> Result<(), AccountsError> {
        let (user, before) = {
            let index = self.index();
            let user = index.user(ADMIN_ID).ok_or(AccountsError::UnknownUser)?;
            (User::clone(user), index.password(ADMIN_ID).cloned())
        };
        let password = Password::after(before.as_ref(), hash, self.now());
        let kept = KeptUser { user, password: Some(password.clone()) };
        self.keep(vec![set(Shelf::User(ADMIN_ID), &kept, self.now())]).await?;
        self.index_mut().set_password(ADMIN_ID, password);
        Ok(())
    }
}
