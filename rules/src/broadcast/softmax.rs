//! `softmax`: the positive against all its negatives at once (CPC, Greedy InfoMax).

use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec, Modulation};
use plasticity_core::ops::{self, PairLoss};
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plugin;
use plasticity_core::taped::{Matrix, Scalar};
use plasticity_core::{Error, Result};

/// L = −mean over rows of log softmax(u)\[fixation\]; γ_n = (1\[n = fixation\] − π_n) / rows, π = softmax(u).
///
/// π needs the scores of all negatives at the same time, so a synapse would have to know them (Equations 11 to 14).
/// It is local in neither space nor time.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

plugin! {
    Broadcast "softmax": "InfoNCE: a softmax separates the positive from its negatives",
    equation: "L = −mean log(exp u⁺ / Σ exp u)",
    citation: "van den Oord et al. 2018; Löwe et al. 2019; Illing et al. 2021, Equation 2",
    keys: [],
    example: "type = \"softmax\"",
    impl BroadcastSpec for Softmax {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }

        fn time_local(&self) -> bool {
            false
        }
    }
}

impl BroadcastSignal for Softmax {
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar> {
        if pairs.signs.is_some() {
            let message = "compares a positive with its negatives in one row, so it cannot be time-local";
            return Err(Error::shape("softmax", message));
        }
        let weights = scores.constant(pairs.rows, pairs.columns(), |row, column| {
            if column == pairs.fixation(row) { -1.0 / pairs.rows as f32 } else { 0.0 }
        });
        Ok((scores.log_softmax() * weights).sum())
    }

    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        let (loss, gamma) = ops::pair_loss(PairLoss::RowSoftmax, scores, pairs)?;
        Ok(Modulation::new(loss, gamma))
    }
}
