//! An example of a layer: a gain for every channel.

// ANCHOR: spec
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};

/// z = max(0, g x), with a gain g for each channel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {}

plugin! {
    Layer "gain": "A gain for every channel, ReLU",
    equation: "z = max(0, g x)",
    citation: "the book of this toolkit",
    keys: [],
    example: "type = \"gain\"",
    impl LayerSpec for Gain {
        fn build(&self, input: MapShape, device: &Device, _: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let gain = Parameter::plain(device, "gain", &[input.channels], &vec![1.0; input.channels])?;
            Ok(Box::new(GainLayer { gain }))
        }
    }
}

struct GainLayer {
    gain: Parameter,
}
// ANCHOR_END: spec

// ANCHOR: layer
impl EncoderLayer for GainLayer {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        let channels = self.gain.shape()[0];
        if input.channels != channels {
            let message = format!("expects {channels} channels, got {}", input.channels);
            return Err(Error::shape("layer gain", message));
        }
        Ok(input)
    }

    fn forward(&mut self, pre: &FeatureMap, _: Phase) -> Result<Activity> {
        let shape = self.output(pre.shape())?;
        let (gain, mut values) = (self.gain.value().to_vec()?, pre.data().to_vec()?);
        for position in values.chunks_exact_mut(gain.len()) {
            position.iter_mut().zip(&gain).for_each(|(x, g)| *x = (*x * g).max(0.0));
        }
        let post = FeatureMap::new(shape, Buffer::from_vec(pre.data().device(), values)?)?;
        // `post` shows where ρ'(a) = 1, so the trace is empty.
        Ok(Activity::new(post))
    }

    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        _: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let factor = factor.per_position(post.shape(), "gain")?;
        let device = pre.data().device();
        let gain = self.gain.value().to_vec()?;
        let (x, z, mut factor) = (pre.data().to_vec()?, post.data().to_vec()?, factor.to_vec()?);
        let mut update = vec![0.0; gain.len()];
        for (i, (factor, (x, z))) in factor.iter_mut().zip(x.iter().zip(&z)).enumerate() {
            let channel = i % gain.len();
            let gated = if *z > 0.0 { *factor } else { 0.0 };
            update[channel] += gated * x;
            *factor = gated * gain[channel];
        }
        let feedback = feedback.then(|| Buffer::from_vec(device, factor)).transpose()?;
        Ok(LayerUpdate::new(vec![Buffer::from_vec(device, update)?]).with_feedback(feedback))
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.gain]
    }
}
// ANCHOR_END: layer
