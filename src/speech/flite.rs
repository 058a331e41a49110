//! Speaks with flite, a small synthesizer that is a program of this machine.

use std::ffi::OsStr;
use std::path::PathBuf;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use super::SpeechError;
use super::engine::{Spoken, Synthesizer, Utterance};
use super::listening::Ear;
use super::programs::Run;
use super::sound::encode;
use crate::media::Spool;
use crate::programs::find;

const NAME: &str = "flite";

/// Bytes of its list of voices.
const VOICES_MAX_BYTES: usize = 16 * 1024;

/// flite, where it is installed.
pub(super) struct Flite {
    program: PathBuf,
    /// The voice where nobody asks for one that there is.
    voice: String,
    /// The voices that it has.
    voices: OnceCell<Vec<String>>,
    ear: Ear,
    spool: Spool,
}

impl Flite {
    pub(super) fn new(program: PathBuf, voice: String, ear: Ear, spool: Spool) -> Self {
        Self { program, voice, voices: OnceCell::new(), ear, spool }
    }

    fn program(&self) -> Result<PathBuf, SpeechError> {
        find(&self.program).ok_or(SpeechError::NoSynthesizer)
    }

    /// The voice that is meant. Only names that flite itself lists: it would take an address or a path
    /// for a voice to be fetched.
    async fn voice(&self, wished: Option<String>) -> Result<String, SpeechError> {
        let Some(wished) = wished else { return Ok(self.voice.clone()) };
        let program = self.program()?;
        let list = || async {
            let arguments = [OsStr::new("-lv")];
            let run = Run {
                name: NAME,
                program: &program,
                arguments: &arguments,
                input: Vec::new(),
                output_max: VOICES_MAX_BYTES,
            };
            let listed = run.output().await?;
            let listed = String::from_utf8_lossy(&listed).into_owned();
            let names = listed.split_once(':').map_or("", |(_, names)| names);
            Ok::<_, SpeechError>(names.split_whitespace().map(str::to_owned).collect())
        };
        let voices = self.voices.get_or_try_init(list).await?;
        let is_there = voices.contains(&wished);
        Ok(if is_there { wished } else { self.voice.clone() })
    }

    async fn spoken(&self, utterance: Utterance) -> Result<Spoken, SpeechError> {
        let Utterance { text, voice, speed, format } = utterance;
        let program = self.program()?;
        let place = self.ear.works.enter().await?;
        let voice = self.voice(voice).await?;
        // It appends sentence by sentence, which no pipe can hold.
        let failed = |error: std::io::Error| SpeechError::program(NAME, error);
        let file = self.spool.begin().await.map_err(failed)?.finish().await.map_err(failed)?;
        let stretch = format!("duration_stretch={}", 1.0 / speed.unwrap_or(1.0));
        let arguments = [
            OsStr::new("-voice"),
            OsStr::new(&voice),
            OsStr::new("--setf"),
            OsStr::new(&stretch),
            OsStr::new("-f"),
            OsStr::new("/dev/stdin"),
            OsStr::new("-o"),
            file.path().as_os_str(),
        ];
        // Without a word in it, it makes no file.
        let input = format!("{text}\n").into_bytes();
        let run =
            Run { name: NAME, program: &program, arguments: &arguments, input, output_max: 0 };
        run.output().await?;
        let samples = self.ear.decode(&place, file.path()).await?;
        let broken = || SpeechError::program(NAME, "the sound could not be packed");
        let work = move || encode(&samples, format).map_err(|why| SpeechError::program(NAME, why));
        let bytes = place.work(broken, work).await?;
        Ok(Spoken { bytes, format })
    }
}

impl Synthesizer for Flite {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn is_there(&self) -> bool {
        find(&self.program).is_some()
    }

    fn speak(&self, utterance: Utterance) -> BoxFuture<'_, Result<Spoken, SpeechError>> {
        self.spoken(utterance).boxed()
    }
}
