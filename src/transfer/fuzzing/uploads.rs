//! Uploads: whatever arrives, in whatever pieces, is what the contract says, and leaves nothing behind.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Cursor, Read};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::source::Source;
use super::{payloads, sealed};
use crate::transfer::container::{Fault, Opened};
use crate::transfer::error::TransferError;
use crate::transfer::password::Password;
use crate::transfer::payload::survey;
use crate::transfer::spool::Spool;
use crate::transfer::upload::{Receiving, Upload};

/// Bytes of an upload, of a file on its way, and of what is in one.
const LIMIT: usize = 24 * 1024;
const ROOM: usize = 16 * 1024;
const UNPACKED: usize = 64 * 1024;

/// What uploads need. Made once for each thread: it takes longer than an upload.
struct Place {
    runtime: Runtime,
    folder: TempDir,
    spool: Spool,
}

impl Place {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), wide(ROOM)).unwrap();
        Self { runtime, folder, spool }
    }
}

thread_local! {
    static PLACE: RefCell<Place> = RefCell::new(Place::new());
}

pub(super) fn check(mut source: Source<'_>) {
    let sizes: [u8; 4] = source.bytes();
    let is_sealed = source.byte() % 2 == 1;
    let body = source.rest();
    if is_sealed { run(&sizes, &around(body)) } else { run(&sizes, body) }
}

/// The body with what stands in place of the file sealed, so that it opens.
fn around(body: &[u8]) -> Vec<u8> {
    let Ok((password, content)) = expected(body) else { return body.to_vec() };
    let Ok(password) = Password::of_bytes(password) else { return body.to_vec() };
    let file = sealed::sealed(content, &password, 1);
    let head = &body[..body.len() - content.len()];
    [head, &file].concat()
}

fn run(sizes: &[u8; 4], body: &[u8]) {
    PLACE.with_borrow(|place| {
        let received = place.runtime.block_on(received(place, sizes, body));
        match received {
            Ok(upload) => {
                assert!(body.len() <= LIMIT);
                let (password, file) = expected(body).unwrap();
                let password = Password::of_bytes(password).unwrap();
                assert_eq!(upload.password.bytes(), password.bytes());
                let kept = std::fs::read(upload.file.path()).unwrap();
                assert!(kept == file && file.len() <= ROOM, "the file is not what was sent");
                read(&upload, file);
            }
            Err(error) if body.len() > LIMIT => {
                // Unless something else was wrong that showed before it was too much.
                let limit = wide(LIMIT);
                let other = expected(body).err().unwrap_or(TransferError::Overloaded);
                assert!(error == TransferError::BodyTooLarge { limit } || error == other);
            }
            Err(error) => match expected(body) {
                Err(expected) => assert_eq!(error, expected),
                Ok((_, file)) => {
                    assert_eq!(error, TransferError::Overloaded);
                    assert!(file.len() > ROOM);
                }
            },
        }
        assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0);
        place.spool.share().grow(ROOM).unwrap();
    });
}

async fn received(
    place: &Place,
    sizes: &[u8; 4],
    mut body: &[u8],
) -> Result<Upload, TransferError> {
    let mut receiving = Receiving::begin(&place.spool, wide(LIMIT), None)?;
    if sizes == &[0; 4] {
        receiving.push(body).await?;
        return receiving.finish().await;
    }
    for size in sizes.iter().cycle() {
        if body.is_empty() {
            break;
        }
        // Short pieces, where they matter, and long ones, so that it comes to an end.
        let size = usize::from(*size);
        let size = if size < 64 { size } else { size * size };
        let (piece, rest) = body.split_at(size.min(body.len()));
        receiving.push(piece).await?;
        body = rest;
    }
    receiving.finish().await
}

/// The bytes of a password and of a file, or what is wrong with them, by the words of the contract.
fn expected(body: &[u8]) -> Result<(&[u8], &[u8]), TransferError> {
    let Some((length, rest)) = body.split_first_chunk() else {
        return Err(TransferError::BodyTooSmall);
    };
    if rest.is_empty() {
        return Err(TransferError::BodyTooSmall);
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
    match length {
        0..4 => return Err(TransferError::PasswordTooShort),
        4..=1_024 => {}
        _ => return Err(TransferError::PasswordTooLong),
    }
    let (password, file) = match rest.split_at_checked(length) {
        Some((password, file)) if !file.is_empty() => (password, file),
        _ => return Err(TransferError::BodyIncomplete),
    };
    if String::from_utf8_lossy(password).encode_utf16().count() < 4 {
        return Err(TransferError::PasswordTooShort);
    }
    Ok((password, file))
}

/// Reads it as an import does, up to where the store would come in.
fn read(upload: &Upload, file: &[u8]) {
    if sealed::is_slow(file) {
        return;
    }
    let opened = Opened::open(File::open(upload.file.path()).unwrap(), &upload.password);
    match opened {
        Ok(mut opened) => {
            let limit = wide(UNPACKED);
            let mut text = Vec::new();
            let unpacked = opened.unpacked(limit).unwrap().read_to_end(&mut text);
            match unpacked {
                Ok(_) => payloads::check(&text),
                // Whatever else is wrong with it.
                Err(error) => {
                    let refused = survey(opened.unpacked(limit).unwrap()).err();
                    assert_eq!(refused, Some(Fault::reported(error)));
                }
            }
        }
        Err(error) => {
            // It depends on nothing but the bytes and the password.
            let again = Opened::open(Cursor::new(file), &upload.password);
            assert_eq!(again.err(), Some(error));
        }
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap()
}
