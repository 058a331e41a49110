//! Files: taken in as they arrive, kept or refused cleanly, and served.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::form::{self, BOUNDARY};
use crate::support::http::{Client, Request, Response};
use crate::support::server::Server;
use crate::support::{Site, until};

const AGENT: &str = "52b464d2-13a3-0603-8af4-cc4004c65c52";
const CHANNEL: &str = "cccccccc-0001-4000-8000-000000000001";
const USER: &str = "aaaaaaaa-0001-4000-8000-000000000001";

/// The three ways in.
const TO_AGENT: &str = "/api/media/agents/52b464d2-13a3-0603-8af4-cc4004c65c52/upload-media";
const TO_CHANNEL: &str = "/api/media/channels/cccccccc-0001-4000-8000-000000000001/upload-media";
const BY_MESSAGING: &str =
    "/api/messaging/channels/cccccccc-0001-4000-8000-000000000001/upload-media";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

/// A megabyte, as elizaOS counts it.
const MB: usize = 1024 * 1024;

/// KiB that an upload of any size may add to what the host is resident with: its buffers, and what
/// the allocator keeps. A guard, not a measure: a body that is held would add 50 MiB.
const GROWTH_MAX_KIB: u64 = 20 * 1024;

fn file(name: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    form::file("file", name, media_type, content)
}

