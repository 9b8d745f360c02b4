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
        let compared = match &pairs.signs {
            None => gamma.rows * gamma.columns,
            Some(signs) => {
                let fixations = signs.fixations();
                let saccades = gamma.columns.saturating_sub(1);
                let row = |row: usize| match fixations.get(row % fixations.len().max(1)) {
                    Some(false) => saccades,
                    _ => 1,
                };
                (0..gamma.rows).map(row).sum()
            }
        };
        signal.gates().then(|| Self { gamma: gamma.values.clone(), compared })
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
