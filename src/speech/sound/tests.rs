//! Files of all sorts, whole and broken. What each was made of: flite's «Please open the window.»,
//! packed by ffmpeg.

use std::io::Cursor;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavSpec, WavWriter};
use proptest::prelude::*;

use super::*;

fn limits() -> Limits {
    let until = Instant::now() + Duration::from_secs(3_600);
    Limits { length: Duration::from_secs(600), until }
}

fn decoded(file: &[u8]) -> Result<Vec<f32>, DecodeError> {
    decode(Cursor::new(file.to_vec()), limits())
}

fn sample(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/sound");
    std::fs::read(folder.join(name)).unwrap()
}

/// A tone of 440 Hz, for so many tenths of a second, as loud as half.
fn tone(tenths: u16) -> Vec<f32> {
    let step = std::f32::consts::TAU * 440.0 / 16_000.0;
    (0..tenths * 1_600).map(|n| (step * f32::from(n % 8_000)).sin() / 2.0).collect()
}

/// How much of it is a tone of 440 Hz: the share of its power.
fn likeness(samples: &[f32]) -> f32 {
    let step = std::f32::consts::TAU * 440.0 / 16_000.0;
    let (mut sine, mut cosine, mut all) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = step * f32::from(u16::try_from(n % 8_000).unwrap());
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
        all += sample * sample;
    }
    let count = f32::from(u16::try_from(samples.len()).unwrap());
    2.0 * (sine * sine + cosine * cosine) / (count * all)
}

