//! The random choices of a rule in a step: negatives, and signs of time-local learning.

use crate::random::{Random, purpose, stream};
use rand::RngExt;

/// The side of a pair whose dendrites learn: the weights that a draw is for.
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

/// The use of [`Draws::random`] from which the layers of a module take their random choices.
pub const LAYERS: u64 = 1 << 40;

/// The source of a rule's random choices. Training draws them; `verify --reference` reads them from a file.
pub trait Draws {
    /// `[rows, count]`, flat: for each context row, `count` rows of the predicted slice (of `rows` rows).
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32>;

    /// For each input of the batch, the other input that replaces it as the target of a negative.
    fn others(&mut self, side: Side, step: usize, batch: usize) -> Vec<u32>;

    /// The same, drawn separately for each of `places` places and times of an input: `[places, batch]`, flat.
    fn others_of_places(&mut self, _side: Side, step: usize, batch: usize, places: usize) -> Vec<u32> {
        others_of_places(&mut self.random(4 + 2 * step as u64), batch, places)
    }

    /// For each of `rows` rows, one of `places`: the place of the negative in the other input, if it may be anywhere.
    fn landings(&mut self, _side: Side, step: usize, rows: usize, places: usize) -> Vec<u32> {
        landings(&mut self.random(5 + 2 * step as u64), rows, places)
    }

    /// For each of `2 · images` rows (views 1, then views 2 of the same images), a row of another image: the target
    /// of the negative. Needs at least two images.
    fn other_views(&mut self, _side: Side, images: usize) -> Vec<u32> {
        let mut random = self.random(1);
        let mut other = |row: usize| {
            let image = if images < 2 { 0 } else { (row + random.random_range(1..images)) % images };
            (image + images * random.random_range(0..2)) as u32
        };
        (0..2 * images).map(&mut other).collect()
    }

    /// For each input of the batch, +1 (positive, a fixation) or −1 (negative, a saccade), each with probability ½.
    fn signs(&mut self, side: Side, batch: usize) -> Vec<i8>;

    /// For each stimulus with these labels, another class of `classes`, all equally likely.
    fn wrong_labels(&mut self, labels: &[u32], classes: usize) -> Vec<u32> {
        let mut random = self.random(2);
        let mut other = |label: u32| {
            let ahead = if classes < 2 { 0 } else { random.random_range(1..classes) };
            ((label as usize + ahead) % classes.max(1)) as u32
        };
        labels.iter().map(|&label| other(label)).collect()
    }

    /// A generator for anything else; `what` separates the uses in one rule ([`other_views`](Self::other_views) is 1,
    /// [`wrong_labels`](Self::wrong_labels) 2, [`others_of_places`](Self::others_of_places) and
    /// [`landings`](Self::landings) 4 and more, [`Apart`] 1 << 32 and more, [`LAYERS`] the layers of the module).
    fn random(&mut self, what: u64) -> Random;
}

/// Separate draws for every module and side, and (except signs) for every prediction step, as in the code of CLAPP's
/// authors: an input may be a positive for one layer and a negative for the next.
pub struct Apart<'a>(pub &'a mut dyn Draws);

impl Apart<'_> {
    fn own(&mut self, side: Side, step: usize, what: u64) -> Random {
        self.0.random((1 << 32) + 8 * step as u64 + 4 * side as u64 + what)
    }
}

impl Draws for Apart<'_> {
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32> {
        self.0.negatives(side, step, rows, count)
    }

    fn others(&mut self, side: Side, step: usize, batch: usize) -> Vec<u32> {
        others(&mut self.own(side, step, 0), batch)
    }

    fn others_of_places(&mut self, side: Side, step: usize, batch: usize, places: usize) -> Vec<u32> {
        others_of_places(&mut self.own(side, step, 3), batch, places)
    }

    fn landings(&mut self, side: Side, step: usize, rows: usize, places: usize) -> Vec<u32> {
        landings(&mut self.own(side, step, 1), rows, places)
    }

    fn signs(&mut self, side: Side, batch: usize) -> Vec<i8> {
        signs(&mut self.own(side, 0, 2), batch)
    }

    fn random(&mut self, what: u64) -> Random {
        self.0.random(what)
    }
}

fn others(random: &mut Random, batch: usize) -> Vec<u32> {
    let batch = batch as u32;
    (0..batch).map(|own| if batch == 1 { 0 } else { (own + random.random_range(1..batch)) % batch }).collect()
}

