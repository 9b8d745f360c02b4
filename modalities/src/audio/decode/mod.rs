//! Audio files to 16 kHz mono.
//!
//! FLAC and WAV by symphonia: one maintained crate for both (claxon and hound have had no release since 2023), with
//! all of WAV's sample formats. NIST SPHERE, which TIMIT's `.wav` files are, by our own reader.
//! Formats are told by their first bytes, never by the file's name.

mod flac;
mod resample;
mod sphere;
mod spliced;
mod wav;

use super::RATE;
use crate::common::files;
use plasticity_core::error::{Error, Result};
use resample::resample;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::units::Timestamp;
use wav::Wav;

/// Rates that are taken for audio.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The largest sample that is taken for audio, full scale being 1: files of floats need not keep to full scale, but of
/// larger ones the resampler's sums would not be finite.
const LOUDEST: f32 = 1e6;
/// Samples that a byte can hold at most: FLAC's longest block, 65,535 equal samples, takes more than eight bytes.
const DENSEST: u64 = 1 << 13;

/// The samples of a FLAC, WAV or NIST SPHERE file: channels averaged, resampled to 16 kHz, full scale ±1.
///
/// # Errors
/// Where the file cannot be read, is of another format, cannot be decoded, ends before its header says, or holds
/// samples that are no numbers.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let (samples, rate) = if is_sphere(path)? { sphere::read(path)? } else { Opened::new(path)?.decode()? };
    check_rate(path, rate)?;
    check_samples(path, &samples)?;
    if rate == RATE { Ok(samples) } else { resample(path, samples, rate) }
}

/// `count` samples from sample `start` on, without what lies before them: decoded from the block that they begin in. `None`
/// of a file whose samples cannot be found so: SPHERE, another rate than 16 kHz, no length in the header, or fewer samples.
///
/// # Errors
/// As [`read`], as far as these samples show.
pub fn window(path: &Path, start: usize, count: usize) -> Result<Option<Vec<f32>>> {
    let Some(mut opened) = Opened::at_rate(path)? else { return Ok(None) };
    let there = opened.frames.is_some_and(|frames| frames >= (start + count) as u64);
    if !there || !opened.seek(start as u64) {
        return Ok(None);
    }
    let mut window = Vec::with_capacity(count);
    opened.blocks(&mut |first, block| {
        // Where a block begins after the window does, or leaves a gap, the window is not found.
        let wanted = (start + window.len()) as u64;
        let skipped = wanted.checked_sub(first).map(|skipped| skipped as usize);
        let part = skipped.and_then(|skipped| block.get(skipped..)).unwrap_or_default();
        window.extend(part.iter().take(count - window.len()));
        window.len() < count && first <= wanted
    })?;
    if window.len() < count {
        return Ok(None);
    }
    check_samples(path, &window)?;
    Ok(Some(window))
}

/// Gives all samples of a file to `each`, block by block; of one that has to be resampled, in one piece.
///
/// # Errors
/// As [`read`].
pub fn each(path: &Path, each: &mut dyn FnMut(&[f32])) -> Result<()> {
    let Some(mut opened) = Opened::at_rate(path)? else {
        each(&read(path)?);
        return Ok(());
    };
    let mut sound = Ok(());
    let decoded = opened.blocks(&mut |_, block| {
        sound = check_samples(path, block);
        each(block);
        sound.is_ok()
    })?;
    sound.and_then(|()| opened.check_length(decoded))
}