async fn upload(client: &Client, path: &str, name: &str, sort: &str, content: &[u8]) -> Value {
    let answer = client.send(&form::request(path, &[file(name, sort, content)])).await.unwrap();
    answer.expect(200)["data"].clone()
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

async fn host() -> (Arc<Site>, Server) {
    let site = Arc::new(Site::new());
    let server = Server::start(&site).await;
    (site, server)
}

#[tokio::test]
async fn what_is_refused_leaves_no_file_behind() {
    let (site, server) = host().await;
    let client = server.client();
    let png = |name: &str| file(name, "image/png", PNG);
    let as_png = |content: &[u8]| file("a.png", "image/png", content);
    let gif = [b"GIF89a\x01\0\x01\0\0\0\0".as_slice(), b"/*", b"*/=1;<script>alert(1)</script>"];
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let many = (0..40).map(|n| form::text(&format!("t{n}"), "x")).collect::<Vec<_>>();
    let table: Vec<(Vec<Vec<u8>>, u16, &str)> = vec![
        (vec![], 400, "INVALID_REQUEST"),
        (vec![form::text("file", "data:image/png;base64,AA==")], 400, "INVALID_REQUEST"),
        (vec![form::file("upload", "a.png", "image/png", PNG)], 400, "INVALID_REQUEST"),
        (vec![png("a.png"), png("b.png")], 400, "INVALID_REQUEST"),
        (vec![png("../../x")], 400, "INVALID_REQUEST"),
        (vec![png("..\\\\..\\\\x.png")], 400, "INVALID_REQUEST"),
        (vec![png("/etc/x.png")], 400, "INVALID_REQUEST"),
        (vec![file("a.html", "text/html", b"<b>")], 400, "TYPE"),
        (vec![file("a.svg", "image/svg+xml", b"<svg/>")], 400, "TYPE"),
        (vec![as_png(b"<html><script>alert(1)</script>")], 400, "TYPE"),
        (vec![as_png(b"<svg onload=alert(1)>")], 400, "TYPE"),
        (vec![as_png(b"#!/bin/sh\nrm -rf /")], 400, "TYPE"),
        (vec![as_png(b"")], 400, "TYPE"),
        (vec![file("a.gif", "image/gif", &gif.concat())], 400, "TYPE"),
        (vec![as_png(&[PNG, zip].concat())], 400, "TYPE"),
        (vec![as_png(&[PNG, b"%PDF-1.7"].concat())], 400, "TYPE"),
        (vec![file("a.mp3", "audio/mpeg", PNG)], 400, "TYPE"),
        (vec![file("a.txt", "text/plain", b"a\0b")], 400, "TYPE"),
        (vec![file("a.txt", "text/plain", b"<!doctype html>")], 400, "TYPE"),
        (many, 400, "BAD_REQUEST"),
        (vec![form::text("t", &"x".repeat(100_000)), png("a.png")], 413, "PAYLOAD_TOO_LARGE"),
    ];
    for path in [TO_AGENT, TO_CHANNEL, BY_MESSAGING] {
        for (parts, status, code) in &table {
            let answer = client.send(&form::request(path, parts)).await.unwrap();
            let said = answer.text();
            let shown =
                String::from_utf8_lossy(&parts.concat()).chars().take(150).collect::<String>();
            assert_eq!(answer.status, *status, "{path} {shown:?}: {said}");
            let told = answer.expect(*status);
            assert!(told["error"]["code"].as_str().unwrap().contains(code), "{shown:?}: {said}");
            assert!(!told["error"]["message"].as_str().unwrap().is_empty());
        }
        let boundless = Request::new("POST", path).header("content-type", "multipart/form-data");
        let json = Request::new("POST", path).json(&json!({"file": "x"}));
        for request in [boundless, json] {
            client.send(&request).await.unwrap().expect(400);
        }
        let odd = path.replace(AGENT, "x").replace(CHANNEL, "x");
        let answer = client.send(&form::request(&odd, &[png("a.png")])).await.unwrap();
        assert_eq!(answer.expect(400)["error"]["code"], "INVALID_ID");
    }
    let dots =
        client.send(&form::request(BY_MESSAGING, &[png("a..b.png")])).await.unwrap().expect(400);
    assert_eq!(dots["error"]["message"], "Invalid filename detected");
    assert_eq!(files(&site.data().join("media")), 0);
}

#[tokio::test]
async fn what_is_kept_is_served_under_a_name_of_its_own() {
    let (site, server) = host().await;
    let client = server.client();
    let text = "gr\u{fc}\u{df}e".as_bytes();
    for (path, name, sort, content, told, served, ending) in [
        (TO_AGENT, "dir/dot.png", "image/png", PNG, "image", "image/png", ".png"),
        (TO_AGENT, "dot.html", "image/jpeg", PNG, "image", "image/png", ".png"),
        (TO_CHANNEL, "a.mp3", "audio/mp3", b"ID3x", "audio/mpeg", "audio/mpeg", ".mp3"),
        (
            BY_MESSAGING,
            "a.md",
            "text/plain",
            text,
            "text/plain",
            "text/plain; charset=utf-8",
            ".md",
        ),
        (
            BY_MESSAGING,
            "a.exe",
            "text/plain",
            b"",
            "text/plain",
            "text/plain; charset=utf-8",
            ".txt",
        ),
    ] {
        let kept = upload(&client, path, name, sort, content).await;
        assert_eq!((&kept["type"], &kept["size"]), (&json!(told), &json!(content.len())));
        assert_eq!(kept["originalName"], name.rsplit('/').next().unwrap());
        let url = kept["url"].as_str().unwrap();
        assert!(
            url.ends_with(kept["filename"].as_str().unwrap()) && url.ends_with(ending),
            "{url}"
        );
        for url in [url.to_owned(), format!("/api{url}")] {
            let answer = client.get(&url).await.unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, content), "{url}");
            assert_eq!(answer.header("content-type"), Some(served));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("content-disposition"), None);
        }
    }
    // A name that leads to a file of another kind, as an older host may have left it.
    let place = site.data().join("media/uploads/agents").join(AGENT);
    fs::write(place.join("old.html"), "<script>").unwrap();
    let path = format!("/media/uploads/agents/{AGENT}/old.html");
    let answer = client.get(path).await.unwrap();
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"old.html\""));
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let (site, server) = host().await;
    let client = server.client();
    upload(&client, TO_AGENT, "a.png", "image/png", PNG).await;
    let media = site.data().join("media");
    fs::write(media.join("secret.txt"), "secret").unwrap();
    let place = media.join("uploads/agents").join(AGENT);
    std::os::unix::fs::symlink(media.join("secret.txt"), place.join("link.txt")).unwrap();
    std::os::unix::fs::symlink(&media, place.join("up")).unwrap();
    for name in [
        "../../../secret.txt",
        "..%2f..%2f..%2fsecret.txt",
        "%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "..%5c..%5csecret.txt",
        "..%252fsecret.txt",
        "up/secret.txt",
        "a.png%00.txt",
        "link.txt",
        "up",
        ".",
        "..",
        "%",
    ] {
        for root in ["/media", "/api/media"] {
            let path = format!("{root}/uploads/agents/{AGENT}/{name}");
            let answer = client.get(&path).await.unwrap();
            assert!(!answer.text().contains("secret"), "{path}: {}", answer.text());
            assert!([400, 403, 404].contains(&answer.status), "{path}: {}", answer.status);
        }
    }
    let denied = client.get(format!("/media/uploads/agents/{AGENT}/link.txt")).await.unwrap();
    assert_eq!(denied.expect(403), json!({"error": "Access denied"}));
}

