//! `logistic`: binary cross entropy of positive or negative.

use super::weights::{minus_signs, sum_of_means};
use plasticity_core::Result;
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec, Modulation};
use plasticity_core::ops::{self, PairLoss};
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plugin;
use plasticity_core::taped::{Matrix, Scalar};

/// L = mean softplus(−u⁺) + mean softplus(u⁻); γ = y σ(−y·u), divided by the number of pairs in the mean.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {}

plugin! {
    Broadcast "logistic": "Binary cross entropy of positive or negative, for each pair by itself",
    equation: "L = mean log(1 + exp(−u⁺)) + mean log(1 + exp u⁻)",
    citation: "Mikolov et al. 2013 (negative sampling)",
    keys: [],
    example: "type = \"logistic\"",
    impl BroadcastSpec for Logistic {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl BroadcastSignal for Logistic {
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar> {
        Ok(sum_of_means(&(scores * minus_signs(scores, pairs)).softplus(), pairs))
    }

    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        let (loss, gamma) = ops::pair_loss(PairLoss::Softplus, scores, pairs)?;
        Ok(Modulation::new(loss, gamma))
    }
}
