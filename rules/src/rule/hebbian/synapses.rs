//! What rules of single synapses share.

use plasticity_core::device::Buffer;
use plasticity_core::ops::{self, Product};
use plasticity_core::plasticity::RuleUpdate;
use plasticity_core::representation::Representation;
use plasticity_core::{Error, Result};

/// `[C, C]`: the mean over rows of u vᵀ, for two activities of the same rows and neurons.
///
/// # Errors
/// Where there are no rows, or their numbers differ.
pub fn correlations(u: &Buffer, v: &Buffer, channel: usize) -> Result<Buffer> {
    if channel == 0 || u.is_empty() || u.len() != v.len() || !u.len().is_multiple_of(channel) {
        let message = format!("{} and {} values are not rows of {channel} neurons", u.len(), v.len());
        return Err(Error::shape("rule", message));
    }
    let rows = u.len() / channel;
    let mut sums = Buffer::zeros(u.device(), channel * channel)?;
    ops::product(Product::new(channel, channel, rows).transpose_a(), u, v, &mut sums)?;
    ops::scale(&mut sums, 1.0 / rows as f32)?;
    Ok(sums)
}

/// ΔW = mean of y ⊗ x − M W, with M `[C, C]` made of the mean of y yᵀ by keeping the places (neuron, other) that `keep`
/// keeps. The loss that is shown is −½ of the mean of |y|²: minus the variance that the neurons capture.
///
/// # Errors
/// Where there are no rows.
pub fn hebbian_with_decay(y: &Representation, keep: fn(usize, usize) -> bool) -> Result<RuleUpdate> {
    let channel = y.shape().channel;
    let device = y.data().device();
    let mut matrix = correlations(y.data(), y.data(), channel)?.to_vec()?;
    let captured: f32 = (0..channel).map(|neuron| matrix[neuron * channel + neuron]).sum();
    for (place, value) in matrix.iter_mut().enumerate() {
        *value = if keep(place / channel, place % channel) { -*value } else { 0.0 };
    }
    let mut target = y.data().clone();
    ops::scale(&mut target, 1.0 / y.shape().rows() as f32)?;
    Ok(RuleUpdate {
        loss: Buffer::from_vec(device, vec![-0.5 * captured])?,
        target,
        context: None,
        own: Vec::new(),
        lateral: Some(Buffer::from_vec(device, matrix)?),
    })
}

#[cfg(test)]
mod tests {
    use crate::rule::hebbian::{Oja, Sanger};
    use crate::testing::{SHAPE, relative, representation, synaptic};
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
                let (j, k) = (place / 5, place % 5);
                let keeps = j == k || (order && k < j);
                let expected = if keeps { -mean(j, k) } else { 0.0 };
                assert!((value - expected).abs() < 1e-6, "{j} {k}: {value} {expected}");
            }
        }
    }
}
