//! What is in a file of sound.

use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::RATE;
use super::container::{Container, HEAD_BYTES};
use super::resample::Resampler;
use super::vorbis;

/// How much of a file is decoded. A small file may hold hours of silence.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the sound may be.
    pub length: Duration,
    /// When whoever asked is gone.
    pub until: Instant,
}

/// Why there is no sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is no sound, or broken.
    #[error("not a sound that can be read: {0}")]
    NotSound(String),
    /// It is packed as no decoder here can unpack it.
    #[error("no decoder for this sound in {}", .0.extension())]
    Unsupported(Container),
    /// It is longer than is allowed.
    #[error("the sound is longer than {} seconds", .0.as_secs())]
    TooLong(Duration),
    /// It took too long.
    #[error("decoding took too long")]
    TooSlow,
}

/// Decodes a whole file to one channel at [`RATE`]. Blocks.
///
/// # Errors
/// Each [`DecodeError`] where its words apply.
pub fn decode(source: impl MediaSource + 'static, limits: Limits) -> Result<Vec<f32>, DecodeError> {
    // Decoders compute with what a file says of itself: one that lies may break them.
    let whole = catch_unwind(AssertUnwindSafe(|| whole(source, limits)));
    whole.unwrap_or_else(|_panic| {
        Err(DecodeError::NotSound("what it says of itself cannot be".to_owned()))
    })
}

fn whole(mut source: impl MediaSource + 'static, limits: Limits) -> Result<Vec<f32>, DecodeError> {
    let container = sniff(&mut source)?;
    let mut reader = open(source, container)?;
    let (track, mut decoder) = decoder(reader.as_ref(), container)?;
    let mut sound = Sound { limits, resampler: None, samples: Vec::new() };
    let mut interleaved = Vec::new();
    loop {
        if Instant::now() >= limits.until {
            return Err(DecodeError::TooSlow);
        }
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // The end is missing, as in what was recorded until somebody hung up; or another
            // stream follows, which is not that recording any more.
            Err(Error::IoError(_) | Error::ResetRequired) => break,
            Err(error) if sound.samples.is_empty() => return Err(not_sound(&error)),
            Err(_) => break,
        };
        if packet.track_id != track {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(piece) => {
                piece.copy_to_vec_interleaved(&mut interleaved);
                let (rate, channels) = (piece.spec().rate(), piece.spec().channels().count());
                sound.take(&interleaved, rate, channels)?;
            }
            // One packet less.
            Err(Error::DecodeError(_) | Error::IoError(_)) => {}
            Err(error) if sound.samples.is_empty() => return Err(not_sound(&error)),
            Err(_) => break,
        }
    }
    sound.whole()
}

/// Finds out what a file is, and goes back to its beginning.
fn sniff(source: &mut (impl Read + Seek)) -> Result<Container, DecodeError> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let bytes = u64::try_from(HEAD_BYTES).unwrap_or_default();
    let read = source.take(bytes).read_to_end(&mut head);
    let back = read.and_then(|_| source.seek(SeekFrom::Start(0)));
    back.map_err(|error| DecodeError::NotSound(error.to_string()))?;
    let unknown = || DecodeError::NotSound("it begins like no format of sound".to_owned());
    Container::of(&head).ok_or_else(unknown)
}

fn open(
    source: impl MediaSource + 'static,
    container: Container,
) -> Result<Box<dyn FormatReader>, DecodeError> {
    let mut hint = Hint::new();
    hint.with_extension(container.extension());
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
    let reader = symphonia::default::get_probe().probe(&hint, stream, options, metadata);
    reader.map_err(|error| match error {
        // What these may hold is without end; the others are what they are.
        Error::Unsupported(_)
            if matches!(container, Container::Webm | Container::Mp4 | Container::Ogg) =>
        {
            DecodeError::Unsupported(container)
        }
        error => not_sound(&error),
    })
}

fn decoder(
    reader: &dyn FormatReader,
    container: Container,
) -> Result<(u32, Box<dyn AudioDecoder>), DecodeError> {
    let track = reader.default_track(TrackType::Audio);
    let track =
        track.ok_or_else(|| DecodeError::NotSound("it has no track of sound".to_owned()))?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    // A track of an unknown codec has none.
    let parameters = parameters.ok_or(DecodeError::Unsupported(container))?;
    let headers = parameters.extra_data.as_deref().unwrap_or_default();
    if parameters.codec == CODEC_ID_VORBIS && !vorbis::is_sane(headers) {
        return Err(DecodeError::NotSound("its codebooks are broken or too large".to_owned()));
    }
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default());
    let decoder = decoder.map_err(|error| match error {
        Error::Unsupported(_) => DecodeError::Unsupported(container),
        error => not_sound(&error),
    })?;
    Ok((track.id, decoder))
}

fn not_sound(error: &Error) -> DecodeError {
    DecodeError::NotSound(error.to_string())
}

/// The sound so far.
struct Sound {
    limits: Limits,
    /// With the rate that it is made for; absent before the first samples.
    resampler: Option<(u32, Resampler)>,
    samples: Vec<f32>,
}

impl Sound {
    /// Takes some samples of all channels.
    fn take(&mut self, samples: &[f32], rate: u32, channels: usize) -> Result<(), DecodeError> {
        let Some(width) = u16::try_from(channels).ok().filter(|channels| *channels > 0) else {
            return Ok(());
        };
        let resampler = match &mut self.resampler {
            Some((known, resampler)) if *known == rate => resampler,
            Some(_) => {
                return Err(DecodeError::NotSound("its rate changes on the way".to_owned()));
            }
            none => {
                let made = Resampler::new(rate, RATE);
                let made = made.ok_or_else(|| {
                    DecodeError::NotSound(format!("{rate} samples a second are no recording"))
                })?;
                &mut none.insert((rate, made)).1
            }
        };
        let mono = samples.chunks_exact(channels).map(|frame| {
            let mixed = frame.iter().sum::<f32>() / f32::from(width);
            // A file may hold what is no number.
            if mixed.is_finite() { mixed.clamp(-1.0, 1.0) } else { 0.0 }
        });
        resampler.push(mono, &mut self.samples);
        self.check()
    }

    fn check(&self) -> Result<(), DecodeError> {
        let most = self.limits.length.as_secs().saturating_mul(u64::from(RATE));
        if u64::try_from(self.samples.len()).is_ok_and(|length| length <= most) {
            Ok(())
        } else {
            Err(DecodeError::TooLong(self.limits.length))
        }
    }

    fn whole(mut self) -> Result<Vec<f32>, DecodeError> {
        let Some((_, resampler)) = self.resampler.take() else {
            return Err(DecodeError::NotSound("there is nothing in it".to_owned()));
        };
        resampler.finish(&mut self.samples);
        Ok(self.samples)
    }
}
