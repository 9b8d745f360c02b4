//! A corpus of audio files.

use super::{SpeechSource, Utterance};
use crate::audio::decode;
use crate::audio::labels::Labels;
use crate::common::folders::composed;
use plasticity_core::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A corpus of audio files.
pub(super) struct Files {
    utterances: Vec<Utterance>,
    paths: Vec<PathBuf>,
    labels: Labels,
}

/// Keeps the utterances of the given `speakers`; all utterances if there are none given.
///
/// # Errors
/// If a speaker does not exist, or no utterance is left.
pub(super) fn of_speakers(
    place: &str,
    mut found: Vec<(Utterance, PathBuf)>,
    speakers: Option<&[String]>,
) -> Result<Vec<(Utterance, PathBuf)>> {
    if let Some(speakers) = speakers {
        let speakers: Vec<String> = speakers.iter().map(|speaker| composed(speaker)).collect();
        let there: BTreeSet<&str> = found.iter().filter_map(|(u, _)| u.speaker.as_deref()).collect();
        if let Some(missing) = speakers.iter().find(|speaker| !there.contains(speaker.as_str())) {
            let known: Vec<_> = there.into_iter().take(40).collect();
            let message = format!("no speaker `{missing}`; there are {}", known.join(", "));
            return Err(Error::stimulus(place, message));
        }
        found.retain(|(u, _)| u.speaker.as_ref().is_some_and(|speaker| speakers.contains(speaker)));
    }
    if found.is_empty() {
        return Err(Error::stimulus(
            place,
            "no utterances: `speakers` selects none, or the folder has no audio",
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

impl SpeechSource for Files {
    fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    fn file(&self, index: usize) -> Option<&Path> {
        Some(&self.paths[index])
    }

    fn length(&self, index: usize) -> Result<(usize, u32)> {
        let (samples, rate) = decode::length(&self.paths[index])?;
        Ok((samples as usize, rate))
    }

    fn samples(&self, index: usize) -> Result<Vec<f32>> {
        decode::read(&self.paths[index])
    }

    fn window(&self, index: usize, start: usize, count: usize) -> Result<Option<Vec<f32>>> {
        decode::window(&self.paths[index], start, count)
    }

    fn each(&self, index: usize, each: &mut dyn FnMut(&[f32])) -> Result<()> {
        decode::each(&self.paths[index], each)
    }

    fn phones(&self) -> Option<Vec<String>> {
        self.labels.phones()
    }

    fn frames(&self, index: usize, frames: usize) -> Result<Vec<Option<u32>>> {
        self.labels.frames(&self.utterances[index].id, &self.paths[index], frames)
    }
}
