//! Resamples to 16 kHz with rubato's FFT resampler (band-limited; its delay is removed).

use crate::audio::RATE;
use plasticity_core::error::{Error, Result};
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::path::Path;

const WINDOW: WindowFunction = WindowFunction::BlackmanHarris2;

/// The number of samples at 16 kHz of `frames` samples at `rate` Hz: ⌈frames · 16000 / rate⌉.
pub(super) fn resampled_length(frames: u64, rate: u32) -> u64 {
    (frames * u64::from(RATE)).div_ceil(u64::from(rate))
}

/// The part of a recording that a section at 16 kHz is made from. It consists of whole blocks of the
/// resampler. It starts one block before the block of the section's first sample, because the first samples
/// depend on that block. So the section has the samples that it has in the whole recording.
pub(super) struct Piece {
    rate: u32,
    /// The first sample of the part and the number of its samples, at the recording's rate.
    pub from: usize,
    pub count: usize,
    /// The number of samples at 16 kHz before the section, and in the section.
    before: usize,
    wanted: usize,
}

impl Piece {
    /// The part of a recording of `frames` samples at `rate` Hz, for `wanted` samples at 16 kHz from sample
    /// `start`.
    pub fn of(rate: u32, frames: u64, start: usize, wanted: usize) -> Self {
        let (ours, theirs) = (block(rate), block(rate) / step(rate) * step_out(rate));
        // The filter delays by half a block.
        let (first, end) = (start + theirs / 2, start + wanted + theirs / 2);
        let first = (first / theirs).saturating_sub(1);
        let from = first * ours;
        let count = (end.div_ceil(theirs) * ours).min(frames as usize).saturating_sub(from);
        Self { rate, from, count, before: start - first * theirs, wanted }
    }

    /// The section, from the samples of the part.
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

/// The number of samples that the resampler takes at once. It is even on both sides, so the filter's delay is
/// a whole number of samples and is removed exactly.
fn block(rate: u32) -> usize {
    step(rate) * 1024_usize.div_ceil(step(rate)).next_multiple_of(2)
}

/// The fewest samples at `rate` Hz that last a whole number of samples at 16 kHz.
fn step(rate: u32) -> usize {
    (rate / gcd(rate, RATE)) as usize
}

/// The number of samples at 16 kHz that last as long as [`step`] samples.
fn step_out(rate: u32) -> usize {
    (RATE / gcd(rate, RATE)) as usize
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
