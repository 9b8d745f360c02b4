//! The config of speech.

use super::HOP;
use super::normalise::Normalise;
use super::source::{SpeechSource, SpeechSourceSpec};
use super::stimulus::Windows;
use crate::common::apart;
use crate::common::choice::choice;
use plasticity_core::error::{Error, Result};
use plasticity_core::map::MapShape;
use plasticity_core::plugin;
use plasticity_core::stimulus::{Outline, Split, Stimulus, StimulusSpec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The labels of the probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// The phone of every frame of 10 ms.
    #[default]
    Phones,
    /// The speaker.
    Speaker,
}

/// The two labelled sources of a probe.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// The source that trains the probe.
    #[serde(deserialize_with = "choice")]
    pub train: Box<dyn SpeechSourceSpec>,
    /// The source that tests the probe.
    #[serde(deserialize_with = "choice")]
    pub test: Box<dyn SpeechSourceSpec>,
}

/// Config of the stimulus `speech`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechSpec {
    /// The source that rules learn from.
    #[serde(deserialize_with = "choice")]
    pub learn: Box<dyn SpeechSourceSpec>,
    /// The sources of the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Labelled>,
    /// The length of a window, in samples.
    #[serde(default = "window")]
    pub window: usize,
    /// How loudness is normalised.
    #[serde(default)]
    pub normalise: Normalise,
    /// The labels of the probe.
    #[serde(default)]
    pub label: LabelKind,
    /// Whether a speaker may be in both sources of the probe.
    #[serde(default)]
    pub shared_speakers: bool,
}

fn window() -> usize {
    20_480
}

impl SpeechSpec {
    fn check(&self) -> Result<()> {
        if self.window == 0 || !self.window.is_multiple_of(HOP) {
            let message = format!("expected a multiple of {HOP} samples (10 ms), got {}", self.window);
            return Err(Error::config("window", message));
        }
        self.normalise.check()
    }

    /// Opens both labelled sources and checks that they fit together.
    fn labelled(&self, seed: u64) -> Result<Option<[Box<dyn SpeechSource>; 2]>> {
        let Some(Labelled { train, test }) = &self.labelled else { return Ok(None) };
        let (train, test) = (open(&**train, "labelled.train", seed)?, open(&**test, "labelled.test", seed)?);
        let wrong = |message: String| Err(Error::config("labelled", message));
        let speakers = |corpus: &dyn SpeechSource| -> BTreeSet<String> {
            corpus.utterances().iter().filter_map(|utterance| utterance.speaker.clone()).collect()
        };
        if self.label == LabelKind::Speaker
            && let Some(nobody) = [&*train, &*test].into_iter().find_map(without_speaker)
        {
            return wrong(format!(
                "with `label = \"speaker\"` every recording must be in the folder of its speaker, but {nobody} \
                 is not in a folder: move it into one, or remove it"
            ));
        }
        if let Some(both) = in_both(&*train, &*test)? {
            return wrong(format!(
                "utterance {both} is in both `train` and `test`: give two folders, neither inside the other, or \
                 select with `speakers`"
            ));
        }
        let (ours, theirs) = (speakers(&*train), speakers(&*test));
        match self.label {
            LabelKind::Speaker => {
                if ours.is_empty() || !theirs.is_subset(&ours) {
                    let strangers: Vec<_> = theirs.difference(&ours).take(5).cloned().collect();
                    let message = format!(
                        "with `label = \"speaker\"` every speaker of `test` must also be in `train`, with other \
                         utterances; only in `test`: {}",
                        strangers.join(", ")
                    );
                    return wrong(message);
                }
            }
            LabelKind::Phones => {
                if let (false, Some(both)) = (self.shared_speakers, ours.intersection(&theirs).next()) {
                    let message = format!(
                        "speaker `{both}` is in both `train` and `test`: select with `speakers`, or allow it \
                         with `shared_speakers = true`"
                    );
                    return wrong(message);
                }
                match (train.phones(), test.phones()) {
                    (Some(ours), Some(theirs)) if ours == theirs => {}
                    // Files of aligned phones number their classes, so `train` may have more classes than
                    // `test`.
                    (Some(ours), Some(theirs)) if ours.starts_with(&theirs) => {}
                    (Some(_), Some(_)) => {
                        return wrong(
                            "`train` and `test` have labels with different sets of phones".to_owned(),
                        );
                    }
                    _ => {
                        return wrong("a source without phone labels cannot be probed for phones".to_owned());
                    }
                }
            }
        }
        Ok(Some([train, test]))
    }

    fn windows(
        &self,
        corpus: Box<dyn SpeechSource>,
        split: Split,
        speakers: BTreeMap<String, u32>,
        phones: Option<Vec<String>>,
    ) -> Result<Windows> {
        Windows::new(corpus, split, self.window, self.normalise, self.label, speakers, phones)
    }

    /// The class number of each speaker of `corpus`, in the order of names. The corpus is that which trains
    /// the probe, or that for learning if there is no probe.
    fn speakers(corpus: &dyn SpeechSource) -> BTreeMap<String, u32> {
        let names: BTreeSet<_> = corpus.utterances().iter().filter_map(|u| u.speaker.clone()).collect();
        names.into_iter().zip(0..).collect()
    }
}

