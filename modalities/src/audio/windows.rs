//! Utterances cut into windows: what the network sees.

use super::corpus::Corpus;
use super::normalise::Normalise;
use super::spec::LabelKind;
use super::tiles::{Tile, Tiles};
use super::{HOP, RATE, mfcc};
use plasticity_core::error::{Error, Result};
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Baseline, Label, Sample, Split, Stimulus};
use rand::Rng;
use std::collections::BTreeMap;

/// One split of a corpus, in windows.
pub(super) struct Windows {
    corpus: Box<dyn Corpus>,
    split: Split,
    window: usize,
    normalise: Normalise,
    label: LabelKind,
    speakers: BTreeMap<String, u32>,
    tiles: Tiles,
}

impl Windows {
    /// Those of [`Tiles`]; learning draws where a window begins at random. Utterances shorter than a window are left
    /// out, and a warning says how many.
    pub(super) fn new(
        corpus: Box<dyn Corpus>,
        split: Split,
        window: usize,
        normalise: Normalise,
        label: LabelKind,
        speakers: BTreeMap<String, u32>,
    ) -> Result<Self> {
        let mut tiles = Tiles::new(split, window);
        let (mut short, mut resampled, mut other) = (0, 0, None);
        let all = corpus.utterances().len();
        for index in 0..all {
            let (samples, rate) = corpus.length(index)?;
            if rate != RATE {
                resampled += 1;
                other.get_or_insert_with(|| (corpus.utterances()[index].id.clone(), rate));
            }
            if !tiles.push(index, samples) {
                short += 1;
            }
        }
        for remark in remarks(all, window, short, resampled, other) {
            tracing::warn!("{remark}");
        }
        if tiles.len() == 0 {
            let message = format!(
                "all {all} utterances are shorter than a window of {window} samples ({:.2} s): lower `window`",
                window as f32 / RATE as f32
            );
            return Err(Error::stimulus("speech", message));
        }
        Ok(Self { corpus, split, window, normalise, label, speakers, tiles })
    }

    fn label(&self, index: usize, samples: usize, start: usize, fresh: usize) -> Result<Label> {
        match self.label {
            LabelKind::Speaker => {
                let speaker = self.corpus.utterances()[index].speaker.as_ref();
                let class = speaker.and_then(|speaker| self.speakers.get(speaker));
                Ok(class.map_or(Label::None, |class| Label::Class(*class)))
            }
            LabelKind::Phones if self.corpus.phones().is_some() => {
                let all = self.corpus.frames(index, samples / HOP)?;
                let first = start / HOP;
                let frames = (0..self.window / HOP).map(|frame| {
                    if frame < fresh { None } else { all.get(first + frame).copied().flatten() }
                });
                Ok(Label::Frames(frames.collect()))
            }
            LabelKind::Phones => Ok(Label::None),
        }
    }
}

impl Stimulus for Windows {
    fn len(&self) -> usize {
        self.tiles.len()
    }

    fn shape(&self, batch: usize) -> MapShape {
        MapShape { time: 1, location: 1, batch, extent: [self.window, 1, 1], channels: 1 }
    }

    fn classes(&self) -> Option<Vec<String>> {
        match self.label {
            LabelKind::Phones => self.corpus.phones(),
            LabelKind::Speaker => {
                let mut names: Vec<_> = self.speakers.iter().collect();
                names.sort_by_key(|(_, class)| **class);
                Some(names.into_iter().map(|(name, _)| name.clone()).collect())
            }
        }
    }

    /// MFCC of the window.
    fn baseline(&self) -> Option<Baseline> {
        Some(Baseline { name: "mfcc", channels: mfcc::WIDTH, of: mfcc::mfcc })
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        let Some(Tile { utterance, mut start, fresh }) = self.tiles.get(index) else {
            let message = format!("no window {index}; there are {}", self.tiles.len());
            return Err(Error::stimulus("speech", message));
        };
        let mut samples = self.corpus.samples(utterance)?;
        let id = || self.corpus.utterances()[utterance].id.clone();
        if samples.len() < start + self.window {
            let message = format!("decodes to {} samples, fewer than its header tells of", samples.len());
            return Err(Error::stimulus(id(), message));
        }
        if let (Split::Learn, Some(random)) = (self.split, augment) {
            start = random.random_range(0..=(samples.len() - self.window) / HOP) * HOP;
        }
        self.normalise.apply(&mut samples);
        let label = self.label(utterance, samples.len(), start, fresh)?;
        let mut values = samples.split_off(start);
        values.truncate(self.window);
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::stimulus(id(), "holds samples that are no numbers"));
        }
        Ok(Sample { values, label })
    }
}

/// What a user should know of how `all` utterances are treated; `other`: one at another rate.
fn remarks(
    all: usize,
    window: usize,
    short: usize,
    resampled: usize,
    other: Option<(String, u32)>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some((id, rate)) = other {
        remarks.push(format!(
            "{resampled} of {all} utterances are not at {RATE} Hz ({id}: {rate} Hz): they are resampled"
        ));
    }
    if short > 0 {
        remarks.push(format!(
            "{short} of {all} utterances are shorter than a window of {window} samples: left out"
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_said_of_what_is_resampled_and_left_out() {
        assert!(remarks(4, 320, 0, 0, None).is_empty());
        let said = remarks(4, 320, 1, 2, Some(("a".to_owned(), 44_100)));
        assert_eq!(said[0], "2 of 4 utterances are not at 16000 Hz (a: 44100 Hz): they are resampled");
        assert_eq!(said[1], "1 of 4 utterances are shorter than a window of 320 samples: left out");
    }
}
