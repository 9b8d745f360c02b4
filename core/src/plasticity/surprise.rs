//! The surprise of a layer: the share of pairs with an open gate.

use crate::broadcast::BroadcastSignal;
use crate::device::Buffer;
use crate::error::Result;
use crate::pairs::{Pairs, Scores};

/// The modulation γ of the pairs of one prediction step, kept on the device until the surprise is read.
///
/// H = 1 if γ ≠ 0. In time-local learning a row is compared with its positive or with its negatives, never with
/// both. Pairs that are not compared do not count.
#[derive(Clone, Debug)]
pub struct Surprise {
    gamma: Buffer,
    compared: usize,
}

impl Surprise {
    /// The gates of a step's pairs, or `None` if the signal has no gate.
    pub fn of(signal: &dyn BroadcastSignal, gamma: &Scores, pairs: &Pairs) -> Option<Self> {
        signal.gates().then(|| {
            let (positives, negatives) = pairs.counts();
            Self { gamma: gamma.values.clone(), compared: positives + negatives }
        })
    }

    /// Share of the pairs with H = 1, from 0 to 1; `None` if no pair has a gate. On a GPU this waits for the step.
    ///
    /// # Errors
    /// If a copy from the device fails.
    pub fn share(all: &[Self]) -> Result<Option<f32>> {
        let (mut open, mut compared) = (0usize, 0usize);
        for Self { gamma, compared: of } in all {
            open += gamma.to_vec()?.iter().filter(|gamma| **gamma != 0.0).count();
            compared += of;
        }
        Ok((compared > 0).then(|| open as f32 / compared as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::taped::{Matrix, Scalar};

    /// A signal that has gates, or none.
    struct Signal(bool);

    impl BroadcastSignal for Signal {
        fn loss(&self, scores: &Matrix, _: &Pairs) -> Result<Scalar> {
            Ok(scores.square().mean())
        }

        fn gates(&self) -> bool {
            self.0
        }
    }

    fn gamma(device: &Device, rows: usize, values: &[f32]) -> Scores {
        let columns = values.len() / rows;
        Scores { values: Buffer::from_vec(device, values.to_vec()).unwrap(), rows, columns }
    }

    #[test]
    fn surprised_pairs_are_those_with_a_gamma() {
        let device = Device::open().unwrap();
        let pairs = Pairs::sampled(&device, 2, 1, vec![1, 0]).unwrap();
        let gamma = |values: &[f32]| gamma(&device, 2, values);
        let one = Surprise::of(&Signal(true), &gamma(&[0.5, 0.0, 0.0, 0.0]), &pairs).unwrap();
        let two = Surprise::of(&Signal(true), &gamma(&[0.5, -0.5, 0.0, 0.0]), &pairs).unwrap();
        assert_eq!(Surprise::share(std::slice::from_ref(&one)).unwrap(), Some(0.25));
        assert_eq!(Surprise::share(&[one, two]).unwrap(), Some(0.375));
        assert!(Surprise::of(&Signal(false), &gamma(&[0.5; 4]), &pairs).is_none());
        assert_eq!(Surprise::share(&[]).unwrap(), None);
    }

    /// Of each period of three rows, one has its positive and two have their three negatives: 1 + 3 + 3 pairs.
    #[test]
    fn in_time_local_learning_a_row_has_its_positive_or_its_negatives() {
        let device = Device::open().unwrap();
        let pairs = Pairs::sampled(&device, 6, 3, vec![1, 2, 1, 2, 0, 2, 0, 1, 0]).unwrap();
        let pairs = pairs.time_local(&device, &[1, -1, -1]).unwrap();
        let period = [[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, -1.0, 0.0], [0.0, 0.0, 0.0, -1.0]].concat();
        let gamma = gamma(&device, 6, &period.repeat(2));
        let found = Surprise::of(&Signal(true), &gamma, &pairs).unwrap();
        assert_eq!(Surprise::share(&[found]).unwrap(), Some(8.0 / 14.0));
    }
}
