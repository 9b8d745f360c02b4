//! `softhebb`: Hebbian learning under soft winner-take-all competition.

use super::synapses::correlations;
use plasticity_core::device::Buffer;
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{Level, PlasticityRule, RuleContext, RuleSpec, RuleUpdate, Signals};
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};
use rayon::prelude::*;

/// ΔW_ji = mean of y_j (x_i − a_j W_ji), y = softmax(a / τ) over the neurons at one position, a = W x. The layer's bias,
/// which the rule does not have, is left out of a and stays as it was drawn.
///
/// With `anti_hebbian`, y_j changes its sign for all but the winner (Journé et al. 2023). The loss that is shown is the
/// mean of log Σ exp(a/τ) with a minus sign: how little the neurons are driven.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SoftHebb {
    /// τ: how soft the competition is.
    pub temperature: f32,
    /// Losers learn with the opposite sign.
    pub anti_hebbian: bool,
}

impl Default for SoftHebb {
    fn default() -> Self {
        Self { temperature: 1.0, anti_hebbian: true }
    }
}

plugin! {
    Rule "softhebb": "SoftHebb: Hebbian learning under soft winner-take-all competition; losers unlearn",
    equation: "ΔW_ji = y_j (x_i − a_j W_ji), y = ± softmax(a / τ), a = W x",
    citation: "Moraitis et al. 2022; anti-Hebbian losers: Journé et al. 2023",
    keys: [
        temperature = "1.0", "> 0", "τ: how soft the competition between the neurons at one position is";
        anti_hebbian = "true", "true | false", "all neurons but the winner learn with the opposite sign";
    ],
    example: "type = \"softhebb\"\ntemperature = 0.5",
    impl RuleSpec for SoftHebb {
        fn build(&self, _context: &RuleContext, _random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(self.clone()))
        }

        fn pooling(&self, _module: usize) -> Pooling {
            Pooling::Keep
        }

        fn level(&self) -> Level {
            Level::Activation
        }
    }
}

impl SoftHebb {
    /// log Σ exp(a / τ) of one row, which becomes y.
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

impl PlasticityRule for SoftHebb {
    fn update(&mut self, signals: &Signals, _draws: &mut dyn Draws) -> Result<RuleUpdate> {
        let shape = signals.target.shape();
        if shape.is_empty() {
            return Err(Error::shape("rule softhebb", "there is no activity to learn from"));
        }
        let (rows, channel) = (shape.rows(), shape.channel);
        let device = signals.target.data().device();
        let mut y = signals.target.data().to_vec()?;
        let driven: Vec<f32> = y.par_chunks_mut(channel).map(|row| self.compete(row)).collect();
        let loss = -driven.iter().map(|&row| f64::from(row)).sum::<f64>() / rows as f64;
        let share = 1.0 / rows as f32;
        let y = Buffer::from_vec(device, y)?;
        let mut lateral = correlations(&y, signals.target.data(), channel)?.to_vec()?;
        for (place, value) in lateral.iter_mut().enumerate() {
            *value = if place / channel == place % channel { -*value } else { 0.0 };
        }
        let mut target = y;
        plasticity_core::ops::scale(&mut target, share)?;
        Ok(RuleUpdate {
            loss: Buffer::from_vec(device, vec![loss as f32])?,
            target,
            context: None,
            own: Vec::new(),
            lateral: Some(Buffer::from_vec(device, lateral)?),
        })
    }
}
