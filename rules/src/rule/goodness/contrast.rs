//! The contrast of Forward-Forward: layers are active on positive stimuli and quiet on negative ones.

use crate::rule::output::{self, output};
use plasticity_core::device::Buffer;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{RuleUpdate, Signals, Taped};
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result};

/// L = mean over positives of softplus(θ⁺ − g) + mean over negatives of softplus(g − θ⁻), g = mean z² over the neurons and
/// positions of a stimulus (at one step in time). The first half of the batch is positive, the second negative.
///
/// With `sum`, g and θ are both multiplied by the number of neurons. Then g is a sum over neurons of means over
/// positions.
///
/// Peer normalisation adds λ · mean over neurons of (m − m̄)², with m a neuron's mean over positives and
/// positions and m̄ the mean of m over neurons. So no neuron stays silent, and none is always active. (Hinton
/// uses running averages for m.)
#[derive(Clone, Copy, Debug)]
pub struct Goodness {
    /// θ⁺.
    pub positive: f32,
    /// θ⁻.
    pub negative: f32,
    /// Whether goodness is summed over neurons.
    pub sum: bool,
    /// λ of peer normalisation.
    pub peers: f32,
}

/// The shape of a batch with positive and negative stimuli side by side.
pub fn doubled(input: MapShape) -> MapShape {
    MapShape { batch: 2 * input.batch, ..input }
}

/// Puts `positive` and `negative`, which have the layout of `input`, side by side along the batch.
///
/// # Errors
/// If one of them does not have the size of the input.
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

/// Checks that a representation can consist of positive and negative stimuli side by side.
///
/// # Errors
/// If it is empty, or has an odd number of stimuli.
pub(super) fn check(rule: &str, shape: RepresentationShape) -> Result<()> {
    if shape.is_empty() || !shape.batch.is_multiple_of(2) {
        let message = format!(
            "needs positive and negative stimuli side by side, got {shape:?}: the first module must have this rule too"
        );
        return Err(Error::shape(format!("rule {rule}"), message));
    }
    Ok(())
}

impl Goodness {
    /// The sign y of a stimulus of the batch (1: positive, −1: negative) and its θ.
    fn side(&self, stimulus: usize, batch: usize) -> (f32, f32) {
        if stimulus < batch / 2 { (1.0, self.positive) } else { (-1.0, self.negative) }
    }

    /// The factor of g and θ: 1, or the number of neurons.
    fn scale(&self, shape: RepresentationShape) -> f32 {
        if self.sum { shape.channel as f32 } else { 1.0 }
    }

    /// The loss of peer normalisation, and the post factor of each neuron at every position of a positive, 2 λ (m̄ −
    /// m) / (neurons · rows of positives).
    fn peer_normalisation(&self, z: &[f32], shape: RepresentationShape) -> (f64, Vec<f32>) {
        let (channel, share) = (shape.channel, 2.0 / shape.rows() as f32);
        let mut apart = vec![0.0f32; channel];
        for (row, values) in z.chunks_exact(channel).enumerate() {
            if row % shape.batch < shape.batch / 2 {
                apart.iter_mut().zip(values).for_each(|(mean, z)| *mean += share * z);
            }
        }
        let mean = apart.iter().sum::<f32>() / channel as f32;
        apart.iter_mut().for_each(|of_neuron| *of_neuron -= mean);
        let weight = self.peers / channel as f32;
        let loss = f64::from(weight) * apart.iter().map(|apart| f64::from(apart * apart)).sum::<f64>();
        apart.iter_mut().for_each(|apart| *apart *= -2.0 * weight * share);
        (loss, apart)
    }

    /// The goodness of every stimulus, positive or negative: the mean over its steps in time.
    ///
    /// # Errors
    /// If a copy from the device fails.
    pub fn of(&self, representation: &Representation) -> Result<Vec<f32>> {
        let shape = representation.shape();
        let share = self.scale(shape) / (shape.time * shape.location * shape.channel).max(1) as f32;
        let mut goodness = vec![0.0; shape.batch];
        let values = representation.data().to_vec()?;
        for (row, values) in values.chunks_exact(shape.channel.max(1)).enumerate() {
            goodness[row % shape.batch] += share * values.iter().map(|z| z * z).sum::<f32>();
        }
        Ok(goodness)
    }

