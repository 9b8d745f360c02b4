//! NIST SPHERE, the format of TIMIT's `.wav` files: a text header, then raw PCM.

use crate::common::files;
use plasticity_core::error::{Error, Result};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// A SPHERE file whose header has been read.
pub(super) struct Sphere<'a> {
    path: &'a Path,
    bytes: u64,
    pub samples: usize,
    pub rate: u32,
    channels: usize,
    big_endian: bool,
}

impl<'a> Sphere<'a> {
    /// Reads the header of a file: `NIST_1A`, the size of the header, then `name -type value` lines up to
    /// `end_head`.
    pub fn open(path: &'a Path) -> Result<Self> {
        let wrong = |message: String| Error::file(path, format!("NIST SPHERE header: {message}"));
        let mut start = Vec::new();
        let file = files::open(path).map_err(|e| Error::file(path, e))?;
        let all = file.metadata().map_err(|e| Error::file(path, e))?.len();
        file.take(1 << 16).read_to_end(&mut start).map_err(|e| Error::file(path, e))?;
        let text = String::from_utf8_lossy(&start);
        let mut lines = text.lines();
        let bytes = lines.nth(1).and_then(|line| line.trim().parse::<u64>().ok());
        let bytes = bytes.ok_or_else(|| wrong("its second line must be its size in bytes".to_owned()))?;
        let fields: Vec<(&str, &str)> = lines
            .take_while(|line| line.trim() != "end_head")
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?, words.nth(1)?))
            })
            .collect();
        let field = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
        let number = |name: &str| -> Result<u32> {
            let value = field(name).and_then(|value| value.parse().ok());
            value.ok_or_else(|| wrong(format!("`{name}` is missing or not a number")))
        };
        let coding = field("sample_coding").unwrap_or("pcm");
        let width = number("sample_n_bytes")?;
        if coding != "pcm" || width != 2 {
            let message = format!(
                "expected 16-bit pcm, got {coding} of {width} bytes: convert it with sox or sph2pipe"
            );
            return Err(wrong(message));
        }
        let channels = if field("channel_count").is_some() { number("channel_count")? as usize } else { 1 };
        if !(1..=64).contains(&channels) {
            return Err(wrong(format!("{channels} channels")));
        }
        let big_endian = field("sample_byte_format") == Some("10");
        let samples = number("sample_count")?;
        let there = all.saturating_sub(bytes) / (2 * channels as u64);
        if there < u64::from(samples) {
            let message = format!(
                "ends after {there} of the {samples} samples in its header: the file is incomplete, get it again"
            );
            return Err(Error::file(path, message));
        }
        Ok(Self {
            path,
            bytes,
            samples: samples as usize,
            rate: number("sample_rate")?,
            channels,
            big_endian,
        })
    }

    /// The mean of the channels, full scale ±1, for `count` samples from sample `start`. All of them must be
    /// in the file.
    pub fn part(&self, start: usize, count: usize) -> Result<Vec<f32>> {
        let frame = 2 * self.channels;
        let mut bytes = vec![0; count * frame];
        let mut read = || {
            let mut file = files::open(self.path)?;
            file.seek(SeekFrom::Start(self.bytes + (start * frame) as u64))?;
            file.read_exact(&mut bytes)
        };
        read().map_err(|e| Error::file(self.path, e))?;
        let sample = |pair: &[u8]| {
            let pair = [pair[0], pair[1]];
            let value = if self.big_endian { i16::from_be_bytes(pair) } else { i16::from_le_bytes(pair) };
            f32::from(value) / 32_768.0
        };
        let frames = bytes.chunks_exact(frame);
        Ok(frames
            .map(|frame| frame.chunks_exact(2).map(sample).sum::<f32>() / self.channels as f32)
            .collect())
    }
}
