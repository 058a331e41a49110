//! The encrypted bundle of credentials, as Trinity writes it into an agent's folder.
//!
//! A JSON text holds the sealed plaintext: AES-256 in GCM mode without associated data, the key as it is
//! configured. The plaintext is a JSON object of paths and contents (version 1); the newer form, which
//! also holds files that are no text, is read and never written.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// The variable that holds the key, as in Trinity.
pub const KEY_VARIABLE: &str = "CREDENTIAL_ENCRYPTION_KEY";

/// How bundles are sealed, as they say it.
pub const ALGORITHM: &str = "AES-256-GCM";

/// The version that is written.
const VERSION: u64 = 1;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// What marks the newer form of the plaintext.
const ARCHIVE: &str = "__cred_archive_v2__";

/// The key of bundles.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

impl Key {
    /// The key of 64 hexadecimal digits; `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut key = Zeroizing::new([0; 32]);
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }

    /// The 64 digits.
    #[must_use]
    pub fn digits(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        // The text itself is not repeated: it may be a key with a slip in it.
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("must be 64 hexadecimal digits"))
    }
}

/// Why a bundle cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It is no JSON object, or lacks a field.
    #[error("invalid format: {0}")]
    Format(&'static str),
    /// It is of a version that is not known.
    #[error("unsupported version: {0}")]
    Version(String),
    /// It is sealed in a way that is not known.
    #[error("unsupported algorithm: {0}")]
    Algorithm(String),
    /// It does not open: the key is another, or some of it was changed.
    #[error("decryption failed: wrong key, or the bundle was changed")]
    Sealed,
    /// What was in it is not what such a bundle holds.
    #[error("invalid content: {0}")]
    Content(&'static str),
}

/// A file of a bundle: its path as it stands there, and what it holds.
pub type BundledFile = (String, Vec<u8>);

/// Seals files of text under a nonce that must not be used twice.
#[must_use]
pub fn seal(files: &[(&str, &str)], key: &Key, nonce: [u8; NONCE_BYTES]) -> Option<String> {
    let files: Map<_, _> = files.iter().map(|(path, text)| ((*path).into(), json!(text))).collect();
    let plain = Zeroizing::new(written(&Value::Object(files), Spaced)?);
    let cipher = Aes256Gcm::new((&*key.0).into());
    let sealed = cipher.encrypt(&Nonce::from(nonce), plain.as_slice()).ok()?;
    let envelope = json!({
        "version": VERSION,
        "algorithm": ALGORITHM,
        "nonce": BASE64_STANDARD.encode(nonce),
        "ciphertext": BASE64_STANDARD.encode(sealed),
    });
    String::from_utf8(written(&envelope, PrettyFormatter::new())?).ok()
}

/// Opens a bundle; answers with its files in their order.
///
/// # Errors
/// [`BundleError`].
pub fn open(text: &[u8], key: &Key) -> Result<Vec<BundledFile>, BundleError> {
    let envelope: Value =
        serde_json::from_slice(text).map_err(|_fault| BundleError::Format("not JSON"))?;
    let Value::Object(envelope) = envelope else {
        return Err(BundleError::Format("not an object"));
    };
    match envelope.get("version") {
        Some(version) if version.as_u64() == Some(VERSION) => {}
        Some(version) => return Err(BundleError::Version(shown(version))),
        None => return Err(BundleError::Format("no version")),
    }
    match envelope.get("algorithm") {
        Some(Value::String(algorithm)) if algorithm == ALGORITHM => {}
        Some(algorithm) => return Err(BundleError::Algorithm(shown(algorithm))),
        None => return Err(BundleError::Format("no algorithm")),
    }
    let bytes = |field, missing, wrong| {
        let text = envelope.get(field).and_then(Value::as_str);
        let text = text.ok_or(BundleError::Format(missing))?;
        BASE64_STANDARD.decode(text).map_err(|_fault| BundleError::Format(wrong))
    };
    let nonce = bytes("nonce", "no nonce", "the nonce is not base64")?;
    let nonce: [u8; NONCE_BYTES] =
        nonce.try_into().map_err(|_wrong| BundleError::Format("the nonce is not 12 bytes long"))?;
    let sealed = bytes("ciphertext", "no ciphertext", "the ciphertext is not base64")?;
    if sealed.len() < TAG_BYTES {
        return Err(BundleError::Format("the ciphertext is too short"));
    }
    let cipher = Aes256Gcm::new((&*key.0).into());
    let plain = cipher.decrypt(&Nonce::from(nonce), sealed.as_slice());
    let plain = Zeroizing::new(plain.map_err(|_fault| BundleError::Sealed)?);
    match serde_json::from_slice(&plain) {
        Ok(Value::Object(files)) if files.contains_key(ARCHIVE) => archived(files),
        Ok(Value::Object(files)) => texts(files),
        Ok(_) => Err(BundleError::Content("not an object")),
        Err(_) => Err(BundleError::Content("not JSON")),
    }
}

/// The files of the newer form.
fn archived(mut archive: Map<String, Value>) -> Result<Vec<BundledFile>, BundleError> {
    if archive.get(ARCHIVE).and_then(Value::as_u64) != Some(1) {
        return Err(BundleError::Content("an archive of another version"));
    }
    let mut files_of = |field| match archive.shift_remove(field) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(files)) => Ok(files),
        Some(_) => Err(BundleError::Content("an archive whose files are no object")),
    };
    let (plain, encoded) = (files_of("files")?, files_of("files_b64")?);
    let mut files = texts(plain)?;
    for (path, text) in texts(encoded)? {
        let decoded = BASE64_STANDARD.decode(text);
        let decoded = decoded.map_err(|_fault| BundleError::Content("a file is not base64"))?;
        files.push((path, decoded));
    }
    Ok(files)
}

fn texts(files: Map<String, Value>) -> Result<Vec<BundledFile>, BundleError> {
    let text = |(path, content)| match content {
        Value::String(text) => Ok((path, text.into_bytes())),
        _ => Err(BundleError::Content("a file is not a text")),
    };
    files.into_iter().map(text).collect()
}

/// What stands in place of something that is known, in few letters.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

fn written(value: &Value, form: impl Formatter) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, form);
    serde::Serialize::serialize(value, &mut writer).ok()?;
    Some(bytes)
}

/// JSON on one line with a space behind each comma and colon, as Python writes it.
struct Spaced;

impl Formatter for Spaced {
    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
