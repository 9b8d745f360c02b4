//! What a source of speech is opened to: utterances with speakers, samples and frame labels.

use super::{HOP, RATE, decode, labels::Labels};
use plasticity_core::error::{Error, Result};
use std::collections::BTreeSet;
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

    /// Names of the phones that frames are labelled with, if they are.
    fn phones(&self) -> Option<Vec<String>>;

    /// The phone of each of the `frames` whole frames of 10 ms of utterance `index`, `None` where one has no label.
    ///
    /// # Errors
    /// Where the labels are missing or do not fit the audio.
    fn frames(&self, index: usize, frames: usize) -> Result<Vec<Option<u32>>>;
}

/// What an utterance is known by, whatever source and path lead to it: its file without links or, where there is none,
/// its name. (Files of two folders may well have the same name.)
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    File(PathBuf),
    Name(String),
}

impl Identity {
    pub(super) fn of(corpus: &dyn Corpus, index: usize) -> Result<Self> {
        match corpus.file(index) {
            Some(path) => path.canonicalize().map(Self::File).map_err(|e| Error::file(path, e)),
            None => Ok(Self::Name(corpus.utterances()[index].id.clone())),
        }
    }
}

/// What a config says of a source of speech.
#[typetag::serde(tag = "type")]
pub trait SpeechSource: Send + Sync + std::fmt::Debug {
    /// Lists the source's utterances. `seed` is the run's (built-in speech is made from it).
    ///
    /// # Errors
    /// Where files or folders are missing or unusable: names them, and the remedy.
    fn open(&self, seed: u64) -> Result<Box<dyn Corpus>>;
}

/// A corpus of audio files.
pub(super) struct Files {
    utterances: Vec<Utterance>,
    paths: Vec<PathBuf>,
    labels: Labels,
}

/// Keeps utterances of the `speakers` that a config names; without names, all.
///
/// # Errors
/// Where a speaker is not there, or nothing is left.
pub(super) fn of_speakers(
    place: &str,
    mut found: Vec<(Utterance, PathBuf)>,
    speakers: Option<&[String]>,
) -> Result<Vec<(Utterance, PathBuf)>> {
    if let Some(speakers) = speakers {
        let there: BTreeSet<&str> = found.iter().filter_map(|(u, _)| u.speaker.as_deref()).collect();
        if let Some(missing) = speakers.iter().find(|speaker| !there.contains(speaker.as_str())) {
            let mut known: Vec<_> = there.into_iter().take(40).collect();
            known.sort_unstable();
            let message = format!("no speaker `{missing}`; there are {}", known.join(", "));
            return Err(Error::stimulus(place, message));
        }
        found.retain(|(u, _)| u.speaker.as_ref().is_some_and(|speaker| speakers.contains(speaker)));
    }
    if found.is_empty() {
        return Err(Error::stimulus(
            place,
            "no utterances: `speakers` names none, or the folder has no audio",
        ));
    }
    Ok(found)
}

impl Files {
    pub(super) fn new(mut found: Vec<(Utterance, PathBuf)>, labels: Labels) -> Self {
        found.sort();
        let (utterances, paths) = found.into_iter().unzip();
        Self { utterances, paths, labels }
    }
}

impl Corpus for Files {
    fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    fn file(&self, index: usize) -> Option<&Path> {
        Some(&self.paths[index])
    }

    fn length(&self, index: usize) -> Result<(usize, u32)> {
        let path = &self.paths[index];
        let (frames, rate) = decode::length(path)?;
        Ok(((frames * u64::from(RATE)).div_ceil(u64::from(rate)) as usize, rate))
    }

    fn samples(&self, index: usize) -> Result<Vec<f32>> {
        decode::read(&self.paths[index])
    }

    fn phones(&self) -> Option<Vec<String>> {
        self.labels.phones()
    }

    fn frames(&self, index: usize, frames: usize) -> Result<Vec<Option<u32>>> {
        self.labels.frames(&self.utterances[index].id, &self.paths[index], frames)
    }
}

/// Sample at the middle of a frame: the label there is the frame's.
pub(super) fn middle(frame: usize) -> usize {
    frame * HOP + HOP / 2
}
