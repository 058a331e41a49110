//! Files whose content unpacks to far more than they are long.

use std::io::Write;
use std::iter::{once, repeat_n};
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Sha256;

use crate::support::Site;
use crate::support::http::{Client, Request, Response};
use crate::support::server::Server;

/// Bytes that the content unpacks to, and the variable that says otherwise.
const BOMB_BYTES: usize = 256 * MB;
const BOMB_VARIABLE: &str = "GREENROOM_TEST_BOMB_BYTES";

/// Bytes that it may unpack to, where the variable does not say how many it does. More than one record
/// may have.
const LIMIT: usize = 20 * MB;

/// KiB that a bomb may add to what the host is resident with: its buffers, one record at the most that
/// may be, as text and as values, and what the allocator keeps of the bombs before. A guard, not a
/// measure: what is unpacked and held would add 244 MiB.
const GROWTH_MAX_KIB: u64 = 112 * 1024;

const MB: usize = 1_000_000;

const PASSWORD: &[u8] = b"open sesame";

/// One member of a gzip file.
fn packed(text: &str) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::best());
    packing.write_all(text.as_bytes()).unwrap();
    packing.finish().unwrap()
}

/// Content that begins so, and goes on with that piece to some `bytes` in all. Packed once and repeated:
/// several members in a row are one content.
fn bomb(head: &str, piece: &str, bytes: usize) -> Vec<u8> {
    let member = packed(&piece.repeat(16 * MB / piece.len()));
    let members = repeat_n(member, bytes.div_ceil(16 * MB));
    once(packed(head)).chain(members).flatten().collect()
}

/// An upload of a file around that content, sealed as it should be.
fn upload(content: &[u8]) -> Vec<u8> {
    let (salt, nonce) = ([7; 32], [9; 12]);
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(PASSWORD, &salt, 1, &mut key);
    let sealed = Aes256Gcm::new(&key.into()).encrypt(&Nonce::from(nonce), content).unwrap();
    let (text, tag) = sealed.split_at(content.len());
    let length = u32::try_from(PASSWORD.len()).unwrap().to_be_bytes();
    let magic = b"ELIZA_AGENT_V1\n\0\0\0\x01";
    [&length[..], PASSWORD, magic, &salt, &nonce, tag, text].concat()
}

async fn import(client: &Client, body: Vec<u8>) -> Response {
    let request = Request::new("POST", "/api/agent/import");
    client.send(&Request { body: Some(body), ..request }).await.unwrap()
}

#[tokio::test]
async fn a_file_that_unpacks_to_far_too_much_is_refused_with_flat_memory() {
    let bytes = std::env::var(BOMB_VARIABLE).ok().map(|bytes| bytes.parse().unwrap());
    let mut site = Site::new().with("GREENROOM_MILADY__AGENT", "milady");
    if bytes.is_none() {
        // Else the bound is that of a host of which nothing is said.
        site = site.with("GREENROOM_TRANSFER__UNPACKED_MAX_BYTES", &LIMIT.to_string());
    }
    let site = Arc::new(site);
    let server = Server::start(&site).await;
    let client = server.milady();
    let agents = server.client().get("/api/agents").await.unwrap().body;

    // The first one warms up: threads, buffers, what the allocator keeps.
    let refused = import(&client, upload(&packed("x"))).await.expect(400);
    assert!(refused["error"].as_str().unwrap().contains("JSON"), "{refused}");
    let before = server.peak_kib();
    let mut bombs = vec![
        ("zeros", "\0", "\0"),
        ("one text", "{\"agent\":{\"name\":\"", "0"),
        ("space", "{\"entities\":[", " "),
        ("small values", "{\"entities\":[{\"id\":[", "0,"),
    ];
    if bytes.is_none() {
        // Of this one, each byte up to the bound is read and not only unpacked.
        bombs.push(("small records", "{\"entities\":[", "{},"));
    }
    let bytes = bytes.unwrap_or(BOMB_BYTES);
    for (name, head, piece) in bombs {
        let body = upload(&bomb(head, piece, bytes));
        let sent = body.len();
        let refused = import(&client, body).await.expect(400);
        let says = refused["error"].as_str().unwrap();
        assert!(says.contains("exceeds import limit"), "{name}: {says}");
        println!("{name}: {bytes} bytes in {sent}: {} KiB at the most ({says})", server.peak_kib());
    }
    let (peak, after) = (server.peak_kib(), server.resident_kib());
    println!("{before} KiB before, {peak} at the most, {after} after");
    assert!(peak.saturating_sub(before) < GROWTH_MAX_KIB, "{before} KiB before, {peak} then");
    assert_eq!(server.client().get("/api/agents").await.unwrap().body, agents);
}
