//! An example of a plasticity rule: the dendrite of every neuron predicts the activity of the neuron some steps later.
//!
//! u = z · W c and L = ⟨max(0, 1 − y u)⟩, with the context c, the target z some steps later and the weights W of the dendrites.
//! This is CLAPP in its simplest form (Illing et al. 2021, Equations 5 to 7). Each image of the batch is either a positive
//! (a fixation, y = 1: the target comes from the same image) or a negative (a saccade, y = −1: it comes from another image).

use plasticity_core::draws::{Draws, Side};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{LossRule, PlasticityRule, RuleSpec, Site, Taped};
use plasticity_core::random::{Random, uniform};
use plasticity_core::taped::Scalar;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// The keys of the rule in a config.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct {Type} {
    /// Steps in time from the context to the target.
    pub ahead: usize,
}

impl Default for {Type} {
    fn default() -> Self {
        Self { ahead: 2 }
    }
}

/// The rule of one module.
struct Learner {
    ahead: usize,
    /// W `[neurons of the target, neurons of the context]`.
    dendrites: Parameter,
}

impl LossRule for Learner {
    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Scalar> {
        // Rows are (time, location, batch), batch fastest: `ahead` steps later is `from` rows further down.
        let (batch, from) = (signals.shape().batch, self.ahead * signals.shape().rows_per_step());
        let (rows, pairs) = (signals.shape().rows(), signals.shape().rows() - from);
        let signs = draws.signs(Side::Predict, batch);
        let others = draws.others(Side::Predict, 1, batch);
        let y = |row: usize| f32::from(signs[row % batch]);
        let seen = |row: usize| match signs[row % batch] {
            1 => row,
            _ => row - row % batch + others[row % batch] as usize,
        };

        let z = signals.target().rows(from..rows).take(&(0..pairs).map(seen).collect::<Vec<_>>());
        // The context is detached: its neurons do not learn from it, so no weight works backwards.
        let c = signals.context().rows(0..pairs).detach();
        let predicted = c.matmul(&signals.own(0)?.transpose());
        let u = (z * predicted).row_sums();
        Ok((1.0 - signals.constant(pairs, 1, |row, _| y(row)) * u).relu().mean())
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.dendrites]
    }
}

plugin! {
    Rule "{name}": "Dendrites predict the next activity: high scores for positives, low scores for negatives",
    equation: "L = ⟨max(0, 1 − y · z · W c)⟩, y = ±1",
    citation: "after Illing et al. 2021, Equations 5-7",
    keys: [ahead = "2", "1.. steps", "in time from the context to the target: fewer than there are";],
    example: "type = \"{name}\"\nahead = 1\n",
    impl RuleSpec for {Type} {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            if self.ahead >= site.target.time {
                let message = format!("{} is not below {}, the steps in time", self.ahead, site.target.time);
                return Err(Error::config("ahead", message));
            }
            let shape = [site.target.channel, site.context.channel];
            let values = uniform(random, shape[0] * shape[1], shape[1]);
            let dendrites = Parameter::plain(site.device, "dendrites", &shape, &values)?;
            Ok(Box::new(Learner { ahead: self.ahead, dendrites }))
        }
    }
}
