//! Scores of sampled pairs, and the dendritic sums for their modulations: dots with raw rows and sums of raw rows.

#[cfg(not(feature = "cuda"))]
mod cpu;
#[cfg(not(feature = "cuda"))]
use cpu as device;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda")]
use cuda as device;

pub use device::{pair_dendrites, pair_scores};

use crate::device::{Buffer, Indices};

/// The two results of `pair_dendrites`.
pub struct PairDendrites {
    /// `[target rows, width]`: Σ γ · prediction over all pairs of a target row.
    pub target: Option<Buffer>,
    /// Σ γ · target over all the pairs of a context row.
    pub gathered: Option<Gathered>,
}

/// One row for each context row, or only for those that have a pair with γ ≠ 0.
pub struct Gathered {
    /// `[active rows, width]`.
    pub values: Buffer,
    /// Which context rows these are; `None`: all, in order.
    pub active: Option<Indices>,
}