#[tokio::test]
async fn ranges_and_conditions_hold() {
    let (_site, server) = host().await;
    let client = server.client();
    let kept = upload(&client, TO_AGENT, "a.txt", "text/plain", b"0123456789").await;
    let url = kept["url"].as_str().unwrap();
    let first = client.get(url).await.unwrap();
    let (tag, since) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    let get = async |method: &str, headers: &[(&str, &str)]| -> Response {
        let request = headers
            .iter()
            .fold(Request::new(method, url), |request, (name, value)| request.header(name, *value));
        client.send(&request).await.unwrap()
    };
    for (headers, status, body, range) in [
        (vec![("range", "bytes=0-3")], 206, "0123", Some("bytes 0-3/10")),
        (vec![("range", "bytes=-1")], 206, "9", Some("bytes 9-9/10")),
        (vec![("range", "bytes=0-0,5-6")], 200, "0123456789", None),
        (
            vec![("range", "bytes=20-")],
            416,
            "{\"error\":\"Range not satisfiable\"}",
            Some("bytes */10"),
        ),
        (vec![("range", "bytes=0-3"), ("if-range", tag)], 206, "0123", Some("bytes 0-3/10")),
        (vec![("range", "bytes=0-3"), ("if-range", "\"x\"")], 200, "0123456789", None),
        (vec![("if-none-match", tag)], 304, "", None),
        (vec![("if-modified-since", since)], 304, "", None),
        (vec![("if-none-match", "\"x\""), ("if-modified-since", since)], 200, "0123456789", None),
        (vec![("if-match", "\"x\"")], 412, "{\"error\":\"The file is another one\"}", None),
    ] {
        let answer = get("GET", &headers).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{headers:?}");
        assert_eq!(answer.header("content-range"), range, "{headers:?}");
    }
    let head = get("HEAD", &[("range", "bytes=0-3")]).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));
}

#[tokio::test]
async fn files_need_no_token_to_be_seen_and_one_to_be_given() {
    let site = Arc::new(Site::new().with("ELIZA_SERVER_AUTH_TOKEN", "t0ken"));
    let server = Server::start(&site).await;
    let (anyone, client) = (server.client(), server.client().with("x-api-key", "t0ken"));
    let request = form::request(TO_AGENT, &[file("a.png", "image/png", PNG)]);
    assert_eq!(anyone.send(&request).await.unwrap().status, 401);
    let kept = client.send(&request).await.unwrap().expect(200);
    let url = kept["data"]["url"].as_str().unwrap();
    assert_eq!(anyone.get(url).await.unwrap().status, 200);
    assert_eq!(anyone.get(format!("/api{url}")).await.unwrap().status, 401);
    let guarded = client.get(format!("/api{url}")).await.unwrap();
    assert_eq!(guarded.header("cache-control"), Some("private, max-age=0"));
}

/// An upload of `size` bytes in pieces, announced or not.
async fn pour(client: &Client, size: usize, is_announced: bool) -> (Response, usize) {
    let mut start = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"");
    start += "; filename=\"big.mp4\"\r\ncontent-type: video/mp4\r\n\r\n";
    let film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
    let start = [start.as_bytes(), film.as_slice()].concat();
    let rest = size - film.len();
    let stop = [b"\r\n".as_slice(), &form::end()].concat();
    let length = start.len() + rest + stop.len();
    let sizes = (0..rest.div_ceil(MB)).map(move |nth| MB.min(rest - nth * MB));
    let pieces = std::iter::once(start).chain(sizes.map(|size| vec![7; size]));
    let pieces = pieces.chain(std::iter::once(stop)).map(move |piece| {
        if is_announced {
            return piece;
        }
        let size = format!("{:x}\r\n", piece.len());
        [size.as_bytes(), &piece, b"\r\n"].concat()
    });
    let last = (!is_announced).then(|| b"0\r\n\r\n".to_vec());
    let framing = if is_announced {
        format!("content-length: {length}")
    } else {
        "transfer-encoding: chunked".to_owned()
    };
    let head = format!(
        "POST {TO_AGENT} HTTP/1.1\r\nhost: x\r\n{framing}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    );
    client.pour(&head, pieces.chain(last)).await.unwrap()
}

#[tokio::test]
async fn fifty_megabytes_are_taken_with_flat_memory_and_one_more_is_refused_in_mid_stream() {
    let (site, server) = host().await;
    let client = server.client();
    // The first one warms up: threads, buffers, code that was not read yet, what the boot left behind.
    pour(&client, 50 * MB, true).await.0.expect(200);
    let before = server.resident_kib();
    server.forget_peak();
    for is_announced in [true, false] {
        let (answer, _) = pour(&client, 50 * MB, is_announced).await;
        assert_eq!(answer.clone().expect(200)["data"]["size"], 50 * MB);
        let url = answer.expect(200)["data"]["url"].as_str().unwrap().to_owned();
        let range = Request::new("GET", url).header("range", "bytes=52428790-");
        assert_eq!(client.send(&range).await.unwrap().body, [7; 10]);
    }
    let peak = server.peak_kib();
    println!("50 MB twice: {before} KiB resident before, {peak} at the most");
    assert!(
        peak.saturating_sub(before) < GROWTH_MAX_KIB,
        "{before} KiB before, {peak} at the most"
    );

    let kept = files(&site.data().join("media"));
    for (size, is_announced) in [(51 * MB, true), (51 * MB, false), (50 * MB + 1, true)] {
        let (answer, sent) = pour(&client, size, is_announced).await;
        assert_eq!(answer.expect(413)["error"]["code"], "FILE_TOO_LARGE");
        println!("{size} bytes: refused when {sent} were sent");
    }
    // A client that would never end is told as soon as it is too much.
    let (_, sent) = pour(&client, 400 * MB, false).await;
    assert!(sent < 100 * MB, "{sent} bytes were sent");
    assert_eq!(files(&site.data().join("media")), kept);
}

