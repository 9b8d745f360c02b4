//! What a config says of a recurrent layer.

use super::layer::{Gradient, Gru};
use plasticity_core::device::Device;
use plasticity_core::error::{Error, Result};
use plasticity_core::layer::{EncoderLayer, LayerSpec};
use plasticity_core::map::MapShape;
use plasticity_core::plugin;
use plasticity_core::random::Random;
use serde::{Deserialize, Serialize};

/// Config of the plugin `gru`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GruSpec {
    /// Neurons.
    pub hidden: usize,
    /// How it learns.
    pub gradient: Gradient,
}

impl Default for GruSpec {
    fn default() -> Self {
        Self { hidden: 256, gradient: Gradient::Bptt }
    }
}

/// Which way an e-prop GRU works its update out; both give the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpropForm {
    /// Back along the leak: faster, memory grows with the sequence.
    #[default]
    Backward,
    /// Eligibility traces forward in time: memory does not grow with the sequence.
    ForwardTraces,
}

/// Config of the plugin `eprop_gru`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EpropGruSpec {
    /// Neurons.
    pub hidden: usize,
    /// Which form of the update.
    pub form: EpropForm,
}

impl Default for EpropGruSpec {
    fn default() -> Self {
        Self { hidden: 256, form: EpropForm::Backward }
    }
}

fn build(
    name: &str,
    hidden: usize,
    gradient: Gradient,
    input: MapShape,
    device: &Device,
    random: &mut Random,
) -> Result<Box<dyn EncoderLayer>> {
    if hidden == 0 {
        return Err(Error::config(format!("layer `{name}`, key `hidden`"), "expected 1 or more, got 0"));
    }
    let gru = Gru::new(device, input.channels, hidden, gradient, random)?;
    gru.output(input)?;
    Ok(Box::new(gru))
}

plugin! {
    Layer "gru": "Gated recurrent layer along time; its output is the context that predicts its own input",
    equation: "r = σ(W_ir x + b_ir + W_hr h + b_hr), q = σ(W_iz x + b_iz + W_hz h + b_hz), n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)), h' = (1 − q) ⊙ n + q ⊙ h",
    citation: "Cho et al. 2014; Illing et al. 2021, Equations 20–23",
    keys: [
        hidden = "256", "≥ 1", "neurons";
        gradient = "\"bptt\"", "bptt, eprop, eprop_forward", "how it learns: back-propagation through time, e-prop back along the leak, or e-prop by eligibility traces forward in time";
    ],
    example: "type = \"gru\"\nhidden = 4\ngradient = \"bptt\"",
    impl LayerSpec for GruSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            build("gru", self.hidden, self.gradient, input, device, random)
        }

        fn channels(&self) -> Option<usize> {
            Some(self.hidden)
        }
    }
}

plugin! {
    Layer "eprop_gru": "GRU that learns by e-prop: only the leak carries credit in time",
    equation: "ε' = q ⊙ ε + ∂h'/∂W (direct part), ΔW = Σ_t post factor_t ⊙ ε_t",
    citation: "Bellec et al. 2020; Illing et al. 2021, Appendix C, Equations 20–23",
    keys: [
        hidden = "256", "≥ 1", "neurons";
        form = "\"backward\"", "backward, forward_traces", "the same update worked out back along the leak, or by eligibility traces forward in time whose memory does not grow with the sequence";
    ],
    example: "type = \"eprop_gru\"\nhidden = 4\nform = \"forward_traces\"",
    impl LayerSpec for EpropGruSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            let gradient = match self.form {
                EpropForm::Backward => Gradient::Eprop,
                EpropForm::ForwardTraces => Gradient::EpropForward,
            };
            build("eprop_gru", self.hidden, gradient, input, device, random)
        }

        fn channels(&self) -> Option<usize> {
            Some(self.hidden)
        }
    }
}
