//! `softmax`: the fixation against all its saccades at once (CPC, Greedy InfoMax).

use crate::{refused, tensors};
use dfdx::shapes::Axis;
use dfdx::tensor::TensorFromVec;
use dfdx::tensor_ops::{SumTo, TryMul};
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec, Modulation};
use plasticity_core::device::{TapedMatrix, TapedScalar};
use plasticity_core::ops::{self, PairLoss};
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plugin;
use plasticity_core::{Error, Result};

/// L = −mean over rows of log softmax(u)\[fixation\]; γ_n = (1\[n = fixation\] − π_n) / rows, π = softmax(u).
///
/// π needs the scores of all negatives at the same time, so that a synapse would have to know them (Equations
/// 11 to 14): local in neither space nor time.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {}

plugin! {
    Broadcast "softmax": "InfoNCE: tells the fixation from its saccades by a softmax over all of them",
    equation: "L = −mean log(exp u⁺ / Σ exp u)",
    citation: "van den Oord et al. 2018; Löwe et al. 2019; Illing et al. 2021, Equation 2",
    keys: [],
    example: "type = \"softmax\"",
    impl BroadcastSpec for Softmax {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl BroadcastSignal for Softmax {
    fn loss(&self, scores: TapedMatrix, pairs: &Pairs) -> Result<TapedScalar> {
        if pairs.signs.is_some() {
            let message = "compares a fixation with its saccades in one row, so it cannot be time-local";
            return Err(Error::shape("softmax", message));
        }
        let (rows, columns) = (pairs.rows, pairs.columns());
        let mut weights = vec![0.0; rows * columns];
        for row in 0..rows {
            weights[row * columns + pairs.fixation(row)] = -1.0 / rows as f32;
        }
        let weights = tensors(&scores).try_tensor_from_vec(weights, (rows, columns)).map_err(refused)?;
        let log: TapedMatrix = scores.try_log_softmax::<Axis<1>>().map_err(refused)?;
        log.try_mul(weights).map_err(refused)?.try_sum().map_err(refused)
    }

    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        let (loss, gamma) = ops::pair_loss(PairLoss::RowSoftmax, scores, pairs)?;
        Ok(Modulation { loss, gamma })
    }
}
