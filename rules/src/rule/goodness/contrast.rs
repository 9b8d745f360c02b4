//! The contrast of Forward-Forward: layers are active on positive stimuli and quiet on negative ones.

use crate::rule::output::{self, output};
use crate::{Tape, refused, tensors};
use dfdx::tensor::{TensorFromVec, WithEmptyTape};
use dfdx::tensor_ops::{SumTo, TryAdd, TryMatMul, TryMul};
use plasticity_core::autodiff::Taped;
use plasticity_core::device::{Buffer, Matrix, TapedMatrix, TapedScalar};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{RuleUpdate, Signals};
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};

/// L = mean over positives of softplus(θ⁺ − g) + mean over negatives of softplus(g − θ⁻), g = mean z² over the neurons and
/// positions of a stimulus (at one step in time). The first half of the batch is positive, the second negative.
#[derive(Clone, Copy, Debug)]
pub struct Goodness {
    /// θ⁺.
    pub positive: f32,
    /// θ⁻.
    pub negative: f32,
}

/// The shape with positive and negative stimuli side by side.
pub fn doubled(input: MapShape) -> MapShape {
    MapShape { batch: 2 * input.batch, ..input }
}

/// Puts `positive` and `negative` (stimulus by stimulus as `input`) side by side along the batch.
///
/// # Errors
/// Where they do not have the input's size.
pub fn side_by_side(input: &FeatureMap, positive: &[f32], negative: &[f32]) -> Result<FeatureMap> {
    let shape = input.shape();
    let stimulus = shape.positions() * shape.channels;
    if positive.len() != shape.len() || negative.len() != shape.len() || stimulus == 0 {
        let message = format!("{} and {} values are not both {shape:?}", positive.len(), negative.len());
        return Err(Error::shape("contrast", message));
    }
    let step = shape.batch * stimulus;
    let mut values = Vec::with_capacity(2 * shape.len());
    for (positive, negative) in positive.chunks_exact(step).zip(negative.chunks_exact(step)) {
        values.extend_from_slice(positive);
        values.extend_from_slice(negative);
    }
    FeatureMap::new(doubled(shape), Buffer::from_vec(input.data().device(), values)?)
}

impl Goodness {
    /// What a stimulus of the batch is, and its θ: y = 1 or −1.
    fn side(&self, stimulus: usize, batch: usize) -> (f32, f32) {
        if stimulus < batch / 2 { (1.0, self.positive) } else { (-1.0, self.negative) }
    }

    fn check(&self, rule: &str, shape: RepresentationShape) -> Result<()> {
        if shape.is_empty() || !shape.batch.is_multiple_of(2) {
            let message = format!(
                "needs positive and negative stimuli side by side, got {shape:?}: the rule must be that of the first \
                 module too"
            );
            return Err(Error::shape(format!("rule {rule}"), message));
        }
        Ok(())
    }

    /// The update in closed form: −∂L/∂z = y · σ(y (θ − g)) · 2 z / (size · stimuli).
    ///
    /// # Errors
    /// Where the batch is not made of two halves.
    pub fn update(&self, rule: &str, signals: &Signals) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        self.check(rule, shape)?;
        let device = data.device();
        let mut z = data.to_vec()?;
        let (batch, channel) = (shape.batch, shape.channel);
        let size = (shape.location * channel) as f32;
        let share = 2.0 / (shape.time * batch) as f32;
        let mut loss = 0.0;
        for step in z.chunks_exact_mut(shape.rows_per_step() * channel) {
            let mut goodness = vec![0.0; batch];
            for (row, values) in step.chunks_exact(channel).enumerate() {
                goodness[row % batch] += values.iter().map(|z| z * z).sum::<f32>() / size;
            }
            let factors: Vec<f32> = goodness
                .iter()
                .enumerate()
                .map(|(stimulus, goodness)| {
                    let (y, theta) = self.side(stimulus, batch);
                    let wrong = y * (theta - goodness);
                    loss += f64::from(share * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()));
                    y * share / (1.0 + (-wrong).exp()) * 2.0 / size
                })
                .collect();
            for (row, values) in step.chunks_exact_mut(channel).enumerate() {
                values.iter_mut().for_each(|z| *z *= factors[row % batch]);
            }
        }
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, Buffer::from_vec(device, z)?, Vec::new())
    }

    /// The loss in dfdx.
    ///
    /// # Errors
    /// Where the batch is not made of two halves.
    pub fn loss(&self, rule: &str, signals: &Taped) -> Result<TapedScalar> {
        let shape = signals.context_shape();
        self.check(rule, shape)?;
        let (rows, batch, channel) = (shape.rows(), shape.batch, shape.channel);
        let stimuli = shape.time * batch;
        let z = signals.context();
        let device = tensors(&z);
        let matrix = |values: Vec<f32>, rows: usize, columns: usize| -> Result<Matrix> {
            device.try_tensor_from_vec(values, (rows, columns)).map_err(refused)
        };
        let size = (shape.location * channel) as f32;
        let mut gather = vec![0.0; stimuli * rows];
        for row in 0..rows {
            let stimulus = row / shape.rows_per_step() * batch + row % batch;
            gather[stimulus * rows + row] = 1.0 / size;
        }
        let gather = matrix(gather, stimuli, rows)?.retaped::<Tape>();
        let summed: TapedMatrix = gather.try_matmul(z.try_square().map_err(refused)?).map_err(refused)?;
        let ones = matrix(vec![1.0; channel], channel, 1)?.retaped::<Tape>();
        let goodness: TapedMatrix = summed.try_matmul(ones).map_err(refused)?;
        let sides: Vec<_> = (0..stimuli).map(|stimulus| self.side(stimulus % batch, batch)).collect();
        let y = matrix(sides.iter().map(|(y, _)| -y).collect(), stimuli, 1)?;
        let theta = matrix(sides.iter().map(|(y, theta)| y * theta).collect(), stimuli, 1)?;
        let wrong = goodness.try_mul(y).and_then(|g| g.try_add(theta)).map_err(refused)?;
        // softplus(x) = max(0, x) + log(1 + exp −|x|), finite for any x.
        let above = wrong.with_empty_tape().try_relu().map_err(refused)?;
        let rest = wrong
            .try_abs()
            .and_then(|x| x.try_mul(-1.0))
            .and_then(|x| x.try_exp())
            .and_then(|x| x.try_add(1.0))
            .and_then(|x| x.try_ln())
            .map_err(refused)?;
        let softplus = above.try_add(rest).map_err(refused)?;
        let loss: TapedScalar = softplus.try_sum().map_err(refused)?;
        loss.try_mul(2.0 / stimuli as f32).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::goodness::{ForwardForward, Scff};
    use crate::testing::{SHAPE, alone, assert_follows_loss, build, refusal, representation};

    #[test]
    fn forward_forward_and_scff_follow_their_losses() {
        let target = representation(SHAPE, 1);
        let ff = ForwardForward { threshold: 0.4, ..ForwardForward::default() };
        assert_follows_loss(build(&ff, SHAPE).as_mut(), &alone(&target));
        let scff = Scff { positive_threshold: 0.3, negative_threshold: 0.5 };
        assert_follows_loss(build(&scff, SHAPE).as_mut(), &alone(&target));
        assert!(refusal(&Scff { positive_threshold: 0.0, ..scff }).starts_with("rule.positive_threshold: "));
        let strength = ForwardForward { strength: f32::NAN, ..ff };
        assert!(refusal(&strength).starts_with("rule.strength: "));
    }
}
