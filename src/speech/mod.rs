//! Speech: words become sound, and sound becomes words.
//!
//! [`Speech`] chooses the engine: a provider that speaks as OpenAI does, where one is configured, or
//! else programs of this machine, where they are installed: flite speaks and PocketSphinx listens,
//! without any network. An agent's `settings.voice` chooses among them, never others: whoever may
//! write a character must not decide where sound is sent.
//!
//! Nothing here knows HTTP. What an agent says or hears is in [`Speech::speak_as`] and
//! [`Speech::listen_as`], which leave an entry in the agent's log.

mod agents;
mod engine;
mod error;
mod flite;
mod listening;
mod pocketsphinx;
mod programs;
mod provider;
mod settings;
pub mod sound;
#[cfg(test)]
mod tests;
mod wish;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use agents::Manner;
pub use engine::{Recognizer, Recording, Spoken, Synthesizer, Utterance};
pub use error::SpeechError;
pub use settings::SpeechSettings;
pub use wish::Wish;

use crate::media::Spool;
use crate::models::{Endpoint, ModelsError};
use flite::Flite;
use listening::Ear;
use pocketsphinx::PocketSphinx;
use programs::Works;
use provider::{ProviderEar, ProviderVoice};
use sound::{Container, DecodeError, Format};

/// Everything that speaks and listens. Clones share it.
#[derive(Clone, Default)]
pub struct Speech(Arc<Engines>);

/// What there is.
#[derive(Default)]
struct Engines {
    synthesizers: Choice<dyn Synthesizer>,
    recognizers: Choice<dyn Recognizer>,
    timeout: Duration,
    text_max: usize,
}

/// The engines of one direction.
struct Choice<T: ?Sized> {
    provider: Option<Arc<T>>,
    offline: Option<Arc<T>>,
}

impl<T: ?Sized> Default for Choice<T> {
    fn default() -> Self {
        Self { provider: None, offline: None }
    }
}

impl<T: ?Sized> Choice<T> {
    /// The engine that is wished for, or else the other one.
    fn of(&self, wish: &Wish, is_there: fn(&T) -> bool) -> Option<&Arc<T>> {
        let provider = self.provider.as_ref();
        let offline = || self.offline.as_ref().filter(|engine| is_there(engine));
        if wish.is_offline() { offline().or(provider) } else { provider.or_else(offline) }
    }
}

/// The endpoints of the two directions.
type Endpoints = (Option<Endpoint>, Option<Endpoint>);

impl SpeechSettings {
    /// The endpoints that are named, with their keys from the environment.
    ///
    /// # Errors
    /// The key at fault and what is wrong with it.
    pub(crate) fn endpoints(
        &self,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Endpoints, ModelsError> {
        let of = |line: Option<&String>, key: &str| {
            let name = self.api_key_env.as_deref();
            line.map(|line| Endpoint::of_line(line, name, key, env)).transpose()
        };
        Ok((
            of(self.synthesizer.as_ref(), "speech.synthesizer")?,
            of(self.recognizer.as_ref(), "speech.recognizer")?,
        ))
    }
}

impl Speech {
    /// What the settings name; `spool` is where programs write.
    ///
    /// # Errors
    /// The key at fault and what is wrong with it.
    pub fn build(
        settings: &SpeechSettings,
        env: &dyn Fn(&str) -> Option<String>,
        spool: Spool,
    ) -> Result<Self, ModelsError> {
        let (voice, ear) = settings.endpoints(env)?;
        let mut engines = Engines {
            timeout: settings.timeout(),
            text_max: settings.text_max(),
            ..Engines::default()
        };
        if let Some(endpoint) = voice {
            let voice = settings.voice.clone();
            engines.synthesizers.provider = Some(Arc::new(ProviderVoice { endpoint, voice }));
        }
        if let Some(endpoint) = ear {
            engines.recognizers.provider = Some(Arc::new(ProviderEar { endpoint }));
        }
        if settings.uses_programs {
            let ear = Ear {
                works: Works::new(settings.works_max, settings.works_waiting_max),
                ffmpeg: settings.ffmpeg.clone(),
                length: settings.sound_max(),
                timeout: settings.timeout(),
            };
            let (program, voice) = (settings.flite.clone(), settings.flite_voice.clone());
            let flite = Flite::new(program, voice, ear.clone(), spool);
            engines.synthesizers.offline = Some(Arc::new(flite));
            let sphinx = PocketSphinx::new(settings.pocketsphinx.clone(), ear);
            engines.recognizers.offline = Some(Arc::new(sphinx));
        }
        Ok(Self(Arc::new(engines)))
    }

