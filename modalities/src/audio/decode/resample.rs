//! Other rates to 16 kHz, by rubato's FFT resampler (band-limited, delay taken off).

use crate::audio::RATE;
use plasticity_core::error::{Error, Result};
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::path::Path;

const WINDOW: WindowFunction = WindowFunction::BlackmanHarris2;

/// `samples` of `rate` Hz at 16 kHz; ⌈len · 16000 / rate⌉ of them.
pub(super) fn resample(path: &Path, samples: Vec<f32>, rate: u32) -> Result<Vec<f32>> {
    let wrong =
        |e: &dyn std::fmt::Display| Error::file(path, format!("cannot be resampled from {rate} Hz: {e}"));
    let len = samples.len();
    let expected = (len as u64 * u64::from(RATE)).div_ceil(u64::from(rate)) as usize;
    if len == 0 {
        return Ok(samples);
    }
    // Blocks of an even number of samples on both sides: the filter's delay is then whole, and taken off exactly.
    let step = |rate: u32| (rate / gcd(rate, RATE)) as usize;
    let block = step(rate) * 1024_usize.div_ceil(step(rate)).next_multiple_of(2);
    let input = InterleavedOwned::new_from(samples, 1, len).map_err(|e| wrong(&e))?;
    let mut resampler =
        Fft::<f32>::new_custom(rate as usize, RATE as usize, block, 1, 1, WINDOW, FixedSync::Input)
            .map_err(|e| wrong(&e))?;
    let output = resampler.process_all(&input, len, None).map_err(|e| wrong(&e))?;
    let mut output = output.take_data();
    output.resize(expected, 0.0);
    Ok(output)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
