//! FLAC files with tags of other formats before and behind them.

use super::spliced::Spliced;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

/// Bytes of the head and of the foot of an ID3v2 tag.
const HEAD: u64 = 10;
/// Bytes of an ID3v1 tag.
const ID3: u64 = 128;
/// Bytes of the foot of an APEv2 tag.
const APE: u64 = 32;

/// Where a FLAC begins and ends in a file, without ID3v2 tags before it and ID3v1 or APEv2 tags behind it, which decoders take for
/// a damaged block. `None` where it is no FLAC.
pub(super) fn bounds(file: &mut File) -> Result<Option<(u64, u64)>> {
    let mut begin = 0;
    while let Some(tag) = leading_tag(&at(file, begin, HEAD)?) {
        begin += tag;
    }
    if at(file, begin, 4)? != b"fLaC" {
        return Ok(None);
    }
    let mut end = file.metadata()?.len();
    loop {
        let before = end;
        if last(file, end, ID3)?.starts_with(b"TAG") {
            end -= ID3;
        }
        let foot = last(file, end, APE)?;
        if let (true, Some(&[a, b, c, d])) = (foot.starts_with(b"APETAGEX"), foot.get(12..16)) {
            // The size counts the foot in, and not the head, which bit 31 of the flags tells of.
            let head = if foot.get(23).is_some_and(|flags| flags & 0x80 != 0) { APE } else { 0 };
            end = end.saturating_sub(u64::from(u32::from_le_bytes([a, b, c, d])) + head);
        }
        if end == before {
            return Ok(Some((begin, end.max(begin))));
        }
    }
}

/// The bytes behind the metadata of a FLAC: of its blocks.
pub(super) fn blocks(file: &mut File, (begin, end): (u64, u64)) -> Result<u64> {
    let (mut place, mut last) = (begin + 4, false);
    while let (false, Ok([kind, a, b, c])) = (last, <[u8; 4]>::try_from(at(file, place, 4)?)) {
        last = kind & 0x80 != 0;
        place += 4 + u64::from(u32::from_be_bytes([0, a, b, c]));
    }
    Ok(end.saturating_sub(place))
}

/// The file from where the FLAC begins to where it ends.
pub(super) fn untagged(file: File, (begin, end): (u64, u64)) -> Spliced {
    Spliced::new(Vec::new(), file, begin, end - begin)
}

/// The length of the ID3v2 tag that begins so, if it is one: four times seven bits, beside its head and its foot, which bit 4 of
/// the flags tells of.
fn leading_tag(head: &[u8]) -> Option<u64> {
    let &[b'I', b'D', b'3', _, _, flags, ref size @ ..] = head else { return None };
    let size = size.iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
    Some(size + HEAD * (1 + u64::from(flags >> 4 & 1)))
}

fn at(file: &mut File, from: u64, bytes: u64) -> Result<Vec<u8>> {
    let mut found = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(bytes).read_to_end(&mut found)?;
    Ok(found)
}

/// The last bytes before `end`, nothing where there are fewer.
fn last(file: &mut File, end: u64, bytes: u64) -> Result<Vec<u8>> {
    end.checked_sub(bytes).map_or(Ok(Vec::new()), |from| at(file, from, bytes))
}
