//! The state of a batch normalisation inside a layer.

use plasticity_core::across::Across;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::Phase;
use plasticity_core::ops::{
    self,
    norm::{self as device, Moments},
};
use plasticity_core::parameter::Parameter;
use plasticity_core::{Error, Result};
use std::sync::Arc;

/// Weight of a new batch in the running averages: PyTorch's default.
const MOMENTUM: f32 = 0.1;

/// Batch normalisation over every position of every sample.
///
/// Learning and [`Phase::Peek`] use the moments of the batch. Learning also updates the running moments, r ←
/// 0.9 · r + 0.1 · batch, with the unbiased variance as in PyTorch. Evaluation uses the running moments.
///
/// With several ranks, the moments are over the shards of all ranks, and so are the means that are subtracted
/// from a post factor.
#[derive(Debug)]
pub struct Norm {
    weight: Parameter,
    bias: Parameter,
    running_mean: Parameter,
    running_variance: Parameter,
    across: Option<Arc<dyn Across>>,
}

impl Norm {
    /// Weights of 1, biases of 0; running moments of 0 and 1.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn new(channels: usize, device: &Device) -> Result<Self> {
        let parameter =
            |name: &str, value: f32| Parameter::plain(device, name, &[channels], &vec![value; channels]);
        Ok(Self {
            weight: parameter("norm_weight", 1.0)?,
            bias: parameter("norm_bias", 0.0)?,
            running_mean: parameter("running_mean", 0.0)?.fixed(),
            running_variance: parameter("running_var", 1.0)?.fixed(),
            across: None,
        })
    }

    /// The same as a part of another layer: its parameters are called `part.norm_weight` and so on.
    #[must_use]
    pub fn of_part(self, part: &str) -> Self {
        Self {
            weight: self.weight.of_part(part),
            bias: self.bias.of_part(part),
            running_mean: self.running_mean.of_part(part),
            running_variance: self.running_variance.of_part(part),
            across: self.across,
        }
    }

    /// From now on, takes moments over the shards of all ranks, or (without `ranks`) over its own batch.
    pub fn across(&mut self, ranks: Option<&Arc<dyn Across>>) {
        self.across = ranks.cloned();
    }

    /// How many ranks it takes moments over.
    fn ranks(&self) -> usize {
        self.across.as_ref().map_or(1, |ranks| ranks.ranks())
    }

    /// The same with a weight of 1 and a bias of 0, which do not learn.
    #[must_use]
    pub fn frozen(self) -> Self {
        Self { weight: self.weight.fixed(), bias: self.bias.fixed(), ..self }
    }

    /// `[rows, channels]` normalised, and the batch's moments (none in evaluation).
    ///
    /// # Errors
    /// If there are fewer than two rows, or the device has no memory.
    pub fn forward(&mut self, input: &Buffer, phase: Phase) -> Result<(Buffer, Option<Moments>)> {
        let (weight, bias) = (self.weight.value(), self.bias.value());
        if phase == Phase::Evaluate {
            let (mean, variance) = (self.running_mean.value(), self.running_variance.value());
            return Ok((device::apply(input, mean, variance, weight, bias)?, None));
        }
        let channels = weight.len();
        let rows = input.len() / channels.max(1) * self.ranks();
        if rows < 2 {
            let message = format!(
                "learning needs at least 2 samples and positions to compute a variance, got {rows}: use a larger \
                 batch or larger maps, or leave out `batch_norm`"
            );
            return Err(Error::shape("batch normalisation", message));
        }
        let moments = self.over_ranks(device::moments(input, channels)?)?;
        let output = device::apply(input, &moments.mean, &moments.variance, weight, bias)?;
        if phase == Phase::Learn {
            let rows = rows as f32;
            for (running, new, factor) in [
                (&mut self.running_mean, &moments.mean, 1.0),
                (&mut self.running_variance, &moments.variance, rows / (rows - 1.0)),
            ] {
                ops::scale(running.value_mut(), 1.0 - MOMENTUM)?;
                ops::add(running.value_mut(), MOMENTUM * factor, new)?;
            }
        }
        Ok((output, Some(moments)))
    }

    /// The post factor of the input from the post factor of the output, and the updates of weight and bias.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn backward(&self, input: &Buffer, moments: &Moments, factor: &Buffer) -> Result<[Buffer; 3]> {
        let [mut below, weight, bias] = device::backward(input, moments, self.weight.value(), factor)?;
        if let Some(ranks) = &self.across {
            // δx = w/σ (δz − mean δz − x̂ mean(δz x̂)). The means over this shard are replaced by the means
            // over all shards. The updates of weight and bias are sums over this shard's rows, which give its
            // means. With Δ = mean over this shard − mean over all, the correction is w/σ (Δ_bias + x̂
            // Δ_weight).
            let rows = (input.len() / self.weight.value().len().max(1)) as f32;
            let own = |sums: &Buffer| -> Result<Vec<f32>> {
                Ok(sums.to_vec()?.into_iter().map(|sum| sum / rows).collect())
            };
            let scale = self.weight.value().to_vec()?.into_iter().zip(moments.variance.to_vec()?);
            let scale: Vec<f32> =
                scale.map(|(w, variance)| w / (variance + device::EPSILON).sqrt()).collect();
            let exchanged = |sums: &Buffer| -> Result<Buffer> {
                let own = own(sums)?;
                let all = ranks.mean(own.clone())?;
                let values =
                    scale.iter().zip(own.iter().zip(all)).map(|(scale, (own, all))| scale * (own - all));
                Ok(Buffer::from_vec(input.device(), values.collect())?)
            };
            let (along, mean) = (exchanged(&weight)?, exchanged(&bias)?);
            let difference = device::apply(input, &moments.mean, &moments.variance, &along, &mean)?;
            ops::add(&mut below, 1.0, &difference)?;
        }
        Ok([below, weight, bias])
    }

    /// The moments over the batches of all ranks, which have equal numbers of rows: μ = mean of μ_r, σ² =
    /// mean of σ_r² + (μ_r − μ)².
    fn over_ranks(&self, own: Moments) -> Result<Moments> {
        let Some(ranks) = &self.across else { return Ok(own) };
        let own_mean = own.mean.to_vec()?;
        let mean = ranks.mean(own_mean.clone())?;
        let around = own.variance.to_vec()?.into_iter().zip(own_mean.iter().zip(&mean));
        let variance =
            ranks.mean(around.map(|(variance, (own, all))| variance + (own - all).powi(2)).collect())?;
        let buffer = |values| Buffer::from_vec(own.mean.device(), values);
        Ok(Moments { mean: buffer(mean)?, variance: buffer(variance)? })
    }

    /// `norm_weight`, `norm_bias`, and the running moments, which do not learn.
    pub fn parameters(&mut self) -> [&mut Parameter; 4] {
        [&mut self.weight, &mut self.bias, &mut self.running_mean, &mut self.running_variance]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn running_moments_move_in_learning_alone_and_serve_evaluation() {
        let device = Device::open().unwrap();
        let mut norm = Norm::new(1, &device).unwrap();
        let input = Buffer::from_vec(&device, vec![1.0, 3.0]).unwrap();
        let running = |norm: &mut Norm| {
            let [_, _, mean, variance] = norm.parameters();
            (mean.get().unwrap()[0], variance.get().unwrap()[0])
        };
        norm.forward(&input, Phase::Peek).unwrap();
        assert_eq!(running(&mut norm), (0.0, 1.0));
        let (out, _) = norm.forward(&input, Phase::Learn).unwrap();
        assert_relative_eq!(out.to_vec().unwrap()[1], 1.0, epsilon = 1e-4);
        let (mean, variance) = running(&mut norm);
        assert_relative_eq!(mean, 0.2, epsilon = 1e-6);
        assert_relative_eq!(variance, 0.9 + 0.1 * 2.0, epsilon = 1e-6);
        let (out, moments) = norm.forward(&input, Phase::Evaluate).unwrap();
        assert!(moments.is_none());
        assert_relative_eq!(out.to_vec().unwrap()[1], (3.0 - 0.2) / 1.1_f32.sqrt(), epsilon = 1e-4);
        assert_eq!(running(&mut norm), (mean, variance));
        assert!(norm.parameters()[2..].iter().all(|parameter| !parameter.learns()));
    }

    #[test]
    fn one_row_has_no_variance_to_learn_by() {
        let device = Device::open().unwrap();
        let mut norm = Norm::new(2, &device).unwrap();
        let input = Buffer::from_vec(&device, vec![1.0, 3.0]).unwrap();
        norm.forward(&input, Phase::Evaluate).unwrap();
        for phase in [Phase::Learn, Phase::Peek] {
            let error = norm.forward(&input, phase).unwrap_err().to_string();
            assert!(error.contains("to compute a variance, got 1"), "{error}");
        }
    }
}
