//! A broadcast signal of one's own: surprise that grows with the error.

// ANCHOR: broadcast
use dfdx::prelude::*;
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec};
use plasticity_core::device::{Matrix, TapedMatrix, TapedScalar};
use plasticity_core::pairs::Pairs;
use plasticity_core::{Result, plugin};
use serde::{Deserialize, Serialize};

/// The hinge squared: γ = y · max(0, 1 − y·u), in place of CLAPP's gate that is open or shut.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquaredHinge {}

plugin! {
    Broadcast "squared_hinge": "Squared hinge: surprise in proportion to the error",
    equation: "L = ½ mean max(0, 1 − y·u)², γ = y · max(0, 1 − y·u)",
    citation: "the book of this toolkit",
    keys: [],
    example: "type = \"squared_hinge\"",
    impl BroadcastSpec for SquaredHinge {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl BroadcastSignal for SquaredHinge {
    fn loss(&self, scores: TapedMatrix, pairs: &Pairs) -> Result<TapedScalar> {
        let (rows, columns) = (pairs.rows, pairs.columns());
        let (fixations, saccades) = pairs.counts();
        let (mut signs, mut weights) = (Vec::new(), Vec::new());
        for (row, column) in (0..rows * columns).map(|pair| (pair / columns, pair % columns)) {
            let fixation = column == pairs.fixation(row);
            let count = if fixation { fixations } else { saccades };
            signs.push(if fixation { 1.0 } else { -1.0 });
            weights.push(if pairs.meets(row, column) { 0.5 / count as f32 } else { 0.0 });
        }
        let device = scores.device().clone();
        let matrix = |values| -> Matrix { device.tensor_from_vec(values, (rows, columns)) };
        let errors = ((scores * matrix(signs)).negate() + 1.0).relu();
        Ok((errors.square() * matrix(weights)).sum())
    }
}
// ANCHOR_END: broadcast
