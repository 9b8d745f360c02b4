//! Some of many stimuli or rows, spread over all of them.

use plasticity_core::map::MapShape;
use plasticity_core::random::{Random, stream};
use plasticity_core::stimulus::{Label, Sample, Stimulus};
use plasticity_core::{Error, Result};
use rand::RngExt;
use std::sync::Arc;

/// At most `most` of `all` numbers, in order: one from each of as many equal parts, drawn at random but always the same.
///
/// Many sources are sorted by class, so every part is drawn from. In others the class repeats with a period, so that equal
/// distances could skip whole classes.
pub fn spread(all: usize, most: usize) -> Vec<usize> {
    let count = all.min(most);
    let mut random = stream(all as u64, &[count as u64]);
    let start = |part: usize| (part as u128 * all as u128 / count as u128) as usize;
    (0..count).map(|part| random.random_range(start(part)..start(part + 1))).collect()
}

/// A limited number of stimuli of a split, [`spread`] over it.
pub struct Subset {
    whole: Arc<dyn Stimulus>,
    places: Vec<usize>,
}

impl Subset {
    /// At most `most` stimuli of `whole`.
    pub fn new(whole: Arc<dyn Stimulus>, most: usize) -> Self {
        let places = spread(whole.len(), most);
        Self { whole, places }
    }
}

impl Stimulus for Subset {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn shape(&self, batch: usize) -> MapShape {
        self.whole.shape(batch)
    }

    fn classes(&self) -> Option<Vec<String>> {
        self.whole.classes()
    }

    fn sample(&self, index: usize, augment: Option<&mut Random>) -> Result<Sample> {
        let place = self.places.get(index);
        let place =
            place.ok_or_else(|| Error::stimulus("subset", format!("there is no stimulus {index}")))?;
        self.whole.sample(*place, augment)
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
        self.whole.name(*self.places.get(index)?)
    }

    fn recording(&self, index: usize) -> u64 {
        self.places.get(index).map_or(u64::MAX, |&place| self.whole.recording(place))
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
        let numbers = |of: usize, most: usize| -> Vec<usize> {
            let subset = Subset::new(Arc::new(Numbers(of)), most);
            (0..subset.len()).map(|index| subset.sample(index, None).unwrap().values[0] as usize).collect()
        };
        let some = numbers(1000, 10);
        assert!(some.iter().enumerate().all(|(part, number)| number / 100 == part), "{some:?}");
        assert_eq!(some, numbers(1000, 10));
        assert_eq!(numbers(3, 9), [0, 1, 2]);
        assert_eq!(numbers(0, 9), [0; 0]);
    }

    #[test]
    fn classes_that_repeat_with_a_period_are_all_seen() {
        for (all, most) in [(1024, 512), (512, 256), (256, 64)] {
            let mut seen = [0; 8];
            spread(all, most).into_iter().for_each(|number| seen[number % 8] += 1);
            assert!(seen.iter().all(|&count| count > most / 32), "{all} {most} {seen:?}");
        }
    }
}
