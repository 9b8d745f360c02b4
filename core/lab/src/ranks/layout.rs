//! Which stimuli of a batch are a rank's, and where they stand in the whole batch.

use plasticity_core::map::MapShape;
use plasticity_core::representation::RepresentationShape;
use std::ops::Range;

/// A rank's part of every batch: stimuli that follow each other, as many for every rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 0.
    pub rank: usize,
    /// Of how many.
    pub ranks: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { rank: 0, ranks: 1 };

    /// The part of a batch of so many stimuli.
    pub fn of(self, batch: usize) -> Range<usize> {
        let each = batch / self.ranks.max(1);
        each * self.rank..each * (self.rank + 1)
    }
}

/// How the rows of ranks lie in the whole: `outer` places (times and locations), at each the `groups` of a batch (views,
/// positive and negative stimuli) side by side, in each group the stimuli of rank after rank, `width` values a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub outer: usize,
    pub groups: usize,
    pub width: usize,
    pub ranks: usize,
}

/// Something with a batch among its axes.
pub(super) trait Batched: Copy {
    /// Entries along the batch.
    fn batch(self) -> usize;

    /// The same with another batch.
    fn with_batch(self, batch: usize) -> Self;

    /// Places before the batch, and values after it.
    fn around(self) -> (usize, usize);
}

impl Batched for MapShape {
    fn batch(self) -> usize {
        self.batch
    }

    fn with_batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    fn around(self) -> (usize, usize) {
        (self.time * self.location, self.positions() * self.channels)
    }
}

impl Batched for RepresentationShape {
    fn batch(self) -> usize {
        self.batch
    }

    fn with_batch(self, batch: usize) -> Self {
        Self { batch, ..self }
    }

    fn around(self) -> (usize, usize) {
        (self.time * self.location, self.channel)
    }
}

impl Layout {
    /// That of something of which this rank has `shape`, made of `stimuli` stimuli of its own.
    pub fn new(shape: impl Batched, stimuli: usize, ranks: usize) -> Self {
        let (outer, inner) = shape.around();
        let groups = shape.batch() / stimuli.max(1);
        Self { outer, groups, width: stimuli * inner, ranks }
    }

    /// Values of one rank.
    fn own_len(self) -> usize {
        self.outer * self.groups * self.width
    }

    /// The whole from the values of all ranks, rank after rank.
    pub fn whole(self, gathered: &[f32]) -> Vec<f32> {
        let mut whole = Vec::with_capacity(gathered.len());
        for row in 0..self.outer * self.groups {
            for rank in 0..self.ranks {
                whole.extend_from_slice(&gathered[rank * self.own_len() + row * self.width..][..self.width]);
            }
        }
        whole
    }

    /// A rank's values of the whole.
    pub fn own(self, whole: &[f32], rank: usize) -> Vec<f32> {
        let rows = whole.chunks_exact((self.ranks * self.width).max(1));
        rows.flat_map(|row| &row[rank * self.width..][..self.width]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_batch_stand_where_the_whole_has_them() {
        let of = |rank| Shard { rank, ranks: 3 }.of(6);
        assert_eq!([of(0), of(1), of(2)], [0..2, 2..4, 4..6]);
        assert_eq!(Shard::WHOLE.of(5), 0..5);
        // Two places, two views of four stimuli, one value: the value tells place, view and stimulus.
        let whole: Vec<f32> = (0..2)
            .flat_map(|place| {
                (0..2).flat_map(move |view| (0..4).map(move |s| (100 * place + 10 * view + s) as f32))
            })
            .collect();
        let shape = RepresentationShape { time: 2, location: 1, batch: 4, channel: 1 };
        let layout = Layout::new(shape, 2, 2);
        let own = layout.own(&whole, 1);
        assert_eq!(own, [2.0, 3.0, 12.0, 13.0, 102.0, 103.0, 112.0, 113.0]);
        let gathered = [layout.own(&whole, 0), own].concat();
        assert_eq!(layout.whole(&gathered), whole);
    }
}
