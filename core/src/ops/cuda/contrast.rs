//! Loss and modulation of the built-in contrasts.

use super::column_sums;
use super::pairs::{KERNELS, size};
use crate::device::cuda::Launch;
use crate::device::{Buffer, Indices};
use crate::error::{Error, Result};
use crate::ops::pairs::Contrast;
use crate::pairs::{Pairs, Saccades, Scores};

/// The loss (one value) and γ = −∂L/∂u of every pair, for scores `[rows, columns]`.
///
/// Means are over the pairs of each kind: rows with their fixation, and all saccades. With signs, over the rows of
/// each sign; a kind without pairs adds nothing.
///
/// # Errors
/// Where the scores do not fit the pairs, or softmax is asked of pairs with signs.
pub fn contrast(kind: Contrast, scores: &Scores, pairs: &Pairs) -> Result<(Buffer, Scores)> {
    let (rows, columns) = (pairs.rows, pairs.columns());
    let fits =
        scores.values.len() == rows * columns && pairs.signs.as_ref().is_none_or(|signs| signs.len() == rows);
    if !fits {
        let message = format!("{} scores are not {rows} × {columns}", scores.values.len());
        return Err(Error::shape("broadcast", message));
    }
    let device = scores.values.device();
    let all = i32::from(matches!(pairs.saccades, Saccades::All));
    let mut gamma = Buffer::unset(device, rows * columns)?;
    let loss = match kind {
        Contrast::Softmax if pairs.signs.is_some() => {
            let message =
                "softmax compares a fixation with its saccades in one row, so it cannot be time-local";
            return Err(Error::shape("broadcast", message));
        }
        Contrast::Softmax => {
            let mut loss = Buffer::unset(device, rows)?;
            let launch = Launch::new(device, &KERNELS, "softmax")?
                .pointer(scores.values.pointer()?)
                .pointer(gamma.pointer_mut()?)
                .pointer(loss.pointer_mut()?)
                .value(size(rows)?)
                .value(size(columns)?)
                .value(all);
            // SAFETY: (u, γ, loss, rows, columns, all), a warp a row.
            unsafe { launch.each(rows * 32)? };
            loss
        }
        Contrast::Hinge { weight, gate, sign } => {
            pairwise(scores, pairs, &mut gamma, (0, weight, i32::from(gate), i32::from(sign)), all)?
        }
        Contrast::Logistic => pairwise(scores, pairs, &mut gamma, (1, 1.0, 0, 1), all)?,
    };
    Ok((column_sums(&loss, 1)?, Scores { values: gamma, rows, columns }))
}

/// Writes γ; gives the loss of each pair.
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
    let signs = match &pairs.signs {
        Some(signs) => {
            Some(Indices::from_vec(device, signs.iter().map(|&sign| u32::from(sign > 0)).collect())?)
        }
        None => None,
    };
    let count = scores.values.len();
    let mut loss = Buffer::unset(device, count)?;
    let launch = Launch::new(device, &KERNELS, "pairwise")?
        .pointer(scores.values.pointer()?)
        .pointer(signs.as_ref().map_or(0, Indices::pointer))
        .pointer(gamma.pointer_mut()?)
        .pointer(loss.pointer_mut()?)
        .value(size(pairs.columns())?)
        .value(all)
        .value(kind)
        .value(weight)
        .value(gate)
        .value(sign)
        .value(share(fixations))
        .value(share(saccades))
        .value(count as u64);
    // SAFETY: the arguments are those of `pairwise` in pairs.cu, one pair a thread; all hold `count` values.
    unsafe { launch.each(count)? };
    Ok(loss)
}
