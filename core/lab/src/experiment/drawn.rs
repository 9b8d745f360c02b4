//! Noise in place of stimuli whose files are missing. Measurements of a rule's updates need only the shape of stimuli.

use plasticity_core::Result;
use plasticity_core::map::MapShape;
use plasticity_core::random::{Random, stream};
use plasticity_core::stimulus::{Label, Outline, Sample, Stimulus};
use rand::RngExt;

/// The number of stimuli.
const COUNT: usize = 1 << 16;
/// The number of classes in place of those of the files.
const CLASSES: u32 = 10;

/// Uniform noise of mean 0 and variance 1, each stimulus with a class, or each of its frames.
pub(super) struct Drawn {
    pub outline: Outline,
    pub seed: u64,
}

impl Drawn {
    fn random(&self, index: usize) -> Random {
        stream(self.seed, &[u64::from_be_bytes(*b"drawn\0\0\0"), index as u64])
    }
}

impl Stimulus for Drawn {
    fn len(&self) -> usize {
        COUNT
    }

    fn shape(&self, batch: usize) -> MapShape {
        let one = self.outline.one;
        MapShape { batch: one.batch * batch, ..one }
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some((0..CLASSES).map(|class| class.to_string()).collect())
    }

    fn sample(&self, index: usize, _: Option<&mut Random>) -> Result<Sample> {
        let mut random = self.random(index);
        let bound = 3.0_f32.sqrt();
        let values = (0..self.outline.one.len()).map(|_| random.random_range(-bound..bound)).collect();
        let mut class = || random.random_range(0..CLASSES);
        let label = match self.outline.frames {
            Some(frames) => Label::Frames((0..frames).map(|_| Some(class())).collect()),
            None => Label::Class(class()),
        };
        Ok(Sample { values, label })
    }

    fn labels(&self, samples: &[Sample]) -> Vec<Label> {
        let views = self.outline.one.batch;
        (0..views).flat_map(|_| samples.iter().map(|sample| sample.label.clone())).collect()
    }
}
