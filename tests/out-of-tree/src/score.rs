//! A score with no weights: u = zᵀ c.

use dfdx::tensor_ops::{PermuteTo, TryMatMul};
use plasticity_core::device::{Device, TapedMatrix};
use plasticity_core::draws::Path;
use plasticity_core::parameter::Parameter;
use plasticity_core::score::{ScoreFunction, ScoreSpec};
use plasticity_core::{Error, Result, plugin, random::Random};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dot {}

impl ScoreFunction for Dot {
    fn all_pairs(&self, target: TapedMatrix, context: TapedMatrix, _: &[TapedMatrix]) -> Result<TapedMatrix> {
        let refused = |error| Error::Device(format!("{error:?}"));
        let transposed: TapedMatrix = target.try_permute::<_, dfdx::shapes::Axes2<1, 0>>().map_err(refused)?;
        context.try_matmul(transposed).map_err(refused)
    }

    fn parameters(&self) -> Vec<&Parameter> {
        Vec::new()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter> {
        Vec::new()
    }
}

plugin! {
    Score "dot": "The product of context and target, without weights",
    equation: "u = zᵀ c",
    citation: "van den Oord et al. 2018, with W = 1",
    keys: [],
    example: "type = \"dot\"\n",
    impl ScoreSpec for Dot {
        fn build(&self, _: Path, target: usize, context: usize, _: &Device, _: &mut Random) -> Result<Box<dyn ScoreFunction>> {
            if target == context { Ok(Box::new(self.clone())) }
            else { Err(Error::shape("dot", format!("targets of {target} and contexts of {context} neurons differ"))) }
        }
    }
}
