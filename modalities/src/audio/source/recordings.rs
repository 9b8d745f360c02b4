//! A folder of audio files.

use super::files::{Files, of_speakers};
use super::{SpeechSource, SpeechSourceSpec, Utterance, audio_files};
use crate::audio::labels::Labels;
use crate::common::folders::composed;
use plasticity_core::error::{Error, Result};
use plasticity_core::plugin;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The labels beside each audio file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    /// No labels.
    #[default]
    None,
    /// A TIMIT `.phn` file.
    Phn,
    /// A Praat TextGrid with a tier `phones`.
    Textgrid,
}

/// Config of the source `recordings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recordings {
    /// The folder.
    pub path: PathBuf,
    /// The only speakers to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<String>>,
    /// The labels beside each audio file.
    #[serde(default)]
    pub labels: Beside,
}

plugin! {
    Source "recordings": "WAV and FLAC files; each folder directly in the source's folder is a speaker",
    equation: "",
    citation: "McAuliffe et al. 2017 (TextGrids of the Montreal Forced Aligner)",
    keys: [
        path = "", "folder", "the folder to search for .wav and .flac files, up to eight folders deep; the \
                              folder directly in it names the speaker";
        speakers = "", "list of text", "optional: only these speakers";
        labels = "\"none\"", "none | phn | textgrid", "labels beside each audio file, with the same name: \
                                                       TIMIT's .phn files, or TextGrids";
    ],
    example: "type = \"recordings\"\npath = \"speech\"",
    impl SpeechSourceSpec for Recordings {
        fn open(&self, _seed: u64) -> Result<Box<dyn SpeechSource>> {
            let place = self.path.display().to_string();
            let files = audio_files(&self.path, 8)?;
            if files.is_empty() {
                return Err(Error::stimulus(place, "no .wav or .flac files in this folder"));
            }
            let found = files.into_iter().map(|path| {
                let inner = path.strip_prefix(&self.path).unwrap_or(&path);
                let mut parts = inner.components().map(|part| composed(&part.as_os_str().to_string_lossy()));
                let first = parts.next();
                let speaker = if parts.next().is_some() { first } else { None };
                (Utterance { id: inner.with_extension("").display().to_string(), speaker }, path)
            });
            let found = of_speakers(&place, found.collect(), self.speakers.as_deref())?;
            let labels = match self.labels {
                Beside::None => Labels::None,
                Beside::Phn => Labels::Phn,
                Beside::Textgrid => Labels::TextGrid,
            };
            Ok(Box::new(Files::new(found, labels)))
        }
    }
}
