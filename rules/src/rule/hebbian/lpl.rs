//! `lpl`: Latent Predictive Learning.

use super::neighbours::Neighbours;
use crate::rule::output::{self, output};
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::ops::{self, Product};
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site, Taped};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::taped::Scalar;

/// Neurons predict their own recent past, keep their variance, and become decorrelated.
///
/// A group has n rows (a step in time, or a view) of M neurons; z̄ is its mean; no gradient goes back through
/// detach(·). All terms are averaged over rows or groups:
///
/// L_pred = 1/M Σ_i (z_i − detach(z_i before))², L_hebb = −1/M Σ_i log(σ_i² + ε), L_dec = 1/(M² − M) Σ_{i≠k} C_ik²,
/// with C_ik = 1/(n − 1) Σ (z_i − detach(z̄_i)) (z_k − detach(z̄_k)) and σ_i² = C_ii.
///
/// L_dec follows the authors' erratum: the paper's Equation 6 squares the deviations instead of their covariance.
/// In the authors' code, one predictive term moves both views; so does `stop = false`. With `stop = true`,
/// `predictive = 2.0` gives the same update, but its loss counts the term twice.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lpl {
    /// Weight of L_pred.
    pub predictive: f32,
    /// Weight of L_hebb.
    pub hebbian: f32,
    /// Weight of L_dec.
    pub decorrelation: f32,
    /// ε, added to variances.
    pub epsilon: f32,
    /// Whether the earlier activity is detached.
    pub stop: bool,
}

impl Default for Lpl {
    fn default() -> Self {
        Self { predictive: 1.0, hebbian: 1.0, decorrelation: 10.0, epsilon: 1e-4, stop: true }
    }
}

plugin! {
    Rule "lpl": "Latent Predictive Learning: stay close to the recent past (predictive), keep variance (Hebbian), decorrelate",
    equation: "Δz = −(z − z_before) + λ₁ (z − z̄)/σ² − λ₂ Σ_{k≠i} C_ik (z_k − z̄_k), ΔW = Δz · ρ'(a) · x",
    citation: "Halvagal & Zenke 2023, Nat. Neurosci. 26, 1906-1915; decorrelation: the authors' erratum (github.com/fmi-basel/latent-predictive-learning)",
    keys: [
        predictive = "1.0", "≥ 0", "weight of the predictive term, (z − z_before)²; z_before is the activity at the \
                                    previous step in time, or in the other view. z̄ is the mean over the \
                                    batch";
        hebbian = "1.0", "≥ 0", "λ₁: weight of the Hebbian term, −log of the variance σ²";
        decorrelation = "10.0", "≥ 0", "λ₂: weight of the decorrelating term, the squared covariances C_ik²";
        epsilon = "1e-4", "> 0", "ε: added to variances";
        stop = "true", "true | false", "true: z_before is detached, so only z learns from the difference. \
                                        false: both learn, as in the authors' code for two views";
    ],
    example: "type = \"lpl\"",
    impl RuleSpec for Lpl {
        fn build(&self, _: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_views_of_single_steps(2)
        }

        /// The products of all rows of a group with all, on the device and here.
        fn compared(&self, target: RepresentationShape) -> u64 {
            let groups = Neighbours::of("lpl", target).map_or_else(|_| Vec::new(), |neighbours| neighbours.groups);
            let rows = groups.iter().map(|group| group.len() as u64).max().unwrap_or(0);
            rows.saturating_mul(rows).saturating_mul(2)
        }
    }
}

impl Lpl {
    /// Loss and post factor of the two terms over a group, L_hebb and L_dec; `share` is the weight of the group
    /// in the mean over groups.
    fn spread(&self, z: &[f32], channel: usize, share: f32, device: &Buffer) -> Result<(f64, Vec<f32>)> {
        let rows = z.len() / channel;
        let mut centred = z.to_vec();
        let mut variance = vec![0.0; channel];
        for (neuron, variance) in variance.iter_mut().enumerate() {
            let column = || (0..rows).map(|row| row * channel + neuron);
            let mean = column().map(|at| z[at]).sum::<f32>() / rows as f32;
            column().for_each(|at| centred[at] -= mean);
            *variance = column().map(|at| centred[at] * centred[at]).sum::<f32>() / (rows - 1) as f32;
        }
        // Z Zᵀ Z is Z times the covariances, and |Z Zᵀ|² is the sum of their squares. This is cheaper if rows are
        // fewer than neurons.
        let on_device = Buffer::from_vec(device.device(), centred)?;
        let mut gram = Buffer::zeros(device.device(), rows * rows)?;
        ops::product(Product::new(rows, rows, channel).transpose_b(), &on_device, &on_device, &mut gram)?;
        let mut mixed = Buffer::zeros(device.device(), rows * channel)?;
        ops::product(Product::new(rows, channel, rows), &gram, &on_device, &mut mixed)?;
        let (gram, mixed, centred) = (gram.to_vec()?, mixed.to_vec()?, on_device.to_vec()?);
        let square = |values: &[f32]| values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
        let less = (rows - 1) as f32;
        let pairs = (channel * channel.saturating_sub(1)).max(1) as f32;
        let together = square(&gram) / f64::from(less * less) - square(&variance);
        let logs: f64 = variance.iter().map(|&v| f64::from((v + self.epsilon).ln())).sum();
        let loss = -f64::from(self.hebbian) * logs / channel as f64
            + f64::from(self.decorrelation) * together.max(0.0) / f64::from(pairs);
        let hebbian = 2.0 * self.hebbian / (channel as f32 * less);
        let decorrelation = 4.0 * self.decorrelation / (pairs * less);
        let factor = centred
            .iter()
            .zip(&mixed)
            .enumerate()
            .map(|(place, (z, mixed))| {
                let variance = variance[place % channel];
                let other = mixed / less - variance * z;
                share * (hebbian * z / (variance + self.epsilon) - decorrelation * other)
            })
            .collect();
        Ok((loss * f64::from(share), factor))
    }
}

