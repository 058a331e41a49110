//! The key by which clients know this host again.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};

use super::error::SshError;

/// The file in the data folder that holds it, in the format of OpenSSH.
pub(super) const FILE_NAME: &str = "ssh_host_ed25519_key";

/// The host's key, made for its owner alone where there is none.
///
/// # Errors
/// [`SshError::HostKey`] also where the file holds no key: a new one in its place would be a new host
/// to all who know the old one.
pub(super) fn read_or_make(data_dir: &Path) -> Result<PrivateKey, SshError> {
    let path = data_dir.join(FILE_NAME);
    let failed =
        |reason: &dyn std::fmt::Display| SshError::HostKey(format!("{}: {reason}", path.display()));
    match fs::read_to_string(&path) {
        Ok(text) => PrivateKey::from_openssh(text).map_err(|error| failed(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = made().map_err(|error| failed(&error))?;
            let text = key.to_openssh(LineEnding::LF).map_err(|error| failed(&error))?;
            keep(&path, text.as_bytes()).map_err(|error| failed(&error))?;
            Ok(key)
        }
        Err(error) => Err(failed(&error)),
    }
}

fn made() -> Result<PrivateKey, russh::keys::ssh_key::Error> {
    let pair = Ed25519Keypair::from_seed(&rand::random());
    PrivateKey::new(KeypairData::Ed25519(pair), "greenroom")
}

/// Writes it whole, or not at all.
fn keep(path: &Path, text: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = read_or_make(folder.path()).unwrap();
        let again = read_or_make(folder.path()).unwrap();
        assert_eq!(made.public_key().key_data(), again.public_key().key_data());
        let path = folder.path().join(FILE_NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "no key").unwrap();
        assert!(matches!(read_or_make(folder.path()), Err(SshError::HostKey(_))));
        assert_eq!(fs::read_to_string(path).unwrap(), "no key");
    }
}
