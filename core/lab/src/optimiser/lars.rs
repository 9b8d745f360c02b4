//! LARS: a rate for each parameter that depends on its norm.

use plasticity_core::device::Buffer;
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::{Error, Result};

/// One step of LARS. `rate` and `trust` include all factors except the momentum; without `trust`, λ is 1.
pub(super) fn step(
    parameter: &mut Parameter,
    update: &Buffer,
    velocity: &mut Buffer,
    rate: f64,
    [momentum, decay]: [f32; 2],
    trust: Option<f32>,
) -> Result<()> {
    let (weights, update) = (parameter.value().to_vec()?, update.to_vec()?);
    if weights.len() != update.len() {
        let message = format!("an update of {} values for {}", update.len(), weights.len());
        return Err(Error::shape(parameter.name(), message));
    }
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
