//! From one rate of samples to another.

use symphonia::core::audio::conv::FromSample;

/// Zero crossings of the filter on each side: enough that speech keeps what recognisers listen to.
const ZEROS: u32 = 8;

/// Places between two samples at which the filter is known; the nearest is taken.
const PHASES: u32 = 256;

/// The rates that are taken. What is beyond is no recording, and would make the filter long.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// Turns samples of one rate into samples of another, piece by piece: a windowed sinc, which also
/// takes away what the new rate cannot hold.
pub(super) struct Resampler {
    from: u32,
    to: u32,
    /// For each phase, the weight of each sample in the window.
    weights: Vec<Vec<f32>>,
    /// Samples of the window on each side.
    half: usize,
    /// Samples that later ones are still made of.
    heard: Vec<f32>,
    /// Where the next sample is to be made: after this one of `heard`, and so many parts of `to`.
    whole: usize,
    part: u32,
}

impl Resampler {
    /// From `from` samples a second to `to`; `None` where no recording has such a rate.
    pub(super) fn new(from: u32, to: u32) -> Option<Self> {
        if !RATES.contains(&from) || !RATES.contains(&to) {
            return None;
        }
        let half = u16::try_from(ZEROS * from.div_ceil(to).max(1)).ok()?;
        let cutoff = (f64::from(to) / f64::from(from)).min(1.0);
        let phase = |phase: u32| weights(f64::from(phase) / f64::from(PHASES), half, cutoff);
        let weights = (0..PHASES).map(phase).collect();
        let half = usize::from(half);
        // Silence before the first sample.
        let heard = vec![0.0; half];
        Some(Self { from, to, weights, half, heard, whole: half, part: 0 })
    }

    /// Takes some samples, and appends what can be made of them.
    pub(super) fn push(&mut self, samples: impl Iterator<Item = f32>, made: &mut Vec<f32>) {
        self.heard.extend(samples);
        loop {
            // The window reaches from `half - 1` before to `half` after.
            let begin = (self.whole + 1).saturating_sub(self.half);
            let Some(window) = self.heard.get(begin..self.whole + self.half + 1) else { break };
            // Less than `to` parts of `to` are less than `PHASES` phases.
            let phase = u64::from(self.part) * u64::from(PHASES) / u64::from(self.to);
            let weights = usize::try_from(phase).ok().and_then(|phase| self.weights.get(phase));
            let pairs = window.iter().zip(weights.into_iter().flatten());
            made.push(pairs.map(|(sample, weight)| sample * weight).sum());
            let parts = u64::from(self.part) + u64::from(self.from);
            let (step, part) = (parts / u64::from(self.to), parts % u64::from(self.to));
            self.whole += usize::try_from(step).unwrap_or(usize::MAX);
            self.part = u32::try_from(part).unwrap_or_default();
        }
        let spent = (self.whole + 1).saturating_sub(self.half).min(self.heard.len());
        self.heard.drain(..spent);
        self.whole -= spent;
    }

    /// Makes what is left, as if silence followed.
    pub(super) fn finish(mut self, made: &mut Vec<f32>) {
        let half = self.half;
        self.push(std::iter::repeat_n(0.0, half), made);
    }
}

/// The weights of a window of `half` samples on each side of a place `phase` after a sample.
fn weights(phase: f64, half: u16, cutoff: f64) -> Vec<f32> {
    let reach = f64::from(half);
    let weight = |place: u16| {
        let distance = f64::from(place) - (reach - 1.0) - phase;
        let angle = std::f64::consts::PI * distance;
        let sinc = if distance == 0.0 { cutoff } else { (angle * cutoff).sin() / angle };
        // Hann's window.
        let window = 0.5 + 0.5 * (angle / reach).cos();
        sinc * if distance.abs() < reach { window } else { 0.0 }
    };
    let weights: Vec<f64> = (0..half.saturating_mul(2)).map(weight).collect();
    // What does not change stays as loud as it was.
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| f32::from_sample(weight / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of that many waves a second.
    fn tone(hertz: f32, rate: u16) -> Vec<f32> {
        let step = std::f32::consts::TAU * hertz / f32::from(rate);
        (0..rate).map(|n| (step * f32::from(n)).sin()).collect()
    }

    fn resampled(samples: &[f32], from: u16, to: u16, piece: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from.into(), to.into()).unwrap();
        let mut made = Vec::new();
        for piece in samples.chunks(piece) {
            resampler.push(piece.iter().copied(), &mut made);
        }
        resampler.finish(&mut made);
        made
    }

    fn loudness(samples: &[f32]) -> f32 {
        let count = u16::try_from(samples.len()).unwrap();
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / f32::from(count)).sqrt()
    }

    #[test]
    fn a_tone_stays_itself_at_any_rate() {
        for (from, to) in [(8_000, 16_000), (44_100, 16_000), (48_000, 16_000), (16_000, 16_000)] {
            let made = resampled(&tone(440.0, from), from, to, 1_000);
            let expected = tone(440.0, to);
            assert!(made.len().abs_diff(expected.len()) <= 1, "{from}: {}", made.len());
            // The ends hear the silence around.
            let pairs = made.iter().zip(&expected).skip(20).take(expected.len() - 40);
            let off = pairs.map(|(made, expected)| (made - expected).abs()).fold(0.0, f32::max);
            assert!(off < 0.02, "{from}: {off}");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_taken_away() {
        let made = resampled(&tone(15_000.0, 48_000), 48_000, 16_000, 777);
        assert!(loudness(&made) < 0.01, "{}", loudness(&made));
    }

    #[test]
    fn pieces_make_the_same_as_the_whole() {
        let samples = tone(440.0, 44_100);
        let whole = resampled(&samples, 44_100, 16_000, samples.len());
        for piece in [1, 7, 4_096] {
            assert_eq!(resampled(&samples, 44_100, 16_000, piece), whole, "{piece}");
        }
    }

    #[test]
    fn rates_that_no_recording_has_are_refused() {
        for rate in [0, 1, 3_999, 384_001, u32::MAX] {
            assert!(Resampler::new(rate, 16_000).is_none(), "{rate}");
        }
    }
}
