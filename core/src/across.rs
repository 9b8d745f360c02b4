//! What a layer sees of the ranks that train together.

use crate::error::Result;
use crate::map::MapShape;

/// Sums, means and shares of all ranks, for layers. Each rank has a shard of the batch; all shards have the same size.
pub trait Across: Send + Sync + std::fmt::Debug {
    /// How many ranks there are.
    fn ranks(&self) -> usize;

    /// How many shards the sum of updates covers. The update of a shard is divided by it where it is a mean over the
    /// batch. 1 if the ranks average their updates, so that each of them must be a mean over its own shard.
    fn summed(&self) -> usize {
        self.ranks()
    }

    /// The sum over ranks of `values`, element by element. All ranks must call this the same number of times, in
    /// the same order.
    ///
    /// # Errors
    /// If a rank has left.
    fn sum(&self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// The mean over ranks of `values`, under the same condition.
    ///
    /// # Errors
    /// If a rank has left.
    fn mean(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        let ranks = self.ranks() as f32;
        Ok(self.sum(values)?.into_iter().map(|sum| sum / ranks).collect())
    }

    /// The values of this rank's shard, from `whole`, the values of the batch of all ranks. `shape` is that of the
    /// shard; the batch axis of `whole` is [`ranks`](Self::ranks) times as long. So a layer that draws values for
    /// the whole batch gives every stimulus the values that it gets on one rank.
    ///
    /// # Errors
    /// If the batch of `shape` does not hold this rank's stimuli.
    fn own(&self, whole: &[f32], shape: MapShape) -> Result<Vec<f32>>;
}
