//! Secrets of agents: sealed before they are stored, answered only in their sealed form.
//!
//! The form is that of elizaOS, so that what one has sealed the other can open: `<iv>:<ciphertext>`,
//! both in hexadecimal digits, AES-256 in CBC mode with PKCS#7 padding, its key the SHA-256 of a
//! salt. The mode keeps a value secret but does not show that it was tampered with; whoever can
//! write the store could replace it anyway.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use greenroom_actors::character::Character;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The variable that names the salt, as in elizaOS.
pub const SALT_VARIABLE: &str = "SECRET_SALT";

/// The file in the data folder that holds the salt where no variable does.
const SALT_FILE: &str = "secret.salt";

/// Bytes of an initialisation vector.
const IV_BYTES: usize = 16;

/// The setting that holds an agent's secrets.
const SECRETS: &str = "secrets";

/// Seals and opens secrets.
pub struct Secrets {
    key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

/// What stands for a secret, or for all of them, is of the wrong kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct NotASecret {
    /// Where it stands.
    pub place: String,
    /// What should stand there.
    pub reason: &'static str,
}

impl Secrets {
    /// Secrets under a key made of `salt`.
    #[must_use]
    pub fn new(salt: &str) -> Self {
        Self { key: Zeroizing::new(Sha256::digest(salt.as_bytes()).into()) }
    }

    /// Secrets under the salt of the environment, or else of a file in the data folder.
    ///
    /// Where neither exists, a random salt is made and kept in that file, for its owner alone:
    /// elizaOS falls back on a salt that stands in its source, which seals nothing.
    ///
    /// # Errors
    /// Where the file can be neither read nor made.
    pub fn from_env_or_file(data_dir: &Path) -> io::Result<Self> {
        let salt = std::env::var(SALT_VARIABLE).map(Zeroizing::new);
        match salt {
            Ok(salt) if !salt.is_empty() => Ok(Self::new(&salt)),
            _ => Ok(Self::new(&kept_salt(&data_dir.join(SALT_FILE))?)),
        }
    }

    /// Seals one value. What is sealed already stays as it is, so that a client may send back what
    /// it was given; a secret that only looks sealed does not open under this key, and is sealed.
    #[must_use]
    pub fn seal(&self, secret: &str) -> String {
        match self.open(secret) {
            Some(_) => secret.to_owned(),
            None => self.seal_anew(secret, rand::random()),
        }
    }

    fn seal_anew(&self, secret: &str, iv: [u8; IV_BYTES]) -> String {
        let cipher = cbc::Encryptor::<Aes256>::new(&(*self.key).into(), &iv.into());
        let sealed = cipher.encrypt_padded_vec::<Pkcs7>(secret.as_bytes());
        let mut text = String::with_capacity((IV_BYTES + sealed.len()) * 2 + 1);
        push_hex(&iv, &mut text);
        text.push(':');
        push_hex(&sealed, &mut text);
        text
    }

    /// Opens a sealed value; `None` if it was not sealed under this key.
    #[must_use]
    pub fn open(&self, sealed: &str) -> Option<Zeroizing<String>> {
        let (iv, sealed) = parts(sealed)?;
        let iv: [u8; IV_BYTES] = hex(iv)?.try_into().ok()?;
        let cipher = cbc::Decryptor::<Aes256>::new(&(*self.key).into(), &iv.into());
        let secret = cipher.decrypt_padded_vec::<Pkcs7>(&hex(sealed)?).ok()?;
        String::from_utf8(secret).ok().map(Zeroizing::new)
    }

    /// Seals the secrets of a character: those of its settings, and those at its top, which are
    /// moved into its settings.
    ///
    /// # Errors
    /// [`NotASecret`] with its place. The character is then half sealed and must not be kept.
    pub fn seal_character(&self, character: &mut Character) -> Result<(), NotASecret> {
        let top = character.extra.shift_remove(SECRETS);
        if let Some(Value::Object(top)) =
            top.filter(|top| top.as_object().is_some_and(|t| !t.is_empty()))
        {
            let settings = character.settings.get_or_insert_default();
            let inner = settings.entry(SECRETS).or_insert_with(|| Value::Object(Map::new()));
            match inner {
                Value::Object(inner) => inner.extend(top),
                other => *other = Value::Object(top),
            }
        }
        character.settings.as_mut().map_or(Ok(()), |settings| self.seal_settings(settings))
    }

    /// Seals the secrets of settings. A null stays: in a patch it removes a secret.
    ///
    /// # Errors
    /// As [`seal_character`](Self::seal_character).
    pub fn seal_settings(&self, settings: &mut Map<String, Value>) -> Result<(), NotASecret> {
        match settings.get_mut(SECRETS) {
            None | Some(Value::Null) => Ok(()),
            Some(Value::Object(secrets)) => self.seal_map(secrets, "settings.secrets"),
            Some(_) => Err(NotASecret {
                place: "settings.secrets".to_owned(),
                reason: "must be an object",
            }),
        }
    }

