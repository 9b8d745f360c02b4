//! Loss and modulation of the built-in contrasts.

use super::PairLoss;
use crate::device::cuda::{Kernels, Launch, size};
use crate::device::{Buffer, Indices};
use crate::error::{Error, Result};
use crate::ops::elementwise::column_sums;
use crate::pairs::{Pairs, Saccades, Scores, Signs};

static KERNELS: Kernels = Kernels {
    name: "plasticity_pair_loss",
    source: concat!(include_str!("../thread.cuh"), include_str!("../sum.cuh"), include_str!("kernel.cu")),
    functions: &["softmax", "pairwise"],
};

/// Number of pairs for which one block of `pairwise` computes γ and sums the losses.
const PAIRS_OF_A_BLOCK: usize = 1 << 13;

/// The loss (one value) and γ = −∂L/∂u of every pair, for scores `[rows, columns]`.
///
/// Means are over the pairs of each kind: rows with their fixation, and all saccades. With signs, they are over the
/// rows of each sign. A kind without pairs is left out.
///
/// # Errors
/// If the scores do not fit the pairs, or for softmax with signs.
pub fn pair_loss(kind: PairLoss, scores: &Scores, pairs: &Pairs) -> Result<(Buffer, Scores)> {
    let (rows, columns) = (pairs.rows, pairs.columns());
    if scores.values.len() != rows * columns {
        let message = format!("{} scores are not {rows} × {columns}", scores.values.len());
        return Err(Error::shape("broadcast", message));
    }
    let device = scores.values.device();
    let all = i32::from(matches!(pairs.saccades, Saccades::All));
    let mut gamma = Buffer::unset(device, rows * columns)?;
    let loss = match kind {
        PairLoss::RowSoftmax if pairs.signs.is_some() => {
            let message =
                "softmax compares a positive with its negatives in one row, so it cannot be time-local";
            return Err(Error::shape("broadcast", message));
        }
        PairLoss::RowSoftmax => {
            let mut loss = Buffer::unset(device, rows)?;
            let launch = Launch::new(device, &KERNELS, "softmax")?
                .pointer(scores.values.pointer()?)
                .pointer(gamma.pointer_mut()?)
                .pointer(loss.pointer_mut()?)
                .value(size(rows)?)
                .value(size(columns)?)
                .value(all);
            // SAFETY: (u, γ, loss, rows, columns, all), one warp per row.
            unsafe { launch.each(rows * 32)? };
            loss
        }
        PairLoss::Margin { weight, gate, sign } => {
            pairwise(scores, pairs, &mut gamma, (0, weight, i32::from(gate), i32::from(sign)), all)?
        }
        PairLoss::Softplus => pairwise(scores, pairs, &mut gamma, (1, 1.0, 0, 1), all)?,
    };
    let loss = if loss.len() == 1 { loss } else { column_sums(&loss, 1)? };
    Ok((loss, Scores { values: gamma, rows, columns }))
}

/// Writes γ; returns the loss in parts.
fn pairwise(
    scores: &Scores,
    pairs: &Pairs,
    gamma: &mut Buffer,
    (kind, weight, gate, sign): (i32, f32, i32, i32),
    all: i32,
) -> Result<Buffer> {
    let device = scores.values.device();
    let (fixations, saccades) = pairs.counts();
    let share = |count: usize| if count == 0 { 0.0 } else { (1.0 / count as f64) as f32 };
    let signs = pairs.signs.as_ref().map(Signs::on_device);
    let count = scores.values.len();
    let blocks = count.div_ceil(PAIRS_OF_A_BLOCK);
    let mut loss = Buffer::unset(device, blocks)?;
    let launch = Launch::new(device, &KERNELS, "pairwise")?
        .pointer(scores.values.pointer()?)
        .pointer(signs.map_or(0, Indices::pointer))
        .pointer(gamma.pointer_mut()?)
        .pointer(loss.pointer_mut()?)
        .value(size(pairs.columns())?)
        .value(size(signs.map_or(1, Indices::len).max(1))?)
        .value(all)
        .value(kind)
        .value(weight)
        .value(gate)
        .value(sign)
        .value(share(fixations))
        .value(share(saccades))
        .value(count as u64)
        .value(PAIRS_OF_A_BLOCK as u64);
    // SAFETY: the arguments are those of `pairwise` in kernel.cu, 1024 threads a block; scores and γ hold
    // `count` values, the signs a period, the loss one value per block.
    unsafe { launch.run([blocks, 1, 1], [1024, 1, 1], 0)? };
    Ok(loss)
}
