//! The ear of this machine: files of sound become samples, by the decoders that are built in, or else
//! by ffmpeg where it is installed.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::SpeechError;
use super::programs::{Place, Run, Works};
use super::sound::{Container, DecodeError, Limits, RATE, decode};
use crate::programs::find;

const FFMPEG: &str = "ffmpeg";

/// What unpacks sound, and where. Clones share the places.
#[derive(Clone)]
pub(super) struct Ear {
    pub(super) works: Works,
    pub(super) ffmpeg: PathBuf,
    /// How long a sound may be.
    pub(super) length: Duration,
    /// How long whoever asked waits.
    pub(super) timeout: Duration,
}

impl Ear {
    /// What is in a file.
    pub(super) async fn decode(&self, place: &Place, path: &Path) -> Result<Vec<f32>, SpeechError> {
        let limits = Limits { length: self.length, until: Instant::now() + self.timeout };
        let file = path.to_owned();
        // A decoder may stumble over what nobody thought of: then it is no sound.
        let broken = || DecodeError::NotSound("it broke the decoder".to_owned()).into();
        let decoded = place.work(broken, move || {
            let file =
                File::open(file).map_err(|error| DecodeError::NotSound(error.to_string()))?;
            Ok(decode(file, limits)?)
        });
        match decoded.await {
            Err(SpeechError::Undecoded(DecodeError::Unsupported(container))) => {
                self.unpack(path, container).await
            }
            decoded => decoded,
        }
    }

    /// The same by ffmpeg.
    async fn unpack(&self, path: &Path, container: Container) -> Result<Vec<f32>, SpeechError> {
        let Some(program) = find(&self.ffmpeg) else {
            return Err(DecodeError::Unsupported(container).into());
        };
        let rate = RATE.to_string();
        let most = self.length.as_secs().saturating_add(1);
        let (length, mut input) = (most.to_string(), std::ffi::OsString::from("file:"));
        input.push(path);
        let arguments = [
            OsStr::new("-nostdin"),
            OsStr::new("-v"),
            OsStr::new("error"),
            // Nothing but this file, and it is what it was found to be: a list of other files, on
            // this machine or another, is not followed.
            OsStr::new("-protocol_whitelist"),
            OsStr::new("file,pipe"),
            OsStr::new("-f"),
            OsStr::new(demuxer(container)),
            OsStr::new("-i"),
            &input,
            OsStr::new("-map"),
            OsStr::new("0:a:0"),
            OsStr::new("-t"),
            OsStr::new(&length),
            OsStr::new("-ac"),
            OsStr::new("1"),
            OsStr::new("-ar"),
            OsStr::new(&rate),
            OsStr::new("-f"),
            OsStr::new("f32le"),
            OsStr::new("pipe:1"),
        ];
        let samples = |seconds: u64| {
            let bytes = seconds.saturating_mul(u64::from(RATE)).saturating_mul(4);
            usize::try_from(bytes).unwrap_or(usize::MAX)
        };
        let run = Run {
            name: FFMPEG,
            program: &program,
            arguments: &arguments,
            input: Vec::new(),
            output_max: samples(most.saturating_add(1)),
        };
        let made = run.output().await.map_err(|failed| {
            tracing::debug!(%failed, "ffmpeg could not unpack a sound");
            DecodeError::NotSound(format!("ffmpeg cannot unpack this {}", container.extension()))
        })?;
        if made.len() > samples(self.length.as_secs()) {
            return Err(DecodeError::TooLong(self.length).into());
        }
        let (whole, _) = made.as_chunks::<4>();
        if whole.is_empty() {
            return Err(DecodeError::NotSound("there is nothing in it".to_owned()).into());
        }
        Ok(whole.iter().map(|sample| f32::from_le_bytes(*sample)).collect())
    }
}

/// What ffmpeg calls the format.
fn demuxer(container: Container) -> &'static str {
    match container {
        Container::Wav => "wav",
        Container::Mp3 => "mp3",
        Container::Aac => "aac",
        Container::Ogg => "ogg",
        Container::Flac => "flac",
        Container::Webm => "matroska",
        Container::Mp4 => "mov",
    }
}
