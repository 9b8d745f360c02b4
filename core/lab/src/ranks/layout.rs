//! Which stimuli of a batch belong to a rank, and where they are in the whole batch.

use plasticity_core::map::MapShape;
use plasticity_core::representation::RepresentationShape;
use std::ops::Range;

/// A rank's shard of every batch: consecutive stimuli, equally many for every rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The number of the shard, from 0.
    pub rank: usize,
    /// The number of shards.
    pub ranks: usize,
}

impl Shard {
    /// The whole batch as one shard.
    pub const WHOLE: Self = Self { rank: 0, ranks: 1 };

    /// The stimuli of this shard in a batch of `batch` stimuli.
    pub fn of(self, batch: usize) -> Range<usize> {
        let each = batch / self.ranks.max(1);
        each * self.rank..each * (self.rank + 1)
    }
}

/// Where the values of each rank are in the whole. There are `outer` places (times and locations). At each
/// place the `groups` of a batch (views, or positive and negative stimuli) are side by side. Each group holds
/// the stimuli of all ranks in the order of ranks, `width` values per rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub outer: usize,
    pub groups: usize,
    pub width: usize,
    pub ranks: usize,
}

/// A shape with a batch axis.
pub(super) trait Batched: Copy {
    /// The length of the batch axis.
    fn batch(self) -> usize;

    /// The same shape with another batch.
    fn with_batch(self, batch: usize) -> Self;

    /// The number of places before the batch axis, and of values after it.
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
    /// The layout of data of which this rank holds `shape`. The rank's batch is made of its `stimuli`
    /// stimuli.
    pub fn new(shape: impl Batched, stimuli: usize, ranks: usize) -> Self {
        let (outer, inner) = shape.around();
        let groups = shape.batch() / stimuli.max(1);
        Self { outer, groups, width: stimuli * inner, ranks }
    }

    /// The number of values of one rank.
    fn own_len(self) -> usize {
        self.outer * self.groups * self.width
    }

    /// The whole, from the values of all ranks in the order of ranks.
    pub fn whole(self, gathered: &[f32]) -> Vec<f32> {
        let mut whole = Vec::with_capacity(gathered.len());
        for row in 0..self.outer * self.groups {
            for rank in 0..self.ranks {
                whole.extend_from_slice(&gathered[rank * self.own_len() + row * self.width..][..self.width]);
            }
        }
        whole
    }

    /// The values of `rank` in the whole.
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
        // Two places, two views, four stimuli and one value each. The value encodes its place, view and
        // stimulus.
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
