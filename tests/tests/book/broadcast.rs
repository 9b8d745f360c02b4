//! An example of a broadcast signal: surprise that grows with the error.

// ANCHOR: broadcast
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec};
use plasticity_core::pairs::Pairs;
use plasticity_core::taped::{Matrix, Scalar};
use plasticity_core::{Result, plugin};
use serde::{Deserialize, Serialize};

/// The squared hinge: γ = y · max(0, 1 − y·u), instead of CLAPP's gate, which is open or closed.
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
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar> {
        let (rows, columns) = (pairs.rows, pairs.columns());
        let (fixations, saccades) = pairs.counts();
        let fixation = |row, column| column == pairs.fixation(row);
        let y = scores.constant(rows, columns, |row, column| if fixation(row, column) { 1.0 } else { -1.0 });
        let weights = scores.constant(rows, columns, |row, column| {
            let count = if fixation(row, column) { fixations } else { saccades };
            if pairs.meets(row, column) { 0.5 / count as f32 } else { 0.0 }
        });
        let errors = (1.0 - y * scores).relu();
        Ok((errors.square() * weights).sum())
    }
}
// ANCHOR_END: broadcast
