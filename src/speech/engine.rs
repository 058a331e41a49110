//! What speaks and what listens: the two traits that engines implement.

use std::path::Path;

use futures::future::BoxFuture;

use super::SpeechError;
use super::sound::{Container, Format};

/// Something to be said.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// The words; not empty.
    pub text: String,
    /// The voice that is asked for; one that the engine has not is no reason to be silent.
    pub voice: Option<String>,
    /// How fast, as a multiple of the usual: 0.25 to 4.
    pub speed: Option<f32>,
    /// What sort of file is wanted.
    pub format: Format,
}

/// Something said: a file of sound.
#[derive(Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The file.
    pub bytes: Vec<u8>,
    /// What sort it is; that which was wanted, unless the engine made another.
    pub format: Format,
}

/// Something to be listened to.
#[derive(Clone, Copy, Debug)]
pub struct Recording<'a> {
    /// Where the file is.
    pub path: &'a Path,
    /// Of which sort it is.
    pub container: Container,
    /// The language that is spoken, as in ISO 639, if it is known.
    pub language: Option<&'a str>,
}

/// An engine that speaks.
pub trait Synthesizer: Send + Sync + 'static {
    /// What it is called in logs.
    fn name(&self) -> String;

    /// Whether it can be used now.
    fn is_there(&self) -> bool {
        true
    }

    /// Says something. Dropping the future ends the work.
    fn speak(&self, utterance: Utterance) -> BoxFuture<'_, Result<Spoken, SpeechError>>;
}

/// An engine that listens.
pub trait Recognizer: Send + Sync + 'static {
    /// What it is called in logs.
    fn name(&self) -> String;

    /// Whether it can be used now.
    fn is_there(&self) -> bool {
        true
    }

    /// The words that it hears, perhaps none. Dropping the future ends the work.
    fn listen<'a>(&'a self, recording: Recording<'a>)
    -> BoxFuture<'a, Result<String, SpeechError>>;
}
