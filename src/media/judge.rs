//! What a file is: its content decides, and what its client says must agree.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::kind::{Class, Kind};

/// Bytes at the beginning that tell what a file is.
const HEAD_BYTES: u64 = 8 * 1024;

/// Bytes that are looked through at once.
const LOOK_BYTES: u64 = 64 * 1024;

/// Within so many bytes at its beginning a PDF may begin (ISO 32000-1, annex H.3.4.1).
const PDF_WITHIN: usize = 1024;

/// A ZIP archive ends with this record, of 22 bytes and a comment of up to 65,535 (APPNOTE 4.3.16).
const ZIP_END: &[u8] = b"PK\x05\x06";
const ZIP_END_BYTES: usize = 22;
const ZIP_END_MAX_BYTES: u64 = 22 + 65_535;

/// How pages and programs begin that a browser or a server might run, wherever in a file they
/// stand. None of them has a place in a picture or a recording.
const PAGES: [&[u8]; 7] =
    [b"<script", b"<html", b"<svg", b"<!doctype", b"<iframe", b"<body", b"<?php"];

/// The longest of them less one byte: what one look hands on to the next.
const OVERLAP: usize = 8;

/// How markup begins that browsers know beside the tags of HTML.
const MARKUP: [&[u8]; 3] = [b"<?xml", b"<svg", b"<!doctype"];

/// Why a file is not kept.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Files of this type are not taken at all.
    #[error("files of the type \"{0}\" are not taken")]
    NotTaken(String),
    /// It is not what it is said to be.
    #[error("the file is said to be {declared}, but its content is {}", .found.unwrap_or("not"))]
    Other {
        /// What it is said to be.
        declared: &'static str,
        /// What it is, if that can be told.
        found: Option<&'static str>,
    },
    /// It is two things at once, of which one can do harm.
    #[error("the file holds {0} beside what it is said to be")]
    Two(&'static str),
    /// It is no text.
    #[error("the file is said to be plain text, but it {0}")]
    NotText(&'static str),
    /// It cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
}

/// Judges a file by its content and by what it is said to be. To be called where blocking is fine.
pub(super) fn judge(file: &Path, declared: &str) -> Result<&'static Kind, Unfit> {
    let declared = Kind::named(declared).ok_or_else(|| Unfit::NotTaken(declared.to_owned()))?;
    let mut file = File::open(file)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    if declared.is_text() {
        if is_markup(&head) {
            return Err(Unfit::NotText("is markup"));
        }
        check_text(&mut file)?;
        return Ok(declared);
    }
    let kind = decide(declared, &head)?;
    check_single(&mut file, &head, kind)?;
    Ok(kind)
}

/// What the content makes of what was declared: a kind of the same class.
fn decide(declared: &'static Kind, head: &[u8]) -> Result<&'static Kind, Unfit> {
    let found = frame(head).or_else(|| infer::get(head).map(|found| found.mime_type()));
    let unfit = Unfit::Other { declared: declared.media_type(), found };
    let Some(found) = found else { return Err(unfit) };
    let fits = |kind: &&Kind| kind.class() == declared.class();
    let exact = Kind::found_as(found).find(|kind| *kind == declared);
    exact.or_else(|| Kind::found_as(found).find(fits)).ok_or(unfit)
}

/// Sound that begins with a frame: of all variants of MPEG audio, which `infer` knows but some of.
fn frame(head: &[u8]) -> Option<&'static str> {
    match head {
        // A synchronisation word, then the layer: none is AAC (ISO 13818-7, section 6.2).
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => Some("audio/aac"),
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => Some("audio/mpeg"),
        _ => None,
    }
}

/// Whether a browser would take it for a page or a picture made of words.
fn is_markup(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    infer::text::is_html(head) || MARKUP.iter().any(|start| starts(head, start))
}

fn starts(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start))
}

