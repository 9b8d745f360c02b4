//! The sign y and the weight of every pair in a mean, for losses that treat each pair separately.

use plasticity_core::pairs::Pairs;
use plasticity_core::taped::{Matrix, Scalar};

/// `[rows, columns]`: −y of every pair.
pub fn minus_signs(scores: &Matrix, pairs: &Pairs) -> Matrix {
    scores.constant(
        pairs.rows,
        pairs.columns(),
        |row, column| {
            if column == pairs.fixation(row) { -1.0 } else { 1.0 }
        },
    )
}

/// The mean of `losses` over fixations plus the mean over saccades.
pub fn sum_of_means(losses: &Matrix, pairs: &Pairs) -> Scalar {
    let (fixations, saccades) = pairs.counts();
    let weights = losses.constant(pairs.rows, pairs.columns(), |row, column| {
        let count = if column == pairs.fixation(row) { fixations } else { saccades };
        if pairs.meets(row, column) { 1.0 / count as f32 } else { 0.0 }
    });
    (losses * weights).sum()
}
