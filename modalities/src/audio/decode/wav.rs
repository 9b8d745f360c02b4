//! Headers of WAV files, including those that break the standard: wrong RIFF sizes, odd chunks without
//! padding, and sizes that a writer to a pipe left open. Also RF64 (EBU Tech 3306, ITU-R BS.2088).

use super::spliced::Spliced;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// The most chunks before the samples.
const CHUNKS: usize = 1 << 12;
/// The number of bytes at the end of a file in which chunks after the samples are searched.
const BEHIND: u64 = 1 << 16;
/// The format code of integer samples.
const PCM: u64 = 1;
/// The most channels, and the most bits of a sample.
const CHANNELS: u64 = 256;
const BITS: u64 = 64;
/// Sizes that a writer to a pipe leaves in a header, because it does not know how much will follow: sox's,
/// which it lowers to a whole number of samples, and ALSA's. Other writers leave sizes between the two.
const OPEN: [u64; 2] = [0x7FFF_F000, 0x8000_0000];

/// The place of the samples in a WAV file.
pub(super) struct Wav {
    /// The body of the chunk `fmt `.
    format: Vec<u8>,
    from: u64,
    bytes: u64,
    /// The number of samples of one channel.
    pub frames: u64,
}

impl Wav {
    /// Finds the format and the samples. `None` if the file is not a WAV, or has no samples.
    pub fn find(file: &mut File) -> Result<Option<Self>> {
        let all = file.metadata()?.len();
        let start = at(file, 0, 12)?;
        let is_wav =
            matches!(start.get(..4), Some(b"RIFF" | b"RF64" | b"BW64")) && start.get(8..) == Some(b"WAVE");
        let (mut place, mut format, mut long) = (12, None, None);
        for _ in 0..if is_wav { CHUNKS } else { 0 } {
            let head = at(file, place, 8)?;
            let (Some(name), Some(size)) = (head.get(..4), number(&head, 4, 4)) else { break };
            let body = place + 8;
            match name {
                b"fmt " => {
                    let found = at(file, body, size.min(1 << 12))?;
                    check(&found)?;
                    format = Some(found);
                }
                b"ds64" => long = number(&at(file, body, 16)?, 8, 8),
                b"data" => {
                    let sizes = (size, long);
                    return format.map_or(Ok(None), |format| Self::new(file, format, body, sizes, all));
                }
                _ => {}
            }
            place = body + size;
            if size % 2 == 1 && is_padded(&at(file, place, 5)?) {
                place += 1;
            }
        }
        Ok(None)
    }

    /// `size` is the size in the header, `long` that of an RF64, and `all` the length of the file.
    fn new(
        file: &mut File,
        format: Vec<u8>,
        from: u64,
        (size, long): (u64, Option<u64>),
        all: u64,
    ) -> Result<Option<Self>> {
        let format = plain(format)?;
        let Some(frame) = number(&format, 12, 2).filter(|&bytes| bytes > 0) else { return Ok(None) };
        let there = all.saturating_sub(from);
        let untold = [0, u64::from(u32::MAX)].contains(&size);
        let size = match long.filter(|long| ![0, u64::MAX].contains(long)) {
            Some(long) => Some(if untold { long } else { size }),
            None if untold => None,
            None => {
                let [sox, alsa] = OPEN;
                Some(size).filter(|size| *size <= there || !(sox / frame * frame..=alsa).contains(size))
            }
        };
        let Some(size) = size else {
            let bytes = (behind(file, from, all)? - from) / frame * frame;
            return Ok(Some(Self { format, from, bytes, frames: bytes / frame }));
        };
        let wrong = |message: String| Err(Error::new(ErrorKind::InvalidData, message));
        if size > there {
            return wrong(format!(
                "ends after {} of the {} samples in its header: the file is incomplete, get it again",
                there / frame,
                size / frame
            ));
        }
        if at(file, from + size + size % 2, 4)? == b"data" {
            return wrong("has its samples in several chunks: convert it (`sox FILE new.wav`)".to_owned());
        }
        Ok(Some(Self { format, from, bytes: size, frames: size / frame }))
    }

