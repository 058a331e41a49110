//! Speaks and listens through a provider, as OpenAI's protocol has it.

use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream;
use greenroom_actors::error::ModelError;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value, json};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::SpeechError;
use super::engine::{Recognizer, Recording, Spoken, Synthesizer, Utterance};
use super::sound::{Container, Format};
use crate::models::Endpoint;

/// Bytes of sound that are taken; far more than what may be said at once makes.
const SOUND_MAX_BYTES: usize = 50 * 1024 * 1024;

/// Bytes of an answer with words.
const WORDS_MAX_BYTES: usize = 1024 * 1024;

/// Bytes of a file that are sent at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A provider's model that speaks.
pub(super) struct ProviderVoice {
    pub(super) endpoint: Endpoint,
    /// The voice where nobody asks for one.
    pub(super) voice: String,
}

impl ProviderVoice {
    async fn spoken(&self, utterance: Utterance) -> Result<Spoken, SpeechError> {
        let Utterance { text, voice, speed, format } = utterance;
        let mut wish = Map::new();
        wish.insert("model".to_owned(), json!(self.endpoint.model()));
        wish.insert("input".to_owned(), json!(text));
        wish.insert("voice".to_owned(), json!(voice.as_ref().unwrap_or(&self.voice)));
        wish.insert("response_format".to_owned(), json!(format.name()));
        if let Some(speed) = speed {
            wish.insert("speed".to_owned(), json!(speed));
        }
        let request = self.endpoint.post("audio/speech").json(&wish);
        let bytes = self.endpoint.send(request, SOUND_MAX_BYTES).await?;
        // Some make what they can, whatever is asked for.
        let format = match Container::of(&bytes) {
            Some(Container::Wav) => Format::Wav,
            Some(Container::Mp3) => Format::Mp3,
            _ => {
                let reason = "the answer is neither MP3 nor WAV".to_owned();
                return Err(ModelError::Unavailable(reason).into());
            }
        };
        Ok(Spoken { bytes, format })
    }
}

impl Synthesizer for ProviderVoice {
    fn name(&self) -> String {
        name(&self.endpoint)
    }

    fn speak(&self, utterance: Utterance) -> BoxFuture<'_, Result<Spoken, SpeechError>> {
        self.spoken(utterance).boxed()
    }
}

/// A provider's model that listens.
pub(super) struct ProviderEar {
    pub(super) endpoint: Endpoint,
}

impl ProviderEar {
    async fn heard(&self, recording: Recording<'_>) -> Result<String, SpeechError> {
        let Recording { path, container, language } = recording;
        let file = file(path, container).await.map_err(|error| {
            SpeechError::Provider(ModelError::Unavailable(format!("cannot read the file: {error}")))
        })?;
        let mut form = Form::new()
            .text("model", self.endpoint.model().to_owned())
            .text("response_format", "json")
            .part("file", file);
        if let Some(language) = language {
            form = form.text("language", language.to_owned());
        }
        let request = self.endpoint.post("audio/transcriptions").multipart(form);
        let answer = self.endpoint.send(request, WORDS_MAX_BYTES).await?;
        let answer: Option<Value> = serde_json::from_slice(&answer).ok();
        let text = answer.as_ref().and_then(|answer| answer.get("text")).and_then(Value::as_str);
        let no_sense = || ModelError::Unavailable("the answer makes no sense".to_owned());
        Ok(text.ok_or_else(no_sense)?.trim().to_owned())
    }
}

/// The file as a part of a form, read as it is sent. Providers tell by the name what it is.
async fn file(path: &Path, container: Container) -> std::io::Result<Part> {
    let file = File::open(path).await?;
    let size = file.metadata().await?.len();
    let pieces = stream::try_unfold(file, |mut file| async {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    Part::stream_with_length(Body::wrap_stream(pieces), size)
        .file_name(format!("audio.{}", container.extension()))
        .mime_str(container.media_type())
        .map_err(std::io::Error::other)
}

impl Recognizer for ProviderEar {
    fn name(&self) -> String {
        name(&self.endpoint)
    }

    fn listen<'a>(
        &'a self,
        recording: Recording<'a>,
    ) -> BoxFuture<'a, Result<String, SpeechError>> {
        self.heard(recording).boxed()
    }
}

fn name(endpoint: &Endpoint) -> String {
    format!("{}:{}", endpoint.provider(), endpoint.model())
}
