//! The contrast of Forward-Forward: layers are active on positive stimuli and quiet on negative ones.

use crate::rule::output::{self, output};
use plasticity_core::device::Buffer;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{RuleUpdate, Signals, Taped};
use plasticity_core::representation::RepresentationShape;
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// L = mean over positives of softplus(θ⁺ − g) + mean over negatives of softplus(g − θ⁻), g = mean z² over the neurons and
/// positions of a stimulus (at one step in time). The first half of the batch is positive, the second negative.
///
/// With `sum`, g and θ are both multiplied by the number of neurons: a sum over neurons of their means over positions.
#[derive(Clone, Copy, Debug)]
pub struct Goodness {
    /// θ⁺.
    pub positive: f32,
    /// θ⁻.
    pub negative: f32,
    /// Whether goodness is summed over neurons.
    pub sum: bool,
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

/// Checks that positive stimuli and negative ones can stand side by side in a representation.
///
/// # Errors
/// Where it is empty, or an odd number of stimuli.
pub(super) fn check(rule: &str, shape: RepresentationShape) -> Result<()> {
    if shape.is_empty() || !shape.batch.is_multiple_of(2) {
        let message = format!(
            "needs positive and negative stimuli side by side, got {shape:?}: the rule must be that of the first module too"
        );
        return Err(Error::shape(format!("rule {rule}"), message));
    }
    Ok(())
}

impl Goodness {
    /// What a stimulus of the batch is, and its θ: y = 1 or −1.
    fn side(&self, stimulus: usize, batch: usize) -> (f32, f32) {
        if stimulus < batch / 2 { (1.0, self.positive) } else { (-1.0, self.negative) }
    }

    /// What g and θ are multiplied by.
    fn scale(&self, shape: RepresentationShape) -> f32 {
        if self.sum { shape.channel as f32 } else { 1.0 }
    }

    /// The update in closed form: −∂L/∂z = y · σ(y (θ − g)) · 2 z / (size · stimuli), times neurons where g is their sum.
    ///
    /// # Errors
    /// Where the batch is not made of two halves.
    pub fn update(&self, rule: &str, signals: &Signals) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        check(rule, shape)?;
        let device = data.device();
        let mut z = data.to_vec()?;
        let (batch, channel) = (shape.batch, shape.channel);
        let size = (shape.location * channel) as f32;
        let (share, scale) = (2.0 / (shape.time * batch) as f32, self.scale(shape));
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
                    let wrong = y * (theta - goodness) * scale;
                    loss += f64::from(share * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()));
                    y * share * scale / (1.0 + (-wrong).exp()) * 2.0 / size
                })
                .collect();
            for (row, values) in step.chunks_exact_mut(channel).enumerate() {
                values.iter_mut().for_each(|z| *z *= factors[row % batch]);
            }
        }
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, Buffer::from_vec(device, z)?, Vec::new())
    }

    /// The loss that it follows.
    ///
    /// # Errors
    /// Where the batch is not made of two halves.
    pub fn loss(&self, rule: &str, signals: &Taped) -> Result<Scalar> {
        let shape = signals.context_shape();
        check(rule, shape)?;
        let (rows, batch) = (shape.rows(), shape.batch);
        let stimuli = shape.time * batch;
        let share = 1.0 / (shape.location * shape.channel) as f32;
        let of = |row: usize| row / shape.rows_per_step() * batch + row % batch;
        let gather =
            signals.constant(stimuli, rows, |stimulus, row| if of(row) == stimulus { share } else { 0.0 });
        let goodness = gather.matmul(&signals.context().square()).row_sums();
        let side = |stimulus: usize| self.side(stimulus % batch, batch);
        let y = signals.constant(stimuli, 1, |stimulus, _| -side(stimulus).0);
        let theta = signals.constant(stimuli, 1, |stimulus, _| side(stimulus).0 * side(stimulus).1);
        let wrong = (goodness * y + theta) * self.scale(shape);
        Ok(wrong.softplus().sum() * (2.0 / stimuli as f32))
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::Each;
    use crate::rule::goodness::forward_forward::Over;
    use crate::rule::goodness::{ForwardForward, Scff};
    use crate::testing::{SHAPE, alone, assert_follows_loss, build, representation};

    #[test]
    fn forward_forward_and_scff_follow_their_losses() {
        let target = representation(SHAPE, 1);
        let ff = ForwardForward { threshold: 0.4, ..ForwardForward::default() };
        assert_follows_loss(build(&ff, SHAPE).as_mut(), &alone(&target));
        let ff = ForwardForward { threshold: 0.4, goodness: Over::Sum, ..ForwardForward::default() };
        assert_follows_loss(build(&ff, SHAPE).as_mut(), &alone(&target));
        let (positive_threshold, negative_threshold) = (Each::Same(0.3), Each::Same(0.5));
        let scff = Scff { positive_threshold, negative_threshold, ..Scff::default() };
        assert_follows_loss(build(&scff, SHAPE).as_mut(), &alone(&target));
    }
}