fn wav(spec: WavSpec, samples: &[f32]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for sample in samples {
        for _ in 0..spec.channels {
            match (spec.sample_format, spec.bits_per_sample) {
                (SampleFormat::Float, _) => writer.write_sample(*sample).unwrap(),
                (_, 8) => {
                    writer.write_sample(i8::try_from(sample16(*sample) >> 8).unwrap()).unwrap()
                }
                (_, 16) => writer.write_sample(sample16(*sample)).unwrap(),
                _ => writer.write_sample(i32::from(sample16(*sample)) << 8).unwrap(),
            }
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

#[test]
fn what_is_packed_here_sounds_the_same_when_unpacked() {
    let tone = tone(10);
    for (format, container, most) in
        [(Format::Wav, Container::Wav, 33_000), (Format::Mp3, Container::Mp3, 9_500)]
    {
        let file = encode(&tone, format).unwrap();
        assert_eq!(Container::of(&file), Some(container));
        assert!(file.len() < most, "{format:?}: {}", file.len());
        let samples = decoded(&file).unwrap();
        // An MP3 is a whole number of frames.
        assert!(samples.len().abs_diff(tone.len()) < 1_200, "{format:?}: {}", samples.len());
        assert!(likeness(&samples) > 0.95, "{format:?}: {}", likeness(&samples));
    }
}

#[test]
fn nothing_at_all_can_be_packed() {
    for format in [Format::Wav, Format::Mp3] {
        let file = encode(&[], format).unwrap();
        assert!(file.len() < 2_000, "{format:?}: {}", file.len());
    }
}

#[test]
fn a_wav_may_be_of_many_kinds() {
    let tone = tone(5);
    for (channels, bits_per_sample, sample_format) in [
        (1, 8, SampleFormat::Int),
        (1, 16, SampleFormat::Int),
        (2, 16, SampleFormat::Int),
        (6, 24, SampleFormat::Int),
        (2, 32, SampleFormat::Float),
    ] {
        let spec = WavSpec { channels, sample_rate: 16_000, bits_per_sample, sample_format };
        let samples = decoded(&wav(spec, &tone)).unwrap();
        assert!(samples.len().abs_diff(tone.len()) <= 1, "{spec:?}: {}", samples.len());
        assert!(likeness(&samples) > 0.99, "{spec:?}: {}", likeness(&samples));
    }
}

#[test]
fn each_format_that_is_built_in_is_unpacked() {
    for (name, container) in [
        ("sentence.ogg", Container::Ogg),
        ("sentence.flac", Container::Flac),
        ("vorbis.webm", Container::Webm),
        ("sentence.m4a", Container::Mp4),
        ("sentence.aac", Container::Aac),
        ("stereo.mp3", Container::Mp3),
    ] {
        let file = sample(name);
        assert_eq!(Container::of(&file), Some(container), "{name}");
        let samples = decoded(&file).unwrap();
        let seconds = f64::from(u32::try_from(samples.len()).unwrap()) / f64::from(RATE);
        assert!((1.2..1.8).contains(&seconds), "{name}: {seconds} s");
        let loudest = samples.iter().map(|sample| sample.abs()).fold(0.0, f32::max);
        assert!(loudest > 0.2, "{name}: {loudest}");
    }
    for (name, container) in [("opus.webm", Container::Webm), ("opus.ogg", Container::Ogg)] {
        assert_eq!(decoded(&sample(name)), Err(DecodeError::Unsupported(container)), "{name}");
    }
}

#[test]
fn what_is_no_sound_is_refused_with_the_reason() {
    let mono = |sample_rate| WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    for (file, words) in [
        (b"".to_vec(), "it begins like no format"),
        (b"<html>".to_vec(), "it begins like no format"),
        (b"\x89PNG\r\n\x1a\n".to_vec(), "it begins like no format"),
        (b"RIFF\x24\0\0\0WAVE".to_vec(), "not a sound"),
        (b"ID3\x04\0\0\0\0\0\0".to_vec(), "not a sound"),
        (wav(mono(16_000), &[]), "there is nothing in it"),
        (wav(mono(100), &tone(1)), "100 samples a second are no recording"),
        (of_many_channels(wav(mono(16_000), &tone(1))), "not a sound"),
    ] {
        let refused = decoded(&file).unwrap_err();
        assert!(matches!(refused, DecodeError::NotSound(_)), "{refused:?}");
        assert!(refused.to_string().contains(words), "{file:?}: {refused}");
    }
}

/// The same file, which says that it has 32,769 channels: more than a decoder may multiply.
fn of_many_channels(mut wav: Vec<u8>) -> Vec<u8> {
    wav[23] = 0x80;
    wav
}

#[test]
fn a_sound_that_is_too_long_or_takes_too_long_is_given_up() {
    let file = encode(&tone(30), Format::Wav).unwrap();
    let short = Limits { length: Duration::from_secs(2), ..limits() };
    let refused = decode(Cursor::new(file.clone()), short);
    assert_eq!(refused, Err(DecodeError::TooLong(short.length)));
    let late = Limits { until: Instant::now(), ..limits() };
    assert_eq!(decode(Cursor::new(file), late), Err(DecodeError::TooSlow));
}

#[test]
fn what_was_recorded_until_somebody_hung_up_is_heard() {
    for name in ["sentence.ogg", "sentence.flac", "sentence.aac", "stereo.mp3"] {
        let file = sample(name);
        let whole = decoded(&file).unwrap().len();
        let most = decoded(&file[..file.len() * 9 / 10]);
        let most = most.unwrap_or_else(|error| panic!("{name}: {error}")).len();
        assert!(most > 0 && most < whole, "{name}: {most} of {whole}");
    }
}

/// Every sample, and one of our own.
fn files() -> Vec<Vec<u8>> {
    let names = ["sentence.ogg", "sentence.flac", "vorbis.webm", "opus.webm", "sentence.m4a"];
    let names = names.iter().chain(&["sentence.aac", "stereo.mp3", "opus.ogg"]);
    let own = encode(&tone(2), Format::Wav).unwrap();
    names.map(|name| sample(name)).chain([own]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_breaks_the_decoder(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        is_early in any::<bool>(),
    ) {
        let files = files();
        let mut file = which.get(&files).clone();
        file.truncate(cut.index(file.len()) + 1);
        for (place, byte) in changes {
            // Most of what steers a decoder stands at the beginning.
            let reach = if is_early { file.len().min(256) } else { file.len() };
            let place = place.index(reach);
            file[place] = byte;
        }
        let short = Limits { length: Duration::from_secs(30), ..limits() };
        if let Ok(samples) = decode(Cursor::new(file), short) {
            prop_assert!(samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
