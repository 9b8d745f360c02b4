//! Where stimuli come from.

use crate::device::{Buffer, Device};
use crate::error::{Error, Result};
use crate::map::{FeatureMap, MapShape};
use crate::random::Random;

/// Which stimuli of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// What rules learn from; labels, if there are any, are for supervised rules.
    Learn,
    /// Labelled stimuli that a read-out learns from.
    ReadoutTrain,
    /// Labelled stimuli that a read-out is tested on.
    ReadoutTest,
}

/// What is known of a stimulus beside its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// Nothing.
    None,
    /// Its class.
    Class(u32),
    /// A class for each frame of its time axis, `None` where a frame has no label.
    Frames(Vec<Option<u32>>),
}

/// One decoded, augmented stimulus on the host, in the layout that its source's [`Stimulus::assemble`] expects.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its values.
    pub values: Vec<f32>,
    /// What is known of it.
    pub label: Label,
}

/// A batch on the device.
pub struct Batch {
    /// The encoder's input.
    pub input: FeatureMap,
    /// One label for each stimulus (with two views: for each view).
    pub labels: Vec<Label>,
}

impl Batch {
    /// The class of every stimulus, if every one has one.
    pub fn classes(&self) -> Option<Vec<u32>> {
        self.labels
            .iter()
            .map(|label| if let Label::Class(class) = label { Some(*class) } else { None })
            .collect()
    }
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

    /// Names of the classes, where stimuli (or their frames) are labelled.
    fn classes(&self) -> Option<Vec<String>> {
        None
    }

    /// Decodes stimulus `index`. With `augment`, transformed at random for learning; without, as for read-out
    /// (centre crop, no flip).
    ///
    /// # Errors
    /// Names the file that cannot be used, and what is wrong with it.
    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample>;

    /// Lays samples out as the encoder's input on the host, `[sample, t, y, x, channel]`. The default takes
    /// them as they are, one after the other.
    ///
    /// # Errors
    /// Where the samples are not of one size.
    fn assemble(&self, samples: &[Sample]) -> Result<Vec<f32>> {
        Ok(samples.iter().flat_map(|sample| sample.values.iter().copied()).collect())
    }

    /// Labels of an assembled batch, one for each of [`MapShape::batch`].
    fn labels(&self, samples: &[Sample]) -> Vec<Label> {
        samples.iter().map(|sample| sample.label.clone()).collect()
    }
}

/// Assembles samples on the device.
///
/// # Errors
/// Where a sample does not have the size that [`Stimulus::shape`] says.
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

/// What a config says of stimuli.
#[typetag::serde(tag = "type")]
pub trait StimulusSpec: Send + Sync + std::fmt::Debug {
    /// Opens one split. `seed` is the run's (built-in stimuli are made from it).
    ///
    /// # Errors
    /// Where files or folders are missing or unusable: names them, and the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>>;
}
