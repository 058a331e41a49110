//! What clients of `sftp` are told of a file.

use russh_sftp::protocol::FileAttributes;

use crate::workspace::{Entry, Kind};

/// Whose all of it is, as in the container that clients believe to be in.
const OWNER: u32 = 1000;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

pub(super) fn attributes(entry: &Entry) -> FileAttributes {
    let mode = match entry.kind {
        Kind::File => FILE,
        Kind::Folder => FOLDER,
        Kind::Special => LINK,
    };
    let seconds = u32::try_from(entry.changed_at.0.div_euclid(1000)).unwrap_or(0);
    of(mode, entry.bytes, seconds)
}

/// A folder of which nothing else is known.
pub(super) fn of_place() -> FileAttributes {
    of(FOLDER, 0, 0)
}

/// A file that is being written.
pub(super) fn of_draft(size: u64) -> FileAttributes {
    of(FILE, size, 0)
}

fn of(mode: u32, size: u64, seconds: u32) -> FileAttributes {
    FileAttributes {
        size: Some(size),
        uid: Some(OWNER),
        user: None,
        gid: Some(OWNER),
        group: None,
        permissions: Some(mode),
        atime: Some(seconds),
        mtime: Some(seconds),
    }
}