    /// The same samples after a correct header.
    pub fn mended(self, file: File) -> Spliced {
        let word = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let format = self.format.len() as u64;
        let whole = 4 + 8 + format + format % 2 + 8 + self.bytes;
        let mut head = [b"RIFF", &word(whole)[..], b"WAVEfmt ", &word(format), &self.format].concat();
        head.extend(std::iter::repeat_n(0, self.format.len() % 2));
        head.extend([b"data", &word(self.bytes)[..]].concat());
        Spliced::new(head, file, self.from, self.bytes)
    }
}

/// Refuses channel and bit numbers that no audio has. Decoders multiply these numbers.
fn check(format: &[u8]) -> Result<()> {
    let wrong =
        [("channels", 2, CHANNELS), ("bits a sample", 14, BITS)].into_iter().find_map(|(what, at, most)| {
            let told = number(format, at, 2).filter(|&told| told > most)?;
            Some(format!(
                "broken: its header says {told} {what}, but at most {most} are supported: get the file \
                      again, or remove it"
            ))
        });
    wrong.map_or(Ok(()), |message| Err(Error::new(ErrorKind::InvalidData, message)))
}

/// Changes a `fmt ` chunk of PCM so that the decoder takes it. It is cut to its first 16 bytes. The size of the samples
/// of one moment is computed where it is 0. The number of bits becomes that of the bytes that hold a sample: a sample
/// of 12 bits lies at the upper end of two bytes, so it is read as one of 16 bits.
///
/// Samples in more bytes than they need are refused, because writers disagree about them: of 24 bits in four bytes,
/// some write floats, and ALSA's recorder fills the lower three bytes.
fn plain(mut format: Vec<u8>) -> Result<Vec<u8>> {
    let told = |at| number(&format, at, 2).unwrap_or(0);
    let (kind, channels, mut frame, bits) = (told(0), told(2), told(12), told(14));
    if kind == PCM && format.len() >= 16 {
        if frame == 0 {
            frame = channels * bits.div_ceil(8);
            format[12..14].copy_from_slice(&(frame as u16).to_le_bytes());
        }
        let bytes = bits.div_ceil(8);
        if frame != channels * bytes {
            let message = format!(
                "its header says {bits} bits a sample ({bytes} bytes), but {frame} bytes for a sample of each of the \
                 {channels} channels: convert it with the program that wrote it, or remove it"
            );
            return Err(Error::new(ErrorKind::InvalidData, message));
        }
        format[14] = (8 * bytes) as u8;
        format.truncate(16);
    }
    Ok(format)
}

/// The end of samples whose size was left open: the first of the chunks that follow them, or the end of the
/// file.
fn behind(file: &mut File, from: u64, all: u64) -> Result<u64> {
    let start = all.saturating_sub(BEHIND).max(from);
    let last = at(file, start, all.saturating_sub(start))?;
    let chunks = |mut place: usize| {
        while place < last.len() {
            let known =
                matches!(last.get(place..place + 4), Some(b"LIST" | b"id3 " | b"bext" | b"cue " | b"afsp"));
            let Some(size) = number(&last, place + 4, 4).filter(|_| known) else { return false };
            let end = place + 8 + size as usize;
            place = if end == last.len() { end } else { end + size as usize % 2 };
        }
        place == last.len()
    };
    let found = (0..last.len()).find(|&place| chunks(place)).unwrap_or(last.len());
    Ok(start + found as u64)
}

/// Up to `length` bytes from byte `from`.
fn at(file: &mut File, from: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The little-endian number of `bytes` bytes at byte `at`; `None` if `from` is too short.
fn number(from: &[u8], at: usize, bytes: usize) -> Option<u64> {
    Some(from.get(at..at + bytes)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Whether a chunk of odd size is padded, as it should be. After it comes a padding byte and a chunk's name,
/// or the name at once.
fn is_padded(next: &[u8]) -> bool {
    let known = matches!(next.get(1..), Some(b"data" | b"fmt " | b"LIST" | b"fact" | b"bext" | b"cue "));
    known || !next.iter().take(4).all(|byte| (b' '..=b'~').contains(byte))
}
