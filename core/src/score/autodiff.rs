//! Scores and dendritic signals by automatic differentiation of the scores of all pairs.

use super::{Dendrites, Reach, Rows, ScoreFunction};
use crate::device::Buffer;
use crate::error::Result;
use crate::pairs::{Pairs, Saccades, Scores};
use crate::taped::{Matrix, Tape};

/// Target, context and own weights as leaves, and the scores of the pairs.
struct Leaves {
    target: Matrix,
    context: Matrix,
    own: Vec<Matrix>,
    picked: Matrix,
}

impl Leaves {
    fn new<S: ScoreFunction + ?Sized>(
        score: &mut S,
        target: Rows,
        context: Rows,
        pairs: &Pairs,
    ) -> Result<Self> {
        let tape = Tape::new(target.data.device());
        let leaf = |rows: Rows| tape.leaf(rows.data, rows.first * rows.channels, rows.rows, rows.channels);
        let (target, context) = (leaf(target)?, leaf(context)?);
        let own: Vec<_> =
            score.parameters().into_iter().map(|own| tape.parameter(own)).collect::<Result<_>>()?;
        let picked = pick(&score.all_pairs(&target, &context, &own)?, pairs);
        Ok(Self { target, context, own, picked })
    }
}

/// Scores of only the pairs, picked from [`ScoreFunction::all_pairs`].
///
/// # Errors
/// If the score returns an error.
pub fn scores<S: ScoreFunction + ?Sized>(
    score: &mut S,
    target: Rows,
    context: Rows,
    pairs: &Pairs,
) -> Result<Scores> {
    let values = Leaves::new(score, target, context, pairs)?.picked.values()?;
    Ok(Scores { values, rows: pairs.rows, columns: pairs.columns() })
}

/// The dendritic signals of a score for the modulation `gamma`: the gradients of Σ γ u.
///
/// # Errors
/// If the score returns an error.
pub fn dendrites<S: ScoreFunction + ?Sized>(
    score: &mut S,
    target: Rows,
    context: Rows,
    pairs: &Pairs,
    gamma: &Scores,
    reach: Reach,
) -> Result<Dendrites> {
    let device = target.data.device();
    let leaves = Leaves::new(score, target, context, pairs)?;
    let gamma = leaves.picked.tape().leaf(&gamma.values, 0, gamma.rows, gamma.columns)?;
    let mut gradients = (leaves.picked * gamma).sum().backward()?;
    let mut own = Vec::new();
    if reach.weights {
        for (parameter, leaf) in score.parameters().iter().zip(&leaves.own).filter(|(own, _)| own.learns()) {
            let public = gradients.of(leaf)?.to_vec()?;
            own.push(Buffer::from_vec(device, parameter.to_memory(&public)?)?);
        }
    }
    Ok(Dendrites {
        target: reach.target.then(|| gradients.of(&leaves.target)).transpose()?,
        context: reach.context.then(|| gradients.of(&leaves.context)).transpose()?,
        own,
    })
}

/// The pairs' columns of a `[rows, rows]` matrix of all scores.
pub fn pick(all: &Matrix, pairs: &Pairs) -> Matrix {
    let Saccades::Sampled(sampled) = &pairs.saccades else { return all.clone() };
    let columns: Vec<usize> =
        (0..pairs.rows).flat_map(|row| std::iter::once(row).chain(sampled.of(row))).collect();
    all.pick(&columns, pairs.columns())
}
