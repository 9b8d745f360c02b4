//! A squared hinge: the further a pair is on the wrong side of the margin, the stronger it modulates.

use dfdx::prelude::*;
use plasticity_core::broadcast::{BroadcastSignal, BroadcastSpec};
use plasticity_core::device::{TapedMatrix, TapedScalar};
use plasticity_core::pairs::Pairs;
use plasticity_core::{Error, Result, plugin};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquaredHinge {}

impl BroadcastSignal for SquaredHinge {
    fn loss(&self, scores: TapedMatrix, pairs: &Pairs) -> Result<TapedScalar> {
        let (rows, columns) = *scores.shape();
        let device = scores.device().clone();
        let signs = (0..rows * columns).map(|i| if i % columns == pairs.fixation(i / columns) { 1.0 } else { -1.0 });
        let refused = |error| Error::Device(format!("{error:?}"));
        let y = device.try_tensor_from_vec(signs.collect(), (rows, columns)).map_err(refused)?;
        // max(0, 1 − y u)², in the mean over all pairs
        Ok(((scores * y).negate() + 1.0f32).relu().square().mean())
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