    /// Seals each value of a map that stands at `place`.
    ///
    /// # Errors
    /// As [`seal_character`](Self::seal_character).
    pub fn seal_map(
        &self,
        secrets: &mut Map<String, Value>,
        place: &str,
    ) -> Result<(), NotASecret> {
        for (name, value) in secrets {
            let text = match &*value {
                Value::Null => continue,
                Value::String(text) => Zeroizing::new(text.clone()),
                Value::Bool(_) | Value::Number(_) => Zeroizing::new(value.to_string()),
                Value::Array(_) | Value::Object(_) => {
                    return Err(NotASecret {
                        place: format!("{place}.{name}"),
                        reason: "a secret must be a string, a number or a boolean",
                    });
                }
            };
            *value = Value::String(self.seal(&text));
        }
        Ok(())
    }
}

/// Whether a text has the form of a sealed value.
#[must_use]
pub fn is_sealed(text: &str) -> bool {
    parts(text).is_some()
}

fn parts(text: &str) -> Option<(&str, &str)> {
    let (iv, sealed) = text.split_once(':')?;
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let whole = iv.len() == IV_BYTES * 2 && !sealed.is_empty() && sealed.len() % 2 == 0;
    (whole && is_hex(iv) && is_hex(sealed)).then_some((iv, sealed))
}

fn push_hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// The salt of the file, which is made if it does not exist.
fn kept_salt(path: &Path) -> io::Result<Zeroizing<String>> {
    match fs::read_to_string(path) {
        Ok(salt) if !salt.trim().is_empty() => return Ok(Zeroizing::new(salt.trim().to_owned())),
        Ok(_) => {
            let reason = format!("{} is empty; what it sealed cannot be opened", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut salt = Zeroizing::new(String::with_capacity(64));
    push_hex(&rand::random::<[u8; 32]>(), &mut salt);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(salt.as_bytes())?;
    file.sync_all()?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sealed_can_be_opened_under_the_same_salt_alone() {
        let secrets = Secrets::new("salt");
        for secret in ["", "v", "sixteen bytes ok", "ünïcödé", &"x".repeat(1000)] {
            let sealed = secrets.seal(secret);
            assert!(is_sealed(&sealed), "{sealed}");
            assert_eq!(secrets.open(&sealed).unwrap().as_str(), secret);
            assert_ne!(secrets.seal(secret), sealed, "each sealing has its own vector");
            let opened = Secrets::new("other").open(&sealed);
            assert_ne!(opened.as_deref().map(String::as_str), Some(secret));
        }
    }

    #[test]
    fn the_form_is_that_of_elizaos() {
        // openssl enc -aes-256-cbc -K $(printf secretsalt | sha256sum | cut -c-64) -iv 000102…0f
        let iv = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let sealed = Secrets::new("secretsalt").seal_anew("value-1", iv);
        assert_eq!(sealed, "000102030405060708090a0b0c0d0e0f:51114ffe7423d107a99181088e408af9");
    }

    #[test]
    fn sealed_values_are_left_alone_and_others_are_not_taken_for_them() {
        let secrets = Secrets::new("salt");
        let sealed = secrets.seal("v");
        assert_eq!(secrets.seal(&sealed), sealed);
        for text in ["", ":", "a:b", "00112233445566778899aabbccddeeff:", "sk-1:2"] {
            assert!(!is_sealed(text), "{text}");
            assert_eq!(secrets.open(text), None);
        }
    }

    #[test]
    fn what_only_looks_sealed_is_sealed() {
        let secrets = Secrets::new("salt");
        for secret in [
            "00112233445566778899aabbccddeeff:cafebabecafebabe",
            "000102030405060708090a0b0c0d0e0f:51114ffe7423d107a99181088e408af9",
        ] {
            assert!(is_sealed(secret), "{secret}");
            let sealed = secrets.seal(secret);
            assert_ne!(sealed, secret);
            assert_eq!(secrets.open(&sealed).unwrap().as_str(), secret);
        }
    }

    #[test]
    fn a_character_keeps_its_secrets_sealed_in_its_settings() {
        let secrets = Secrets::new("salt");
        let mut character: Character = serde_json::from_value(json!({
            "name": "A", "bio": "x", "secrets": {"TOP": "t", "PIN": 42},
            "settings": {"model": "m", "secrets": {"IN": "i", "ON": true}}
        }))
        .unwrap();
        secrets.seal_character(&mut character).unwrap();
        assert!(character.extra.is_empty());
        let settings = character.settings.unwrap();
        assert_eq!(settings.get("model"), Some(&json!("m")));
        let kept = settings["secrets"].as_object().unwrap();
        for (name, secret) in [("TOP", "t"), ("PIN", "42"), ("IN", "i"), ("ON", "true")] {
            let opened = secrets.open(kept[name].as_str().unwrap()).unwrap();
            assert_eq!(opened.as_str(), secret, "{name}");
        }
    }

    #[test]
    fn a_secret_that_is_a_list_is_refused_by_name() {
        let mut settings = json!({"secrets": {"A": null, "B": ["x"]}}).as_object().unwrap().clone();
        let refused = Secrets::new("salt").seal_settings(&mut settings).unwrap_err();
        assert_eq!(refused.place, "settings.secrets.B");
        assert_eq!(settings["secrets"]["A"], Value::Null);

        let mut settings = json!({"secrets": "a"}).as_object().unwrap().clone();
        let refused = Secrets::new("salt").seal_settings(&mut settings).unwrap_err();
        assert_eq!(refused.to_string(), "settings.secrets: must be an object");
    }

    #[test]
    fn the_salt_of_the_file_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SALT_FILE);
        let first = kept_salt(&path).unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(kept_salt(&path).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, "").unwrap();
        assert!(kept_salt(&path).is_err());
    }
}
