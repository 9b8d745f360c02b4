//! The configs of recurrent layers.

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
    /// How the layer learns.
    pub gradient: Gradient,
}

impl Default for GruSpec {
    fn default() -> Self {
        Self { hidden: 256, gradient: Gradient::Bptt }
    }
}

/// Config of the plugin `eprop_gru`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EpropGruSpec {
    /// Neurons.
    pub hidden: usize,
    /// How the update is computed: any form except [`Gradient::Bptt`].
    pub gradient: Gradient,
}

impl Default for EpropGruSpec {
    fn default() -> Self {
        Self { hidden: 256, gradient: Gradient::Eprop }
    }
}

/// The largest number of neurons in a config.
const MOST: usize = 1 << 16;

fn build(
    hidden: usize,
    gradient: Gradient,
    input: MapShape,
    device: &Device,
    random: &mut Random,
) -> Result<Box<dyn EncoderLayer>> {
    if hidden == 0 || hidden > MOST {
        return Err(Error::config("hidden", format!("{hidden} is not in 1 … {MOST}")));
    }
    let gru = Gru::new(device, input.channels, hidden, gradient, random)?;
    gru.output(input)?;
    Ok(Box::new(gru))
}

plugin! {
    Layer "gru": "Gated recurrent layer along time; its output is the context that predicts its input",
    equation: "r = σ(W_ir x + b_ir + W_hr h + b_hr), q = σ(W_iz x + b_iz + W_hz h + b_hz), n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)), h' = (1 − q) ⊙ n + q ⊙ h",
    citation: "Cho et al. 2014; Illing et al. 2021, Equations 20–23",
    keys: [
        hidden = "256", "1..=65536", "neurons, the length of the state h (h': the next state). The gates r, \
            q and n are PyTorch's r, z and n";
        gradient = "\"bptt\"", "bptt | eprop | eprop_forward", "how it learns: backpropagation through time; \
            e-prop computed backwards along the leak q ⊙ h; or e-prop with eligibility traces forward in time";
    ],
    example: "type = \"gru\"\nhidden = 4\ngradient = \"bptt\"",
    impl LayerSpec for GruSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            build(self.hidden, self.gradient, input, device, random)
        }

        fn channels(&self) -> Option<usize> {
            Some(self.hidden)
        }
    }
}

plugin! {
    Layer "eprop_gru": "GRU that learns by e-prop: only the leak carries errors in time",
    equation: "ε' = q ⊙ ε + ∂h'/∂W (direct part), ΔW = Σ_t post factor_t ⊙ ε_t",
    citation: "Bellec et al. 2020; Illing et al. 2021, Appendix C, Equations 20–23",
    keys: [
        hidden = "256", "1..=65536", "neurons";
        gradient = "\"eprop\"", "eprop | eprop_forward", "how the update is computed. eprop: backwards along \
                                                          the leak q ⊙ h, the part of the state that stays \
                                                          (symbols: layer `gru`). \
                                                          eprop_forward: the same update with eligibility \
                                                          traces ε forward in time. The traces need the same \
                                                          memory for sequences of any length; the forward \
                                                          pass needs more for longer ones";
    ],
    example: "type = \"eprop_gru\"\nhidden = 4\ngradient = \"eprop_forward\"",
    impl LayerSpec for EpropGruSpec {
        fn build(&self, input: MapShape, device: &Device, random: &mut Random) -> Result<Box<dyn EncoderLayer>> {
            if self.gradient == Gradient::Bptt {
                let message = "expected `eprop` or `eprop_forward`, got `bptt`: use the layer `gru` for it";
                return Err(Error::config("gradient", message));
            }
            build(self.hidden, self.gradient, input, device, random)
        }

        fn channels(&self) -> Option<usize> {
            Some(self.hidden)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::random::stream;

    fn refusal(spec: &dyn LayerSpec) -> String {
        let input = MapShape { time: 1, location: 1, batch: 2, extent: [5, 1, 1], channels: 3 };
        spec.build(input, &Device::open().unwrap(), &mut stream(0, &[])).err().unwrap().to_string()
    }

    #[test]
    fn values_out_of_range_are_errors_that_name_the_key() {
        for hidden in [0, MOST + 1] {
            let error = refusal(&GruSpec { hidden, gradient: Gradient::Bptt });
            assert_eq!(error, format!("hidden: {hidden} is not in 1 … 65536"));
        }
        assert!(refusal(&GruSpec { hidden: MOST, gradient: Gradient::Bptt }).contains("too many weights"));
        let error = refusal(&EpropGruSpec { hidden: 2, gradient: Gradient::Bptt });
        assert!(error.starts_with("gradient: expected `eprop` or `eprop_forward`"), "{error}");
    }
}
