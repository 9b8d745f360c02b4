//! Headers of WAV files as they are written, not as they should be: sizes of RIFF that are not true, odd chunks without
//! their padding, sizes that a writer to a pipe left open, and RF64 (EBU Tech 3306, ITU-R BS.2088).

use super::spliced::Spliced;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// Chunks before the samples at most.
const CHUNKS: usize = 1 << 12;
/// Channels, and bits of a sample, at most.
const CHANNELS: u64 = 256;
const BITS: u64 = 64;
/// Sizes from here on are what writers to a pipe leave: they do not know how much will come.
const OPEN: u64 = 0x7FFF_0000;

/// Where a WAV file has its samples.
pub(super) struct Wav {
    /// Its chunk `fmt `.
    format: Vec<u8>,
    from: u64,
    bytes: u64,
    /// Samples of one channel.
    pub frames: u64,
}

impl Wav {
    /// Looks for the format and the samples, `None` where the file is no WAV, or has none.
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
                    let size = long.filter(|_| size == u64::from(u32::MAX)).unwrap_or(size);
                    return Ok(
                        format.and_then(|format| Self::new(format, body, size, all.saturating_sub(body)))
                    );
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

    /// `size` is that of the header, `there` what the file has behind it.
    fn new(format: Vec<u8>, from: u64, size: u64, there: u64) -> Option<Self> {
        let frame = number(&format, 12, 2).filter(|&bytes| bytes > 0)?;
        let open = size == 0 || (size >= OPEN && size > there);
        let bytes = if open { there / frame * frame } else { size };
        Some(Self { format, from, bytes, frames: bytes / frame })
    }

    /// The same samples behind a header that is true.
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

/// Refuses a format that no audio has: decoders multiply these numbers.
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

/// Up to `length` bytes from `from` on.
fn at(file: &mut File, from: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A little-endian number of `bytes` bytes.
fn number(from: &[u8], at: usize, bytes: usize) -> Option<u64> {
    Some(from.get(at..at + bytes)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Whether a chunk of odd size is padded, as it should be, by what follows: a pad and a name, or a name at once.
fn is_padded(next: &[u8]) -> bool {
    let known = matches!(next.get(1..), Some(b"data" | b"fmt " | b"LIST" | b"fact" | b"bext" | b"cue "));
    known || !next.iter().take(4).all(|byte| (b' '..=b'~').contains(byte))
}
