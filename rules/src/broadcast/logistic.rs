//! `logistic`: binary cross entropy of fixation or saccade.

use super::weights::{minus_signs, sum_of_means};
use crate::{refused, tensors};
use dfdx::shapes::{Axis, HasShape};
use dfdx::tensor::TensorFromVec;
use dfdx::tensor_ops::{ReshapeTo, TryMatMul, TryMul};
use plasticity_core::Result;
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec, Modulation};
use plasticity_core::device::{TapedMatrix, TapedScalar};
use plasticity_core::ops::{self, PairLoss};
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plugin;

/// L = mean softplus(−u⁺) + mean softplus(u⁻); γ = y σ(−y·u), as a share of its mean.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {}

plugin! {
    Broadcast "logistic": "Binary cross entropy: fixation or saccade, each pair by itself",
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
    fn loss(&self, scores: TapedMatrix, pairs: &Pairs) -> Result<TapedScalar> {
        let device = tensors(&scores);
        let (rows, columns) = *scores.shape();
        // softplus(x) = −log softmax([x, 0])[1] does not overflow, and has its slope ½ at x = 0, where silent neurons
        // leave many scores.
        let constant = |values: Vec<f32>, shape| device.try_tensor_from_vec(values, shape).map_err(refused);
        let x = scores.try_mul(minus_signs(&device, pairs)?).map_err(refused)?;
        let x: TapedMatrix = x.try_reshape_like(&(rows * columns, 1)).map_err(refused)?;
        let beside_zero: TapedMatrix = x.try_matmul(constant(vec![1.0, 0.0], (1, 2))?).map_err(refused)?;
        let log = beside_zero.try_log_softmax::<Axis<1>>().map_err(refused)?;
        let losses: TapedMatrix = log.try_matmul(constant(vec![0.0, -1.0], (2, 1))?).map_err(refused)?;
        sum_of_means(&device, losses.try_reshape_like(&(rows, columns)).map_err(refused)?, pairs)
    }

    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        let (loss, gamma) = ops::pair_loss(PairLoss::Softplus, scores, pairs)?;
        Ok(Modulation { loss, gamma })
    }
}
