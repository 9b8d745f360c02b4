//! `hinge`: surprise is the gate; positive or negative gives the sign (CLAPP, Hinge Loss CPC).

use super::weights::{minus_signs, sum_of_means};
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec, Modulation};
use plasticity_core::ops::{self, PairLoss};
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plugin;
use plasticity_core::taped::{Matrix, Scalar};
use plasticity_core::{Error, Result};

/// L = weight · (mean max(0, 1 − u⁺) + mean max(0, 1 + u⁻)), the means over fixations and over saccades;
/// γ = −∂L/∂u = weight · y · H, with H = 1\[1 − y·u > 0\], divided by the number of fixations or of saccades.
///
/// With signs (time-local), the means are over the rows of each sign. If no row has a sign, its mean is left out.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hinge {
    /// Multiplies the loss and γ.
    pub weight: f32,
    /// Keeps the gate H. Without it, γ = y for every pair, and the rule has no loss.
    pub gate: bool,
    /// Keeps the sign y. Without it, γ = H, and the rule has no loss.
    pub sign: bool,
}

impl Default for Hinge {
    fn default() -> Self {
        Self { weight: 1.0, gate: true, sign: true }
    }
}

plugin! {
    Broadcast "hinge": "Hinge loss: a layer-wide surprise gates each pair; positive or negative gives the sign",
    equation: "L = weight · (mean max(0, 1 − u⁺) + mean max(0, 1 + u⁻)), γ = −∂L/∂u: weight · y · 1[1 − y·u > 0] divided by the number of pairs in the mean",
    citation: "Illing et al. 2021, Equations 5-8",
    keys: [
        weight = "1.0", "> 0", "multiplies the loss and γ (video: 0.5)";
        gate = "true", "true | false", "false removes the surprise H from γ (an ablation; the rule \
                                        then has no loss)";
        sign = "true", "true | false", "false removes the sign y from γ (an ablation; the rule \
                                        then has no loss)";
    ],
    example: "type = \"hinge\"\nweight = 1.0",
    impl BroadcastSpec for Hinge {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl BroadcastSignal for Hinge {
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar> {
        if !self.follows_loss() {
            let message = "without `gate` or `sign`, γ is not the derivative of a loss";
            return Err(Error::config("rule.broadcast", message));
        }
        let losses = (scores * minus_signs(scores, pairs) + 1.0).relu() * self.weight;
        Ok(sum_of_means(&losses, pairs))
    }

    fn follows_loss(&self) -> bool {
        self.gate && self.sign
    }

    fn gates(&self) -> bool {
        self.gate
    }

    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        let kind = PairLoss::Margin { weight: self.weight, gate: self.gate, sign: self.sign };
        let (loss, gamma) = ops::pair_loss(kind, scores, pairs)?;
        Ok(Modulation::new(loss, gamma))
    }
}
