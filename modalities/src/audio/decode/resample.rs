//! Other rates to 16 kHz, by rubato's FFT resampler (band-limited, delay taken off).

use crate::audio::RATE;
use plasticity_core::error::{Error, Result};
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::path::Path;

const WINDOW: WindowFunction = WindowFunction::BlackmanHarris2;

/// How many samples at 16 kHz `frames` samples of `rate` Hz are: ⌈frames · 16000 / rate⌉.
pub(super) fn resampled_length(frames: u64, rate: u32) -> u64 {
    (frames * u64::from(RATE)).div_ceil(u64::from(rate))
}

/// The part of a recording of which a stretch at 16 kHz is made: whole blocks of the resampler, from the block before that in
/// which the stretch begins, on which its first samples depend. They are the samples that the whole recording gives.
pub(super) struct Piece {
    rate: u32,
    /// Its first sample and how many it has, at the recording's rate.
    pub from: usize,
    pub count: usize,
    /// Samples at 16 kHz that lie before the stretch, and of it.
    before: usize,
    wanted: usize,
}

impl Piece {
    /// Of a recording of `frames` samples of `rate` Hz, for `wanted` samples at 16 kHz from sample `start` on.
    pub fn of(rate: u32, frames: u64, start: usize, wanted: usize) -> Self {
        let (ours, theirs) = (block(rate), block(rate) / step(rate) * step_out(rate));
        // The filter delays by half a block.
        let (first, end) = (start + theirs / 2, start + wanted + theirs / 2);
        let first = (first / theirs).saturating_sub(1);
        let from = first * ours;
        let count = (end.div_ceil(theirs) * ours).min(frames as usize).saturating_sub(from);
        Self { rate, from, count, before: start - first * theirs, wanted }
    }

    /// The stretch, of the part's samples.
    pub fn resample(&self, path: &Path, samples: Vec<f32>) -> Result<Vec<f32>> {
        let rate = self.rate;
        let wrong =
            |e: &dyn std::fmt::Display| Error::file(path, format!("cannot be resampled from {rate} Hz: {e}"));
        let len = samples.len();
        if len == 0 {
            return Ok(samples);
        }
        let input = InterleavedOwned::new_from(samples, 1, len).map_err(|e| wrong(&e))?;
        let mut resampler =
            Fft::<f32>::new_custom(rate as usize, RATE as usize, block(rate), 1, 1, WINDOW, FixedSync::Input)
                .map_err(|e| wrong(&e))?;
        let output = resampler.process_all(&input, len, None).map_err(|e| wrong(&e))?;
        let mut output = output.take_data();
        output.resize(self.before + self.wanted, 0.0);
        Ok(output.split_off(self.before))
    }
}

/// Samples that the resampler takes at once: an even number of samples on both sides, so that the filter's delay is whole, and
/// taken off exactly.
fn block(rate: u32) -> usize {
    step(rate) * 1024_usize.div_ceil(step(rate)).next_multiple_of(2)
}

/// The fewest samples that are a whole number of samples at 16 kHz.
fn step(rate: u32) -> usize {
    (rate / gcd(rate, RATE)) as usize
}

/// That number.
fn step_out(rate: u32) -> usize {
    (RATE / gcd(rate, RATE)) as usize
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
