//! Converts labelled segments of time to labelled frames.

use crate::audio::time::{HOP, RATE, middle};
use plasticity_core::error::{Error, Result};
use std::path::{Path, PathBuf};

/// How far labels may reach past the last whole frame, in samples. It is two frames, because encoders and
/// aligners round.
const OVERHANG: f64 = 2.0 * HOP as f64;

/// A section of a recording with one phone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// The first sample, at 16 kHz.
    pub start: f64,
    /// The sample after the last.
    pub end: f64,
    /// The class; `None` if the phone has no class.
    pub phone: Option<u32>,
}

/// The phone at the middle of each frame. `segments` must be in order of time. A frame outside all segments
/// has no label: TIMIT's last `.phn` line can end before the audio does.
///
/// # Errors
/// If segments overlap or run backwards, or if they end past the audio or before its middle. The labels then
/// belong to another recording.
pub fn frames(segments: &[Segment], frames: usize, path: &Path) -> Result<Vec<Option<u32>>> {
    let wrong = |message: String| Error::stimulus(path.display().to_string(), message);
    let mut last = 0.0;
    for segment in segments {
        if !(segment.start >= last - 1.0 && segment.end >= segment.start) {
            let message = format!(
                "labels from sample {} to {} overlap earlier ones or run backwards",
                segment.start, segment.end
            );
            return Err(wrong(message));
        }
        last = segment.end;
    }
    let audio = ((frames + 1) * HOP) as f64;
    if last > audio + OVERHANG || last < audio / 2.0 {
        let message = format!(
            "labels end at {:.2} s but the audio ends at {:.2} s: the labels belong to another recording",
            last / f64::from(RATE),
            audio / f64::from(RATE)
        );
        return Err(wrong(message));
    }
    let mut segments = segments.iter().peekable();
    let label = |frame| {
        let at = middle(frame) as f64;
        while segments.next_if(|segment| segment.end <= at).is_some() {}
        segments.peek().filter(|segment| segment.start <= at).and_then(|segment| segment.phone)
    };
    Ok((0..frames).map(label).collect())
}

/// The file beside `audio` with one of `endings`; the first that exists.
///
/// # Errors
/// If there is none; the error names the file with the first ending.
pub(super) fn beside(audio: &Path, endings: &[&str]) -> Result<PathBuf> {
    let found = endings.iter().map(|ending| audio.with_extension(ending)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let ending = endings.first().copied().unwrap_or_default();
        let message = format!("no labels for {}: expected this file beside it", audio.display());
        Error::file(audio.with_extension(ending), message)
    })
}
