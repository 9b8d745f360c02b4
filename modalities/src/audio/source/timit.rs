//! TIMIT: sentences with phone alignments made by hand.

use super::files::{Files, of_speakers};
use super::{SpeechSource, SpeechSourceSpec, Utterance, audio_files, parent, stem};
use crate::audio::labels::Labels;
use plasticity_core::error::{Error, Result};
use plasticity_core::plugin;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Config of the source `timit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timit {
    /// The folder.
    pub path: PathBuf,
    /// The only speakers to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<String>>,
    /// Whether the two dialect sentences are used, which every speaker reads.
    #[serde(default)]
    pub dialect_sentences: bool,
}

plugin! {
    Source "timit": "TIMIT: WAV (NIST SPHERE or RIFF) with .phn alignments, 61 phones folded to 39",
    equation: "",
    citation: "Garofolo et al. 1993; folding: Lee & Hon 1989",
    keys: [
        path = "", "folder", "the folder to search for .wav files, up to three folders deep \
                              (split/dialect/speaker, or a part of it)";
        speakers = "", "list of text", "optional: only these speakers, named by their folders";
        dialect_sentences = "false", "true | false", "uses the sentences sa1 and sa2. Every speaker reads both, \
                                                      so with them the probe would learn the test sentences";
    ],
    example: "type = \"timit\"\npath = \"TIMIT/TRAIN\"",
    impl SpeechSourceSpec for Timit {
        fn open(&self, _seed: u64) -> Result<Box<dyn SpeechSource>> {
            let place = self.path.display().to_string();
            let mut found = Vec::new();
            for path in audio_files(&self.path, 3)? {
                let sentence = stem(&path);
                if !self.dialect_sentences && sentence.to_ascii_lowercase().starts_with("sa") {
                    continue;
                }
                let speaker = parent(&path);
                let id = format!("{}/{sentence}", speaker.as_deref().unwrap_or_default());
                found.push((Utterance { id, speaker }, path));
            }
            if found.is_empty() {
                let message = "no sentences; expected speaker/sentence.wav and .phn up to three folders below";
                return Err(Error::stimulus(place, message));
            }
            let found = of_speakers(&place, found, self.speakers.as_deref())?;
            Ok(Box::new(Files::new(found, Labels::Phn)))
        }
    }
}
