use std::io::{Cursor, Read, Write};

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::transfer::password::Password;

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

fn sealed(text: &[u8], iterations: u32) -> Vec<u8> {
    let mut sealing =
        Sealing::begin(Cursor::new(Vec::new()), &password("open sesame"), iterations).unwrap();
    sealing.write_all(text).unwrap();
    assert_eq!(sealing.unpacked_bytes(), u64::try_from(text.len()).unwrap());
    let (file, bytes) = sealing.finish().unwrap();
    let file = file.into_inner();
    assert_eq!(bytes, u64::try_from(file.len()).unwrap());
    file
}

/// A file around something that need not be gzip.
pub(in crate::transfer) fn sealed_raw(plain: &[u8]) -> Vec<u8> {
    super::sealed_raw(plain, &password("open sesame"))
}

fn opened(file: &[u8], secret: &str) -> Result<Vec<u8>, TransferError> {
    let mut opened = Opened::open(Cursor::new(file), &password(secret))?;
    let mut text = Vec::new();
    let mut unpacked = opened.unpacked(1 << 20)?;
    unpacked.read_to_end(&mut text).map_err(Fault::reported)?;
    Ok(text)
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    packing.write_all(text).unwrap();
    packing.finish().unwrap()
}

proptest! {
    #[test]
    fn the_stream_is_the_cipher_of_the_crate(
        text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..70),
            prop::collection::vec(any::<u8>(), 0..3_000),
        ],
        cuts in prop::collection::vec(0_usize..100, 0..20),
        nonce: [u8; 12],
    ) {
        let key = Key::random();
        let theirs = Aes256Gcm::new(key.bytes().into())
            .encrypt(&Nonce::from(nonce), text.as_slice())
            .unwrap();

        let mut ours = text.clone();
        let mut cipher = Cipher::new(&key, &nonce);
        let mut authenticator = Authenticator::new(&key, &nonce);
        let mut rest = ours.as_mut_slice();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let (piece, after) = rest.split_at_mut(cut.min(rest.len()));
            cipher.apply(piece).unwrap();
            authenticator.update(piece);
            rest = after;
        }
        ours.extend(authenticator.tag());
        prop_assert_eq!(&ours, &theirs);

        // And back.
        let (body, _) = ours.split_at_mut(text.len());
        Cipher::new(&key, &nonce).apply(body).unwrap();
        prop_assert_eq!(body, &text[..]);
    }

    #[test]
    fn what_is_sealed_is_opened_and_any_flipped_bit_is_refused(
        text in prop::collection::vec(any::<u8>(), 0..400),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let mut file = sealed(&text, 2);
        prop_assert_eq!(opened(&file, "open sesame").unwrap(), text);
        prop_assert_eq!(opened(&file, "open sesamE"), Err(TransferError::Decryption));

        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        let refused = opened(&file, "open sesame").unwrap_err();
        match at {
            0..15 => prop_assert_eq!(refused, TransferError::NotAnAgentFile),
            // Some of these ask for more rounds than a test has time for.
            15..19 => prop_assert!(matches!(
                refused,
                TransferError::Iterations(_) | TransferError::Decryption
            )),
            _ => prop_assert_eq!(refused, TransferError::Decryption),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(opened(&bytes, "open sesame").is_err());
        let mut file = sealed(b"x", 1);
        file.splice(19.., bytes);
        prop_assert!(opened(&file, "open sesame").is_err());
    }
}

#[test]
fn each_length_around_the_edge_of_a_block_is_the_cipher_of_the_crate() {
    let (key, nonce) = (Key::random(), [7; 12]);
    for length in 0..=66 {
        let text: Vec<u8> = (0..length).collect();
        let theirs =
            Aes256Gcm::new(key.bytes().into()).encrypt(&Nonce::from(nonce), &text[..]).unwrap();
        let mut ours = text.clone();
        Cipher::new(&key, &nonce).apply(&mut ours).unwrap();
        let mut authenticator = Authenticator::new(&key, &nonce);
        ours.iter().for_each(|byte| authenticator.update(&[*byte]));
        ours.extend(authenticator.tag());
        assert_eq!(ours, theirs, "{length}");
    }
}

#[test]
fn files_that_cannot_be_are_refused_for_the_first_thing_that_is_wrong() {
    let file = sealed(b"text", 1);
    let patched = |at: usize, bytes: &[u8]| {
        let mut file = file.clone();
        file.splice(at..at + bytes.len(), bytes.iter().copied());
        file
    };
    let cases = [
        (Vec::new(), TransferError::FileTooSmall),
        (file[..78].to_vec(), TransferError::FileTooSmall),
        (vec![b'x'; 78], TransferError::FileTooSmall),
        (vec![b'x'; 79], TransferError::NotAnAgentFile),
        (patched(13, b"2"), TransferError::NotAnAgentFile),
        (patched(15, &[0; 4]), TransferError::Iterations(0)),
        (patched(15, &1_200_001_u32.to_be_bytes()), TransferError::Iterations(1_200_001)),
        (patched(15, &u32::MAX.to_be_bytes())[..79].to_vec(), TransferError::Iterations(u32::MAX)),
        (file[..79].to_vec(), TransferError::NoContent),
        (file[..80].to_vec(), TransferError::Decryption),
        (file[..file.len() - 1].to_vec(), TransferError::Decryption),
        ([file.clone(), vec![0]].concat(), TransferError::Decryption),
        (sealed_raw(b"not gzip"), TransferError::Decompression),
        (sealed_raw(&packed(b"cut")[..20]), TransferError::Decompression),
        (sealed_raw(&[packed(b"a"), b"more".to_vec()].concat()), TransferError::Decompression),
        (
            sealed(&vec![0; (1 << 20) + 1], 1),
            TransferError::ContentTooLarge { what: "bytes unpacked", limit: 1 << 20 },
        ),
    ];
    for (number, (file, expected)) in cases.into_iter().enumerate() {
        assert_eq!(opened(&file, "open sesame").unwrap_err(), expected, "{number}");
    }
    assert_eq!(opened(&sealed(&vec![0; 1 << 20], 1), "open sesame").unwrap().len(), 1 << 20);
    let members = [packed(b"one "), packed(b""), packed(b"two")].concat();
    assert_eq!(opened(&sealed_raw(&members), "open sesame").unwrap(), b"one two");
    let refused = TransferError::ContentTooLarge { what: "gzip members", limit: 4_096 };
    let members = packed(b"").repeat(4_097);
    assert_eq!(opened(&sealed_raw(&members), "open sesame").unwrap_err(), refused);
    let members = packed(b"a").repeat(4_096);
    assert_eq!(opened(&sealed_raw(&members), "open sesame").unwrap().len(), 4_096);
}

#[test]
fn files_of_the_original_are_opened() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/eliza-agent");
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    for described in manifest["files"].as_array().unwrap() {
        let file = std::fs::read(folder.join(described["file"].as_str().unwrap())).unwrap();
        let text = opened(&file, described["password"].as_str().unwrap()).unwrap();
        let content: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(content["sourceAgentId"], described["expected"]["sourceAgentId"]);
        assert_eq!(content["agent"]["name"], described["expected"]["agentName"]);
    }
}
