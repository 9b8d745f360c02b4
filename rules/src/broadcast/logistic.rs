//! `logistic`: binary cross entropy of fixation or saccade.

use super::weights::{minus_signs, sum_of_means};
use crate::{Tape, refused, tensors};
use dfdx::tensor_ops::{TryAdd, TryMul};
use plasticity_core::Result;
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec, Modulation};
use plasticity_core::device::{TapedMatrix, TapedScalar};
use plasticity_core::ops::{self, Contrast};
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::plugin;

/// L = mean softplus(−u⁺) + mean softplus(u⁻); γ = y σ(−y·u), as a share of its mean.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {}

plugin! {
    Broadcast "logistic": "Binary cross entropy: fixation or saccade, each pair by itself",
    equation: "L = mean log(1 + exp(−u⁺)) + mean log(1 + exp u⁻)",
    citation: "Illing et al. 2021 (variants of the contrast)",
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
        let x = scores.try_mul(minus_signs(&device, pairs)?).map_err(refused)?;
        // softplus(x) = max(0, x) + log(1 + exp(−|x|)), which does not overflow; x is used twice, on one tape.
        let tail = x
            .retaped::<Tape>()
            .try_abs()
            .and_then(|x| x.try_negate())
            .and_then(|x| x.try_exp())
            .and_then(|x| x.try_add(1.0))
            .and_then(|x| x.try_ln())
            .map_err(refused)?;
        let hinge = x.try_relu().map_err(refused)?;
        sum_of_means(&device, hinge.try_add(tail).map_err(refused)?, pairs)
    }

    fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
        let (loss, gamma) = ops::contrast(Contrast::Logistic, scores, pairs)?;
        Ok(Modulation { loss, gamma })
    }
}