    /// The engine that would speak.
    ///
    /// # Errors
    /// [`SpeechError::NoSynthesizer`].
    pub fn synthesizer(&self, wish: &Wish) -> Result<&Arc<dyn Synthesizer>, SpeechError> {
        let found = self.0.synthesizers.of(wish, |engine| engine.is_there());
        found.ok_or(SpeechError::NoSynthesizer)
    }

    /// The engine that would listen.
    ///
    /// # Errors
    /// [`SpeechError::NoRecognizer`].
    pub fn recognizer(&self, wish: &Wish) -> Result<&Arc<dyn Recognizer>, SpeechError> {
        let found = self.0.recognizers.of(wish, |engine| engine.is_there());
        found.ok_or(SpeechError::NoRecognizer)
    }

    /// Says a text.
    ///
    /// # Errors
    /// [`SpeechError::NoSynthesizer`], [`SpeechError::NothingToSay`], [`SpeechError::TextTooLong`],
    /// [`SpeechError::Busy`], [`SpeechError::TimedOut`], and what the engine says.
    pub async fn speak(
        &self,
        text: &str,
        wish: &Wish,
        format: Format,
    ) -> Result<Spoken, SpeechError> {
        let engine = self.synthesizer(wish)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(SpeechError::NothingToSay);
        }
        if text.chars().count() > self.0.text_max {
            return Err(SpeechError::TextTooLong(self.0.text_max));
        }
        // Some would take control characters for commands.
        let text = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        let (text, voice) = (text.collect(), wish.voice.clone());
        self.within(engine.speak(Utterance { text, voice, speed: wish.speed, format })).await
    }

    /// The words in a file of sound.
    ///
    /// # Errors
    /// [`SpeechError::NoRecognizer`], [`SpeechError::Undecoded`], [`SpeechError::NothingHeard`],
    /// [`SpeechError::Busy`], [`SpeechError::TimedOut`], and what the engine says.
    pub async fn listen(
        &self,
        path: &Path,
        wish: &Wish,
        language: Option<&str>,
    ) -> Result<String, SpeechError> {
        let engine = self.recognizer(wish)?;
        let container = container(path).await?;
        let recording = Recording { path, container, language };
        let words = self.within(engine.listen(recording)).await?;
        if words.is_empty() { Err(SpeechError::NothingHeard) } else { Ok(words) }
    }

    /// As much of a text as may be said at once, to the end of a word.
    #[must_use]
    pub fn speakable<'a>(&self, text: &'a str) -> &'a str {
        let Some((end, _)) = text.char_indices().nth(self.0.text_max) else { return text };
        let start = text.get(..end).unwrap_or_default();
        start.rfind(char::is_whitespace).and_then(|end| start.get(..end)).unwrap_or(start)
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, SpeechError>>,
    ) -> Result<T, SpeechError> {
        let timeout = self.0.timeout;
        tokio::time::timeout(timeout, work).await.map_err(|_late| SpeechError::TimedOut(timeout))?
    }
}

/// Of which sort a file is.
async fn container(path: &Path) -> Result<Container, SpeechError> {
    let unread = |error: std::io::Error| DecodeError::NotSound(error.to_string());
    let head = sound::head(path).await.map_err(unread)?;
    let unknown = || DecodeError::NotSound("it begins like no format of sound".to_owned());
    Ok(Container::of(&head).ok_or_else(unknown)?)
}
