//! Utterances cut into windows, the stimuli of a network.

use super::normalise::{Moments, Normalise};
use super::recent::Recent;
use super::source::SpeechSource;
use super::spec::LabelKind;
use super::tiles::{Tile, Tiles};
use super::{HOP, RATE, mfcc};
use plasticity_core::error::{Error, Result};
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Baseline, Label, Sample, Split, Stimulus};
use rand::RngExt;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One split of a corpus, in windows.
pub(super) struct Windows {
    corpus: Box<dyn SpeechSource>,
    split: Split,
    window: usize,
    normalise: Normalise,
    label: LabelKind,
    speakers: BTreeMap<String, u32>,
    /// The classes of phones. A test corpus may use only some of them.
    phones: Option<Vec<String>>,
    tiles: Tiles,
    /// The samples of the last utterances that were read, decoded and normalised. In a probe, consecutive
    /// windows mostly belong to the same utterance.
    recent: Recent<Vec<f32>>,
    /// The phone of each frame of the last utterances.
    labels: Recent<Vec<Option<u32>>>,
    /// The moments of utterances whose windows are read alone.
    moments: Mutex<HashMap<usize, Option<Moments>>>,
}

/// A recording with more samples than this, some four minutes, is never in memory as a whole.
const LONG: usize = 1 << 22;

impl Windows {
    /// The windows of [`Tiles`]; in learning, a window begins at random. Utterances shorter than a window are
    /// skipped, and a warning counts them. For a probe of phones, the labels of all other utterances are read,
    /// so that wrong ones are found now and not after training.
    pub(super) fn new(
        corpus: Box<dyn SpeechSource>,
        split: Split,
        window: usize,
        normalise: Normalise,
        label: LabelKind,
        speakers: BTreeMap<String, u32>,
        phones: Option<Vec<String>>,
    ) -> Result<Self> {
        let mut tiles = Tiles::new(split, window);
        let labelled = split != Split::Learn && label == LabelKind::Phones && phones.is_some();
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
            } else if labelled {
                corpus.frames(index, samples / HOP)?;
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
        let (recent, labels, moments) = (Recent::new(), Recent::new(), Mutex::default());
        Ok(Self { corpus, split, window, normalise, label, speakers, phones, tiles, recent, labels, moments })
    }

    fn utterance(&self, index: usize) -> Result<Vec<f32>> {
        let mut samples = self.corpus.samples(index)?;
        self.normalise.apply(&mut samples);
        Ok(samples)
    }

    /// Reads a window without the rest of its utterance; `None` if that is not useful or not possible. It is
    /// useful in learning, where windows are random and do not follow each other, and for a long utterance,
    /// which may be larger than memory.
    fn alone(&self, tile: Tile) -> Result<Option<Vec<f32>>> {
        if self.split != Split::Learn && tile.samples <= LONG {
            return Ok(None);
        }
        let Some(mut window) = self.corpus.window(tile.utterance, tile.start, self.window)? else {
            return Ok(None);
        };
        let known = || self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let moments = known().get(&tile.utterance).copied();
        let moments = match moments {
            Some(moments) => moments,
            None => {
                let moments = self.of_utterance(tile)?;
                known().insert(tile.utterance, moments);
                moments
            }
        };
        if let Some(moments) = moments {
            moments.apply(&mut window);
        }
        Ok(Some(window))
    }

    /// The moments by which an utterance is normalised. The utterance is decoded once, or, if it is long,
    /// piece by piece and twice.
    fn of_utterance(&self, tile: Tile) -> Result<Option<Moments>> {
        if tile.samples > LONG {
            return self.normalise.moments(&|each| self.corpus.each(tile.utterance, each));
        }
        let samples = OnceLock::new();
        self.normalise.moments(&|each| {
            let samples: &Vec<f32> = match samples.get() {
                Some(samples) => samples,
                None => {
                    let decoded = self.corpus.samples(tile.utterance)?;
                    samples.get_or_init(|| decoded)
                }
            };
            each(samples);
            Ok(())
        })
    }

    /// The phones of all frames of an utterance, if phones are probed.
    fn phones(&self, Tile { utterance, samples, .. }: Tile) -> Result<Option<Arc<Vec<Option<u32>>>>> {
        let labelled = self.label == LabelKind::Phones && self.phones.is_some();
        let frames = || self.labels.get(utterance, || self.corpus.frames(utterance, samples / HOP));
        labelled.then(frames).transpose()
    }

