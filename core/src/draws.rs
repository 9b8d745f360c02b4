//! What a rule draws at random in a step: negatives, and signs of time-local learning.

use crate::random::{Random, purpose, stream};
use rand::RngExt;

/// On which side of a pair dendrites learn: whose weights a draw is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// W_pred: dendritic prediction on the target's neurons.
    Predict,
    /// W_retro: dendritic retrodiction on the context's neurons.
    Retrodict,
}

impl Side {
    /// Its name in parameters and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Retrodict => "retrodict",
        }
    }
}

/// The source of a rule's random choices. Training draws them; `verify --reference` reads them from a file.
pub trait Draws {
    /// `[rows, count]`, flat: for each context row, `count` rows of the predicted slice (of `rows` rows).
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32>;

    /// For each input of the batch, the other input that replaces it as the target of a saccade.
    fn others(&mut self, side: Side, step: usize, batch: usize) -> Vec<u32>;

    /// For each of `2 · images` rows (views 1, then views 2 of the same images), a row of another image, whose target
    /// replaces its own in a saccade between views. Needs at least two images.
    fn other_views(&mut self, _side: Side, images: usize) -> Vec<u32> {
        let mut random = self.random(1);
        let mut other = |row: usize| {
            let image = if images < 2 { 0 } else { (row + random.random_range(1..images)) % images };
            (image + images * random.random_range(0..2)) as u32
        };
        (0..2 * images).map(&mut other).collect()
    }

    /// For each input of the batch, +1 (fixation) or −1 (saccade), each with probability ½.
    fn signs(&mut self, side: Side, batch: usize) -> Vec<i8>;

    /// For each stimulus with these labels, a class of `classes` that is not its own, each as likely.
    fn wrong_labels(&mut self, labels: &[u32], classes: usize) -> Vec<u32> {
        let mut random = self.random(2);
        let mut other = |label: u32| {
            let ahead = if classes < 2 { 0 } else { random.random_range(1..classes) };
            ((label as usize + ahead) % classes.max(1)) as u32
        };
        labels.iter().map(|&label| other(label)).collect()
    }

    /// A generator for anything else; `what` keeps uses of one rule apart ([`other_views`](Self::other_views) is 1,
    /// [`wrong_labels`](Self::wrong_labels) 2).
    fn random(&mut self, what: u64) -> Random;
}

/// Draws that depend on the seed, the training step and the module alone.
#[derive(Clone, Copy, Debug)]
pub struct SeededDraws {
    /// The run's seed.
    pub seed: u64,
    /// The training step.
    pub step: u64,
    /// The module.
    pub module: u64,
}

impl SeededDraws {
    fn stream(&self, side: Side, step: usize, what: u64) -> Random {
        stream(self.seed, &[purpose::DRAW, self.step, self.module, side as u64, step as u64, what])
    }
}

impl SeededDraws {
    /// Whether the eye moves, and where to, is behaviour: the same for every module, side and prediction step, so that
    /// an input is a fixation or a saccade for the whole network and never both.
    fn behaviour(&self, what: u64) -> Random {
        stream(self.seed, &[purpose::DRAW, self.step, u64::MAX, what])
    }
}

impl Draws for SeededDraws {
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32> {
        let mut random = self.stream(side, step, 0);
        (0..rows * count).map(|_| random.random_range(0..rows as u32)).collect()
    }

    fn others(&mut self, _side: Side, _step: usize, batch: usize) -> Vec<u32> {
        let mut random = self.behaviour(1);
        let batch = batch as u32;
        (0..batch)
            .map(|own| if batch == 1 { 0 } else { (own + random.random_range(1..batch)) % batch })
            .collect()
    }

    fn signs(&mut self, _side: Side, batch: usize) -> Vec<i8> {
        let mut random = self.behaviour(2);
        (0..batch).map(|_| if random.random::<bool>() { 1 } else { -1 }).collect()
    }

    fn random(&mut self, what: u64) -> Random {
        self.stream(Side::Predict, 0, 3 + what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_views_are_of_other_images_and_reach_both_views_of_all_of_them() {
        let mut seen = [[false; 8]; 8];
        for step in 0..100 {
            let others = SeededDraws { seed: 1, step, module: 0 }.other_views(Side::Predict, 4);
            assert_eq!(others.len(), 8);
            for (row, other) in others.into_iter().enumerate() {
                assert_ne!(row % 4, other as usize % 4);
                seen[row][other as usize] = true;
            }
        }
        assert!(seen.iter().all(|row| row.iter().filter(|&&seen| seen).count() == 6));
    }
}