/// Opens a source. An error names its key.
fn open(source: &dyn SpeechSourceSpec, key: &str, seed: u64) -> Result<Box<dyn SpeechSource>> {
    source.open(seed).map_err(|error| error.under(key))
}

/// The first utterance without a speaker, by its file if it has one.
fn without_speaker(corpus: &dyn SpeechSource) -> Option<String> {
    let index = corpus.utterances().iter().position(|utterance| utterance.speaker.is_none())?;
    let id = || corpus.utterances()[index].id.clone();
    Some(corpus.file(index).map_or_else(id, |path| path.display().to_string()))
}

/// An utterance of `test` that is also in `train`, and why the two are the same; `None` if there is none.
fn in_both(train: &dyn SpeechSource, test: &dyn SpeechSource) -> Result<Option<String>> {
    let files = |corpus: &dyn SpeechSource| -> Vec<apart::Item> {
        (0..corpus.utterances().len())
            .filter_map(|index| corpus.file(index).map(|path| vec![PathBuf::from(path)]))
            .collect()
    };
    let (ours, theirs) = (files(train), files(test));
    if let Some((learned, tested)) = apart::shared(&ours, &theirs)? {
        let index = (0..test.utterances().len()).find(|&index| test.file(index) == Some(&*tested));
        let id = index.and_then(|index| test.utterances().get(index)).map_or("", |utterance| &utterance.id);
        return Ok(Some(format!("`{id}` ({})", apart::why(&learned, &tested))));
    }
    // Utterances without files are compared by their names.
    let spoken = |corpus: &dyn SpeechSource| -> BTreeSet<String> {
        let all = corpus.utterances().iter().enumerate();
        all.filter(|(index, _)| corpus.file(*index).is_none())
            .map(|(_, utterance)| utterance.id.clone())
            .collect()
    };
    Ok(spoken(test).intersection(&spoken(train)).next().map(|id| format!("`{id}`")))
}

plugin! {
    Stimulus "speech": "Windows of 16 kHz speech, labelled with phones or speakers",
    equation: "x = (x − mean) / std, of each utterance, or of the corpus",
    citation: "van den Oord et al. 2018; Löwe et al. 2019; Illing et al. 2021, Appendix B.2",
    keys: [
        learn = "", "a source", "stimuli for learning: { type = \"librispeech\", path = … }. An epoch has one \
            random window of each recording, so cut long recordings into pieces";
        labelled = "", "{ train = a source, test = a source }", "optional: stimuli that train and test the \
            probe; no utterance of `test` may be in `train` or `learn`";
        window = "20480", "160.. samples", "length of a window (1.28 s), a multiple of 160; shorter utterances \
                                            are skipped, and a warning counts them";
        normalise = "\"utterance\"", "utterance | none | { mean = number, std = > 0 }", "each utterance scaled \
            to mean 0 and variance 1; or samples as they are, within ±1; or all samples scaled with the same \
            two numbers";
        label = "\"phones\"", "phones | speaker", "the labels of the probe: the phone of every 10 ms, or the speaker";
        shared_speakers = "false", "true | false", "allows a speaker in both `train` and `test` if phones are probed";
    ],
    example: "type = \"speech\"\nwindow = 3200\nlearn = { type = \"synthetic_speech\", speakers = 2, utterances = 2, seconds = 0.5 }\n\n[labelled]\ntrain = { type = \"synthetic_speech\", speakers = 2, utterances = 2, seconds = 0.5 }\ntest = { type = \"synthetic_speech\", speakers = 1, first_speaker = 2, utterances = 2, seconds = 0.5 }",
    impl StimulusSpec for SpeechSpec {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            self.check()?;
            let labelled = self.labelled(seed)?;
            let corpus = match split {
                Split::Learn => open(&*self.learn, "learn", seed)?,
                Split::ProbeTrain | Split::ProbeTest => {
                    let Some([train, test]) = labelled else {
                        let message = "a probe needs `labelled = { train = …, test = … }`";
                        return Err(Error::config("labelled", message));
                    };
                    // Both splits have the classes of `train`.
                    let (speakers, phones) = (Self::speakers(&*train), train.phones());
                    let corpus = if split == Split::ProbeTrain { train } else { test };
                    return Ok(Box::new(self.windows(corpus, split, speakers, phones)?));
                }
            };
            if let Some([_, test]) = &labelled
                && let Some(both) = in_both(&*corpus, &**test)?
            {
                let message = format!(
                    "utterance {both} is also in `labelled.test`, so the network would learn from test data: \
                     exclude it with `list` or `speakers`, or give another folder"
                );
                return Err(Error::config("learn", message));
            }
            let speakers = match &labelled {
                Some([train, _]) => Self::speakers(&**train),
                None => Self::speakers(&*corpus),
            };
            let phones = corpus.phones();
            Ok(Box::new(self.windows(corpus, split, speakers, phones)?))
        }

        fn outline(&self) -> Result<Option<Outline>> {
            self.check()?;
            let one = MapShape { time: 1, location: 1, batch: 1, extent: [self.window, 1, 1], channels: 1 };
            let frames = (self.label == LabelKind::Phones).then_some(self.window / HOP);
            Ok(Some(Outline { one, frames }))
        }
    }
}
