//! Files made of sound.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};
use rusty_mp3::{Mp3Encoder, Mp3EncoderConfig};
use symphonia::core::audio::conv::FromSample;

use super::{Format, RATE};

/// Kilobits of a second of MP3: more than a voice at [`RATE`] needs to sound as it did.
const MP3_KBPS: u32 = 64;

/// Makes a file of one channel of sound at [`RATE`]. Takes a while for a long one.
///
/// # Errors
/// What the encoder says.
pub fn encode(samples: &[f32], format: Format) -> Result<Vec<u8>, String> {
    match format {
        Format::Mp3 => mp3(samples),
        Format::Wav => wav(samples),
    }
}

fn mp3(samples: &[f32]) -> Result<Vec<u8>, String> {
    let settings = Mp3EncoderConfig { bitrate_kbps: MP3_KBPS, vbr_quality: None };
    let mut encoder = Mp3Encoder::new(settings);
    encoder.push_pcm_f32(samples, 1, RATE).map_err(|error| error.to_string())?;
    encoder.finish();
    let mut file = Vec::new();
    // The end is an error to it.
    while let Ok(packet) = encoder.next_packet() {
        file.extend_from_slice(&packet);
    }
    Ok(file)
}

fn wav(samples: &[f32]) -> Result<Vec<u8>, String> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let write = |file: &mut Cursor<Vec<u8>>| {
        let mut writer = WavWriter::new(file, spec)?;
        for sample in samples {
            writer.write_sample(sample16(*sample))?;
        }
        writer.finalize()
    };
    write(&mut file).map_err(|error: hound::Error| error.to_string())?;
    Ok(file.into_inner())
}

/// A sample as 16 bits.
pub(crate) fn sample16(sample: f32) -> i16 {
    i16::from_sample(sample)
}
