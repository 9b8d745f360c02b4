//! Optimisers that look at the length of weights: LARS, and the one of Hebbian rules.

use plasticity_core::device::Buffer;
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::{Error, Result};

/// One step of LARS with everything but the momentum worked into `rate` and `trust`; without `trust` λ is 1.
pub(super) fn lars(
    parameter: &mut Parameter,
    update: &Buffer,
    velocity: &mut Buffer,
    rate: f64,
    [momentum, decay]: [f32; 2],
    trust: Option<f32>,
) -> Result<()> {
    let (weights, update) = values(parameter, update)?;
    let length = |values: &[f32]| values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let (own, moved) = (length(&weights), length(&update));
    let local = match trust {
        Some(trust) if own > 0.0 && moved > 0.0 => f64::from(trust) * own / (moved + f64::from(decay) * own),
        _ => 1.0,
    };
    let step = (rate * local) as f32;
    let scaled = update.iter().zip(&weights).map(|(update, weight)| step * (update - decay * weight));
    let scaled = Buffer::from_vec(parameter.value().device(), scaled.collect())?;
    Ok(ops::sgd(1.0, momentum, 0.0, parameter.value_mut(), &scaled, velocity)?)
}

/// One step of the Hebbian optimiser: a neuron's weights are those of one index of the first public axis.
pub(super) fn hebbian(parameter: &mut Parameter, update: &Buffer, rate: f32, power: f32) -> Result<()> {
    let (inner, neurons) = parameter.first_axis();
    let (mut weights, update) = values(parameter, update)?;
    let largest = update.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    // What is no number has to be seen: `max` passes over it.
    let lost = update.iter().find(|value| !value.is_finite());
    let scale = rate / lost.copied().unwrap_or(largest.max(f32::MIN_POSITIVE));
    let mut squares = vec![0.0f64; neurons];
    for (run, weights) in weights.chunks(inner).enumerate() {
        squares[run % neurons] += weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
    }
    let factor = |square: &f64| scale * (square.sqrt() as f32 - 1.0).abs().powf(power);
    let factors: Vec<f32> = squares.iter().map(factor).collect();
    for (run, (weights, update)) in weights.chunks_mut(inner).zip(update.chunks(inner)).enumerate() {
        let factor = factors[run % neurons];
        weights.iter_mut().zip(update).for_each(|(weight, update)| *weight += factor * update);
    }
    Ok(parameter.value_mut().copy_from_host(&weights)?)
}

/// The values of a parameter and of its update, which are as many.
fn values(parameter: &Parameter, update: &Buffer) -> Result<(Vec<f32>, Vec<f32>)> {
    let (weights, update) = (parameter.value().to_vec()?, update.to_vec()?);
    if weights.len() != update.len() || weights.is_empty() {
        let message = format!("an update of {} values for {}", update.len(), weights.len());
        return Err(Error::shape(parameter.name(), message));
    }
    Ok((weights, update))
}
