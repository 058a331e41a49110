//! What the fuzz targets and the property tests throw at imports, and what must hold then.
//!
//! Each of these takes any bytes and panics where something is not as it should be. They are here, and
//! not with the targets, because what they look at is private; nothing else is to use them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what does not hold is told by a panic"
)]

mod document;
mod payloads;
mod sealed;
mod source;
#[cfg(test)]
mod tests;
mod uploads;
mod vocabulary;

use source::Source;

/// An upload, in pieces of any size, up to where the store would come in.
///
/// The first four bytes are the sizes of the pieces, in turn; the fifth says whether what stands in
/// place of the file is sealed first, under the password that stands before it. All else is the body.
pub fn envelope(data: &[u8]) {
    uploads::check(Source::of(data));
}

/// A sealed file.
///
/// The first byte says what is done with the rest: it is a file as it stands, the compressed content of
/// one, or the content of one, which may be damaged afterwards.
pub fn header(data: &[u8]) {
    sealed::check(Source::of(data));
}

/// The content of a file: what begins as an object of JSON does is taken as it stands, and from all
/// else a document is put together.
pub fn payload(data: &[u8]) {
    if data.first() == Some(&b'{') {
        payloads::check(data);
    } else {
        payloads::check(document::assembled(Source::of(data)).as_bytes());
    }
}

/// The document that those bytes choose.
#[cfg(test)]
pub(super) fn chosen(data: &[u8]) -> String {
    document::assembled(Source::of(data))
}
