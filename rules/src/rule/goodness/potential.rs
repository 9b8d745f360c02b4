//! The goodness of each position, before the pool.

use super::contrast::{Goodness, check};
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::plasticity::{RuleUpdate, Signals, Taped};
use plasticity_core::representation::RepresentationShape;
use plasticity_core::taped::Scalar;
use rayon::prelude::*;

/// L = mean over positives of softplus(θ⁺ − g) + mean over negatives of softplus(g − θ⁻) + λ · mean over positives of ‖g‖₂,
/// g = mean over neurons of max(0, k p)² at each position. p is the potential of a layer that sees the mean
/// of a pair. k is the number of copies of the layer's weights in the published form, where each copy sees
/// one stimulus of the pair.
///
/// The means are over positions and stimuli (at one step in time), the norm over the positions of a stimulus. The first half
/// of the batch is positive, the second negative.
#[derive(Clone, Copy, Debug)]
pub(super) struct PositionGoodness {
    /// θ⁺ and θ⁻.
    pub thresholds: Goodness,
    /// λ.
    pub penalty: f32,
    /// k: 2, or 1 if the layer sees the output of the module below for a pair.
    pub copies: u8,
}

impl PositionGoodness {
    /// k²: (k p)² / p².
    fn square_of_copies(&self) -> f32 {
        f32::from(self.copies).powi(2)
    }

    /// The stimulus (at a step in time) to which a row of the representation belongs.
    fn stimulus(shape: RepresentationShape, row: usize) -> usize {
        row / shape.rows_per_step() * shape.batch + row % shape.batch
    }

    /// The update in closed form: −∂L/∂p = −∂L/∂g · 2 k² max(0, p) / neurons, with
    /// −∂L/∂g = σ(θ⁺ − g) / n − λ g / (‖g‖ · stimuli) for positives and −σ(g − θ⁻) / n for negatives.
    ///
    /// # Errors
    /// If the batch does not have two equal halves.
    pub fn update(&self, rule: &str, signals: &Signals) -> Result<RuleUpdate> {
        let (data, shape) = (signals.target.data(), signals.target.shape());
        check(rule, shape)?;
        let (batch, channel) = (shape.batch, shape.channel);
        let mut p = data.to_vec()?;
        let square = |row: &[f32]| row.iter().map(|p| open(*p).powi(2)).sum::<f32>();
        let goodness: Vec<f32> =
            p.par_chunks(channel).map(|row| self.square_of_copies() * square(row) / channel as f32).collect();
        let mut norms = vec![0.0f32; shape.time * batch];
        for (row, g) in goodness.iter().enumerate() {
            norms[Self::stimulus(shape, row)] += g * g;
        }
        norms.iter_mut().for_each(|norm| *norm = norm.sqrt());
        let (positions, stimuli) = (2.0 / shape.rows() as f32, 2.0 / (shape.time * batch) as f32);
        let mut loss = 0.0;
        let factors: Vec<f32> = goodness
            .iter()
            .enumerate()
            .map(|(row, g)| {
                let positive = row % batch < batch / 2;
                let Goodness { positive: high, negative: low, .. } = self.thresholds;
                let wrong = if positive { high - g } else { g - low };
                loss += f64::from(positions * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()));
                let pull = positions / (1.0 + (-wrong).exp());
                let norm = norms[Self::stimulus(shape, row)];
                match positive {
                    true if norm > 0.0 => pull - self.penalty * stimuli * g / norm,
                    true => pull,
                    false => -pull,
                }
            })
            .collect();
        let held = norms.iter().enumerate().filter(|(stimulus, _)| stimulus % batch < batch / 2);
        loss += f64::from(self.penalty * stimuli) * held.map(|(_, norm)| f64::from(*norm)).sum::<f64>();
        let slope = 2.0 * self.square_of_copies() / channel as f32;
        p.par_chunks_mut(channel).zip(&factors).for_each(|(row, factor)| {
            row.iter_mut().for_each(|p| *p = factor * slope * open(*p));
        });
        let device = data.device();
        Ok(RuleUpdate::new(Buffer::from_vec(device, vec![loss as f32])?, Buffer::from_vec(device, p)?))
    }

    /// The loss that the update follows.
    ///
    /// # Errors
    /// If the batch does not have two equal halves.
    pub fn loss(&self, rule: &str, signals: &Taped) -> Result<Scalar> {
        let shape = signals.shape();
        check(rule, shape)?;
        let (rows, batch) = (shape.rows(), shape.batch);
        let goodness =
            signals.target().relu().square().row_sums() * (self.square_of_copies() / shape.channel as f32);
        let positive = |row: usize| row % batch < batch / 2;
        let Goodness { positive: high, negative: low, .. } = self.thresholds;
        let y = signals.constant(rows, 1, |row, _| if positive(row) { -1.0 } else { 1.0 });
        let theta = signals.constant(rows, 1, |row, _| if positive(row) { high } else { -low });
        let sides = (&goodness * y + theta).softplus().sum() * (2.0 / rows as f32);
        let stimuli = shape.time * batch;
        let gather = signals.constant(stimuli, rows, |stimulus, row| {
            if Self::stimulus(shape, row) == stimulus && positive(stimulus) { 1.0 } else { 0.0 }
        });
        // The root has no slope at 0. So 1 is added to the square of a negative's norm and subtracted again later.
        let apart = signals.constant(stimuli, 1, |stimulus, _| if positive(stimulus) { 0.0 } else { 1.0 });
        let norms = (gather.matmul(&goodness.square()) + &apart).sqrt() - apart;
        Ok(sides + norms.sum() * (self.penalty * 2.0 / stimuli as f32))
    }
}

