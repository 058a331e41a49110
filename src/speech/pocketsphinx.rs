//! Listens with PocketSphinx, a small recogniser of English that is a program of this machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::SpeechError;
use super::engine::{Recognizer, Recording};
use super::listening::Ear;
use super::programs::Run;
use super::sound::{RATE, sample16};
use crate::programs::find;

const NAME: &str = "pocketsphinx";

/// Bytes of what is heard. Ten minutes of quick talk, with the place of each word, are about a tenth
/// of it.
const WORDS_MAX_BYTES: usize = 1024 * 1024;

/// Silence before and after, so that it hears where words begin and end: 0.3 s.
const SILENCE: u32 = RATE * 3 / 10;

/// How loud the loudest sample is made: −3 dB, which its model is used to.
const PEAK: f32 = 0.707;

/// How much louder that may make a whisper. Beyond, it would be noise that speaks.
const GAIN_MAX: f32 = 30.0;

/// What the program is called up to version 0.8, and from version 5 on.
const PROGRAMS: [&str; 2] = ["pocketsphinx_continuous", "pocketsphinx"];

/// PocketSphinx, where it is installed.
pub(super) struct PocketSphinx {
    /// Where it is; absent: wherever it is found.
    program: Option<PathBuf>,
    ear: Ear,
}

impl PocketSphinx {
    pub(super) fn new(program: Option<PathBuf>, ear: Ear) -> Self {
        Self { program, ear }
    }

    fn program(&self) -> Option<PathBuf> {
        match &self.program {
            Some(program) => find(program),
            None => PROGRAMS.iter().find_map(|program| find(Path::new(program))),
        }
    }

    async fn heard(&self, recording: Recording<'_>) -> Result<String, SpeechError> {
        let program = self.program().ok_or(SpeechError::NoRecognizer)?;
        let place = self.ear.works.enter().await?;
        let samples = self.ear.decode(&place, recording.path).await?;
        let input = prepared(&samples);
        drop(samples);
        // Without the end of a WAV's name the older takes samples as they are, from wherever they come.
        let arguments: &[&str] = if is_old(&program) {
            &["-infile", "/dev/stdin", "-logfn", "/dev/null"]
        } else {
            &["-loglevel", "FATAL", "live", "-"]
        };
        let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
        let output_max = WORDS_MAX_BYTES;
        let run = Run { name: NAME, program: &program, arguments: &arguments, input, output_max };
        let words = run.output().await.map_err(|failed| match failed {
            SpeechError::Program { program, reason } => SpeechError::Program {
                program,
                reason: format!("{reason} (is its English model installed?)"),
            },
            other => other,
        })?;
        Ok(spoken(&String::from_utf8_lossy(&words)))
    }
}

/// Whether it is the program of the versions before 5.
fn is_old(program: &Path) -> bool {
    program.file_name().is_some_and(|name| name.to_string_lossy().contains("continuous"))
}

/// The words of what it writes: a line for each stretch of speech, which is JSON from version 5 on.
fn spoken(written: &str) -> String {
    let stretches = written.lines().map(|line| match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(stretch)) => {
            stretch.get("t").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => line.to_owned(),
    });
    let stretches: Vec<_> = stretches.collect();
    stretches.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Samples as it wants them: loud enough, with silence around, 16 bits in little-endian order.
fn prepared(samples: &[f32]) -> Vec<u8> {
    let peak = samples.iter().map(|sample| sample.abs()).fold(0.0, f32::max);
    let gain = if peak > 0.0 { (PEAK / peak).min(GAIN_MAX) } else { 1.0 };
    let silence = (0..SILENCE).map(|_| 0.0);
    let louder = samples.iter().map(|sample| sample * gain);
    let all = silence.clone().chain(louder).chain(silence);
    all.flat_map(|sample| sample16(sample).to_le_bytes()).collect()
}

impl Recognizer for PocketSphinx {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn is_there(&self) -> bool {
        self.program().is_some()
    }

    fn listen<'a>(
        &'a self,
        recording: Recording<'a>,
    ) -> BoxFuture<'a, Result<String, SpeechError>> {
        self.heard(recording).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_from_what_each_version_writes() {
        for (written, expected) in [
            ("please open\nthe  window\n", "please open the window"),
            (
                "{\"b\":0.0,\"t\":\"please open\",\"w\":[]}\n{\"t\":\"\"}\n{\"t\":\"the window\"}\n",
                "please open the window",
            ),
            ("{}\n", ""),
            ("", ""),
        ] {
            assert_eq!(spoken(written), expected, "{written}");
        }
        for (program, expected) in [
            ("/usr/bin/pocketsphinx_continuous", true),
            ("/usr/bin/pocketsphinx", false),
            ("/opt/continuous/pocketsphinx", false),
        ] {
            assert_eq!(is_old(Path::new(program)), expected, "{program}");
        }
    }

    #[test]
    fn what_is_quiet_becomes_loud_and_has_silence_around() {
        let silence = usize::try_from(SILENCE).unwrap();
        for (loudest, expected) in [(0.1_f32, 0.707), (1.0, 0.707), (0.01, 0.3), (0.0, 0.0)] {
            let bytes = prepared(&[loudest / 2.0, -loudest]);
            let samples: Vec<f32> = bytes
                .chunks_exact(2)
                .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
                .collect();
            assert_eq!(samples.len(), 2 * silence + 2);
            assert!(samples[..silence].iter().chain(&samples[silence + 2..]).all(|s| *s == 0.0));
            assert!((samples[silence + 1] + expected).abs() < 0.001, "{loudest}");
        }
    }
}
