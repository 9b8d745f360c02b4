//! Where speech is read from: utterances with speakers, samples and frame labels.

mod files;
mod librispeech;
mod recordings;
pub mod synthetic;
mod timit;

pub use librispeech::Librispeech;
pub use recordings::{Beside, Recordings};
pub use synthetic::SyntheticSpeech;
pub use timit::Timit;

use crate::common::folders::{Walk, composed, name};
use plasticity_core::error::Result;
use std::path::{Path, PathBuf};

/// An utterance, before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utterance {
    /// Its name, the same wherever it is read from.
    pub id: String,
    /// Who speaks.
    pub speaker: Option<String>,
}

/// An opened source. Indices are those of [`utterances`](Self::utterances).
pub trait Corpus: Send + Sync {
    /// All utterances, in an order that does not depend on the machine.
    fn utterances(&self) -> &[Utterance];

    /// The file that utterance `index` is read from, if there is one.
    fn file(&self, _index: usize) -> Option<&Path> {
        None
    }

    /// How many samples utterance `index` has at 16 kHz, and the rate it is stored at, without decoding it.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    fn length(&self, index: usize) -> Result<(usize, u32)>;

    /// The samples of utterance `index`: 16 kHz, mono, full scale ±1.
    ///
    /// # Errors
    /// Names the file that cannot be decoded, or is cut.
    fn samples(&self, index: usize) -> Result<Vec<f32>>;

    /// `count` samples of utterance `index` from sample `start` on, without reading those before; `None` where that cannot be
    /// done.
    ///
    /// # Errors
    /// As [`samples`](Self::samples), as far as these samples show.
    fn window(&self, _index: usize, _start: usize, _count: usize) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    /// Gives all samples of utterance `index` to `each`, piece by piece.
    ///
    /// # Errors
    /// As [`samples`](Self::samples).
    fn each(&self, index: usize, each: &mut dyn FnMut(&[f32])) -> Result<()> {
        each(&self.samples(index)?);
        Ok(())
    }

    /// Names of the phones that frames are labelled with, if they are.
    fn phones(&self) -> Option<Vec<String>>;

    /// The phone of each of the `frames` whole frames of 10 ms of utterance `index`, `None` where one has no label.
    ///
    /// # Errors
    /// If the labels are missing or do not fit the audio.
    fn frames(&self, index: usize, frames: usize) -> Result<Vec<Option<u32>>>;
}

/// What a config says of a source of speech.
#[typetag::serde(tag = "type")]
pub trait SpeechSource: Send + Sync + std::fmt::Debug {
    /// Lists the source's utterances. `seed` is the run's (built-in speech is made from it).
    ///
    /// # Errors
    /// If files or folders are missing or unusable: names them, and the remedy.
    fn open(&self, seed: u64) -> Result<Box<dyn Corpus>>;
}

/// Endings of audio files.
const AUDIO: &[&str] = &["flac", "wav"];

/// Audio files in `folder` and up to `depth` folders below it.
fn audio_files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut walk = Walk::default();
    let files = walk.files(folder, AUDIO, depth)?;
    walk.warn(folder, AUDIO);
    Ok(files)
}

/// The last part of a path, without its ending.
fn stem(path: &Path) -> String {
    composed(&path.file_stem().unwrap_or_default().to_string_lossy())
}

/// The name of the folder that a file is in.
fn parent(path: &Path) -> Option<String> {
    path.parent().map(name)
}
