//! FLAC files with tags of other formats behind their last block.

use super::spliced::Spliced;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

/// Bytes of an ID3v1 tag.
const ID3: u64 = 128;
/// Bytes of the foot of an APEv2 tag.
const APE: u64 = 32;

/// The file without an ID3v1 or APEv2 tag at its end, which decoders take for a damaged block.
pub(super) fn untagged(mut file: File) -> Result<Spliced> {
    let mut end = file.metadata()?.len();
    loop {
        let before = end;
        if last(&mut file, end, ID3)?.starts_with(b"TAG") {
            end -= ID3;
        }
        let foot = last(&mut file, end, APE)?;
        if let (true, Some(&[a, b, c, d])) = (foot.starts_with(b"APETAGEX"), foot.get(12..16)) {
            // The size counts the foot in, and not the head, which bit 31 of the flags tells of.
            let head = if foot.get(23).is_some_and(|flags| flags & 0x80 != 0) { APE } else { 0 };
            end = end.saturating_sub(u64::from(u32::from_le_bytes([a, b, c, d])) + head);
        }
        if end == before {
            return Ok(Spliced::new(Vec::new(), file, 0, end));
        }
    }
}

/// The last bytes before `end`, nothing where there are fewer.
fn last(file: &mut File, end: u64, bytes: u64) -> Result<Vec<u8>> {
    let mut last = Vec::new();
    if let Some(from) = end.checked_sub(bytes) {
        file.seek(SeekFrom::Start(from))?;
        file.take(bytes).read_to_end(&mut last)?;
    }
    Ok(last)
}