/// Whether it is text from beginning to end.
fn check_text(file: &mut File) -> Result<(), Unfit> {
    file.rewind()?;
    let mut left = Vec::new();
    loop {
        let read = file.by_ref().take(LOOK_BYTES).read_to_end(&mut left)?;
        if left.contains(&0) {
            return Err(Unfit::NotText("holds a NUL"));
        }
        let whole = match std::str::from_utf8(&left) {
            Ok(text) => text.len(),
            // The rest of the character is in the next piece.
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(_) => return Err(Unfit::NotText("is not UTF-8")),
        };
        left.drain(..whole);
        if read == 0 {
            return Ok(());
        }
    }
}

/// Whether it is one thing only: a file may be a picture to one program and a page, an archive or a
/// document to another.
fn check_single(file: &mut File, head: &[u8], kind: &Kind) -> Result<(), Unfit> {
    let is_pdf = kind.class() == Class::Document;
    let begins_pdf = head.windows(5).take(PDF_WITHIN).any(|window| window == b"%PDF-");
    if begins_pdf && !is_pdf {
        return Err(Unfit::Two("a PDF"));
    }
    if ends_zip(file)? {
        return Err(Unfit::Two("an archive"));
    }
    // A document may have pages in it; browsers do not look there.
    if !is_pdf && holds_page(file)? {
        return Err(Unfit::Two("markup or a script"));
    }
    Ok(())
}

fn ends_zip(file: &mut File) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(ZIP_END_MAX_BYTES)))?;
    let mut end = Vec::new();
    file.by_ref().take(ZIP_END_MAX_BYTES).read_to_end(&mut end)?;
    Ok((0..end.len()).any(|at| is_zip_end(end.get(at..).unwrap_or_default())))
}