    /// The update in closed form: −∂L/∂z = y · σ(y (θ − g)) · 2 z / (size · stimuli), times the number of
    /// neurons if g is a sum, plus the post factor of peer normalisation.
    ///
    /// # Errors
    /// If the batch does not have two equal halves.
    pub fn update(&self, rule: &str, signals: &Signals) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        check(rule, shape)?;
        let device = data.device();
        let mut z = data.to_vec()?;
        let (batch, channel) = (shape.batch, shape.channel);
        let size = (shape.location * channel) as f32;
        let (share, scale) = (2.0 / (shape.time * batch) as f32, self.scale(shape));
        let (mut loss, peers) = self.peer_normalisation(&z, shape);
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
                if row % batch < batch / 2 {
                    values.iter_mut().zip(&peers).for_each(|(z, peers)| *z += peers);
                }
            }
        }
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, Buffer::from_vec(device, z)?, Vec::new())
    }

    /// The loss that the update follows.
    ///
    /// # Errors
    /// If the batch does not have two equal halves.
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
        let told_apart = wrong.softplus().sum() * (2.0 / stimuli as f32);
        let neurons = shape.channel;
        let mean =
            signals.constant(1, rows, |_, row| if row % batch < batch / 2 { 2.0 / rows as f32 } else { 0.0 });
        let from_mean =
            signals.constant(neurons, neurons, |i, j| f32::from(u8::from(i == j)) - 1.0 / neurons as f32);
        let apart = mean.matmul(signals.context()).matmul(&from_mean);
        Ok(told_apart + apart.square().sum() * (self.peers / neurons as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::goodness::forward_forward::Over;
    use crate::rule::goodness::{ForwardForward, Scff};
    use crate::testing::{SHAPE, alone, assert_follows_loss, build, representation};
    use plasticity_core::plasticity::Each;

    #[test]
    fn forward_forward_and_scff_follow_their_losses() {
        let target = representation(SHAPE, 1);
        let ff = ForwardForward { threshold: 0.4, ..ForwardForward::default() };
        assert_follows_loss(build(&ff, SHAPE).as_mut(), &alone(&target));
        let ff = ForwardForward { threshold: 0.4, goodness: Over::Sum, ..ForwardForward::default() };
        assert_follows_loss(build(&ff, SHAPE).as_mut(), &alone(&target));
        let peers = ForwardForward { peer_normalisation: 0.7, ..ForwardForward::default() };
        assert_follows_loss(build(&peers, SHAPE).as_mut(), &alone(&target));
        let (positive_threshold, negative_threshold) = (Each::Same(0.3), Each::Same(0.5));
        let scff = Scff { positive_threshold, negative_threshold, ..Scff::default() };
        assert_follows_loss(build(&scff, SHAPE).as_mut(), &alone(&target));
    }

    /// Two neurons have the means 1 and 3 over positives, so each differs from the mean by 1. Negatives do not count.
    #[test]
    fn peers_that_are_alike_cost_nothing() {
        let shape = RepresentationShape { time: 1, location: 1, batch: 4, channel: 2 };
        let cost = |positives: [f32; 4]| {
            let z: Vec<f32> = positives.into_iter().chain([5.0, 0.0, 7.0, 0.0]).collect();
            let goodness = Goodness { positive: 1.0, negative: 1.0, sum: false, peers: 0.5 };
            goodness.peer_normalisation(&z, shape)
        };
        assert_eq!(cost([1.0, 2.0, 3.0, 2.0]), (0.0, vec![0.0, 0.0]));
        assert_eq!(cost([0.0, 2.0, 2.0, 4.0]), (0.5, vec![0.25, -0.25]));
    }
}
