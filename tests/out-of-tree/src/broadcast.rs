//! A squared hinge: the further a pair is on the wrong side of the margin, the stronger it modulates.

use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec};
use plasticity_core::pairs::Pairs;
use plasticity_core::taped::{Matrix, Scalar};
use plasticity_core::{Result, plugin};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquaredHinge {}

impl BroadcastSignal for SquaredHinge {
    fn loss(&self, scores: &Matrix, pairs: &Pairs) -> Result<Scalar> {
        let sign = |row, column| if column == pairs.fixation(row) { 1.0 } else { -1.0 };
        let y = scores.constant(pairs.rows, pairs.columns(), sign);
        // max(0, 1 − y u)², in the mean over all pairs
        Ok((1.0 - y * scores).relu().square().mean())
    }
}

plugin! {
    Broadcast "squared_hinge": "Hinge whose slope grows with the distance from the margin",
    equation: "L = mean max(0, 1 − y u)², γ = 2 y max(0, 1 − y u) / pairs",
    citation: "Chang & Lin 2008",
    keys: [],
    example: "type = \"squared_hinge\"\n",
    impl BroadcastSpec for SquaredHinge {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            Ok(Box::new(self.clone()))
        }
    }
}
