//! An example of a score: contexts and targets that are near each other fit.

// ANCHOR: spec
use plasticity_core::device::Device;
use plasticity_core::draws::Side;
use plasticity_core::random::Random;
use plasticity_core::score::{ScoreFunction, ScoreSpec};
use plasticity_core::taped::Matrix;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// A margin minus the mean squared distance of context and target. It has no weights.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Distance {
    /// The score of an equal context and target.
    pub margin: f32,
    /// Multiplies the distance.
    pub scale: f32,
}

impl Default for Distance {
    fn default() -> Self {
        Self { margin: 2.0, scale: 1.0 }
    }
}

plugin! {
    Score "distance": "A margin minus the mean squared distance of context and target",
    equation: "u = margin − scale · mean (z − c)²",
    citation: "the book of this toolkit",
    keys: [
        margin = "2.0", "number", "the score of an equal context and target";
        scale = "1.0", "> 0", "multiplies the distance";
    ],
    example: "type = \"distance\"\nscale = 1.0\n",
    impl ScoreSpec for Distance {
        fn build(
            &self, _: Side, target: usize, context: usize, _: &Device, _: &mut Random,
        ) -> Result<Box<dyn ScoreFunction>> {
            if !(self.scale > 0.0 && self.scale.is_finite()) {
                return Err(Error::config("score distance: scale", format!("{} is not above 0", self.scale)));
            }
            if !self.margin.is_finite() {
                return Err(Error::config("score distance: margin", format!("{} is not finite", self.margin)));
            }
            if target != context {
                let message = format!("needs contexts and targets of the same length, got {context} and {target}");
                return Err(Error::shape("score distance", message));
            }
            Ok(Box::new(self.clone()))
        }
    }
}
// ANCHOR_END: spec

// ANCHOR: score
impl ScoreFunction for Distance {
    /// `[context rows, target rows]`, by (z − c)² = z² + c² − 2 z c.
    fn all_pairs(&self, target: &Matrix, context: &Matrix, _: &[Matrix]) -> Result<Matrix> {
        let (width, target_width) = (context.shape().1, target.shape().1);
        if target_width != width {
            return Err(Error::shape("score distance", "contexts and targets differ in length"));
        }
        let products = context.matmul(&target.transpose());
        // A column of contexts and a row of targets are broadcast to all products.
        let distances = context.square().row_sums() + target.square().row_sums().transpose() - products * 2.0;
        Ok(self.margin - distances * (self.scale / width as f32))
    }
}
// ANCHOR_END: score
