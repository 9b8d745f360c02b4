//! A score with no weights: u = zᵀ c.

use plasticity_core::device::Device;
use plasticity_core::draws::Side;
use plasticity_core::score::{ScoreFunction, ScoreSpec};
use plasticity_core::taped::Matrix;
use plasticity_core::{Error, Result, plugin, random::Random};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dot {}

impl ScoreFunction for Dot {
    fn all_pairs(&self, target: &Matrix, context: &Matrix, _: &[Matrix]) -> Result<Matrix> {
        Ok(context.matmul(&target.transpose()))
    }
}

plugin! {
    Score "dot": "The product of context and target, without weights",
    equation: "u = zᵀ c",
    citation: "van den Oord et al. 2018, with W = 1",
    keys: [],
    example: "type = \"dot\"\n",
    impl ScoreSpec for Dot {
        fn build(&self, _: Side, target: usize, context: usize, _: &Device, _: &mut Random) -> Result<Box<dyn ScoreFunction>> {
            if target == context { Ok(Box::new(self.clone())) }
            else { Err(Error::shape("dot", format!("targets of {target} and contexts of {context} neurons differ"))) }
        }
    }
}
