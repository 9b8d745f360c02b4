//! The config of a layer with a learned inverse.

use super::Dtp;
use crate::conv::Dense;
use plasticity_core::device::{Device, Precision};
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::MapShape;
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};

/// A layer f with a learned inverse g.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DtpSpec {
    /// f.
    pub layer: Box<dyn LayerSpec>,
    /// g; `None`: a linear neuron for each input of f.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse: Option<Box<dyn LayerSpec>>,
    /// σ.
    #[serde(default = "noise")]
    pub noise: f32,
    /// η̂.
    #[serde(default = "step")]
    pub step: f32,
    /// Whether g learns.
    #[serde(default = "learn")]
    pub learn: bool,
}

fn noise() -> f32 {
    0.36
}
fn step() -> f32 {
    0.33
}
fn learn() -> bool {
    true
}

plugin! {
    Layer "dtp": "Difference target propagation: a layer that passes targets down through a learned inverse, and not \
                  gradients through its weights",
    equation: "ĥ_below = x + g(ĥ) − g(h), h = f(x), ĥ = h + η̂ · post factor; \
               ΔW ∝ −∂‖f(x) − ĥ‖²/∂W, ΔV = −∂ mean ‖g(f(x + ε)) − (x + ε)‖²/∂V, ε ~ N(0, σ²)",
    citation: "Lee, Zhang, Fischer & Bengio 2015, Algorithm 1; the defaults are rounded from the authors' code",
    keys: [
        layer = "", "a layer", "f: any layer that is not recurrent";
        inverse = "", "a layer", "g: gives as many values as f has inputs; left out: one linear neuron for each input, \
                                  if the output of f has one position";
        noise = "0.36", "≥ 0", "σ: the standard deviation of the noise under which g learns";
        step = "0.33", "> 0", "η̂: how far targets are from the activity; without effect if g is linear";
        learn = "true", "true | false", "whether g learns; else it keeps its random weights (Shibuya et al. 2023)";
    ],
    example: "type = \"dtp\"\nlayer = { type = \"dense\", channels = 3 }\n",
    impl LayerSpec for DtpSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if !(self.noise >= 0.0 && self.noise.is_finite()) {
                return Err(Error::config("noise", format!("{} is not in [0, ∞)", self.noise)));
            }
            if !(self.step > 0.0 && self.step.is_finite()) {
                return Err(Error::config("step", format!("{} is not in (0, ∞)", self.step)));
            }
            // A sizing handle computes nothing, and may not have the precision of the config.
            let precision = device.precision();
            if precision != Precision::F32 && !device.is_sizing() {
                let message = format!(
                    "passes down the small difference of two passes, which {precision} rounds away: set \
                     training.precision = \"f32\""
                );
                return Err(Error::config("type", message));
            }
            let layer = self.layer.build(input, device, random).map_err(|error| part("layer", error))?;
            if layer.is_context() {
                let message = "is recurrent: this layer passes targets through layers without memory";
                return Err(Error::config("layer", message));
            }
            let output = layer.output(input)?;
            let inverse = match &self.inverse {
                Some(inverse) => inverse.build(output, device, random),
                None => every_input(input, output)?.build(output, device, random),
            };
            let inverse = inverse.map_err(|error| part("inverse", error))?;
            let (made, needed) = (inverse.output(output)?, input);
            if made.len() != needed.len() {
                let message = format!(
                    "gives maps of {:?} with {} channels from the layer's output of {:?}; expected as many values as \
                     the layer's input of {:?} with {} channels",
                    made.extent, made.channels, output.extent, needed.extent, needed.channels
                );
                return Err(Error::config("inverse", message));
            }
            Ok(Box::new(Dtp::new(layer, inverse, self.noise, self.step, self.learn)))
        }

        fn channels(&self) -> Option<usize> {
            self.layer.channels()
        }
    }
}

/// The inverse of a dense layer: one linear neuron for each input.
fn every_input(input: MapShape, output: MapShape) -> Result<Dense> {
    if output.positions() != 1 {
        let message = format!(
            "left out, but the layer's output is a map of {:?}: give a layer that makes maps of {:?} with {} channels \
             from it",
            output.extent, input.extent, input.channels
        );
        return Err(Error::config("inverse", message));
    }
    Ok(Dense { channels: input.positions() * input.channels, relu: false })
}

/// Puts the key of a part before the key of its error.
fn part(key: &str, error: Error) -> Error {
    match error {
        config @ Error::Config { .. } => config.under(key),
        other => Error::config(key, other.to_string()),
    }
}
