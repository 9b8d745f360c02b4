//! Functions that rules of single synapses share.

use plasticity_core::device::Buffer;
use plasticity_core::ops::{self, Product};
use plasticity_core::plasticity::{Lateral, RuleUpdate};
use plasticity_core::representation::Representation;
use plasticity_core::{Error, Result};

/// The number of rows of two activities of `channel` neurons.
///
/// # Errors
/// If there are no rows, or their numbers differ.
fn rows(u: &Buffer, v: &Buffer, channel: usize) -> Result<usize> {
    if channel == 0 || u.is_empty() || u.len() != v.len() || !u.len().is_multiple_of(channel) {
        let message = format!("{} and {} values are not rows of {channel} neurons", u.len(), v.len());
        return Err(Error::shape("rule", message));
    }
    Ok(u.len() / channel)
}

/// `[C, C]`: the mean over rows of u vᵀ, for two activities of the same rows and neurons.
///
/// # Errors
/// If there are no rows, or their numbers differ.
pub fn correlations(u: &Buffer, v: &Buffer, channel: usize) -> Result<Buffer> {
    let rows = rows(u, v, channel)?;
    let mut sums = Buffer::zeros(u.device(), channel * channel)?;
    ops::product(Product::new(channel, channel, rows).transpose_a(), u, v, &mut sums)?;
    ops::scale(&mut sums, 1.0 / rows as f32)?;
    Ok(sums)
}

/// `[C]`: only the diagonal of [`correlations`], the mean of u v of each neuron.
///
/// # Errors
/// If there are no rows, or their numbers differ.
pub fn own_correlations(u: &Buffer, v: &Buffer, channel: usize) -> Result<Buffer> {
    let rows = rows(u, v, channel)?;
    let mut sums = ops::column_sums(&ops::products(u, v)?, channel)?;
    ops::scale(&mut sums, 1.0 / rows as f32)?;
    Ok(sums)
}

/// ΔW = mean of y ⊗ x + M W. The shown loss is −½ of the mean of |y|²: minus half the variance that
/// the neurons capture.
///
/// # Errors
/// If there are no rows.
pub fn hebbian(y: &Representation, captured: f32, lateral: Lateral) -> Result<RuleUpdate> {
    let mut target = y.data().clone();
    ops::scale(&mut target, 1.0 / y.shape().rows() as f32)?;
    let loss = Buffer::from_vec(y.data().device(), vec![-0.5 * captured])?;
    Ok(RuleUpdate::new(loss, target).with_lateral(lateral))
}

#[cfg(test)]
mod tests {
    use crate::rule::hebbian::{Oja, Sanger};
    use crate::testing::{SHAPE, relative, representation, synaptic};
    use approx::assert_abs_diff_eq;
    use plasticity_core::plasticity::RuleSpec;

    #[test]
    fn oja_and_sanger_decay_by_their_correlations() {
        let target = representation(SHAPE, 1);
        let a = target.data().to_vec().unwrap();
        let mean = |j: usize, k: usize| a.chunks_exact(5).map(|row| row[j] * row[k]).sum::<f32>() / 24.0;
        let expected: Vec<f32> = a.iter().map(|a| a / 24.0).collect();
        for (spec, order) in [(&Oja {} as &dyn RuleSpec, false), (&Sanger {}, true)] {
            let (y, lateral) = synaptic(spec, &target);
            assert!(relative(&y, &expected) < 1e-6);
            for (place, value) in lateral.into_iter().enumerate() {
                let (j, k) = if order { (place / 5, place % 5) } else { (place, place) };
                let expected = if k <= j { -mean(j, k) } else { 0.0 };
                assert_abs_diff_eq!(value, expected, epsilon = 1e-6);
            }
        }
    }
}
