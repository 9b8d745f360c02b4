//! Stimuli and their sources.

use crate::device::{Buffer, Device};
use crate::error::{Error, Result};
use crate::map::{FeatureMap, MapShape};
use crate::random::Random;
use std::ops::Range;

/// Which stimuli of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// Stimuli for learning; only supervised rules use their labels.
    Learn,
    /// Labelled stimuli that train the probe.
    ProbeTrain,
    /// Labelled stimuli that test the probe.
    ProbeTest,
}

/// The label of a stimulus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// Nothing.
    None,
    /// Its class.
    Class(u32),
    /// A class for each frame of its time axis; `None` for a frame without a label.
    Frames(Vec<Option<u32>>),
}

/// One decoded, augmented stimulus on the host, in the layout that its source's [`Stimulus::assemble`] expects.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its values.
    pub values: Vec<f32>,
    /// Its label.
    pub label: Label,
}

/// A batch on the device.
pub struct Batch {
    /// The encoder's input.
    pub input: FeatureMap,
    /// One label for each stimulus (with two views: for each view).
    pub labels: Vec<Label>,
}

/// In a list of classes: a frame without a class.
pub const UNLABELLED: u32 = u32::MAX;

impl Batch {
    /// The class of every stimulus, or of each frame, stimulus by stimulus, with [`UNLABELLED`] for a frame without a
    /// class. `None` if a stimulus has no label, or another number of frames than the others.
    pub fn classes(&self) -> Option<Vec<u32>> {
        let mut classes = Vec::new();
        let mut each = None;
        for label in &self.labels {
            let before = classes.len();
            match label {
                Label::None => return None,
                Label::Class(class) => classes.push(*class),
                Label::Frames(frames) => {
                    classes.extend(frames.iter().map(|frame| frame.unwrap_or(UNLABELLED)))
                }
            }
            let own = classes.len() - before;
            if *each.get_or_insert(own) != own {
                return None;
            }
        }
        Some(classes)
    }
}

/// The steps (of `steps`) that frame `frame` of `frames` covers: at least one.
pub fn span(frame: usize, frames: usize, steps: usize) -> Range<usize> {
    let start = (frame * steps / frames).min(steps.saturating_sub(1));
    start..((frame + 1) * steps / frames).max(start + 1)
}

/// A set of stimuli: one split of a source, opened.
///
/// [`sample`](Self::sample) runs on loader threads ahead of training and may decode, crop and augment;
/// [`assemble`](Self::assemble) makes the encoder's input of a batch.
pub trait Stimulus: Send + Sync {
    /// How many stimuli.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The encoder's input for `batch` stimuli.
    fn shape(&self, batch: usize) -> MapShape;

    /// Names of the classes, if stimuli (or their frames) are labelled.
    fn classes(&self) -> Option<Vec<String>> {
        None
    }

    /// Decodes stimulus `index`. With `augment`, it is randomly transformed for learning; without, it is as for the
    /// probe (centre crop, no flip).
    ///
    /// # Errors
    /// If a file cannot be used; the error names it and says what is wrong with it.
    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample>;

    /// Arranges samples as the encoder's input on the host, `[time, location, batch, t, y, x, channel]`. The default
    /// takes samples of `[time, location, t, y, x, channel]`.
    ///
    /// # Errors
    /// If a sample does not have the size that [`shape`](Self::shape) says.
    fn assemble(&self, samples: &[Sample]) -> Result<Vec<f32>> {
        let one = self.shape(1);
        if let Some(sample) = samples.iter().find(|sample| sample.values.len() != one.len()) {
            let message =
                format!("{one:?} has {} values, but a sample has {}", one.len(), sample.values.len());
            return Err(Error::stimulus("batch", message));
        }
        let places = one.time * one.location;
        let each = one.len() / places.max(1);
        let of_place =
            |place: usize| samples.iter().map(move |sample| &sample.values[place * each..][..each]);
        Ok((0..places).flat_map(of_place).flatten().copied().collect())
    }

