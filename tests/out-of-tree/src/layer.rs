//! A layer of gains: z = g x, one plastic gain a channel.

use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::parameter::Parameter;
use plasticity_core::{Result, plugin, random::Random};

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {}

struct GainLayer {
    gain: Parameter,
}

impl EncoderLayer for GainLayer {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        Ok(input)
    }

    fn forward(&mut self, pre: &FeatureMap, _: Phase) -> Result<Activity> {
        let post = self.scaled(&pre.data().to_vec()?, pre.data().device())?;
        Ok(Activity::new(FeatureMap::new(pre.shape(), post)?))
    }

    fn plasticity(&mut self, pre: &FeatureMap, _: &FeatureMap, _: Trace, factor: PostFactor, feedback: bool) -> Result<LayerUpdate> {
        let (device, channels) = (pre.data().device(), self.gain.shape()[0]);
        let factor = factor.per_position(pre.shape(), "gain")?.to_vec()?;
        let mut update = vec![0.0; channels];
        for (i, (factor, pre)) in factor.iter().zip(pre.data().to_vec()?).enumerate() {
            update[i % channels] += factor * pre;
        }
        let feedback = feedback.then(|| self.scaled(&factor, device)).transpose()?;
        Ok(LayerUpdate::new(vec![Buffer::from_vec(device, update)?]).with_feedback(feedback))
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        vec![&mut self.gain]
    }
}

impl GainLayer {
    fn scaled(&self, values: &[f32], device: &Device) -> Result<Buffer> {
        let gain = self.gain.get()?;
        Ok(Buffer::from_vec(device, values.iter().enumerate().map(|(i, value)| value * gain[i % gain.len()]).collect())?)
    }
}

plugin! {
    Layer "gain": "A plastic gain for each channel",
    equation: "z = g x, Δg = Σ post factor · x",
    citation: "Salinas & Thier 2000 (gain modulation)",
    keys: [],
    example: "type = \"gain\"\n",
    impl LayerSpec for Gain {
        fn build(&self, input: MapShape, device: &Device, _: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let ones = vec![1.0; input.channels];
            Ok(Box::new(GainLayer { gain: Parameter::plain(device, "gain", &[input.channels], &ones)? }))
        }
    }
}
