//! Sound: what sort a file is, what is in it, and files made of sound.
//!
//! Inside, sound has one form: one channel at [`RATE`], each sample between -1 and 1.

mod container;
mod decode;
mod encode;
mod resample;
#[cfg(test)]
mod tests;
mod vorbis;

use std::io;
use std::path::Path;

use tokio::fs::File;
use tokio::io::AsyncReadExt;

pub use container::Container;
pub use decode::{DecodeError, Limits, decode};
pub use encode::encode;
pub(super) use encode::sample16;

/// Samples of a second: what recognisers are trained on, and a rate that MP3 has.
pub const RATE: u32 = 16_000;

/// Of which sort a file is that is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// MPEG audio, layer III.
    #[default]
    Mp3,
    /// RIFF WAVE with 16 bits a sample.
    Wav,
}

impl Format {
    /// The format that a client names, if it can be made.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "mp3" | "mpeg" | "audio/mpeg" | "audio/mp3" => Some(Self::Mp3),
            "wav" | "wave" | "audio/wav" | "audio/x-wav" | "audio/wave" => Some(Self::Wav),
            _ => None,
        }
    }

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
        }
    }
}

/// How a file begins: as much of it as tells its [`Container`].
pub(super) async fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(container::HEAD_BYTES);
    let most = u64::try_from(container::HEAD_BYTES).unwrap_or_default();
    File::open(path).await?.take(most).read_to_end(&mut head).await?;
    Ok(head)
}
