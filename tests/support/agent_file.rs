//! Files with agents: those of the original, and others made or opened here.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::Sha256;

/// Bytes before the content: magic, iterations, salt, nonce, tag.
const HEADER: usize = 79;

/// A file that the original wrote, and what it holds.
pub(crate) struct Fixture {
    pub(crate) file: PathBuf,
    pub(crate) password: String,
    pub(crate) expected: Value,
}

impl Fixture {
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/eliza-agent");
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let files = manifest["files"].as_array().unwrap().iter();
        files
            .map(|described| Self {
                file: folder.join(described["file"].as_str().unwrap()),
                password: described["password"].as_str().unwrap().to_owned(),
                expected: described["expected"].clone(),
            })
            .collect()
    }
}

/// A payload with an agent of that name and nothing else.
pub(crate) fn payload(name: &str) -> Value {
    json!({
        "version": 1, "exportedAt": "2026-03-01T12:34:56.789Z",
        "sourceAgentId": "46989e2b-b7f2-4c96-a036-2112970a5a25", "agent": {"name": name},
        "entities": [], "memories": [], "components": [], "rooms": [], "participants": [],
        "relationships": [], "worlds": [], "tasks": [], "logs": []
    })
}

/// A file with that payload.
pub(crate) fn sealed(password: &str, payload: &Value) -> Vec<u8> {
    sealed_raw(password, &packed(payload.to_string().as_bytes()))
}

/// A file with that, whatever it is. Its key takes one round: nobody is to be kept from it.
pub(crate) fn sealed_raw(password: &str, content: &[u8]) -> Vec<u8> {
    let (salt, nonce) = ([7; 32], [9; 12]);
    let both = cipher(password, &salt, 1).encrypt(&Nonce::from(nonce), content).unwrap();
    let (text, tag) = both.split_at(content.len());
    [b"ELIZA_AGENT_V1\n", &1_u32.to_be_bytes()[..], &salt, &nonce, tag, text].concat()
}

pub(crate) fn packed(text: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
    packing.write_all(text).unwrap();
    packing.finish().unwrap()
}

/// What is in a file.
pub(crate) fn opened(password: &str, file: &[u8]) -> Value {
    let iterations = u32::from_be_bytes(file[15..19].try_into().unwrap());
    let nonce: [u8; 12] = file[51..63].try_into().unwrap();
    let both = [&file[HEADER..], &file[63..HEADER]].concat();
    let cipher = cipher(password, &file[19..51], iterations);
    let content = cipher.decrypt(&Nonce::from(nonce), both.as_slice()).unwrap();
    let mut text = Vec::new();
    MultiGzDecoder::new(content.as_slice()).read_to_end(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn cipher(password: &str, salt: &[u8], iterations: u32) -> Aes256Gcm {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut key);
    Aes256Gcm::new(&key.into())
}

/// An upload: how long the password is, the password, the file.
pub(crate) fn upload(password: &str, file: &[u8]) -> Vec<u8> {
    let length = u32::try_from(password.len()).unwrap().to_be_bytes();
    [&length[..], password.as_bytes(), file].concat()
}
