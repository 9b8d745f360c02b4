//! Sources of speech: utterances with speakers, samples and frame labels.

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

/// An utterance, before decoding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utterance {
    /// Its name, which does not depend on where the corpus is stored.
    pub id: String,
    /// Its speaker, if known.
    pub speaker: Option<String>,
}

/// An opened source. Each index is a position in [`utterances`](Self::utterances).
pub trait SpeechSource: Send + Sync {
    /// All utterances, in the same order on every machine.
    fn utterances(&self) -> &[Utterance];

    /// The file of utterance `index`, if there is one.
    fn file(&self, _index: usize) -> Option<&Path> {
        None
    }

    /// The number of samples of utterance `index` at 16 kHz, and the rate in Hz at which it is stored. The
    /// samples are not decoded.
    ///
    /// # Errors
    /// If the file cannot be read; the error names it.
    fn length(&self, index: usize) -> Result<(usize, u32)>;

    /// The samples of utterance `index`: 16 kHz, mono, full scale ±1.
    ///
    /// # Errors
    /// If the file cannot be decoded or is truncated; the error names it.
    fn samples(&self, index: usize) -> Result<Vec<f32>>;

    /// `count` samples of utterance `index` from sample `start`, without reading the samples before them.
    /// `None` if that is not possible.
    ///
    /// # Errors
    /// As [`samples`](Self::samples), but only for errors in these samples.
    fn window(&self, _index: usize, _start: usize, _count: usize) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    /// Passes all samples of utterance `index` to `each`, piece by piece.
    ///
    /// # Errors
    /// As [`samples`](Self::samples).
    fn each(&self, index: usize, each: &mut dyn FnMut(&[f32])) -> Result<()> {
        each(&self.samples(index)?);
        Ok(())
    }

    /// The names of the phone classes; `None` if there are no phone labels.
    fn phones(&self) -> Option<Vec<String>>;

    /// The phone class of each of the `frames` whole frames of 10 ms of utterance `index`; `None` for a frame
    /// without a label.
    ///
    /// # Errors
    /// If the labels are missing or do not fit the audio.
    fn frames(&self, index: usize, frames: usize) -> Result<Vec<Option<u32>>>;
}

/// The config of a source of speech. To add a source, implement this and [`SpeechSource`], and register it
/// with `plasticity_core::plugin! { Source "name": … }`.
#[typetag::serde(tag = "type")]
pub trait SpeechSourceSpec: Send + Sync + std::fmt::Debug {
    /// Lists the utterances of the source. `seed` is the run's seed, from which built-in speech is made.
    ///
    /// # Errors
    /// If files or folders are missing or cannot be used; the error names them and the remedy.
    fn open(&self, seed: u64) -> Result<Box<dyn SpeechSource>>;
}

/// The endings of audio files.
const AUDIO: &[&str] = &["flac", "wav"];

/// The audio files in `folder` and in folders up to `depth` levels below it.
fn audio_files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut walk = Walk::default();
    let files = walk.files(folder, AUDIO, depth)?;
    walk.warn(folder, AUDIO);
    Ok(files)
}

/// The file name of a path, without its ending.
fn stem(path: &Path) -> String {
    composed(&path.file_stem().unwrap_or_default().to_string_lossy())
}

/// The name of the folder that a file is in.
fn parent(path: &Path) -> Option<String> {
    path.parent().map(name)
}
