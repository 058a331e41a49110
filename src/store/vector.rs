//! Lets a connection compare vectors (`vec_distance_cosine`), by the extension linked in.

use std::ffi::{c_char, c_int};
use std::ptr;

use rusqlite::{Connection, ffi};

/// How SQLite calls the entry point of an extension.
type EntryPoint = unsafe extern "C" fn(
    *mut ffi::sqlite3,
    *mut *mut c_char,
    *const ffi::sqlite3_api_routines,
) -> c_int;

/// Registers the extension with one connection.
///
/// With this connection alone, rather than as an automatic extension of the process, so that a
/// program that embeds the store keeps its own connections as they are.
#[allow(unsafe_code, reason = "an extension that is linked in is registered by its C entry point")]
#[allow(clippy::as_conversions, reason = "the crate declares the entry point as another function")]
pub(super) fn enable(connection: &Connection) -> rusqlite::Result<()> {
    let mut message: *mut c_char = ptr::null_mut();
    // SAFETY: the extension is built against the SQLite that is linked in (SQLITE_CORE), so it does
    // not use the table of routines; its crate declares the entry point without its parameters, and
    // `EntryPoint` is the type that SQLite documents for it. The handle is that of an open
    // connection, which this thread alone uses. A message is SQLite's to free, and freeing null
    // does nothing.
    let code = unsafe {
        let entry =
            std::mem::transmute::<*const (), EntryPoint>(sqlite_vec::sqlite3_vec_init as *const ());
        let code = entry(connection.handle(), &mut message, ptr::null());
        ffi::sqlite3_free(message.cast());
        code
    };
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    let reason = "the vector extension did not start".to_owned();
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(reason)))
}

/// A vector as the extension reads it: 32-bit floats, little-endian.
pub(super) fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector that [`bytes()`] wrote.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_directions_are_near_and_opposite_ones_far() {
        let connection = Connection::open_in_memory().unwrap();
        enable(&connection).unwrap();
        let distance = |one: &[f32], other: &[f32]| -> f64 {
            connection
                .query_row(
                    "SELECT vec_distance_cosine(?1, ?2)",
                    (bytes(one), bytes(other)),
                    |row| row.get(0),
                )
                .unwrap()
        };
        assert!(distance(&[1.0, 0.0], &[2.0, 0.0]) < 0.001);
        assert!(distance(&[1.0, 0.0], &[-1.0, 0.0]) > 1.9);
        assert_eq!(floats(&bytes(&[1.5, -2.25])), [1.5, -2.25]);
    }
}
