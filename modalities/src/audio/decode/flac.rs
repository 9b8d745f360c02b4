//! FLAC files with tags of other formats before and after them.

use super::spliced::Spliced;
use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};

/// The bytes of the header of an ID3v2 tag, and of its footer.
const HEAD: u64 = 10;
/// The bytes of an ID3v1 tag.
const ID3: u64 = 128;
/// The bytes of the footer of an APEv2 tag.
const APE: u64 = 32;

/// The first byte of the FLAC in a file, and the byte after its last. Skips ID3v2 tags before it, and ID3v1
/// and APEv2 tags after it, because decoders take a tag for a damaged block. `None` if the file is not a
/// FLAC.
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
            // The size includes the footer but not the header. Bit 31 of the flags says whether there is a
            // header.
            let head = if foot.get(23).is_some_and(|flags| flags & 0x80 != 0) { APE } else { 0 };
            end = end.saturating_sub(u64::from(u32::from_le_bytes([a, b, c, d])) + head);
        }
        if end == before {
            return Ok(Some((begin, end.max(begin))));
        }
    }
}

/// The number of bytes of a FLAC's blocks, which follow its metadata.
pub(super) fn blocks(file: &mut File, (begin, end): (u64, u64)) -> Result<u64> {
    let (mut place, mut last) = (begin + 4, false);
    while let (false, Ok([kind, a, b, c])) = (last, <[u8; 4]>::try_from(at(file, place, 4)?)) {
        last = kind & 0x80 != 0;
        place += 4 + u64::from(u32::from_be_bytes([0, a, b, c]));
    }
    Ok(end.saturating_sub(place))
}

/// The part of the file that is the FLAC.
pub(super) fn untagged(file: File, (begin, end): (u64, u64)) -> Spliced {
    Spliced::new(Vec::new(), file, begin, end - begin)
}

/// The length of the ID3v2 tag that begins with `head`; `None` if no such tag begins there. The size has
/// four bytes of seven bits each and excludes header and footer. Bit 4 of the flags says whether there is a
/// footer.
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

/// The last `bytes` bytes before `end`; empty if there are fewer.
fn last(file: &mut File, end: u64, bytes: u64) -> Result<Vec<u8>> {
    end.checked_sub(bytes).map_or(Ok(Vec::new()), |from| at(file, from, bytes))
}
