//! What a layer sees of the ranks that train together.

use crate::error::Result;

/// Sums and means over all ranks, for layers. Each rank has a shard of the batch; all shards have the same size.
pub trait Across: Send + Sync + std::fmt::Debug {
    /// How many ranks there are.
    fn ranks(&self) -> usize;

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
}
