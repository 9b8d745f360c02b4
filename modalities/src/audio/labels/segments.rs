//! Labelled stretches of time to labelled frames.

use crate::audio::time::{HOP, RATE, middle};
use plasticity_core::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Labels may reach this far past the audio's last whole frame (two frames: encoders and aligners round).
const OVERHANG: f64 = 2.0 * HOP as f64;

/// A stretch with one phone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// First sample, at 16 kHz.
    pub start: f64,
    /// Sample after the last.
    pub end: f64,
    /// Its class, `None` where the phone belongs to none.
    pub phone: Option<u32>,
}

/// The phone at the middle of every frame, from segments in order of time. Frames outside all segments have no
/// label: TIMIT's last `.phn` line can end before the audio does.
///
/// # Errors
/// If segments overlap or run backwards, end past the audio, or cover less than half of it: these are the labels
/// of another recording.
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

/// The file beside `audio` with one of `endings`, in the first spelling that is there.
///
/// # Errors
/// If there is none: names the one that is looked for.
pub(super) fn beside(audio: &Path, endings: &[&str]) -> Result<PathBuf> {
    let found = endings.iter().map(|ending| audio.with_extension(ending)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let ending = endings.first().copied().unwrap_or_default();
        let message = format!("no labels for {}: expected this file beside it", audio.display());
        Error::file(audio.with_extension(ending), message)
    })
}