impl PlasticityRule for Lpl {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let (data, shape) = (output(signals).data(), output(signals).shape());
        let neighbours = Neighbours::of("lpl", shape)?;
        let channel = shape.channel;
        let z = data.to_vec()?;
        let share = 1.0 / (neighbours.followers() * channel) as f32;
        let (mut loss, mut target) = (0.0, Vec::with_capacity(z.len()));
        for group in &neighbours.groups {
            let rows = &z[group.start * channel..group.end * channel];
            let (part, factor) = self.spread(rows, channel, 1.0 / neighbours.groups.len() as f32, data)?;
            loss += part;
            target.extend(factor);
        }
        for (row, before) in neighbours.before.iter().enumerate() {
            let Some(before) = before else { continue };
            for neuron in 0..channel {
                let change = z[row * channel + neuron] - z[before * channel + neuron];
                loss += f64::from(self.predictive * share * change * change);
                let pull = 2.0 * self.predictive * share * change;
                target[row * channel + neuron] -= pull;
                if !self.stop {
                    target[before * channel + neuron] += pull;
                }
            }
        }
        let device = data.device();
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        output::update(signals, loss, Buffer::from_vec(device, target)?, Vec::new())
    }

    fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Option<Scalar>> {
        let shape = signals.context_shape();
        let neighbours = Neighbours::of("lpl", shape)?;
        let channel = shape.channel as f32;
        let (after, before): (Vec<usize>, Vec<usize>) = neighbours
            .before
            .iter()
            .enumerate()
            .filter_map(|(row, before)| before.map(|before| (row, before)))
            .unzip();
        let z = signals.context();
        let before = z.take(&before);
        let change = z.take(&after) - if self.stop { before.detach() } else { before };
        let share = self.predictive / (neighbours.followers() as f32 * channel);
        let mut total = change.square().sum() * share;
        let groups = neighbours.groups.len() as f32;
        for group in &neighbours.groups {
            let z = z.rows(group.clone());
            let centred = &z - z.column_means().detach();
            let covariance = centred.transpose().matmul(&centred) * (1.0 / (group.len() - 1) as f32);
            let logs = (covariance.diagonal() + self.epsilon).ln().sum();
            let m = shape.channel;
            let off = covariance.constant(m, m, |i, k| if i == k { 0.0 } else { 1.0 });
            let others = (covariance * off).square().sum();
            let pairs = (channel * channel - channel).max(1.0);
            total = total
                + logs * (-self.hebbian / (channel * groups))
                + others * (self.decorrelation / (pairs * groups));
        }
        Ok(Some(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHAPE, alone, assert_follows_loss, build, draws, relative, representation};

    #[test]
    fn lpl_follows_its_loss_on_patches_and_on_views() {
        for shape in [SHAPE, RepresentationShape { time: 1, batch: 6, ..SHAPE }] {
            let target = representation(shape, 1);
            assert_follows_loss(build(&Lpl::default(), shape).as_mut(), &alone(&target));
            let alone_each = Lpl { hebbian: 0.0, decorrelation: 0.0, ..Lpl::default() };
            assert_follows_loss(build(&alone_each, shape).as_mut(), &alone(&target));
            assert_follows_loss(
                build(&Lpl { stop: false, ..Lpl::default() }, shape).as_mut(),
                &alone(&target),
            );
        }
    }

    #[test]
    fn the_rows_of_a_view_are_counted_with_each_other() {
        let views = RepresentationShape { time: 1, location: 2, batch: 6, channel: 5 };
        let group = Neighbours::of("lpl", views).unwrap().groups[0].len() as u64;
        assert_eq!(Lpl::default().compared(views), 2 * group * group);
    }

    /// If both views move, the update equals the update with twice the weight, and the loss counts the term once.
    #[test]
    fn the_pull_of_two_views_that_both_move_is_counted_once() {
        let shape = RepresentationShape { time: 1, batch: 6, ..SHAPE };
        let target = representation(shape, 1);
        let alone_each = Lpl { hebbian: 0.0, decorrelation: 0.0, ..Lpl::default() };
        let made = |spec: Lpl| {
            let made = build(&spec, shape).update(&alone(&target), &mut draws()).unwrap();
            (made.loss.to_vec().unwrap()[0], made.target.to_vec().unwrap())
        };
        let (once, stopped) = made(alone_each.clone());
        let (both, moved) = made(Lpl { stop: false, ..alone_each.clone() });
        let (twice, doubled) = made(Lpl { predictive: 2.0, ..alone_each });
        assert!((both - once).abs() < 1e-6 * once && (twice - 2.0 * once).abs() < 1e-6 * once);
        assert!(relative(&moved, &doubled) < 1e-6 && relative(&moved, &stopped) > 0.5);
    }
}