/// Samples of one channel and their rate, as the header tells.
///
/// # Errors
/// As [`read`], as far as the header shows; and where it tells of more samples than the file can hold.
pub fn length(path: &Path) -> Result<(u64, u32)> {
    let (frames, rate) = if is_sphere(path)? {
        let header = sphere::Header::read(path)?;
        (header.samples as u64, header.rate)
    } else {
        let opened = Opened::new(path)?;
        match opened.frames {
            Some(frames) => (frames, opened.rate),
            // A FLAC written to a pipe does not know its length.
            None => opened.decode().map(|(samples, rate)| (samples.len() as u64, rate))?,
        }
    };
    check_rate(path, rate)?;
    let bytes = path.metadata().map_err(|e| Error::file(path, e))?.len();
    if frames > bytes.saturating_mul(DENSEST) {
        let message = format!(
            "broken: its header says {frames} samples, more than its {bytes} bytes can hold: get the file again, \
             or remove it"
        );
        return Err(Error::file(path, message));
    }
    Ok((frames, rate))
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

/// The rate of a file.
///
/// # Errors
/// As [`length`].
pub fn rate(path: &Path) -> Result<u32> {
    let rate = if is_sphere(path)? { sphere::Header::read(path)?.rate } else { Opened::new(path)?.rate };
    check_rate(path, rate)?;
    Ok(rate)
}

fn is_sphere(path: &Path) -> Result<bool> {
    let mut first = [0; 7];
    let mut file = files::open(path).map_err(|e| Error::file(path, e))?;
    match file.read_exact(&mut first) {
        Ok(()) => Ok(&first == b"NIST_1A"),
        Err(e) => Err(Error::file(path, format!("expected FLAC, WAV or NIST SPHERE: {e}"))),
    }
}

/// What the decoder reads of a file, and the samples of one channel where a WAV tells them.
fn source(path: &Path) -> std::io::Result<(Box<dyn MediaSource>, Option<u64>)> {
    let mut file = files::open(path)?;
    let mut first = [0; 4];
    file.read_exact(&mut first)?;
    if &first == b"fLaC" {
        return Ok((Box::new(flac::untagged(file)?), None));
    }
    if let Some(wav) = Wav::find(&mut file)? {
        let frames = wav.frames;
        return Ok((Box::new(wav.mended(file)), Some(frames)));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((Box::new(file), None))
}

/// A FLAC or WAV whose header has been read.
struct Opened<'a> {
    path: &'a Path,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    rate: u32,
    frames: Option<u64>,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Result<Self> {
        let wrong = |message: String| {
            let remedy = "convert it (`ffmpeg -i FILE new.wav`), or remove it";
            Error::file(path, format!("expected FLAC, WAV or NIST SPHERE: {message}; {remedy}"))
        };
        let (source, told) = source(path).map_err(|e| Error::file(path, e))?;
        let stream = MediaSourceStream::new(source, Default::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, Default::default(), Default::default())
            .map_err(|e| wrong(e.to_string()))?;
        let track =
            format.default_track(TrackType::Audio).ok_or_else(|| wrong("no audio in it".to_owned()))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or_else(|| wrong("its header does not name the coding".to_owned()))?;
        let rate = parameters.sample_rate.ok_or_else(|| wrong("its header has no sample rate".to_owned()))?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|e| wrong(e.to_string()))?;
        let (track, frames) = (track.id, told.or(track.num_frames));
        Ok(Self { path, format, decoder, track, rate, frames })
    }

    /// A file of 16 kHz that symphonia reads.
    fn at_rate(path: &'a Path) -> Result<Option<Self>> {
        if is_sphere(path)? {
            return Ok(None);
        }
        Ok(Some(Self::new(path)?).filter(|opened| opened.rate == RATE))
    }

    /// Goes on from the block that sample `start` is in. Whether it could.
    fn seek(&mut self, start: u64) -> bool {
        let Ok(ts) = Timestamp::try_from(start) else { return false };
        let found = self.format.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: self.track });
        self.decoder.reset();
        found.is_ok()
    }

    fn decode(mut self) -> Result<(Vec<f32>, u32)> {
        let mut mono = Vec::new();
        self.blocks(&mut |_, block| {
            mono.extend_from_slice(block);
            true
        })?;
        self.check_length(mono.len() as u64)?;
        Ok((mono, self.rate))
    }

    /// Decodes block by block, until `each`, which gets a block's first sample and its samples, wants no more. Returns how
    /// many samples there were.
    fn blocks(&mut self, each: &mut dyn FnMut(u64, &[f32]) -> bool) -> Result<u64> {
        let (mut all, mut mono, mut block) = (0, Vec::new(), Vec::<f32>::new());
        loop {
            let cut = |decoded: u64, e: &dyn std::fmt::Display| {
                let message = format!("broken after {decoded} samples ({e}): get the file again");
                Error::file(self.path, message)
            };
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                // The end of a file that was cut; told below with how much is missing.
                Err(symphonia::core::errors::Error::IoError(e))
                    if e.kind() == std::io::ErrorKind::UnexpectedEof =>
                {
                    break;
                }
                Err(e) => return Err(cut(all, &e)),
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = self.decoder.decode(&packet).map_err(|e| cut(all, &e))?;
            let channels = decoded.num_planes().max(1);
            decoded.copy_to_vec_interleaved(&mut block);
            mono.clear();
            mono.extend(
                block.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32),
            );
            all += mono.len() as u64;
            if !each(u64::try_from(packet.pts.get()).unwrap_or(0), &mono) {
                break;
            }
        }
        Ok(all)
    }

    /// Refuses a file of fewer samples than its header tells of.
    fn check_length(&self, decoded: u64) -> Result<()> {
        match self.frames {
            Some(frames) if frames > decoded => {
                let message = format!(
                    "ends after {decoded} of the {frames} samples in its header: the file is incomplete, get it \
                     again"
                );
                Err(Error::file(self.path, message))
            }
            _ => Ok(()),
        }
    }
}
