//! What somebody says to the agent: words, what sort of channel it is, and pictures.

use serde_json::{Map, Value, json};

use super::SOURCE;
use crate::dialects::milady::error::MiladyError;

/// The sorts of channels, in elizaOS' words.
const CHANNELS: [&str; 10] =
    ["SELF", "DM", "GROUP", "VOICE_DM", "VOICE_GROUP", "FEED", "THREAD", "WORLD", "FORUM", "API"];

/// What a channel is that nobody has said anything about.
const DM: &str = "DM";

/// Bytes of what is said at once at most: no more than a body without pictures may have, since a list
/// holds many such texts.
const TEXT_MAX: usize = 1024 * 1024;

/// Pictures that come with one message at most.
const PICTURES_MAX: usize = 4;

/// Characters of a picture's data at most, as sent.
const PICTURE_MAX: usize = 5 * 1024 * 1024;

/// Characters of a picture's name at most.
const NAME_MAX: usize = 255;

/// The sorts of pictures.
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// What somebody says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dialects::milady) struct Said {
    text: String,
    channel: &'static str,
    /// The names of pictures. Their bytes are not kept: what reads letters knows nothing of pictures.
    pictures: Vec<String>,
}

impl Said {
    /// Words alone.
    ///
    /// # Errors
    /// That there are too many.
    pub(in crate::dialects::milady) fn words(text: String) -> Result<Self, MiladyError> {
        if text.len() > TEXT_MAX {
            return Err(MiladyError::bad(format!("text is too long (max {TEXT_MAX} bytes)")));
        }
        Ok(Self { text, channel: DM, pictures: Vec::new() })
    }

    /// What a body says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::dialects::milady) fn read(
        body: &mut Map<String, Value>,
    ) -> Result<Self, MiladyError> {
        let text = match body.shift_remove("text") {
            Some(Value::String(text)) if !text.trim().is_empty() => text.trim().to_owned(),
            _ => return Err(MiladyError::bad("text is required")),
        };
        let words = Self::words(text)?;
        let channel = channel(body.get("channelType"))?;
        let pictures = pictures(body.get("images"))?;
        Ok(Self { channel, pictures, ..words })
    }

    /// The words.
    pub(in crate::dialects::milady) fn text(&self) -> &str {
        &self.text
    }

    /// As an agent remembers it.
    pub(in crate::dialects::milady) fn content(self) -> Map<String, Value> {
        let Self { text, channel, pictures } = self;
        let mut content = Map::new();
        content.insert("text".to_owned(), Value::String(text));
        content.insert("source".to_owned(), json!(SOURCE));
        content.insert("channelType".to_owned(), json!(channel));
        if !pictures.is_empty() {
            let pictures = pictures.into_iter().enumerate().map(|(index, name)| {
                let id = format!("img-{index}");
                json!({
                    "id": id, "url": format!("attachment:{id}"), "title": name,
                    "source": SOURCE, "contentType": "image",
                    "description": "A picture that was not kept", "text": "",
                })
            });
            content.insert("attachments".to_owned(), pictures.collect());
        }
        content
    }
}

fn channel(asked: Option<&Value>) -> Result<&'static str, MiladyError> {
    let name = match asked {
        None | Some(Value::Null) => return Ok(DM),
        Some(Value::String(name)) => name.trim(),
        Some(_) => "",
    };
    let known = CHANNELS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    known.ok_or_else(|| MiladyError::bad("channelType is invalid"))
}

/// The names of the pictures, once each of them is sound.
fn pictures(sent: Option<&Value>) -> Result<Vec<String>, MiladyError> {
    let pictures = match sent {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(pictures)) => pictures,
        Some(_) => return Err(MiladyError::bad("images must be an array")),
    };
    if pictures.len() > PICTURES_MAX {
        return Err(MiladyError::bad(format!("Too many images (max {PICTURES_MAX})")));
    }
    pictures.iter().map(|picture| named(picture).map_err(MiladyError::bad)).collect()
}

fn named(picture: &Value) -> Result<String, &'static str> {
    let text = |key: &str| picture.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
    let data = text("data").ok_or("Each image must have a non-empty data string")?;
    if data.starts_with("data:") {
        return Err("Image data must be raw base64, not a data URL");
    }
    if data.len() > PICTURE_MAX {
        return Err("Image too large (max 5 MB per image)");
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !data.bytes().all(is_base64) {
        return Err("Image data must be raw base64");
    }
    let sort = text("mimeType").ok_or("Each image must have a mimeType string")?;
    if !PICTURES.iter().any(|known| known.eq_ignore_ascii_case(sort)) {
        return Err("Unsupported image type");
    }
    let name = text("name").ok_or("Each image must have a name string")?;
    if name.encode_utf16().count() > NAME_MAX {
        return Err("Image name too long (max 255 characters)");
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Map<String, Value>, String> {
        let mut body = body.as_object().cloned().unwrap();
        Said::read(&mut body).map(Said::content).map_err(|error| error.to_string())
    }

    #[test]
    fn words_a_channel_and_pictures_are_read() {
        let picture = json!({"data": "aGk=", "mimeType": "image/PNG", "name": "hi.png"});
        for (body, expected) in [
            (
                json!({"text": " hi ", "conversationMode": "simple"}),
                json!({"text": "hi", "source": "client_chat", "channelType": "DM"}),
            ),
            (
                json!({"text": "hi", "channelType": "voice_dm", "images": null}),
                json!({"text": "hi", "source": "client_chat", "channelType": "VOICE_DM"}),
            ),
            (
                json!({"text": "hi", "images": [picture]}),
                json!({
                    "text": "hi", "source": "client_chat", "channelType": "DM",
                    "attachments": [{
                        "id": "img-0", "url": "attachment:img-0", "title": "hi.png",
                        "source": "client_chat", "contentType": "image",
                        "description": "A picture that was not kept", "text": "",
                    }],
                }),
            ),
        ] {
            assert_eq!(read(body).map(Value::Object), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let picture = |key: &str, value: Value| {
            let mut picture = json!({"data": "aGk=", "mimeType": "image/png", "name": "x"});
            picture[key] = value;
            json!({"text": "hi", "images": [picture]})
        };
        for (body, words) in [
            (json!({}), "text is required"),
            (json!({"text": " \n"}), "text is required"),
            (json!({"text": 5}), "text is required"),
            (json!({"text": "x".repeat(TEXT_MAX + 1)}), "text is too long"),
            (json!({"text": "x", "channelType": "PIGEON"}), "channelType is invalid"),
            (json!({"text": "x", "channelType": 5}), "channelType is invalid"),
            (json!({"text": "x", "images": {}}), "images must be an array"),
            (json!({"text": "x", "images": [1, 2, 3, 4, 5]}), "Too many images (max 4)"),
            (json!({"text": "x", "images": [1]}), "Each image must have a non-empty data string"),
            (picture("data", json!("")), "Each image must have a non-empty data string"),
            (
                picture("data", json!("data:image/png;base64,aGk=")),
                "Image data must be raw base64, not a data URL",
            ),
            (picture("data", json!("a b")), "Image data must be raw base64"),
            (picture("data", json!("a".repeat(PICTURE_MAX + 1))), "Image too large"),
            (picture("mimeType", json!(5)), "Each image must have a mimeType string"),
            (picture("mimeType", json!("image/svg+xml")), "Unsupported image type"),
            (picture("name", json!("")), "Each image must have a name string"),
            (picture("name", json!("n".repeat(256))), "Image name too long"),
        ] {
            let refused = read(body).unwrap_err();
            assert!(refused.starts_with(words), "{refused} instead of {words}");
        }
    }
}