/// Begins an upload and sends a part of it.
async fn begun(client: &Client, media: &Path) -> tokio::net::TcpStream {
    let mut stream = client.connect().await.unwrap();
    let head = format!(
        "POST {TO_AGENT} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    );
    let part = file("a.png", "image/png", &[PNG, &vec![7; 100_000]].concat());
    stream.write_all(&[head.as_bytes(), &part].concat()).await.unwrap();
    let spool = media.join("spool");
    until("the file arrives", async || (files(&spool) == 1).then_some(())).await;
    stream
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let (site, server) = host().await;
    let media = site.data().join("media");
    drop(begun(&server.client(), &media).await);
    until("the spool is empty", async || (files(&media) == 0).then_some(())).await;
}

#[tokio::test]
async fn an_upload_during_which_the_host_is_killed_leaves_nothing() {
    let (site, server) = host().await;
    let media = site.data().join("media");
    let kept = upload(&server.client(), TO_AGENT, "a.png", "image/png", PNG).await;
    let _stream = begun(&server.client(), &media).await;
    server.kill().await;
    assert_eq!(files(&media), 2);

    let server = Server::start(&site).await;
    assert_eq!(files(&media), 1);
    let answer = server.client().get(kept["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(answer.body, PNG);
}

#[tokio::test]
async fn files_go_with_their_owner() {
    let (site, server) = host().await;
    let client = server.client();
    let agent = client.create(&json!({"name": "Ada", "bio": "x"})).await;
    let to_agent = TO_AGENT.replace(AGENT, &agent);
    let server_id = "00000000-0000-0000-0000-000000000000";
    let channel = json!({"name": "c", "message_server_id": server_id,
        "participantCentralUserIds": [USER], "type": "GROUP"});
    let channel = client.post("/api/messaging/channels", &channel).await.unwrap().expect(201);
    let channel = channel["data"]["id"].as_str().unwrap();
    upload(&client, &to_agent, "a.png", "image/png", PNG).await;
    upload(&client, &TO_CHANNEL.replace(CHANNEL, channel), "a.png", "image/png", PNG).await;
    let media = site.data().join("media");
    assert_eq!(files(&media), 2);
    let delete = async |path: String| {
        assert_eq!(client.send(&Request::new("DELETE", path)).await.unwrap().status, 204);
    };
    delete(format!("/api/messaging/channels/{channel}")).await;
    assert_eq!(files(&media), 1);
    delete(format!("/api/agents/{agent}")).await;
    assert_eq!(files(&media), 0);
}

#[tokio::test]
async fn attachments_tell_where_files_are_served() {
    let (site, server) = host().await;
    let client = server.client();
    let url = format!("/media/uploads/channels/{CHANNEL}/1-2.png");
    let path = site.data().join("media/uploads/channels").join(CHANNEL).join("1-2.png");
    let server_id = "00000000-0000-0000-0000-000000000000";
    let attachments = json!([{"id": "1", "url": path}, {"id": "2", "url": "https://x.test/a"}]);
    let body = json!({"channel_id": CHANNEL, "message_server_id": server_id, "author_id": USER,
        "content": "look", "source_type": "agent_response",
        "raw_message": {"text": "look", "attachments": attachments},
        "metadata": {"attachments": attachments}});
    let channel = json!({"author_id": USER, "content": "x", "message_server_id": server_id,
        "metadata": {"attachments": attachments}});
    let made = client.post(format!("/api/messaging/channels/{CHANNEL}/messages"), &channel).await;
    assert!(!made.unwrap().text().contains(path.to_str().unwrap()));
    let said = client.post("/api/messaging/submit", &body).await.unwrap().expect(201);
    assert_eq!(said["data"]["rawMessage"]["attachments"][0]["url"], url);
    let listed = client.get(format!("/api/messaging/channels/{CHANNEL}/messages")).await.unwrap();
    assert!(!listed.text().contains(path.to_str().unwrap()));
    let messages = listed.expect(200)["data"]["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 2);
    for message in messages.as_array().unwrap() {
        assert_eq!(message["metadata"]["attachments"][0]["url"], url);
        assert_eq!(message["metadata"]["attachments"][1]["url"], "https://x.test/a");
    }
}
