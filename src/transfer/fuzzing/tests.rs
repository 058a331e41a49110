use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::transfer::container::Opened;
use crate::transfer::password::Password;

/// The files of the original: their passwords, and what is in them.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/eliza-agent");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let described = manifest["files"].as_array().unwrap().iter();
    let read = described.map(|described| {
        let password = described["password"].as_str().unwrap().to_owned();
        let file = std::fs::File::open(folder.join(described["file"].as_str().unwrap())).unwrap();
        let mut opened = Opened::open(file, &Password::new(password.clone()).unwrap()).unwrap();
        let mut text = Vec::new();
        let mut unpacked = opened.unpacked(1 << 24).unwrap();
        std::io::Read::read_to_end(&mut unpacked, &mut text).unwrap();
        (password, text)
    });
    read.collect()
}

/// A body around that content, which is sealed before it is sent.
fn sealed_body(sizes: [u8; 4], password: &str, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(password.len()).unwrap().to_be_bytes();
    [&sizes[..], &[1], &length, password.as_bytes(), content].concat()
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

#[test]
fn what_the_original_wrote_holds_and_what_becomes_of_it_when_it_is_damaged() {
    for (password, text) in fixtures() {
        payload(&text);
        envelope(&sealed_body([3, 0, 200, 1], &password, &text));
        header(&[&[2, 0, 9], &text[..]].concat());
        for at in (0..text.len()).step_by(text.len() / 40 + 1) {
            let mut damaged = text.clone();
            damaged[at] = b'"';
            payload(&damaged);
            payload(&text[..at]);
        }
    }
}

#[test]
fn nothing_but_zeros_makes_an_empty_document_that_is_accepted() {
    let text = chosen(&[]);
    assert!(crate::transfer::payload::survey(text.as_bytes()).is_ok(), "{text}");
}

proptest! {
    #[test]
    fn uploads_hold(data in bytes(3_000), length in 0_u32..12, sizes: [u8; 4], seal: bool) {
        envelope(&data);
        let head = [&sizes[..], &[u8::from(seal)], &length.to_be_bytes()].concat();
        envelope(&[head, data].concat());
    }

    #[test]
    fn files_hold(data in bytes(600), way in 0_u8..4) {
        header(&[&[way], &data[..]].concat());
    }

    #[test]
    fn documents_hold(data in bytes(4_000)) {
        payload(&data);
    }

    #[test]
    fn uploads_of_documents_hold(data in bytes(600), sizes: [u8; 4]) {
        let text = chosen(&data);
        envelope(&sealed_body(sizes, "open sesame", text.as_bytes()));
    }
}
