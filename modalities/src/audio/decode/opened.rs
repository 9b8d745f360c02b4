//! FLAC and WAV files, opened by symphonia.

use super::check_samples;
use super::flac;
use super::wav::Wav;
use crate::common::files;
use plasticity_core::error::{Error, Result};
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::units::Timestamp;

/// Opens a file for the decoder: a FLAC without tags, or a WAV with a correct header. `None` for any other file, which
/// the decoder would search for headers that nothing has checked.
fn source(path: &Path) -> std::io::Result<Option<Source>> {
    let mut file = files::open(path)?;
    if let Some(bounds) = flac::bounds(&mut file)? {
        let blocks = Some(flac::blocks(&mut file, bounds)?);
        let stream = Box::new(flac::untagged(file, bounds));
        return Ok(Some(Source { stream, frames: None, blocks }));
    }
    Ok(Wav::find(&mut file)?.map(|wav| {
        let frames = Some(wav.frames);
        Source { stream: Box::new(wav.mended(file)), frames, blocks: None }
    }))
}

/// A file for the decoder.
struct Source {
    stream: Box<dyn MediaSource>,
    /// The number of samples of one channel, if the file is a WAV.
    frames: Option<u64>,
    /// The number of bytes of the blocks, if the file is a FLAC.
    blocks: Option<u64>,
}

/// A FLAC or WAV whose header has been read.
pub(super) struct Opened<'a> {
    path: &'a Path,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    pub rate: u32,
    /// The number of samples of one channel, if the header gives it.
    pub frames: Option<u64>,
    /// The first sample that the next block must have. `None` after a seek: any block may follow.
    next: Option<u64>,
    /// The number of bytes of the blocks, if the file is a FLAC, and how many of them were decoded.
    bytes: Option<u64>,
    taken: u64,
}

impl<'a> Opened<'a> {
    pub fn new(path: &'a Path) -> Result<Self> {
        let wrong = |message: String| {
            let remedy = "convert it (`ffmpeg -i FILE new.wav`), or remove it";
            Error::file(path, format!("expected FLAC, WAV or NIST SPHERE: {message}; {remedy}"))
        };
        let source = source(path).map_err(|e| Error::file(path, e))?;
        let source = source.ok_or_else(|| wrong("no samples in it".to_owned()))?;
        let stream = MediaSourceStream::new(source.stream, Default::default());
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
        let (track, frames, bytes) = (track.id, source.frames.or(track.num_frames), source.blocks);
        Ok(Self { path, format, decoder, track, rate, frames, next: Some(0), bytes, taken: 0 })
    }

    /// Moves to the block that holds sample `start`. Returns whether that was possible.
    fn seek(&mut self, start: u64) -> bool {
        let Ok(ts) = Timestamp::try_from(start) else { return false };
        let found = self.format.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: self.track });
        self.decoder.reset();
        self.next = None;
        found.is_ok()
    }

    /// All samples.
    pub fn all(mut self) -> Result<Vec<f32>> {
        let mut mono = Vec::new();
        self.blocks(&mut |_, block| {
            mono.extend_from_slice(block);
            true
        })?;
        self.check_length(mono.len() as u64)?;
        check_samples(self.path, &mono)?;
        Ok(mono)
    }

    /// Returns `count` samples from sample `start`, decoded from the block of the first one. `None` if they
    /// cannot be found this way.
    pub fn part(mut self, start: usize, count: usize) -> Result<Option<Vec<f32>>> {
        if !self.seek(start as u64) {
            return Ok(None);
        }
        let mut part = Vec::with_capacity(count);
        self.blocks(&mut |first, block| {
            // If the block begins after `wanted`, the part is not found.
            let wanted = (start + part.len()) as u64;
            let skipped = wanted.checked_sub(first).map(|skipped| skipped as usize);
            let found = skipped.and_then(|skipped| block.get(skipped..)).unwrap_or_default();
            part.extend(found.iter().take(count - part.len()));
            part.len() < count && first <= wanted
        })?;
        if part.len() < count {
            return Ok(None);
        }
        check_samples(self.path, &part)?;
        Ok(Some(part))
    }

    /// Passes all samples to `each`, block by block, and returns their number.
    pub fn each(mut self, each: &mut dyn FnMut(&[f32])) -> Result<u64> {
        let mut sound = Ok(());
        let decoded = self.blocks(&mut |_, block| {
            sound = check_samples(self.path, block);
            each(block);
            sound.is_ok()
        })?;
        sound.and_then(|()| self.check_length(decoded)).map(|()| decoded)
    }

    /// Decodes block by block. `each` gets the number of a block's first sample and the block's samples, and
    /// returns whether it wants more. Returns the number of decoded samples.
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
                // A truncated file ends here. The check of its length reports how much is missing.
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
            let first = u64::try_from(packet.pts.get()).unwrap_or(0);
            if let Some(next) = self.next.filter(|next| *next != first) {
                return Err(cut(next, &format!("the next block begins at sample {first}")));
            }
            self.taken += packet.data.len() as u64;
            let decoded = self.decoder.decode(&packet).map_err(|e| cut(all, &e))?;
            let channels = decoded.num_planes().max(1);
            decoded.copy_to_vec_interleaved(&mut block);
            mono.clear();
            mono.extend(
                block.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32),
            );
            all += mono.len() as u64;
            self.next = Some(first + mono.len() as u64);
            if !each(first, &mono) {
                break;
            }
        }
        Ok(all)
    }

    /// Refuses a file with fewer samples than its header gives. If the header gives no number, refuses a file
    /// with bytes that are not a whole block.
    fn check_length(&self, decoded: u64) -> Result<()> {
        match self.frames {
            None if self.bytes.is_some_and(|bytes| bytes > self.taken) => {
                let message = format!(
                    "ends after {decoded} samples with bytes that are no whole block: the file is incomplete, or \
                     something else is at its end; get it again"
                );
                Err(Error::file(self.path, message))
            }
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
