//! Decodes audio files to 16 kHz mono.
//!
//! symphonia decodes FLAC and WAV. It is one maintained crate for both and reads all sample formats of WAV.
//! (claxon and hound have had no release since 2023.) Our reader decodes NIST SPHERE, the format of TIMIT's
//! `.wav` files. The first bytes of a file decide its format; the file's name does not matter.

mod flac;
mod opened;
mod resample;
mod sphere;
mod spliced;
mod wav;

use super::RATE;
use crate::common::files;
use opened::Opened;
use plasticity_core::error::{Error, Result};
use resample::{Piece, resampled_length};
use sphere::Sphere;
use std::io::Read;
use std::path::Path;

/// Sample rates that are accepted, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The largest sample that is accepted; full scale is 1. Files of floats may exceed full scale, but with
/// larger samples the resampler's sums would not be finite.
const LOUDEST: f32 = 1e6;
/// The most samples that a byte can hold. FLAC's longest block has 65,535 samples; if they are equal, it
/// still takes more than eight bytes.
const DENSEST: u64 = 1 << 13;

/// Reads a FLAC, WAV or NIST SPHERE file. Returns its samples: the mean of the channels, resampled to 16 kHz,
/// full scale ±1.
///
/// # Errors
/// If the file cannot be read, has another format, cannot be decoded, ends before its header says, or holds
/// samples that are not numbers.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let sound = Sound::open(path)?;
    let (rate, samples) = (sound.rate(), sound.all()?);
    if rate == RATE {
        return Ok(samples);
    }
    let count = samples.len();
    let all = Piece::of(rate, count as u64, 0, resampled_length(count as u64, rate) as usize);
    all.resample(path, samples)
}

/// Reads `count` samples from sample `start`, both at 16 kHz, without decoding everything before them.
/// Decoding begins at the block of the first sample, or one block earlier if the file is resampled. Returns
/// `None` if the file does not allow this: its header gives no length, or it has fewer samples.
///
/// # Errors
/// As [`read`], but only for errors in these samples.
pub fn window(path: &Path, start: usize, count: usize) -> Result<Option<Vec<f32>>> {
    let sound = Sound::open(path)?;
    let rate = sound.rate();
    let enough = |frames: &u64| resampled_length(*frames, rate) >= (start + count) as u64;
    let Some(frames) = sound.frames().filter(enough) else { return Ok(None) };
    if rate == RATE {
        return sound.part(start, count);
    }
    let piece = Piece::of(rate, frames, start, count);
    let samples = sound.part(piece.from, piece.count)?;
    samples.map(|samples| piece.resample(path, samples)).transpose()
}

/// How many samples [`each`] passes on at once if a file is not decoded block by block.
const AT_ONCE: usize = 1 << 18;

/// Passes all samples of a file to `each`, piece by piece.
///
/// # Errors
/// As [`read`].
pub fn each(path: &Path, each: &mut dyn FnMut(&[f32])) -> Result<()> {
    let sound = Sound::open(path)?;
    let (rate, frames) = (sound.rate(), sound.frames());
    match sound {
        Sound::Opened(opened) if rate == RATE => opened.each(each).map(drop),
        _ => {
            let all = frames.map_or(0, |frames| resampled_length(frames, rate) as usize);
            let mut given = 0;
            while given < all {
                let Some(piece) = window(path, given, AT_ONCE.min(all - given))? else { break };
                given += piece.len();
                each(&piece);
            }
            if given < all || frames.is_none() {
                each(read(path)?.get(given..).unwrap_or_default());
            }
            Ok(())
        }
    }
}

/// The number of samples that [`read`] returns, and the rate in Hz at which they are stored, from the header.
/// If the header gives no number, the file is decoded to count them.
///
/// # Errors
/// As [`read`], but only for errors that the header shows. Also if the header gives more samples than the
/// file can hold.
pub fn length(path: &Path) -> Result<(u64, u32)> {
    let sound = Sound::open(path)?;
    let rate = sound.rate();
    let frames = match (sound.frames(), sound) {
        (None, Sound::Opened(opened)) => opened.each(&mut |_| ())?,
        (frames, _) => frames.unwrap_or(0),
    };
    let bytes = path.metadata().map_err(|e| Error::file(path, e))?.len();
    if frames > bytes.saturating_mul(DENSEST) {
        let message = format!(
            "broken: its header says {frames} samples, more than its {bytes} bytes can hold: get the file again, \
             or remove it"
        );
        return Err(Error::file(path, message));
    }
    Ok((resampled_length(frames, rate), rate))
}

fn check_rate(path: &Path, rate: u32) -> Result<()> {
    if RATES.contains(&rate) {
        return Ok(());
    }
    let message =
        format!("its header says {rate} Hz; rates from {} to {} are supported", RATES.start(), RATES.end());
    Err(Error::file(path, message))
}

fn check_samples(path: &Path, samples: &[f32]) -> Result<()> {
    let sound = |sample: &f32| (-LOUDEST..=LOUDEST).contains(sample);
    match samples.iter().find(|sample| !sound(sample)) {
        None => Ok(()),
        Some(sample) => {
            let message = format!(
                "broken: it contains a sample of {sample} (full scale is 1): get the file again, or remove it"
            );
            Err(Error::file(path, message))
        }
    }
}

/// The sample rate of a file, in Hz.
///
/// # Errors
/// As [`length`].
pub fn rate(path: &Path) -> Result<u32> {
    Sound::open(path).map(|sound| sound.rate())
}

/// A file whose header has been read.
enum Sound<'a> {
    Sphere(Sphere<'a>),
    Opened(Box<Opened<'a>>),
}

impl<'a> Sound<'a> {
    /// Opens a file. Its first bytes decide the format.
    fn open(path: &'a Path) -> Result<Self> {
        let mut first = Vec::new();
        let file = files::open(path).map_err(|e| Error::file(path, e))?;
        file.take(7).read_to_end(&mut first).map_err(|e| Error::file(path, e))?;
        if first.len() < 7 {
            let message = format!(
                "expected FLAC, WAV or NIST SPHERE, but it has only {} bytes: get the file again, or remove it",
                first.len()
            );
            return Err(Error::file(path, message));
        }
        let sound = match first == b"NIST_1A" {
            true => Self::Sphere(Sphere::open(path)?),
            false => Self::Opened(Box::new(Opened::new(path)?)),
        };
        check_rate(path, sound.rate())?;
        Ok(sound)
    }

    fn rate(&self) -> u32 {
        match self {
            Self::Sphere(sphere) => sphere.rate,
            Self::Opened(opened) => opened.rate,
        }
    }

    /// The number of samples of one channel. `None` for a FLAC that was written to a pipe, whose header does
    /// not give it.
    fn frames(&self) -> Option<u64> {
        match self {
            Self::Sphere(sphere) => Some(sphere.samples as u64),
            Self::Opened(opened) => opened.frames,
        }
    }

    fn all(self) -> Result<Vec<f32>> {
        match self {
            Self::Sphere(sphere) => sphere.part(0, sphere.samples),
            Self::Opened(opened) => opened.all(),
        }
    }

    /// As [`window`], at the rate of the file.
    fn part(self, start: usize, count: usize) -> Result<Option<Vec<f32>>> {
        match self {
            Self::Sphere(sphere) => sphere.part(start, count).map(Some),
            Self::Opened(opened) => opened.part(start, count),
        }
    }
}
