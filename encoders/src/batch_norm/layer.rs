//! `batch_norm`: normalisation over the batch, with or without learned weights.

use super::Norm;
use plasticity_core::across::Across;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{Activity, EncoderLayer, LayerSpec, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops::norm::Moments;
use plasticity_core::parameter::Parameter;
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use std::sync::Arc;

/// Scales each channel to mean 0 and variance 1 over the batch and all positions. Evaluation uses running moments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchNorm {
    /// Whether a learned weight and bias for each channel follow.
    pub affine: bool,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self { affine: true }
    }
}

plugin! {
    Layer "batch_norm": "Batch normalisation as a separate layer, with or without a learned weight and bias",
    equation: "z = w (a − μ) / √(σ² + 10⁻⁵) + b for each channel",
    citation: "Ioffe & Szegedy 2015; without w and b before the convolutions of SoftHebb: Journé et al. 2023",
    keys: [
        affine = "true", "true | false", "whether w and b learn; else they are 1 and 0";
    ],
    example: "type = \"batch_norm\"\naffine = false",
    impl LayerSpec for BatchNorm {
        fn build(&self, input: MapShape, device: &Device, _random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let norm = Norm::new(input.channels, device)?;
            let norm = if self.affine { norm } else { norm.frozen() };
            Ok(Box::new(Layer { norm, affine: self.affine, channels: input.channels }))
        }
    }
}

#[derive(Debug)]
struct Layer {
    norm: Norm,
    affine: bool,
    channels: usize,
}

impl EncoderLayer for Layer {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        if input.channels != self.channels {
            let message = format!("expected {} channels, got {}", self.channels, input.channels);
            return Err(Error::shape("batch_norm", message));
        }
        Ok(input)
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        self.output(pre.shape())?;
        let (post, moments) = self.norm.forward(pre.data(), phase)?;
        let trace = match moments.filter(|_| phase == Phase::Learn) {
            Some(moments) => Trace::new(moments),
            None => Trace::new(()),
        };
        Ok(Activity::new(FeatureMap::new(pre.shape(), post)?).with_trace(trace))
    }

    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let moments: Moments = trace.take()?;
        let factor: Buffer = factor.per_position(post.shape(), "batch_norm")?;
        let [below, weight, bias] = self.norm.backward(pre.data(), &moments, &factor)?;
        let updates = if self.affine { vec![weight, bias] } else { Vec::new() };
        Ok(LayerUpdate::new(updates).with_feedback(feedback.then_some(below)))
    }

    fn across(&mut self, ranks: Option<&Arc<dyn Across>>) {
        self.norm.across(ranks);
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.norm.parameters().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finite_differences::check;

    #[test]
    fn updates_and_feedback_follow_finite_differences() {
        let shape = MapShape { time: 1, location: 1, batch: 3, extent: [1, 2, 3], channels: 2 };
        check(r#"{ "type": "batch_norm" }"#, shape, false);
        check(r#"{ "type": "batch_norm", "affine": false }"#, shape, false);
    }
}
