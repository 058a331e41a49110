//! Of which sort a file of sound is, by how it begins.

/// Bytes at the beginning of a file that are looked at.
pub(super) const HEAD_BYTES: usize = 16;

/// How sound is packed in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// RIFF WAVE.
    Wav,
    /// MPEG audio, layers I to III.
    Mp3,
    /// AAC in ADTS frames.
    Aac,
    /// Ogg.
    Ogg,
    /// FLAC by itself.
    Flac,
    /// Matroska, of which WebM is a part.
    Webm,
    /// MPEG-4.
    Mp4,
}

impl Container {
    /// What a file is that begins so; `None` if it is no sound that is known.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        match *head {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'O', b'g', b'g', b'S', ..] => Some(Self::Ogg),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::Webm),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            [b'I', b'D', b'3', ..] => Some(Self::Mp3),
            // Twelve bits of sync; of layer 0, which MPEG audio has not, are the frames of AAC.
            [0xff, second, ..] if second & 0xf6 == 0xf0 => Some(Self::Aac),
            [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Some(Self::Mp3),
            _ => None,
        }
    }

    /// The usual end of the name of such a file.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Aac => "aac",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Webm => "webm",
            Self::Mp4 => "mp4",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Aac => "audio/aac",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Webm => "audio/webm",
            Self::Mp4 => "audio/mp4",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_how_it_begins() {
        for (head, expected) in [
            (b"RIFF\x24\0\0\0WAVEfmt ".as_slice(), Some(Container::Wav)),
            (b"RIFF\x24\0\0\0AVI LIST", None),
            (b"OggS\0\x02", Some(Container::Ogg)),
            (b"fLaC\0\0\0\x22", Some(Container::Flac)),
            (b"\x1a\x45\xdf\xa3\x9f", Some(Container::Webm)),
            (b"\0\0\0\x20ftypM4A ", Some(Container::Mp4)),
            (b"ID3\x04\0", Some(Container::Mp3)),
            (b"\xff\xfb\x90\x64", Some(Container::Mp3)),
            (b"\xff\xf3\x40\xc4", Some(Container::Mp3)),
            (b"\xff\xf1\x50\x80", Some(Container::Aac)),
            (b"\xff\xf9\x50\x80", Some(Container::Aac)),
            (b"\xff\xd8\xff\xe0", None),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"RIF", None),
            (b"", None),
        ] {
            assert_eq!(Container::of(head), expected, "{head:?}");
        }
    }
}
