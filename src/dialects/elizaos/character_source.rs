//! Characters that are not in the request itself: in a file of one folder, or at an address.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;

use super::error::ElizaError;
use super::settings::ElizaosSettings;
use crate::http::outbound::{Guard, Hosts, Reach};

/// How long an address may take to answer in full.
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// Loads the character that `characterPath` names.
pub(super) async fn load(settings: &ElizaosSettings, path: &str) -> Result<Value, ElizaError> {
    let limit = settings.body_max();
    let text = if path.starts_with("http://") || path.starts_with("https://") {
        if settings.fetches_characters { fetch(&guard(settings), path, limit).await } else { None }
    } else {
        match settings.character_dir.clone() {
            Some(folder) => {
                let name = path.to_owned();
                let reading = tokio::task::spawn_blocking(move || read(&folder, &name, limit));
                reading.await.ok().flatten()
            }
            None => None,
        }
    };
    // Which of the reasons it is, is nothing that whoever asks needs to know of this machine.
    let text = text.ok_or_else(|| {
        ElizaError::create(format!(
            "Character '{path}' not found. Please check if the file exists and the path is correct."
        ))
    })?;
    serde_json::from_slice(&text).map_err(|_malformed| {
        ElizaError::create(format!(
            "Character file '{path}' has malformed JSON. Please check the file content."
        ))
    })
}

/// Reads a file of the folder, by its name with or without `.json`.
fn read(folder: &Path, name: &str, limit: usize) -> Option<Vec<u8>> {
    let path = [PathBuf::from(name), PathBuf::from(format!("{name}.json"))]
        .into_iter()
        .find_map(|name| within(folder, &name))?;
    let end = u64::try_from(limit).ok()?.checked_add(1)?;
    let mut text = Vec::new();
    File::open(path).ok()?.take(end).read_to_end(&mut text).ok()?;
    (text.len() <= limit).then_some(text)
}

/// The file of that name, if it lies in the folder, links followed.
fn within(folder: &Path, name: &Path) -> Option<PathBuf> {
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(name).canonicalize().ok()?;
    (path.starts_with(&folder) && path.is_file()).then_some(path)
}

/// What may be fetched. Whoever reaches a listener on loopback reaches this machine's other services
/// as well; others are not lent its place in the network.
fn guard(settings: &ElizaosSettings) -> Guard {
    let is_local = settings.bind.ip().is_loopback();
    let reach = if is_local { Reach::Anywhere } else { Reach::Public };
    Guard::new(Hosts::every(), reach)
}

/// Fetches what stands at an address, if it is not too long and does not take too long.
async fn fetch(guard: &Guard, address: &str, limit: usize) -> Option<Vec<u8>> {
    let address = guard.read(address).ok()?;
    let client = guard.client().timeout(FETCH_WITHIN).build().ok()?;
    let answer = client.get(address).send().await.ok()?.error_for_status().ok()?;
    let mut text = Vec::new();
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        if text.len().saturating_add(chunk.len()) > limit {
            return None;
        }
        text.extend_from_slice(&chunk);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, HttpServer, web};

    use super::*;

    #[tokio::test]
    async fn files_are_named_with_or_without_ending_and_only_within_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("outside.json"), "{}").unwrap();
        let folder = outside.path().join("characters");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        for (name, text) in [("a.json", r#"{"name":"A"}"#), ("sub/b.json", "{}"), ("bad.json", "{")]
        {
            std::fs::write(folder.join(name), text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("outside.json"), folder.join("link.json"))
            .unwrap();
        let absolute = folder.join("a.json");
        let settings =
            ElizaosSettings { character_dir: Some(folder), ..ElizaosSettings::default() };
        for (name, expected) in [
            ("a", ""),
            ("a.json", ""),
            ("sub/b", ""),
            ("bad", "malformed"),
            ("none", "not found"),
            ("sub", "not found"),
            ("link", "not found"),
            ("../outside.json", "not found"),
            ("sub/../a", "not found"),
            (absolute.to_str().unwrap(), "not found"),
        ] {
            match load(&settings, name).await {
                Ok(_) => assert_eq!(expected, "", "{name}"),
                Err(error) => {
                    let words = error.to_string();
                    assert!(!expected.is_empty() && words.contains(expected), "{name}: {words}");
                }
            }
        }
        let closed = load(&ElizaosSettings::default(), "a").await.unwrap_err();
        assert!(closed.to_string().contains("not found"));
    }

    #[actix::test]
    async fn only_a_local_listener_fetches_from_this_machine() {
        let served = || HttpResponse::Ok().body(r#"{"name":"A"}"#);
        let server = HttpServer::new(move || {
            App::new().default_service(web::to(move || async move { served() }))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/a.json", server.addrs()[0]);
        actix::spawn(server.run());
        for (bind, expected) in [("127.0.0.1:0", true), ("0.0.0.0:0", false)] {
            let settings =
                ElizaosSettings { bind: bind.parse().unwrap(), ..ElizaosSettings::default() };
            assert_eq!(load(&settings, &address).await.is_ok(), expected, "{bind}");
        }
        let metadata = "http://169.254.169.254/latest";
        assert!(load(&ElizaosSettings::default(), metadata).await.is_err());
    }
}
