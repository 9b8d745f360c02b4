//! `tanh`: the hyperbolic tangent of every activity.

use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plugin;
use plasticity_core::random::Random;

/// z = tanh a.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tanh {}

plugin! {
    Layer "tanh": "The hyperbolic tangent of every activity; nothing learns",
    equation: "z = tanh a, δa = δz · (1 − z²)",
    citation: "the neurons of difference target propagation: Lee et al. 2015",
    keys: [],
    example: "type = \"tanh\"",
    impl LayerSpec for Tanh {
        fn build(&self, _input: MapShape, _device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            Ok(Box::new(self.clone()))
        }
    }
}

impl EncoderLayer for Tanh {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        Ok(input)
    }

    fn forward(&mut self, pre: &FeatureMap, _phase: Phase) -> Result<Activity> {
        let values = pre.data().to_vec()?.into_iter().map(f32::tanh).collect();
        Ok(Activity::new(FeatureMap::new(pre.shape(), Buffer::from_vec(pre.data().device(), values)?)?))
    }

    fn plasticity(
        &mut self,
        _pre: &FeatureMap,
        post: &FeatureMap,
        _trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        if !feedback {
            return Ok(LayerUpdate::new(Vec::new()));
        }
        let factor = factor.per_position(post.shape(), "tanh")?;
        let (given, active) = (factor.to_vec()?, post.data().to_vec()?);
        let made = given.iter().zip(&active).map(|(given, z)| given * (1.0 - z * z)).collect();
        Ok(LayerUpdate::new(Vec::new()).with_feedback(Buffer::from_vec(factor.device(), made)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;

    #[test]
    fn feedback_follows_finite_differences() {
        let shape = MapShape { time: 1, location: 1, batch: 2, extent: [1, 2, 2], channels: 5 };
        check(r#"{ "type": "tanh" }"#, shape, false);
        check(r#"{ "type": "tanh" }"#, shape, true);
    }
}