fn others_of_places(random: &mut Random, batch: usize, places: usize) -> Vec<u32> {
    (0..places).flat_map(|_| others(random, batch)).collect()
}

fn landings(random: &mut Random, rows: usize, places: usize) -> Vec<u32> {
    (0..rows).map(|_| random.random_range(0..places.max(1) as u32)).collect()
}

fn signs(random: &mut Random, batch: usize) -> Vec<i8> {
    (0..batch).map(|_| if random.random::<bool>() { 1 } else { -1 }).collect()
}

/// Draws that depend only on the seed, the training step and the module.
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
    /// The draws of each module (from 0) in a training step.
    pub fn of_modules(seed: u64, step: u64) -> impl Fn(usize) -> Box<dyn Draws> + Copy {
        move |module| Box::new(Self { seed, step, module: module as u64 })
    }

    fn stream(&self, side: Side, step: usize, what: u64) -> Random {
        stream(self.seed, &[purpose::DRAW, self.step, self.module, side as u64, step as u64, what])
    }

    /// The movement of the eye is the same for every module, side and prediction step. So an input is a positive or a
    /// negative for the whole network, and never both. The place in the other image, and the other image of each
    /// place if it is drawn, differ between prediction steps.
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
        others(&mut self.behaviour(1), batch)
    }

    fn others_of_places(&mut self, _side: Side, step: usize, batch: usize, places: usize) -> Vec<u32> {
        others_of_places(&mut self.behaviour(4 + 2 * step as u64), batch, places)
    }

    fn landings(&mut self, _side: Side, step: usize, rows: usize, places: usize) -> Vec<u32> {
        landings(&mut self.behaviour(5 + 2 * step as u64), rows, places)
    }

    fn signs(&mut self, _side: Side, batch: usize) -> Vec<i8> {
        signs(&mut self.behaviour(2), batch)
    }

    fn random(&mut self, what: u64) -> Random {
        self.stream(Side::Predict, 0, 3 + what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The draws for a module, side and prediction step: others, landings, signs.
    fn drawn(draws: &mut dyn Draws, side: Side, step: usize) -> (Vec<u32>, Vec<u32>, Vec<i8>) {
        (draws.others(side, step, 32), draws.landings(side, step, 99, 9), draws.signs(side, 32))
    }

    #[test]
    fn the_eye_moves_once_for_the_whole_network_unless_draws_are_apart() {
        let seeded = |module| SeededDraws { seed: 1, step: 5, module };
        let first = drawn(&mut seeded(0), Side::Predict, 1);
        assert!(first.0.iter().enumerate().all(|(own, &other)| other != own as u32 && other < 32));
        assert!(first.1.iter().all(|&landing| landing < 9) && first.2.contains(&1) && first.2.contains(&-1));
        for (module, side, step) in [(1, Side::Predict, 1), (0, Side::Retrodict, 1), (0, Side::Predict, 2)] {
            let shared = drawn(&mut seeded(module), side, step);
            assert_eq!((&shared.0, &shared.2), (&first.0, &first.2));
            assert_eq!(shared.1 == first.1, step == 1, "where it lands, only the prediction step decides");
            let mut seeded = seeded(module);
            let apart = drawn(&mut Apart(&mut seeded), side, step);
            let one = drawn(&mut Apart(&mut SeededDraws { seed: 1, step: 5, module: 0 }), Side::Predict, 1);
            assert!(apart.0 != one.0 && apart.1 != one.1);
            assert_eq!(apart.2 == one.2, step == 2, "all prediction steps of a side have the same signs");
        }
    }

    #[test]
    fn the_eye_moves_elsewhere_in_another_step_and_for_another_seed() {
        let of = |seed, step| {
            let mut draws = SeededDraws { seed, step, module: 0 };
            let places = draws.others_of_places(Side::Predict, 1, 32, 3);
            (drawn(&mut draws, Side::Predict, 1), places)
        };
        let (first, places) = of(1, 5);
        for (seed, step) in [(1, 6), (2, 5)] {
            let (other, other_places) = of(seed, step);
            assert!(other.0 != first.0 && other.1 != first.1 && other.2 != first.2, "{seed} {step}");
            assert_ne!(other_places, places, "{seed} {step}");
        }
    }

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
