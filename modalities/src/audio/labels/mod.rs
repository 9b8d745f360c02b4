//! Which phone is spoken in each frame of 10 ms.

pub mod aligned;
pub mod phn;
pub mod segments;
pub mod textgrid;

use super::decode;
use aligned::AlignedPhones;
use plasticity_core::error::Result;
use std::path::Path;

/// Where the labels of a corpus come from.
pub(super) enum Labels {
    /// There are none.
    None,
    /// One file for all utterances: see [`aligned`].
    Aligned(AlignedPhones),
    /// TIMIT's `.phn` beside each audio file: see [`phn`].
    Phn,
    /// A Praat TextGrid beside each audio file: see [`textgrid`].
    TextGrid,
}

impl Labels {
    /// Names of the classes.
    pub(super) fn phones(&self) -> Option<Vec<String>> {
        let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        match self {
            Self::None => None,
            Self::Aligned(file) => Some((0..file.classes()).map(|class| class.to_string()).collect()),
            Self::Phn => names(&phn::FOLDED),
            Self::TextGrid => names(&textgrid::PHONES),
        }
    }

    /// Labels of the `frames` frames of utterance `id`, whose audio is at `path`.
    pub(super) fn frames(&self, id: &str, path: &Path, frames: usize) -> Result<Vec<Option<u32>>> {
        match self {
            Self::None => Ok(vec![None; frames]),
            Self::Aligned(file) => file.frames(id, frames),
            Self::Phn => {
                let (file, segments) = phn::read(path, decode::rate(path)?)?;
                segments::frames(&segments, frames, &file)
            }
            Self::TextGrid => {
                let (file, segments) = textgrid::read(path)?;
                segments::frames(&segments, frames, &file)
            }
        }
    }
}
