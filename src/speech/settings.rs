//! What an operator says about speech.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[speech]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechSettings {
    /// The provider's model that speaks, as models are named: `PROVIDER:MODEL` or
    /// `PROVIDER:MODEL@URL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthesizer: Option<String>,
    /// The provider's model that listens, named the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recognizer: Option<String>,
    /// The environment variable that holds the key of both; absent: the provider's usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// The provider's voice, where the agent asks for none.
    pub voice: String,
    /// Whether programs of this machine stand in where no provider is named.
    pub uses_programs: bool,
    /// The program that speaks: a name to look for, or a path.
    pub flite: PathBuf,
    /// Its voice, where the agent asks for none that it has.
    pub flite_voice: String,
    /// The program that listens; absent: `pocketsphinx_continuous`, or else `pocketsphinx`, which is
    /// its name from version 5 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pocketsphinx: Option<PathBuf>,
    /// The program that unpacks what is not built in, such as Opus.
    pub ffmpeg: PathBuf,
    /// Pieces of work on this machine at once: programs, decoders, encoders.
    pub works_max: u32,
    /// Pieces of work that may wait for their turn; one more is refused.
    pub works_waiting_max: u32,
    /// Seconds that speaking or listening may take, with the wait for its turn.
    pub timeout_s: u32,
    /// Characters that are spoken at once.
    pub text_max_chars: u32,
    /// Seconds of sound that are listened to.
    pub sound_max_s: u32,
}

impl Default for SpeechSettings {
    fn default() -> Self {
        Self {
            synthesizer: None,
            recognizer: None,
            api_key_env: None,
            voice: "alloy".to_owned(),
            uses_programs: true,
            flite: PathBuf::from("flite"),
            flite_voice: "rms".to_owned(),
            pocketsphinx: None,
            ffmpeg: PathBuf::from("ffmpeg"),
            works_max: 2,
            works_waiting_max: 16,
            timeout_s: 100,
            text_max_chars: 4_096,
            sound_max_s: 600,
        }
    }
}

impl SpeechSettings {
    /// Whether the values can be; what they name is checked as it is built.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (key, value, least, most) in [
            ("works_max", self.works_max, 1, 1_024),
            ("works_waiting_max", self.works_waiting_max, 0, 65_536),
            ("timeout_s", self.timeout_s, 1, 3_600),
            ("text_max_chars", self.text_max_chars, 1, 100_000),
            ("sound_max_s", self.sound_max_s, 1, 7_200),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!("{key} is {value}, and must be {least} to {most}"));
            }
        }
        // It becomes the argument of an option.
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if self.flite_voice.is_empty() || !self.flite_voice.chars().all(is_name) {
            return Err("flite_voice must be the name of a voice".to_owned());
        }
        Ok(())
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s.into())
    }

    pub(super) fn sound_max(&self) -> Duration {
        Duration::from_secs(self.sound_max_s.into())
    }

    pub(super) fn text_max(&self) -> usize {
        usize::try_from(self.text_max_chars).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_name_their_key() {
        let fine = SpeechSettings::default;
        for (settings, key) in [
            (SpeechSettings { works_max: 0, ..fine() }, "works_max"),
            (SpeechSettings { works_waiting_max: 70_000, ..fine() }, "works_waiting_max"),
            (SpeechSettings { timeout_s: 0, ..fine() }, "timeout_s"),
            (SpeechSettings { text_max_chars: 0, ..fine() }, "text_max_chars"),
            (SpeechSettings { sound_max_s: 9_999, ..fine() }, "sound_max_s"),
            (SpeechSettings { flite_voice: "http://h/v".to_owned(), ..fine() }, "flite_voice"),
        ] {
            assert!(settings.check().unwrap_err().starts_with(key), "{key}");
        }
        assert_eq!(fine().check(), Ok(()));
    }
}
