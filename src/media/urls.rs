//! Addresses of files: what is told of them is where they are served, never where they lie.

use std::borrow::Cow;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::owner::FOLDERS;

/// The key under which messages and memories hold their attachments.
const ATTACHMENTS: &str = "attachments";

/// The address of an attachment as clients may use it.
///
/// A path of this machine to a file of an agent or a channel becomes the address under which it is
/// served, whichever folder this host, or the one that wrote it, keeps its data in. Anything else,
/// such as an address with a scheme, stays as it is.
#[must_use]
pub fn public(address: &str) -> Cow<'_, str> {
    match served(address) {
        Some(path) => Cow::Owned(format!("/media/{path}")),
        None => Cow::Borrowed(address),
    }
}

/// What is served of a path: `uploads/agents/<id>/<name>`.
fn served(address: &str) -> Option<String> {
    let is_drive = address.get(1..3).is_some_and(|colon| colon == ":\\");
    if !address.starts_with('/') && !is_drive || address.starts_with("/media/") {
        return None;
    }
    let path = address.replace('\\', "/");
    let (rest, name) = path.rsplit_once('/')?;
    let (folder, id) = rest.rsplit_once('/')?;
    let folder = FOLDERS
        .into_iter()
        .find(|known| folder.strip_suffix(known).is_some_and(|before| before.ends_with('/')))?;
    let is_name = !name.is_empty() && name != "." && name != "..";
    (is_name && Uuid::parse_str(id).is_ok()).then(|| format!("{folder}/{id}/{name}"))
}

/// The same content, metadata or raw message, with its attachments as clients may use them: their
/// addresses are [`public`], and each is an object, because the web client fails on a text.
#[must_use]
pub fn with_urls(holder: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    let Some(held) = holder.get(ATTACHMENTS) else { return Cow::Borrowed(holder) };
    let told = told(held);
    if told == *held {
        return Cow::Borrowed(holder);
    }
    let mut holder = holder.clone();
    holder.insert(ATTACHMENTS.to_owned(), told);
    Cow::Owned(holder)
}

/// The same for a value that may hold attachments.
#[must_use]
pub fn with_urls_in(value: &Value) -> Cow<'_, Value> {
    match value.as_object().map(with_urls) {
        Some(Cow::Owned(told)) => Cow::Owned(Value::Object(told)),
        Some(Cow::Borrowed(_)) | None => Cow::Borrowed(value),
    }
}

fn told(held: &Value) -> Value {
    match held {
        Value::Array(items) => items.iter().map(told).collect(),
        Value::String(address) => {
            let address = public(address).into_owned();
            Value::Object(Map::from_iter([("url".to_owned(), Value::String(address))]))
        }
        Value::Object(attachment) => {
            let mut attachment = attachment.clone();
            if let Some(Value::String(address)) = attachment.get_mut("url") {
                *address = public(address).into_owned();
            }
            Value::Object(attachment)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "52b464d2-13a3-0603-8af4-cc4004c65c52";

    #[test]
    fn only_paths_to_media_become_addresses() {
        for (path, address) in [
            (
                format!("/srv/data/media/uploads/agents/{ID}/1-2.png"),
                format!("/media/uploads/agents/{ID}/1-2.png"),
            ),
            (
                format!("/home/x/.eliza/data/uploads/channels/{ID}/1-2.png"),
                format!("/media/uploads/channels/{ID}/1-2.png"),
            ),
            (format!("/generated/{ID}/a.mp3"), format!("/media/generated/{ID}/a.mp3")),
            (format!("C:\\eliza\\generated\\{ID}\\a.mp3"), format!("/media/generated/{ID}/a.mp3")),
        ] {
            assert_eq!(public(&path), address);
        }
        for same in [
            format!("/media/uploads/agents/{ID}/1-2.png"),
            format!("https://x.test/uploads/agents/{ID}/1-2.png"),
            format!("file:///srv/uploads/agents/{ID}/1-2.png"),
            format!("uploads/agents/{ID}/1-2.png"),
            format!("/srv/other/{ID}/1-2.png"),
            format!("/srv/uploads/agents/{ID}/.."),
            format!("/srv/reuploads/agents/{ID}/../x"),
            "/srv/uploads/agents/x/1-2.png".to_owned(),
            "data:image/png;base64,AA==".to_owned(),
            "/etc/passwd".to_owned(),
            String::new(),
        ] {
            assert_eq!(public(&same), same);
        }
    }

    #[test]
    fn attachments_are_objects_with_addresses_and_all_else_is_left_alone() {
        let path = format!("/srv/generated/{ID}/a.mp3");
        let address = format!("/media/generated/{ID}/a.mp3");
        for (held, told) in [
            (json!([{"url": path, "id": 1}]), json!([{"url": address, "id": 1}])),
            (json!([path]), json!([{"url": address}])),
            (json!({"url": path}), json!({"url": address})),
            (json!([{"url": 5}, null, 7]), json!([{"url": 5}, null, 7])),
            (json!("https://x.test/a"), json!({"url": "https://x.test/a"})),
        ] {
            let holder = json!({"text": path, "attachments": held});
            let expected = json!({"text": path, "attachments": told});
            assert_eq!(
                with_urls(holder.as_object().unwrap()).as_ref(),
                expected.as_object().unwrap()
            );
        }
        let raw = json!({"attachments": [path]});
        assert_eq!(with_urls_in(&raw)["attachments"][0]["url"], address);
        assert_eq!(*with_urls_in(&json!("text")), "text");
        let plain = json!({"text": path});
        assert!(matches!(with_urls(plain.as_object().unwrap()), Cow::Borrowed(_)));
    }
}
