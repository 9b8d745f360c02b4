//! Some of a split's stimuli, evenly spaced.

use plasticity_core::Result;
use plasticity_core::map::MapShape;
use plasticity_core::random::Random;
use plasticity_core::stimulus::{Label, Sample, Stimulus};
use std::sync::Arc;

/// A limited number of stimuli of a split, evenly spaced, because many sources are sorted by class.
pub struct Subset {
    whole: Arc<dyn Stimulus>,
    most: usize,
}

impl Subset {
    /// At most `most` stimuli of `whole`.
    pub fn new(whole: Arc<dyn Stimulus>, most: usize) -> Self {
        Self { whole, most }
    }

    /// The number of stimulus `index` in the whole split.
    fn place(&self, index: usize) -> usize {
        let (all, len) = (self.whole.len(), self.len());
        if len == 0 { 0 } else { (index as u128 * all as u128 / len as u128) as usize }
    }
}

impl Stimulus for Subset {
    fn len(&self) -> usize {
        self.whole.len().min(self.most)
    }

    fn shape(&self, batch: usize) -> MapShape {
        self.whole.shape(batch)
    }

    fn classes(&self) -> Option<Vec<String>> {
        self.whole.classes()
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        self.whole.sample(self.place(index), augment)
    }

    fn assemble(&self, samples: &[Sample]) -> Result<Vec<f32>> {
        self.whole.assemble(samples)
    }

    fn labels(&self, samples: &[Sample]) -> Vec<Label> {
        self.whole.labels(samples)
    }

    fn extent(&self) -> [usize; 3] {
        self.whole.extent()
    }

    fn name(&self, index: usize) -> Option<String> {
        self.whole.name(self.place(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of each stimulus is its number.
    struct Numbers(usize);

    impl Stimulus for Numbers {
        fn len(&self) -> usize {
            self.0
        }
        fn shape(&self, batch: usize) -> MapShape {
            MapShape { time: 1, location: 1, batch, extent: [1, 1, 1], channels: 1 }
        }
        fn sample(&self, index: usize, _: Option<&mut Random>) -> Result<Sample> {
            Ok(Sample { values: vec![index as f32], label: Label::None })
        }
    }

    #[test]
    fn stimuli_are_spread_over_the_whole() {
        let numbers = |of: usize, most: usize| -> Vec<f32> {
            let subset = Subset::new(Arc::new(Numbers(of)), most);
            (0..subset.len()).map(|index| subset.sample(index, None).unwrap().values[0]).collect()
        };
        assert_eq!(numbers(10, 4), [0.0, 2.0, 5.0, 7.0]);
        assert_eq!(numbers(3, 9), [0.0, 1.0, 2.0]);
    }
}
