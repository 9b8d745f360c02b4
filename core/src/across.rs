//! Ranks that train together, as a layer sees them.

use crate::error::Result;

/// What a layer can ask of all ranks: each has a shard of the batch, as large as that of any other.
pub trait Across: Send + Sync + std::fmt::Debug {
    /// How many ranks there are.
    fn ranks(&self) -> usize;

    /// The sum of what every rank gives, element by element; all ranks ask for the same sums in the same order.
    ///
    /// # Errors
    /// Where a rank has left.
    fn sum(&self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// The mean over ranks likewise.
    ///
    /// # Errors
    /// Where a rank has left.
    fn mean(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        let ranks = self.ranks() as f32;
        Ok(self.sum(values)?.into_iter().map(|sum| sum / ranks).collect())
    }
}
