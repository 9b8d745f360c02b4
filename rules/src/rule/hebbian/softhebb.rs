//! `softhebb`: Hebbian learning under soft winner-take-all competition.

use super::synapses::own_correlations;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::ops;
use plasticity_core::plasticity::{
    Demands, Each, Lateral, Level, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site,
};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};
use rayon::prelude::*;

/// ΔW_ji = mean of y_j (x_i − a_j W_ji), y = softmax(a / τ) over the neurons at one position, a = W x. The rule has no
/// bias: the layer's bias is left out of a, and only the optimiser's weight decay can change it.
///
/// With `anti_hebbian`, y_j changes its sign for all neurons except the winner (Journé et al. 2023). The shown loss is
/// −mean of log Σ exp(a/τ): it falls if the neurons are driven more strongly.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoftHebb {
    /// τ: how soft the competition is; one for all modules, or one for each module.
    pub temperature: Each<f32>,
    /// Losers learn with the opposite sign.
    pub anti_hebbian: bool,
}

impl Default for SoftHebb {
    fn default() -> Self {
        Self { temperature: Each::Same(1.0), anti_hebbian: true }
    }
}

plugin! {
    Rule "softhebb": "SoftHebb: Hebbian learning under soft winner-take-all competition; losers unlearn",
    equation: "ΔW_ji = y_j (x_i − a_j W_ji), y = ± softmax(a / τ), a = W x",
    citation: "Moraitis et al. 2022; anti-Hebbian losers: Journé et al. 2023",
    keys: [
        temperature = "1.0", "> 0 | list of > 0", "τ, a number or one for each module: softness of the \
                                                   competition between the neurons at one position";
        anti_hebbian = "true", "true | false", "all neurons except the winner learn with the opposite sign";
    ],
    example: "type = \"softhebb\"\ntemperature = 0.5",
    impl RuleSpec for SoftHebb {
        fn build(&self, site: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            let temperature = self.temperature.of("temperature", site)?;
            Ok(Box::new(Competition { temperature, anti_hebbian: self.anti_hebbian }))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_level(Level::Activation).with_pooling(Pooling::Keep)
        }
    }
}

/// The rule of one module.
#[derive(Debug)]
struct Competition {
    temperature: f32,
    anti_hebbian: bool,
}

impl Competition {
    /// Replaces one row a by y; returns log Σ exp(a / τ).
    fn compete(&self, row: &mut [f32]) -> f32 {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let winner = row.iter().position(|&a| a == most);
        row.iter_mut().for_each(|a| *a = ((*a - most) / self.temperature).exp());
        let sum: f32 = row.iter().sum();
        for (neuron, y) in row.iter_mut().enumerate() {
            let sign = if self.anti_hebbian && Some(neuron) != winner { -1.0 } else { 1.0 };
            *y *= sign / sum;
        }
        most / self.temperature + sum.ln()
    }
}

impl PlasticityRule for Competition {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let shape = signals.target.shape();
        if shape.is_empty() {
            return Err(Error::shape("rule softhebb", "there is no activity to learn from"));
        }
        let (rows, channel) = (shape.rows(), shape.channel);
        let device = signals.target.data().device();
        let mut y = signals.target.data().to_vec()?;
        let driven: Vec<f32> = y.par_chunks_mut(channel).map(|row| self.compete(row)).collect();
        let loss = -driven.iter().map(|&row| f64::from(row)).sum::<f64>() / rows as f64;
        let mut target = Buffer::from_vec(device, y)?;
        let mut decay = own_correlations(&target, signals.target.data(), channel)?;
        ops::scale(&mut decay, -1.0)?;
        ops::scale(&mut target, 1.0 / rows as f32)?;
        let loss = Buffer::from_vec(device, vec![loss as f32])?;
        Ok(RuleUpdate::new(loss, target).with_lateral(Lateral::Diagonal(decay)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SHAPE, refusal, representation, synaptic};
    use approx::assert_abs_diff_eq;

    /// SoftHebb's y without anti-Hebbian losers is the derivative of τ log Σ exp(a/τ), and M its decay.
    #[test]
    fn softhebb_competes_by_a_softmax_and_its_losers_unlearn() {
        let target = representation(SHAPE, 1);
        let a = target.data().to_vec().unwrap();
        let tau = 0.5;
        let plain = SoftHebb { temperature: Each::Same(tau), anti_hebbian: false };
        let (y, lateral) = synaptic(&plain, &target);
        let drive = |row: &[f32]| tau * row.iter().map(|a| (a / tau).exp()).sum::<f32>().ln();
        for (row, y) in a.chunks_exact(5).zip(y.chunks_exact(5)) {
            for neuron in 0..5 {
                let nudged = |by: f32| {
                    let mut row = row.to_vec();
                    row[neuron] += by;
                    drive(&row)
                };
                let slope = (nudged(1e-2) - nudged(-1e-2)) / 2e-2;
                assert_abs_diff_eq!(24.0 * y[neuron], slope, epsilon = 1e-3);
            }
        }
        for (neuron, lateral) in lateral.into_iter().enumerate() {
            let expected: f32 = a.iter().zip(&y).skip(neuron).step_by(5).map(|(a, y)| -a * y).sum();
            assert_abs_diff_eq!(lateral, expected, epsilon = 1e-6);
        }
        let (signed, _) = synaptic(&SoftHebb { anti_hebbian: true, ..plain.clone() }, &target);
        for ((row, y), signed) in a.chunks_exact(5).zip(y.chunks_exact(5)).zip(signed.chunks_exact(5)) {
            let winner = (0..5).max_by(|&j, &k| row[j].total_cmp(&row[k])).unwrap();
            for neuron in 0..5 {
                let sign = if neuron == winner { 1.0 } else { -1.0 };
                assert_eq!(signed[neuron], sign * y[neuron]);
            }
        }
        let two = Each::Each(vec![1.0, 2.0]);
        assert!(refusal(&SoftHebb { temperature: two, ..plain }).contains("one for each module"));
    }
}