    /// Time, rows and columns of one whole stimulus from [`sample`](Self::sample) (its first view), before it is cut
    /// into pieces, for showing it to a person. Channels are those of [`shape`](Self::shape).
    fn extent(&self) -> [usize; 3] {
        self.shape(1).extent
    }

    /// The name of stimulus `index` in its source: its file, utterance or clip.
    fn name(&self, _index: usize) -> Option<String> {
        None
    }

    /// The recording that stimulus `index` is a part of, as a number: parts of one recording are similar, so a probe
    /// holds out all of them or none. By default, each stimulus is a recording of its own.
    fn recording(&self, index: usize) -> u64 {
        index as u64
    }

    /// Labels of an assembled batch, one for each of [`MapShape::batch`].
    fn labels(&self, samples: &[Sample]) -> Vec<Label> {
        samples.iter().map(|sample| sample.label.clone()).collect()
    }

    /// Hand-made features that are probed as a baseline in addition to the layers (speech: MFCC).
    fn baseline(&self) -> Option<Baseline> {
        None
    }
}

/// Hand-made features of a stimulus.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// Their name in the literature.
    pub name: &'static str,
    /// How many at each step.
    pub channels: usize,
    /// From a stimulus's values to `[step, channel]`; steps tile the stimulus in time.
    pub of: fn(&[f32]) -> Vec<f32>,
}

/// Assembles samples on the device.
///
/// # Errors
/// If a sample does not have the size that [`Stimulus::shape`] says.
pub fn batch(stimulus: &dyn Stimulus, samples: &[Sample], device: &Device) -> Result<Batch> {
    let shape = stimulus.shape(samples.len());
    let values = stimulus.assemble(samples)?;
    if values.len() != shape.len() {
        let message =
            format!("{} stimuli should give {} values, got {}", samples.len(), shape.len(), values.len());
        return Err(Error::stimulus("batch", message));
    }
    let input = FeatureMap::new(shape, Buffer::from_vec(device, values)?)?;
    Ok(Batch { input, labels: stimulus.labels(samples) })
}

/// What is known about stimuli without reading their files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The encoder's input for one stimulus for learning.
    pub one: MapShape,
    /// How many frames of a stimulus have a label each; `None`: it has one label.
    pub frames: Option<usize>,
}

/// The keys of a stimulus in a config.
#[typetag::serde(tag = "type")]
pub trait StimulusSpec: Send + Sync + std::fmt::Debug {
    /// Opens one split. `seed` is the seed of the run; built-in stimuli follow from it.
    ///
    /// # Errors
    /// If files or folders are missing or unusable; the error names them and the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>>;

    /// The outline of the stimuli for learning, if it follows from the config, so that noise of the same shape can
    /// replace missing files; else `None`.
    ///
    /// # Errors
    /// If a value of the config is out of range.
    fn outline(&self) -> Result<Option<Outline>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(labels: Vec<Label>) -> Option<Vec<u32>> {
        let shape = MapShape { time: 1, location: 1, batch: labels.len(), extent: [1, 1, 1], channels: 1 };
        let device = Device::open().unwrap();
        let input = FeatureMap::new(shape, Buffer::zeros(&device, labels.len()).unwrap()).unwrap();
        Batch { input, labels }.classes()
    }

    #[test]
    fn classes_are_those_of_stimuli_or_of_their_frames() {
        assert_eq!(classes(vec![Label::Class(3), Label::Class(1)]), Some(vec![3, 1]));
        let frames = vec![Label::Frames(vec![Some(2), None]), Label::Frames(vec![Some(0), Some(1)])];
        assert_eq!(classes(frames), Some(vec![2, UNLABELLED, 0, 1]));
        assert_eq!(classes(vec![Label::Frames(vec![Some(2)]), Label::Frames(vec![None; 2])]), None);
        assert_eq!(classes(vec![Label::Class(3), Label::None]), None);
    }

    #[test]
    fn frames_span_all_steps() {
        let spans = |frames, steps| (0..frames).map(|f| span(f, frames, steps)).collect::<Vec<_>>();
        assert_eq!(spans(2, 4), [0..2, 2..4]);
        assert_eq!(spans(4, 2), [0..1, 0..1, 1..2, 1..2]);
    }
}
