//! A step of Hebbian rules: the update divided by its largest entry, with a rate for each neuron.

use plasticity_core::device::Buffer;
use plasticity_core::parameter::Parameter;
use plasticity_core::{Error, Result};
use rayon::prelude::*;
use std::borrow::Cow;

/// The least number of values of a thread. Only this number divides sums, so that they have the same bits
/// for any number of threads.
const CHUNK: usize = 1 << 16;

/// w_j ← w_j + rate · | ‖w_j‖ − 1 |^power · ΔW_j / max |ΔW|, with the neurons j along the first public axis.
/// An update of zeros changes nothing.
///
/// # Errors
/// If the update does not fit the parameter, or a copy from or to the device fails.
pub(super) fn step(parameter: &mut Parameter, update: &Buffer, rate: f32, power: f32) -> Result<()> {
    let (inner, neurons) = parameter.first_axis();
    let len = parameter.value().len();
    if len != update.len() || len == 0 {
        let message = format!("an update of {} values for {len}", update.len());
        return Err(Error::shape(parameter.name(), message));
    }
    let update = match update.host() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(update.to_vec()?),
    };
    // There is no largest entry to divide by.
    if update.iter().all(|&value| value == 0.0) {
        return Ok(());
    }
    let scale = rate / largest(&update);
    let parts = Parts::new(inner, neurons);
    if let Some(weights) = parameter.value_mut().host_mut() {
        parts.step(weights, &update, scale, power);
        return Ok(());
    }
    let mut weights = parameter.value().to_vec()?;
    parts.step(&mut weights, &update, scale, power);
    Ok(parameter.value_mut().copy_from_host(&weights)?)
}

/// The largest absolute value (never 0), or NaN if there is one: `max` would ignore it.
fn largest(values: &[f32]) -> f32 {
    let of = |values: &[f32]| {
        let lost = values.iter().find(|value| !value.is_finite());
        lost.copied().unwrap_or_else(|| values.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs())))
    };
    let parts: Vec<f32> = values.par_chunks(CHUNK).map(of).collect();
    of(&parts)
}

/// The memory layout of the weights of neurons: groups with one run of `inner` values for each neuron.
struct Parts {
    inner: usize,
    neurons: usize,
    /// Number of values that are processed together: whole groups.
    chunk: usize,
}

impl Parts {
    fn new(inner: usize, neurons: usize) -> Self {
        let group = inner * neurons;
        Self { inner, neurons, chunk: group * (CHUNK / group).max(1) }
    }

    /// Moves the weights.
    fn step(&self, weights: &mut [f32], update: &[f32], scale: f32, power: f32) {
        let rate = |square: f64| scale * (square.sqrt() as f32 - 1.0).abs().powf(power);
        let rates: Vec<f32> = self.squares(weights).into_iter().map(rate).collect();
        let chunks = weights.par_chunks_mut(self.chunk).zip(update.par_chunks(self.chunk));
        chunks.for_each(|(weights, update)| {
            let groups = weights.chunks_mut(self.inner * self.neurons);
            for (weights, update) in groups.zip(update.chunks(self.inner * self.neurons)) {
                if self.inner == 1 {
                    let each = weights.iter_mut().zip(update).zip(&rates);
                    each.for_each(|((weight, update), rate)| *weight += rate * update);
                    continue;
                }
                let runs = weights.chunks_mut(self.inner).zip(update.chunks(self.inner));
                for ((weights, update), rate) in runs.zip(&rates) {
                    weights.iter_mut().zip(update).for_each(|(weight, update)| *weight += rate * update);
                }
            }
        });
    }

    /// ‖w_j‖² of every neuron.
    fn squares(&self, weights: &[f32]) -> Vec<f64> {
        let of = |weights: &[f32]| {
            let mut squares = vec![0.0f64; self.neurons];
            for group in weights.chunks(self.inner * self.neurons) {
                if self.inner == 1 {
                    let each = squares.iter_mut().zip(group);
                    each.for_each(|(square, &w)| *square += f64::from(w) * f64::from(w));
                    continue;
                }
                for (square, run) in squares.iter_mut().zip(group.chunks(self.inner)) {
                    *square += run.iter().map(|&w| f64::from(w) * f64::from(w)).sum::<f64>();
                }
            }
            squares
        };
        let parts: Vec<Vec<f64>> = weights.par_chunks(self.chunk).map(of).collect();
        let mut total = vec![0.0; self.neurons];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::Device;
    use rayon::ThreadPoolBuilder;

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let device = Device::open().unwrap();
        let (neurons, inputs) = (48, 5000);
        let values = |seed: usize| -> Vec<f32> {
            (0..neurons * inputs).map(|i| ((i * 7919 + seed) % 2003) as f32 / 1001.0 - 1.0).collect()
        };
        let update = Buffer::from_vec(&device, values(5)).unwrap();
        for order in [[0, 1], [1, 0]] {
            let run = |threads| {
                let mut weights =
                    Parameter::new(&device, "w", &[neurons, inputs], &order, &values(0)).unwrap();
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| step(&mut weights, &update, 0.1, 0.5)).unwrap();
                weights.get().unwrap()
            };
            let one = run(1);
            assert_ne!(one, values(0));
            assert_eq!(one, run(3));
        }
    }
}
