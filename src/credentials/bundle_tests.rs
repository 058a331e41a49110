use std::array::from_fn;

use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key(Zeroizing::new(from_fn(|place| u8::try_from(place).unwrap())))
}

fn nonce() -> [u8; NONCE_BYTES] {
    from_fn(|place| u8::try_from(place).unwrap())
}

fn envelope(ciphertext: &str) -> String {
    format!(
        "{{\n  \"version\": 1,\n  \"algorithm\": \"AES-256-GCM\",\n  \"nonce\": \
         \"AAECAwQFBgcICQoL\",\n  \"ciphertext\": \"{ciphertext}\"\n}}"
    )
}

/// A bundle of that plaintext.
fn sealing(plain: &str) -> String {
    let cipher = Aes256Gcm::new((&*key().0).into());
    let sealed = cipher.encrypt(&Nonce::from(nonce()), plain.as_bytes()).unwrap();
    envelope(&BASE64_STANDARD.encode(sealed))
}

const VECTORS: [(&[(&str, &str)], &str); 2] = [
    (&[(".env", "A=1\nB=\"q\"\n")], "PCD4fquT4CGtY9a2gLUWL76KpUWsWQMSGhphiM9nIQCSOhNuq0jSzKtU"),
    (
        &[(".env", "TOKEN=grüße\n"), (".mcp.json", "{\"mcpServers\": {}}")],
        "PCD4fquT4CGtY8PE+qw2UOSkRIgz5DogVkXJpT9HbdFxPsSPwK8wolSGBLGq6ktIvTwS+z+k0IYdrQpiZZ7XkyV6w/4EYnlax75enJIf6ck=",
    ),
];

#[test]
fn bundles_are_those_of_trinity_byte_for_byte() {
    for (files, ciphertext) in VECTORS {
        let sealed = seal(files, &key(), nonce()).unwrap();
        assert_eq!(sealed, envelope(ciphertext));
        let expected =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        assert_eq!(open(sealed.as_bytes(), &key()).unwrap(), expected.collect::<Vec<_>>());
    }
}

#[test]
fn any_order_and_spacing_is_read() {
    let text = format!(
        "\t{{\"ciphertext\":\"{}\",\r\n\"nonce\":\"AAECAwQFBgcICQoL\",\"more\":[],\
         \"algorithm\":\"AES-256-GCM\",\"version\":1}}\n",
        VECTORS[0].1
    );
    assert_eq!(open(text.as_bytes(), &key()).unwrap().len(), 1);
}

#[test]
fn the_newer_form_is_read_with_files_that_are_no_text() {
    let text = sealing(
        r#"{"__cred_archive_v2__": 1, "files": {".env": "A=1"}, "files_b64": {".mcp.json": "AP8="}}"#,
    );
    let files = open(text.as_bytes(), &key()).unwrap();
    let expected = [(".env", &b"A=1"[..]), (".mcp.json", &[0, 255])];
    assert_eq!(files, expected.map(|(path, bytes)| (path.to_owned(), bytes.to_vec())));
    let without = sealing(r#"{"__cred_archive_v2__": 1}"#);
    assert_eq!(open(without.as_bytes(), &key()), Ok(Vec::new()));
}

#[test]
fn each_fault_of_a_bundle_is_refused_with_its_reason() {
    let good = envelope(VECTORS[0].1);
    for (text, expected) in [
        ("no JSON".to_owned(), BundleError::Format("not JSON")),
        ("[]".to_owned(), BundleError::Format("not an object")),
        ("{}".to_owned(), BundleError::Format("no version")),
        (good.replace("1,\n", "2,\n"), BundleError::Version("2".to_owned())),
        (good.replace("1,\n", "\"1\",\n"), BundleError::Version("1".to_owned())),
        (good.replace("256", "128"), BundleError::Algorithm("AES-128-GCM".to_owned())),
        (good.replace("\"nonce\"", "\"none\""), BundleError::Format("no nonce")),
        (good.replace("AAEC", "AA!C"), BundleError::Format("the nonce is not base64")),
        (good.replace("AAEC", ""), BundleError::Format("the nonce is not 12 bytes long")),
        (good.replace("PCD4", "PCD"), BundleError::Format("the ciphertext is not base64")),
        (envelope("PCD4"), BundleError::Format("the ciphertext is too short")),
        (good.replace("PCD4", "PCD5"), BundleError::Sealed),
        (good.replace("AAEC", "BAEC"), BundleError::Sealed),
        (sealing("A=1"), BundleError::Content("not JSON")),
        (sealing("[]"), BundleError::Content("not an object")),
        (sealing(r#"{".env": 1}"#), BundleError::Content("a file is not a text")),
        (
            sealing(r#"{"__cred_archive_v2__": 2}"#),
            BundleError::Content("an archive of another version"),
        ),
        (
            sealing(r#"{"__cred_archive_v2__": 1, "files": []}"#),
            BundleError::Content("an archive whose files are no object"),
        ),
        (
            sealing(r#"{"__cred_archive_v2__": 1, "files_b64": {".env": "?"}}"#),
            BundleError::Content("a file is not base64"),
        ),
    ] {
        assert_eq!(open(text.as_bytes(), &key()), Err(expected), "{text}");
    }
    let other = Key::parse(&"7".repeat(64)).unwrap();
    assert_eq!(open(good.as_bytes(), &other), Err(BundleError::Sealed));
}

#[test]
fn a_key_is_64_digits_and_is_never_shown() {
    let digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    assert_eq!(Key::parse(digits).unwrap(), key());
    assert_eq!(key().digits().as_str(), digits);
    assert!(Key::parse(&digits.to_uppercase()).is_some());
    for wrong in ["", "00", &digits.replace('0', "g"), &format!("{digits}0")] {
        assert!(Key::parse(wrong).is_none(), "{wrong}");
    }
    assert!(!format!("{:?}", key()).contains("01"));
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened_and_a_changed_byte_is_not(text in ".{0,40}", at in 0_usize..400) {
        let sealed = seal(&[(".env", &text)], &key(), rand::random()).unwrap();
        let files = open(sealed.as_bytes(), &key()).unwrap();
        prop_assert_eq!(&files, &[(".env".to_owned(), text.clone().into_bytes())]);
        let mut changed = sealed.into_bytes();
        let at = at % changed.len();
        changed[at] ^= 1;
        if let Ok(found) = open(&changed, &key()) {
            // A space that became another sign between two tokens changes nothing.
            prop_assert_eq!(found, files);
        }
    }
}
