//! A plasticity rule of one's own: the dendrite of every neuron predicts what the neuron does some steps on.
//!
//! u = z · W c and L = ⟨max(0, 1 − y u)⟩, with the context c, the target z some steps later and the weights W of the dendrites:
//! CLAPP in its plainest form (Illing et al. 2021, Equations 5 to 7). In each image of the batch the eye either fixates (y = 1:
//! the target is what follows in the same image) or makes a saccade (y = −1: it is what follows in another image).

use dfdx::prelude::*;
use plasticity_core::autodiff::{Taped, stop};
use plasticity_core::device::{TapedMatrix, TapedScalar};
use plasticity_core::draws::{Draws, Path};
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::{PlasticityRule, RuleContext, RuleSpec};
use plasticity_core::random::{Random, uniform};
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// What a config says of the rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MyRule {
    /// Steps in time from the context to the target.
    pub ahead: usize,
}

impl Default for MyRule {
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

impl PlasticityRule for Learner {
    fn loss(&self, signals: &Taped, draws: &mut dyn Draws) -> Result<Option<TapedScalar>> {
        // Rows are (time, location, batch), batch fastest: `ahead` steps on is `from` rows further down.
        let (batch, from) = (signals.shape().batch, self.ahead * signals.shape().rows_per_step());
        let pairs = signals.shape().rows() - from;
        let signs = draws.signs(Path::Predict, batch);
        let others = draws.others(Path::Predict, 1, batch);
        let images = (0..pairs).map(|row| (row, row % batch));
        let met = images.map(|(row, image)| match signs[image] {
            1 => (row, 1.0),
            _ => (row - image + others[image] as usize, -1.0),
        });
        let (seen, y): (Vec<_>, Vec<_>) = met.unzip();

        let z: TapedMatrix = signals.target().slice((from.., ..)).realize();
        let device = z.device().clone();
        let z: TapedMatrix = z.gather(device.tensor_from_vec(seen, (pairs,)));
        // The context only signals: no weight is used backwards, to teach its neurons too.
        let c: TapedMatrix = stop(signals.context().slice((..pairs, ..)).realize());
        let predicted: TapedMatrix = c.matmul(signals.own(0).permute::<_, Axes2<1, 0>>());
        let u = (z * predicted).sum::<(usize,), Axis<1>>();
        let expected = u * device.tensor_from_vec(y, (pairs,));
        Ok(Some((expected.negate() + 1.0).relu().mean()))
    }

    fn parameters(&self) -> Vec<&Parameter> {
        vec![&self.dendrites]
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.dendrites]
    }
}

plugin! {
    Rule "my_rule": "Dendrites that predict what follows in a fixation, and what does not in a saccade",
    equation: "L = ⟨max(0, 1 − y · z · W c)⟩, y = ±1",
    citation: "after Illing et al. 2021, Equations 5-7",
    keys: [ahead = "2", "1.. steps", "in time from the context to the target: fewer than there are";],
    example: "type = \"my_rule\"\nahead = 1\n",
    impl RuleSpec for MyRule {
        fn build(&self, to: &RuleContext, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            if self.ahead >= to.target.time {
                let message = format!("{} is not below {}, the steps in time", self.ahead, to.target.time);
                return Err(Error::config("ahead", message));
            }
            let shape = [to.target.channel, to.context.channel];
            let values = uniform(random, shape[0] * shape[1], shape[1]);
            let dendrites = Parameter::plain(to.device, "dendrites", &shape, &values)?;
            Ok(Box::new(Learner { ahead: self.ahead, dendrites }))
        }
    }
}