/// max(0, p), but NaN stays NaN, so that a run whose weights are lost has no finite loss.
fn open(p: f32) -> f32 {
    if p <= 0.0 { 0.0 } else { p }
}

#[cfg(test)]
mod tests {
    use crate::rule::goodness::{Form, Pairing, Scff};
    use crate::testing::{SHAPE, alone, assert_follows_loss, build, context, draws, refusal, representation};
    use approx::assert_relative_eq;
    use plasticity_core::device::Buffer;
    use plasticity_core::plasticity::{Each, PlasticityRule, RuleSpec};
    use plasticity_core::random::stream;
    use plasticity_core::representation::Representation;

    #[test]
    fn goodness_of_positions_follows_its_loss() {
        let target = representation(SHAPE, 1);
        let scff = Scff {
            form: Form::Position,
            positive_threshold: Each::Same(0.0),
            negative_threshold: Each::Same(0.7),
            penalty: Each::Same(0.3),
            ..Scff::default()
        };
        assert_follows_loss(build(&scff, SHAPE).as_mut(), &alone(&target));
    }

    /// The goodness of kept pairs equals the goodness of new pairs if the potential is twice as large.
    #[test]
    fn pairs_that_are_kept_are_seen_by_one_copy() {
        let spec = |pairs| Scff {
            form: Form::Position,
            pairs,
            positive_threshold: Each::Same(0.4),
            ..Scff::default()
        };
        let site = context(SHAPE, SHAPE).with_module(1, 2);
        let build = |pairs| spec(pairs).build(&site, &mut stream(1, &[])).unwrap();
        let mut kept = build(Each::Each(vec![Pairing::Anew, Pairing::Kept]));
        let target = representation(SHAPE, 1);
        assert_follows_loss(kept.as_mut(), &alone(&target));
        let twice = target.data().to_vec().unwrap().iter().map(|p| 2.0 * p).collect();
        let twice = Representation::new(SHAPE, Buffer::from_vec(site.device, twice).unwrap()).unwrap();
        let loss = |rule: &mut dyn PlasticityRule, of| {
            rule.update(&alone(of), &mut draws()).unwrap().loss.to_vec().unwrap()[0]
        };
        let anew = loss(build(Each::Same(Pairing::Anew)).as_mut(), &target);
        assert_relative_eq!(loss(kept.as_mut(), &twice), anew, max_relative = 1e-5);
        assert!((loss(kept.as_mut(), &target) - anew).abs() > 1e-3);
    }

    #[test]
    fn activity_that_is_lost_has_no_finite_loss() {
        let scff = Scff { form: Form::Position, ..Scff::default() };
        let target = representation(SHAPE, 1);
        let lost =
            Buffer::from_vec(target.data().device(), vec![f32::NAN; SHAPE.rows() * SHAPE.channel]).unwrap();
        let lost = Representation::new(SHAPE, lost).unwrap();
        let update = build(&scff, SHAPE).update(&alone(&lost), &mut draws()).unwrap();
        assert!(update.loss.to_vec().unwrap()[0].is_nan());
        assert!(update.target.to_vec().unwrap().iter().all(|factor| factor.is_nan()));
    }

    #[test]
    fn what_maps_do_not_have_is_refused() {
        let penalty = Scff { penalty: Each::Same(0.1), ..Scff::default() };
        assert!(refusal(&penalty).starts_with("penalty: needs form"), "{}", refusal(&penalty));
        let border = Scff { border: Each::Each(vec![1]), ..Scff::default() };
        assert!(refusal(&border).contains("1 values for 3 modules"), "{}", refusal(&border));
        let kept = Scff { pairs: Each::Same(Pairing::Kept), ..Scff::default() };
        assert!(refusal(&kept).starts_with("pairs: `kept` is for form"), "{}", refusal(&kept));
    }
}