    fn label(&self, tile: Tile) -> Result<Label> {
        let Tile { utterance, start, fresh, .. } = tile;
        Ok(match (self.label, self.phones(tile)?) {
            (LabelKind::Speaker, _) => {
                let speaker = self.corpus.utterances()[utterance].speaker.as_ref();
                let class = speaker.and_then(|speaker| self.speakers.get(speaker));
                class.map_or(Label::None, |class| Label::Class(*class))
            }
            (LabelKind::Phones, Some(phones)) => {
                let first = start / HOP;
                let phone = |frame: usize| phones.get(first + frame).copied().flatten();
                let frames =
                    (0..self.window / HOP).map(|frame| if frame < fresh { None } else { phone(frame) });
                Label::Frames(frames.collect())
            }
            (LabelKind::Phones, None) => Label::None,
        })
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
            LabelKind::Phones => self.phones.clone(),
            LabelKind::Speaker => {
                let mut names: Vec<_> = self.speakers.iter().collect();
                names.sort_by_key(|(_, class)| **class);
                Some(names.into_iter().map(|(name, _)| name.clone()).collect())
            }
        }
    }

    /// The MFCC of a window.
    fn baseline(&self) -> Option<Baseline> {
        Some(Baseline { name: "mfcc", channels: mfcc::WIDTH, of: mfcc::mfcc })
    }

    fn name(&self, index: usize) -> Option<String> {
        let Tile { utterance, start, .. } = self.tiles.get(index)?;
        let id = &self.corpus.utterances().get(utterance)?.id;
        Some(format!("{id}, from {:.2} s", start as f64 / f64::from(RATE)))
    }

    fn recording(&self, index: usize) -> u64 {
        self.tiles.get(index).map_or(u64::MAX, |tile| tile.utterance as u64)
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        let Some(mut tile) = self.tiles.get(index) else {
            let message = format!("no window {index}; there are {}", self.tiles.len());
            return Err(Error::stimulus("speech", message));
        };
        let id = || self.corpus.utterances()[tile.utterance].id.clone();
        let augment = augment.filter(|_| self.split == Split::Learn);
        let at_random = |random: &mut Random, samples: usize| {
            random.random_range(0..=(samples.saturating_sub(self.window)) / HOP) * HOP
        };
        // If the window cannot be read alone, its start is drawn again below, from the number of decoded
        // samples.
        let start = augment.as_deref().map(|random| at_random(&mut random.clone(), tile.samples));
        let alone = Tile { start: start.unwrap_or(tile.start), ..tile };
        let (values, label) = match self.alone(alone)? {
            Some(values) => (values, self.label(alone)?),
            None => {
                let samples = self.recent.get(tile.utterance, || self.utterance(tile.utterance))?;
                if samples.len() < tile.start + self.window {
                    let decoded = samples.len();
                    let message = format!("decodes to {decoded} samples, fewer than its header says");
                    return Err(Error::stimulus(id(), message));
                }
                if let Some(random) = augment {
                    tile.start = at_random(random, samples.len());
                }
                let values = samples[tile.start..][..self.window].to_vec();
                (values, self.label(tile)?)
            }
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::stimulus(id(), "contains samples that are not numbers"));
        }
        Ok(Sample { values, label })
    }
}

/// What a user should know about the `all` utterances. `other` is an utterance with another rate than 16 kHz.
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
            "{short} of {all} utterances are shorter than a window of {window} samples and are skipped"
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::source::Utterance;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Utterances of ten frames. The phone of a frame is its number. `read` counts calls that read all samples
    /// or labels.
    struct Counting {
        utterances: Vec<Utterance>,
        read: Arc<AtomicUsize>,
    }

    impl SpeechSource for Counting {
        fn utterances(&self) -> &[Utterance] {
            &self.utterances
        }
        fn length(&self, _: usize) -> Result<(usize, u32)> {
            Ok((10 * HOP, RATE))
        }
        fn samples(&self, index: usize) -> Result<Vec<f32>> {
            self.read.fetch_add(1, Ordering::Relaxed);
            Ok((0..10 * HOP).map(|n| (index * 10 * HOP + n) as f32).collect())
        }
        fn window(&self, _: usize, _: usize, count: usize) -> Result<Option<Vec<f32>>> {
            Ok(Some(vec![0.0; count]))
        }
        fn phones(&self) -> Option<Vec<String>> {
            Some((0..10).map(|phone| phone.to_string()).collect())
        }
        fn frames(&self, _: usize, frames: usize) -> Result<Vec<Option<u32>>> {
            self.read.fetch_add(1, Ordering::Relaxed);
            Ok((0..frames as u32).map(Some).collect())
        }
    }

    /// Windows of two frames of two utterances, and the count of reads.
    fn counted(split: Split) -> (Windows, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let utterance = |id: &str| Utterance { id: id.to_owned(), speaker: None };
        let corpus = Counting { utterances: vec![utterance("a"), utterance("b")], read: read.clone() };
        let (none, phones) = (toml::Value::from("none").try_into().unwrap(), corpus.phones());
        let (corpus, label) = (Box::new(corpus), LabelKind::Phones);
        let windows = Windows::new(corpus, split, 2 * HOP, none, label, BTreeMap::new(), phones).unwrap();
        (windows, read)
    }

    #[test]
    fn an_utterance_is_decoded_and_labelled_once_for_all_its_windows() {
        let (windows, read) = counted(Split::ProbeTest);
        for index in 0..10 {
            let sample = windows.sample(index, None).unwrap();
            let frame = index % 5 * 2;
            assert_eq!(sample.values[0], (index * 2 * HOP) as f32);
            assert_eq!(sample.label, Label::Frames(vec![Some(frame as u32), Some(frame as u32 + 1)]));
        }
        // Two utterances are decoded and labelled once, and `new` also reads the labels of both.
        assert_eq!((windows.len(), read.load(Ordering::Relaxed)), (10, 6));
    }

    #[test]
    fn windows_that_are_read_alone_share_the_labels_of_their_utterance() {
        let (windows, read) = counted(Split::Learn);
        for _ in 0..5 {
            let label = windows.sample(0, None).unwrap().label;
            assert_eq!(label, Label::Frames(vec![Some(4), Some(5)]));
        }
        assert_eq!(read.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_word_is_said_of_what_is_resampled_and_left_out() {
        assert!(remarks(4, 320, 0, 0, None).is_empty());
        let said = remarks(4, 320, 1, 2, Some(("a".to_owned(), 44_100)));
        assert_eq!(said[0], "2 of 4 utterances are not at 16000 Hz (a: 44100 Hz): they are resampled");
        assert_eq!(said[1], "1 of 4 utterances are shorter than a window of 320 samples and are skipped");
    }
}
