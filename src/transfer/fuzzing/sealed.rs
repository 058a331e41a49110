//! Sealed files: each that was sealed opens, and nothing else does.

use std::io::{Cursor, Read, Write};

use flate2::bufread::MultiGzDecoder;

use super::source::Source;
use crate::transfer::container::{
    Fault, HEADER_BYTES, ITERATIONS_MAX, Opened, Sealing, sealed_raw,
};
use crate::transfer::error::TransferError;
use crate::transfer::password::Password;

/// Rounds of key derivation that there is time for.
const ITERATIONS: u32 = 3;

/// What a file begins with, and where it says its iterations.
const MAGIC: &[u8] = b"ELIZA_AGENT_V1\n";
const ITERATIONS_AT: usize = 15;

/// The password of files that are made here, and one that is not theirs.
const PASSWORD: &str = "open sesame";
const OTHER: &str = "open sesamE";

pub(super) fn check(mut source: Source<'_>) {
    let way = source.byte();
    match way % 4 {
        0 => check_any(source.rest()),
        1 => check_packed(source.rest()),
        2 => check_content(&mut source),
        _ => check_damaged(&mut source),
    }
}

/// Any bytes as a file.
fn check_any(bytes: &[u8]) {
    let mut file = bytes.to_vec();
    if is_slow(&file) {
        let quick = u32::from(file[ITERATIONS_AT + 3]) % ITERATIONS + 1;
        file[ITERATIONS_AT..ITERATIONS_AT + 4].copy_from_slice(&quick.to_be_bytes());
    }
    let opened = opened(&file, PASSWORD, u64::MAX);
    match expected(&file) {
        Some(expected) => assert_eq!(opened, Err(expected)),
        // One of those that the run began with, perhaps.
        None => assert!(
            opened.is_ok()
                || opened == Err(TransferError::Decryption)
                || opened == Err(TransferError::Decompression)
        ),
    }
}

/// What must be wrong with a file, as far as its header tells.
fn expected(file: &[u8]) -> Option<TransferError> {
    if file.len() < HEADER_BYTES {
        return Some(TransferError::FileTooSmall);
    }
    if !file.starts_with(MAGIC) {
        return Some(TransferError::NotAnAgentFile);
    }
    let iterations = iterations(file);
    if iterations == 0 || iterations > ITERATIONS_MAX {
        return Some(TransferError::Iterations(iterations));
    }
    (file.len() == HEADER_BYTES).then_some(TransferError::NoContent)
}

/// Any bytes as what was compressed.
fn check_packed(packed: &[u8]) {
    let file = sealed_raw(packed, &password(PASSWORD));
    let limit = 1 << 20;
    let mut expected = Vec::new();
    let unpacked = MultiGzDecoder::new(packed).take(limit + 1).read_to_end(&mut expected);
    match opened(&file, PASSWORD, limit) {
        Ok(content) => assert!(unpacked.is_ok() && content == expected),
        Err(TransferError::NoContent) => assert!(packed.is_empty()),
        Err(TransferError::Decompression) => assert!(unpacked.is_err()),
        Err(TransferError::ContentTooLarge { what: "gzip members", limit }) => {
            // The least that a member takes.
            assert!(u64::try_from(packed.len()).unwrap() > limit * 18);
        }
        Err(TransferError::ContentTooLarge { .. }) => {
            assert_eq!(u64::try_from(expected.len()).unwrap(), limit + 1);
        }
        Err(error) => panic!("{error}"),
    }
}

/// Any bytes as content.
fn check_content(source: &mut Source<'_>) {
    let (iterations, limit) = (u32::from(source.byte()) % ITERATIONS + 1, source.byte());
    let content = source.some(usize::MAX);
    let file = sealed(content, &password(PASSWORD), iterations);
    assert!(opened(&file, PASSWORD, u64::MAX).as_deref() == Ok(content));
    assert_eq!(opened(&file, OTHER, u64::MAX), Err(TransferError::Decryption));
    let (limit, length) = (u64::from(limit), u64::try_from(content.len()).unwrap());
    let refused = TransferError::ContentTooLarge { what: "bytes unpacked", limit };
    let short = opened(&file, PASSWORD, limit);
    assert_eq!(short.err(), (length > limit).then_some(refused));
}

/// A file that is damaged at one place: a byte is another, or all from there on is gone or doubled.
fn check_damaged(source: &mut Source<'_>) {
    let (at, change, how): (u16, u8, u8) =
        (u16::from_be_bytes(source.bytes()), source.byte(), source.byte());
    let mut file = sealed(source.some(usize::MAX), &password(PASSWORD), 1);
    let at = usize::from(at) % file.len();
    match how % 3 {
        0 if change == 0 => return,
        0 => file[at] ^= change,
        1 => file.truncate(at),
        _ => file.extend_from_within(at..),
    }
    if !is_slow(&file) {
        let expected = expected(&file).unwrap_or(TransferError::Decryption);
        assert_eq!(opened(&file, PASSWORD, u64::MAX), Err(expected));
    }
}

/// A file with that content.
pub(super) fn sealed(content: &[u8], password: &Password, iterations: u32) -> Vec<u8> {
    let mut sealing = Sealing::begin(Cursor::new(Vec::new()), password, iterations).unwrap();
    sealing.write_all(content).unwrap();
    sealing.finish().unwrap().0.into_inner()
}

/// Whether the file asks for more rounds of key derivation than there is time for, and may.
pub(super) fn is_slow(file: &[u8]) -> bool {
    file.len() >= HEADER_BYTES
        && file.starts_with(MAGIC)
        && (ITERATIONS + 1..=ITERATIONS_MAX).contains(&iterations(file))
}

fn iterations(file: &[u8]) -> u32 {
    u32::from_be_bytes(*file[ITERATIONS_AT..].first_chunk().unwrap())
}

fn opened(file: &[u8], secret: &str, limit: u64) -> Result<Vec<u8>, TransferError> {
    let mut opened = Opened::open(Cursor::new(file), &password(secret))?;
    let mut content = Vec::new();
    opened.unpacked(limit)?.read_to_end(&mut content).map_err(Fault::reported)?;
    Ok(content)
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}
