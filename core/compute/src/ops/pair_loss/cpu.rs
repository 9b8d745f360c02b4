//! On the CPU.

use super::PairLoss;
use crate::device::Buffer;
use crate::error::{Error, Result};
use crate::pairs::{Pairs, Scores};

/// The loss (one value) and γ = −∂L/∂u of every pair, for scores `[rows, columns]`.
///
/// Means are over the pairs of each kind: rows with their fixation, and all saccades. With signs, they are
/// over the rows of each sign. A kind without pairs is left out.
///
/// # Errors
/// If the scores do not fit the pairs, or for softmax with signs.
pub fn pair_loss(kind: PairLoss, scores: &Scores, pairs: &Pairs) -> Result<(Buffer, Scores)> {
    let columns = pairs.columns();
    if scores.values.len() != pairs.rows * columns {
        let message = format!("{} scores are not {} × {columns}", scores.values.len(), pairs.rows);
        return Err(Error::shape("broadcast", message));
    }
    let u = scores.values.as_slice();
    let (loss, gamma) = match kind {
        PairLoss::RowSoftmax if pairs.signs.is_some() => {
            let message =
                "softmax compares a positive with its negatives in one row, so it cannot be time-local";
            return Err(Error::shape("broadcast", message));
        }
        PairLoss::RowSoftmax => softmax(u, pairs),
        PairLoss::Margin { weight, gate, sign } => pairwise(u, pairs, |yu| {
            let (margin, surprise) = (1.0 - yu, yu < 1.0);
            let open = f32::from(u8::from(surprise || !gate));
            // If a score is NaN, the loss is NaN too, so that training stops: `max` would hide it.
            (weight * if margin <= 0.0 { 0.0 } else { margin }, weight * open, sign)
        }),
        PairLoss::Softplus => pairwise(u, pairs, |yu| {
            ((-yu).max(0.0) + (-yu.abs()).exp().ln_1p(), 1.0 / (1.0 + yu.exp()), true)
        }),
    };
    let device = scores.values.device();
    let gamma = Scores { values: Buffer::from_vec(device, gamma)?, rows: pairs.rows, columns };
    Ok((Buffer::from_vec(device, vec![loss as f32])?, gamma))
}

/// L = −mean log π⁺ and γ = (1\[fixation\] − π) / rows with π = softmax(u) of each row.
fn softmax(u: &[f32], pairs: &Pairs) -> (f64, Vec<f32>) {
    let columns = pairs.columns();
    let mut loss = 0.0;
    let mut gamma = vec![0.0; u.len()];
    let share = 1.0 / pairs.rows as f32;
    for (row, (u, gamma)) in u.chunks_exact(columns).zip(gamma.chunks_exact_mut(columns)).enumerate() {
        let most = u.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = u.iter().map(|u| (u - most).exp()).sum();
        let fixation = pairs.fixation(row);
        loss += f64::from(most + sum.ln() - u[fixation]);
        for (gamma, u) in gamma.iter_mut().zip(u) {
            *gamma = -(u - most).exp() / sum * share;
        }
        gamma[fixation] += share;
    }
    (loss / pairs.rows as f64, gamma)
}

/// A loss that treats each pair separately: `each(y·u)` returns its loss, |γ| and whether γ has the sign y.
fn pairwise(u: &[f32], pairs: &Pairs, each: impl Fn(f32) -> (f32, f32, bool)) -> (f64, Vec<f32>) {
    let columns = pairs.columns();
    let (fixations, saccades) = pairs.counts();
    let share = |count: usize| if count == 0 { 0.0 } else { 1.0 / count as f64 };
    let (plus, minus) = (share(fixations), share(saccades));
    let mut loss = 0.0;
    let mut gamma = vec![0.0; u.len()];
    for (row, (u, gamma)) in u.chunks_exact(columns).zip(gamma.chunks_exact_mut(columns)).enumerate() {
        let fixation = pairs.fixation(row);
        for (column, (u, gamma)) in u.iter().zip(gamma).enumerate() {
            let (y, share) = if column == fixation { (1.0, plus) } else { (-1.0, minus) };
            if !pairs.meets(row, column) {
                continue;
            }
            let (pair, strength, signed) = each(y * u);
            loss += share * f64::from(pair);
            *gamma = share as f32 * strength * if signed { y } else { 1.0 };
        }
    }
    (loss, gamma)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn a_score_that_is_not_a_number_shows_in_every_loss() {
        let device = Device::open().unwrap();
        let margin = PairLoss::Margin { weight: 1.0, gate: true, sign: true };
        for kind in [margin, PairLoss::Softplus, PairLoss::RowSoftmax] {
            let values = Buffer::from_vec(&device, vec![0.5, f32::NAN, 0.25, -0.5]).unwrap();
            let (loss, _) = pair_loss(kind, &Scores { values, rows: 2, columns: 2 }, &Pairs::all(2)).unwrap();
            assert!(loss.as_slice()[0].is_nan(), "{kind:?}");
        }
    }
}
