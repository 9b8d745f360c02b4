//! The layout of LibriSpeech: speaker/chapter/ID.flac.

use super::files::{Files, of_speakers};
use super::{SpeechSource, SpeechSourceSpec, Utterance, audio_files, stem};
use crate::audio::labels::{Labels, aligned::AlignedPhones};
use crate::common::files;
use crate::common::folders::{composed, entries, name};
use plasticity_core::error::{Error, Result};
use plasticity_core::plugin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Config of the source `librispeech`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Librispeech {
    /// The folder with the speakers' folders.
    pub path: PathBuf,
    /// A file of utterance IDs separated by white space. Only these utterances are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
    /// The only speakers to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<String>>,
    /// The aligned-phones file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phones: Option<PathBuf>,
}

plugin! {
    Source "librispeech": "LibriSpeech's layout, speaker/chapter/ID.flac, with split lists and aligned phones",
    equation: "",
    citation: "Panayotov et al. 2015; labels: van den Oord et al. 2018",
    keys: [
        path = "", "folder", "the folder with the speakers' folders, for example LibriSpeech/train-clean-100";
        list = "", "file", "optional: a file with utterance IDs, one on each line; only these are used";
        speakers = "", "list of text", "optional: only these speakers";
        phones = "", "file", "optional: a file with frame labels: lines of `ID int int …`, one class for every 10 ms";
    ],
    example: "type = \"librispeech\"\npath = \"LibriSpeech/train-clean-100\"",
    impl SpeechSourceSpec for Librispeech {
        fn open(&self, _seed: u64) -> Result<Box<dyn SpeechSource>> {
            let place = self.path.display().to_string();
            let mut found = Vec::new();
            for speaker in entries(&self.path)?.into_iter().filter(|path| path.is_dir()) {
                let name = name(&speaker);
                for path in audio_files(&speaker, 1)? {
                    found.push((Utterance { id: stem(&path), speaker: Some(name.clone()) }, path));
                }
            }
            if found.is_empty() {
                let message = "no audio; expected speaker/chapter/ID.flac below this folder";
                return Err(Error::stimulus(place, message));
            }
            if let Some(list) = &self.list {
                let text = files::text(list).map_err(|e| Error::file(list, e))?;
                let ids: BTreeSet<String> = text.split_whitespace().map(composed).collect();
                found.retain(|(utterance, _)| ids.contains(&utterance.id));
                if found.is_empty() {
                    let message = format!("none of its {} IDs is below {place}", ids.len());
                    return Err(Error::file(list, message));
                }
                if found.len() < ids.len() {
                    let (all, missing) = (ids.len(), ids.len() - found.len());
                    tracing::warn!("{}: {missing} of {all} IDs are not below {place} and are skipped", list.display());
                }
            }
            let found = of_speakers(&place, found, self.speakers.as_deref())?;
            let labels = match &self.phones {
                Some(path) => Labels::Aligned(AlignedPhones::read(path)?),
                None => Labels::None,
            };
            Ok(Box::new(Files::new(found, labels)))
        }
    }
}
