//! Headers of AVI files. They give the number of frames without decoding.

use crate::common::files;
use plasticity_core::{Error, Result};
use std::io::Read;
use std::path::Path;

/// The largest part of a file that is searched for the header, in bytes.
const LOOK: u64 = 1 << 16;

/// The number of frames of the first video stream, from the file's header (`strh`, RIFF AVI).
///
/// # Errors
/// If the file is not an AVI, has no video stream, or is truncated.
pub fn frame_count(path: &Path) -> Result<usize> {
    let broken = |message: String| Error::file(path, format!("broken AVI: {message}"));
    let mut file = files::open(path).map_err(|error| Error::file(path, error))?;
    let length = file.metadata().map_err(|error| Error::file(path, error))?.len();
    let mut head = Vec::new();
    file.by_ref().take(LOOK).read_to_end(&mut head).map_err(|error| Error::file(path, error))?;
    if head.get(..4) != Some(b"RIFF") || head.get(8..12) != Some(b"AVI ") {
        return Err(broken("does not begin with RIFF … AVI".to_owned()));
    }
    let expected = word(&head, 4).map_or(0, u64::from) + 8;
    if length < expected {
        return Err(broken(format!(
            "incomplete: its header says {expected} bytes, but the file has {length}"
        )));
    }
    let count =
        video_length(&head, 12, 0).ok_or_else(|| broken("its header names no video stream".to_owned()))?;
    Ok(count as usize)
}

/// The little-endian 32-bit word at byte `at`.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Searches the chunks from byte `at`, and the lists among them, for the header of a video stream.
fn video_length(bytes: &[u8], mut at: usize, depth: usize) -> Option<u32> {
    while let (Some(name), Some(size)) = (bytes.get(at..at.checked_add(4)?), word(bytes, at + 4)) {
        let size = size as usize;
        let body = at + 8;
        if name == b"LIST" && depth < 4 {
            let end = body.saturating_add(size).min(bytes.len());
            if let Some(found) = video_length(&bytes[..end], body + 4, depth + 1) {
                return Some(found);
            }
        }
        if name == b"strh" && bytes.get(body..body + 4) == Some(b"vids") {
            return word(bytes, body + 32);
        }
        at = body.checked_add(size)?.checked_add(size % 2)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with one audio stream, and one video stream of 164 frames.
    fn header() -> Vec<u8> {
        let chunk = |name: &[u8], body: &[u8]| {
            [name, &(body.len() as u32).to_le_bytes(), body, &[0][..body.len() % 2]].concat()
        };
        let stream = |kind: &[u8], length: u32| {
            let mut body = vec![0; 56];
            body[..4].copy_from_slice(kind);
            body[32..36].copy_from_slice(&length.to_le_bytes());
            chunk(b"LIST", &[b"strl".to_vec(), chunk(b"strh", &body)].concat())
        };
        let list =
            [b"hdrl".to_vec(), chunk(b"avih", &[0; 55]), stream(b"auds", 9), stream(b"vids", 164)].concat();
        chunk(b"RIFF", &[b"AVI ".to_vec(), chunk(b"LIST", &list)].concat())
    }

    fn count(bytes: &[u8]) -> Result<usize> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        frame_count(file.path())
    }

    #[test]
    fn the_video_stream_is_found_behind_others() {
        assert_eq!(count(&header()).unwrap(), 164);
    }

    #[test]
    fn any_cut_or_other_file_is_an_error_and_never_a_panic() {
        let whole = header();
        for length in 0..whole.len() {
            let error = count(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains("broken AVI"), "{error}");
        }
        let mut hollow = whole.clone();
        hollow[12..].fill(0xFF);
        assert!(count(&hollow).unwrap_err().to_string().contains("no video stream"));
    }
}
