//! Labels: the phone of each frame of 10 ms.

pub mod aligned;
pub mod phn;
pub mod segments;
pub mod textgrid;

use super::decode;
use aligned::AlignedPhones;
use plasticity_core::error::Result;
use std::path::Path;

/// The source of a corpus's labels.
pub(super) enum Labels {
    /// No labels.
    None,
    /// One file for all utterances, see [`aligned`].
    Aligned(AlignedPhones),
    /// A TIMIT `.phn` file beside each audio file, see [`phn`].
    Phn,
    /// A Praat TextGrid beside each audio file, see [`textgrid`].
    TextGrid,
}

impl Labels {
    /// The names of the classes; `None` without labels.
    pub(super) fn phones(&self) -> Option<Vec<String>> {
        let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        match self {
            Self::None => None,
            Self::Aligned(file) => Some((0..file.classes()).map(|class| class.to_string()).collect()),
            Self::Phn => names(&phn::FOLDED),
            Self::TextGrid => names(&textgrid::PHONES),
        }
    }

    /// The labels of the `frames` frames of utterance `id`. `path` is its audio file.
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