/// Whether those bytes are the last record of an archive, to the last byte of its comment.
fn is_zip_end(bytes: &[u8]) -> bool {
    if !bytes.starts_with(ZIP_END) {
        return false;
    }
    let comment = bytes.len().checked_sub(ZIP_END_BYTES);
    let stated = match bytes.get(20..ZIP_END_BYTES) {
        Some([low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
        _ => return false,
    };
    comment == Some(stated)
}

fn holds_page(file: &mut File) -> io::Result<bool> {
    file.rewind()?;
    let mut look = Vec::new();
    loop {
        let read = file.by_ref().take(LOOK_BYTES).read_to_end(&mut look)?;
        let mut rest = look.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == b'<') {
            let (_, tag) = rest.split_at(at);
            if PAGES.iter().any(|page| starts(tag, page)) {
                return Ok(true);
            }
            rest = tag.get(1..).unwrap_or_default();
        }
        if read == 0 {
            return Ok(false);
        }
        look.drain(..look.len().saturating_sub(OVERLAP));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0";

    fn judged(content: &[u8], declared: &str) -> Result<&'static str, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        fs::write(&file, content).unwrap();
        judge(&file, declared).map(Kind::media_type).map_err(|unfit| unfit.to_string())
    }

    fn after(start: &[u8], gap: usize, end: &[u8]) -> Vec<u8> {
        [start, &vec![0x80; gap], end].concat()
    }

    #[test]
    fn the_content_decides_within_the_class_that_was_declared() {
        let mp4 = b"\0\0\0\x20ftypisom\0\0\x02\0";
        let m4a = b"\0\0\0\x20ftypM4A \0\0\x02\0";
        let webm = after(b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", 300, b"");
        for (content, declared, decided) in [
            (PNG, "image/png", "image/png"),
            (PNG, "image/jpeg", "image/png"),
            (GIF, "image/gif", "image/gif"),
            (b"\xFF\xD8\xFF\xE0", "image/jpeg", "image/jpeg"),
            (b"RIFF....WEBPVP8 ", "image/webp", "image/webp"),
            (b"RIFF....WAVE", "audio/wave", "audio/wav"),
            (b"ID3x", "audio/mpeg", "audio/mpeg"),
            (b"ID3x", "audio/wav", "audio/mpeg"),
            (b"\xFF\xFA\x90", "audio/mp3", "audio/mpeg"),
            (b"\xFF\xE3\x90", "audio/mp3", "audio/mpeg"),
            (b"\xFF\xF1\x50", "audio/aac", "audio/aac"),
            (b"OggS", "audio/ogg", "audio/ogg"),
            (b"fLaC", "audio/flac", "audio/flac"),
            (mp4, "video/mp4", "video/mp4"),
            (mp4, "audio/mp4", "audio/mp4"),
            (m4a, "audio/mp4", "audio/mp4"),
            (&webm, "video/webm", "video/webm"),
            (&webm, "audio/webm", "audio/webm"),
            (&webm, "audio/ogg", "audio/webm"),
            (b"%PDF-1.4 test", "application/pdf", "application/pdf"),
            (b"", "text/plain", "text/plain"),
            (b"BMW builds cars, and ID3 is a tag", "text/plain", "text/plain"),
            ("a < b, \u{e4}\u{1F600}".as_bytes(), "text/plain", "text/plain"),
        ] {
            let shown = String::from_utf8_lossy(content);
            assert_eq!(judged(content, declared), Ok(decided), "{shown} as {declared}");
        }
    }

    #[test]
    fn what_is_not_what_it_says_is_refused_with_the_reason() {
        let zip_end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02\0hi";
        let two = |content: &[u8], what: &str| (content.to_vec(), "image/png", what.to_owned());
        let table = [
            (b"<b>x</b>".to_vec(), "text/html", "not taken".to_owned()),
            (b"<html><script>".to_vec(), "image/png", "content is text/html".to_owned()),
            (b"<svg onload=x>".to_vec(), "image/png", "content is not".to_owned()),
            (b"xxxx".to_vec(), "video/mp4", "content is not".to_owned()),
            (b"".to_vec(), "image/png", "content is not".to_owned()),
            (b"\x7fELF".repeat(20), "image/png", "content is application/x-executable".to_owned()),
            (PNG.to_vec(), "audio/mpeg", "content is image/png".to_owned()),
            (after(b"II*\0", 20, b""), "image/png", "content is image/tiff".to_owned()),
            (b"\0\0\0\x20ftypM4A \0\0\x02\0".to_vec(), "video/mp4", "audio/m4a".to_owned()),
            two(&after(PNG, 70_000, b"<ScRiPt>"), "markup"),
            two(&after(PNG, 65_510, b"<script src=x>"), "markup"),
            two(&after(PNG, 0, b"<!DOCTYPE html>"), "markup"),
            two(&after(PNG, 0, b"<?php"), "markup"),
            two(&after(PNG, 100, b"%PDF-1.7"), "a PDF"),
            two(&after(PNG, 9, zip_end), "an archive"),
            (after(b"%PDF-1.7", 70_000, zip_end), "application/pdf", "an archive".to_owned()),
            (b"hello\0".to_vec(), "text/plain", "NUL".to_owned()),
            (b"caf\xe9".to_vec(), "text/plain", "UTF-8".to_owned()),
            (after(b"", 70_000, b""), "text/plain", "UTF-8".to_owned()),
            ("\u{e4}".as_bytes()[..1].to_vec(), "text/plain", "UTF-8".to_owned()),
            (b"\xEF\xBB\xBF \n<!doctype html>".to_vec(), "text/plain", "markup".to_owned()),
            (b"<HTML >".to_vec(), "text/plain", "markup".to_owned()),
            (b"<?xml version='1.0'?>".to_vec(), "text/plain", "markup".to_owned()),
            (b"<svg xmlns=x>".to_vec(), "text/plain", "markup".to_owned()),
        ];
        for (content, declared, words) in table {
            let shown = String::from_utf8_lossy(&content).chars().take(40).collect::<String>();
            let refused = judged(&content, declared).unwrap_err();
            assert!(refused.contains(&words), "{shown:?} as {declared}: {refused}");
        }
    }

    #[test]
    fn a_character_may_lie_across_two_looks() {
        let start = "x".repeat(usize::try_from(LOOK_BYTES).unwrap() - 1);
        assert_eq!(judged(format!("{start}\u{1F600}").as_bytes(), "text/plain"), Ok("text/plain"));
        assert!(judged(&after(PNG, 70_000, b"PK\x05\x06 no end"), "image/png").is_ok());
    }
}
